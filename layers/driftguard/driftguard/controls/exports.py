"""Data exported to a bucket that is not ours: images, snapshots, tables, logs.

Sources: Amazon EC2 API Reference, "CreateInstanceExportTask", "ExportImage",
"CreateStoreImageTask"; Amazon RDS API Reference, "StartExportTask"; Amazon DynamoDB API Reference,
"ExportTableToPointInTime"; Amazon CloudWatch Logs API Reference, "CreateExportTask".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan

from .control import NOTHING, Control, References, Trigger, TrustSettings, resource
from .ec2.records import inner, string
from .mechanisms.sharing import is_trusted

_EC2, _RDS = "ec2.amazonaws.com", "rds.amazonaws.com"
_DYNAMODB, _LOGS = "dynamodb.amazonaws.com", "logs.amazonaws.com"


def _bucket(change: Change) -> str:
    """The bucket that a record exports to."""
    asked = change.request
    if change.source != _EC2:
        return text(asked, "s3Bucket", "s3BucketName", "destination")
    place = (inner(asked, "exportToS3Task"), inner(asked, "exportToS3"))
    location = inner(asked, "s3ExportLocation")
    named = next(filter(None, (string(one, "s3Bucket") for one in (*place, location))), "")
    return named or string(asked, "bucket")


class DataExported(Control[TrustSettings]):
    """A task writes data into a bucket that is neither the account's nor a trusted account's.

    S3 does not tell who owns a bucket: one that is not among ours counts as a stranger's, unless
    the record names its owner.
    """

    id = "data.exported"
    title = "Data exported to a bucket that is not ours"
    severity = 85
    references = References(attack=("T1537", "T1567.002"))
    triggers = (
        Trigger(_EC2, "CreateInstanceExportTask"),
        Trigger(_EC2, "ExportImage"),
        Trigger(_EC2, "CreateStoreImageTask"),
        Trigger(_RDS, "StartExportTask"),
        Trigger(_DYNAMODB, "ExportTableToPointInTime"),
        Trigger(_LOGS, "CreateExportTask"),
    )
    reads = ("s3:ListAllMyBuckets",)
    writes: Mapping[str, tuple[str, ...]] = {}
    cuts = NOTHING
    # Nothing is ever called, so nothing was tried against a service.
    proven = "stub"
    revert = "what is written into another account's bucket is in that account's hands"
    settings = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        bucket, owner = _bucket(change), text(change.request, "s3BucketOwner")
        if not bucket or (owner and is_trusted(owner, change.account, settings.trusted)):
            return
        certainty = Certainty.EVIDENT if owner else Certainty.POSSIBLE
        where = resource(change, "s3.bucket", bucket, f"s3:::{bucket}")
        yield Candidate(where, certainty, {"bucket": bucket, "owner": owner})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        ours = reader.pages("s3", "ListBuckets", "Buckets")
        own = any(text(document(our), "Name") == candidate.resource.id for our in ours)
        return None if own else candidate.hint

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        owner = text(state, "owner") or "somebody else"
        return Finding(f"data is written to the bucket {text(state, 'bucket')} of {owner}")

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        return Plan(
            (),
            advice="If the bucket is a stranger's: cancel the task while it runs, and take away "
            "what lets its maker read the data.",
        )


CONTROLS = (DataExported(),)
