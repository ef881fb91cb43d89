"""Deleted data, in any service: nothing brings it back, but people should know.

How severe it is follows from what was lost (`deletions.py`): an empty bucket, a database whose
final snapshot stays, or an instance that an Auto Scaling group replaces is told with a low
severity, and recorded like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.model import (
    Actor,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
)

from . import deletions
from .control import NOTHING, Control, References, Trigger, resource


@dataclass(frozen=True, slots=True)
class _Deletion:
    """A call that deletes data: what, by which parameter it is named, and the tail of its ARN."""

    what: str
    parameter: str
    tail: str
    named: Callable[[Document, str], list[str]] = lambda request, name: [text(request, name)]


def _instances(request: Document, name: str) -> list[str]:
    return [text(item, "instanceId") for item in items(mapping(request, name))]


_S3, _EC2, _RDS = "s3.amazonaws.com", "ec2.amazonaws.com", "rds.amazonaws.com"
_EFS = "elasticfilesystem.amazonaws.com"
_HERE = "{region}:{account}"

_DELETIONS = {
    Trigger(_S3, "DeleteBucket"): _Deletion("bucket", "bucketName", "s3:::"),
    Trigger(_EC2, "DeleteSnapshot"): _Deletion("snapshot", "snapshotId", f"ec2:{_HERE}:snapshot/"),
    Trigger(_EC2, "DeregisterImage"): _Deletion("image", "imageId", f"ec2:{_HERE}:image/"),
    Trigger(_EC2, "TerminateInstances"): _Deletion(
        "instance", "instancesSet", f"ec2:{_HERE}:instance/", _instances
    ),
    Trigger(_RDS, "DeleteDBInstance"): _Deletion(
        "database", "dBInstanceIdentifier", f"rds:{_HERE}:db:"
    ),
    Trigger(_RDS, "DeleteDBCluster"): _Deletion(
        "database cluster", "dBClusterIdentifier", f"rds:{_HERE}:cluster:"
    ),
    Trigger(_RDS, "DeleteDBSnapshot"): _Deletion(
        "database snapshot", "dBSnapshotIdentifier", f"rds:{_HERE}:snapshot:"
    ),
    Trigger(_RDS, "DeleteDBClusterSnapshot"): _Deletion(
        "cluster snapshot", "dBClusterSnapshotIdentifier", f"rds:{_HERE}:cluster-snapshot:"
    ),
    Trigger(_EFS, "DeleteFileSystem"): _Deletion(
        "file system", "fileSystemId", f"elasticfilesystem:{_HERE}:file-system/"
    ),
}


# Services that delete as they were told to, and do it themselves, not for a person who calls them.
# Sources: Amazon EBS User Guide, "Monitor Data Lifecycle Manager policies using CloudTrail"; AWS
# Backup Developer Guide, "Logging AWS Backup API calls with CloudTrail".
_SERVICES = frozenset(
    f"{name}.amazonaws.com" for name in ("autoscaling", "backup", "dlm", "ec2fleet", "spotfleet")
)


@dataclass(frozen=True, slots=True)
class DeletionSettings:
    """`routine`: ARNs of roles whose work is to delete (`*` and `?` match), as Karpenter's is."""

    routine: tuple[str, ...] = ()


class DataDeleted(Control[DeletionSettings]):
    """Data, or the means to restore it, was deleted by somebody whose everyday work it is not."""

    id = "data.deleted"
    title = "Data deleted"
    severity = 70
    references = References(
        attack=("T1485", "T1490"),
        stratus=("aws.impact.ec2-deregister-ami",),
    )
    triggers = tuple(_DELETIONS)
    reads = ("ec2:DescribeInstances", "ec2:DescribeSnapshots")
    writes: Mapping[str, tuple[str, ...]] = {}
    cuts = NOTHING
    # Nothing is ever called, so nothing was tried against a service.
    proven = "stub"
    revert = "What is deleted is gone, unless a Recycle Bin rule or a backup holds it."
    settings = DeletionSettings

    def screen(self, change: Change, settings: DeletionSettings) -> Iterable[Candidate]:
        deletion = _DELETIONS.get(Trigger(change.source, change.name))
        if deletion is None or is_routine(change.actor, settings):
            return
        loss = deletions.by_record(change)
        for name in deletion.named(change.request, deletion.parameter):
            if name:
                kind = f"data.{deletion.what.replace(' ', '-')}"
                where = resource(change, kind, name, deletion.tail + name)
                hint = {"deleted": f"{deletion.what} {name}", **loss}
                yield Candidate(where, Certainty.EVIDENT, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        if candidate.resource.kind != "data.instance":
            return candidate.hint
        return {**candidate.hint, **deletions.of_instance(candidate.resource, reader)}

    def assess(
        self, state: Document, baseline: Document | None, settings: DeletionSettings
    ) -> Finding | None:
        severity, why = deletions.severity(state, self.severity)
        said = "data, or the means to restore it, was deleted"
        return Finding(f"{said}: {why}" if why else said, severity=severity)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: DeletionSettings,
    ) -> Plan:
        return Plan(
            (),
            advice="If nobody meant to: stop the one who does it first. Then look in the Recycle "
            "Bin, and in AWS Backup.",
        )


def is_routine(actor: Actor, settings: DeletionSettings) -> bool:
    """Whether to delete is what the actor is there for.

    Where a service calls by itself, the record has it for the caller's address, which nobody can
    forge; what a user agent says counts for nothing.
    """
    if ":role/aws-service-role/" in actor.principal or actor.source in _SERVICES:
        return True
    return any(fnmatchcase(actor.principal, role) for role in settings.routine)


CONTROLS = (DataDeleted(),)
