"""Containment of a principal at a bucket: the bucket's policy denies it everything.

Sources: Amazon S3 User Guide, "Bucket policies for Amazon S3" (20 KB; the root of the account may
always change them), "Using versioning in S3 buckets" (once it is on it can only be suspended);
IAM User Guide, "AWS global condition context keys" (`aws:PrincipalArn`: of a session, its role's);
Amazon GuardDuty User Guide, "Remediating a potentially compromised S3 bucket".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from driftguard.access.document import as_list
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, documents, items, mapping, text
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan, Step

from ...control import Control, Cuts, References, resource
from ...iam import principals as iam
from ...iam.stranger_findings import TRIGGER
from ...mechanisms.left_out import VOLATILE, left_out, living
from ...s3.bucket import BUCKETS, BUSY, call, setting
from .. import findings, principals
from ..finding_types import Target
from ..findings import ContainmentSettings, claimed_of, told

# The name of the statement that contains: whatever bears it is ours.
SID = "DriftguardContainment"
# Source: Amazon S3 User Guide, "Bucket policies for Amazon S3".
_LONGEST_POLICY = 20 * 1024

_NOT_CUT = (
    "Not cut: what it has copied out, and its use of other buckets and services: see "
    "containment.role-sessions and containment.user. Look in CloudTrail's data events and the "
    "bucket's access logs for what it read and changed."
)
_NEVER_VERSIONED = (
    "Versioning was never on in this bucket, and is left alone: S3 could only suspend it again. To "
    "keep what is overwritten or deleted from now on: aws s3api put-bucket-versioning --bucket "
    "{bucket} --versioning-configuration Status=Enabled"
)
_OTHERS = (
    "The bucket is not among this account's: it is gone, or another account's, whose owner can "
    "deny the principal there. Here, contain the principal itself."
)
_TOO_LONG = (
    "The bucket's policy has no room for another statement (20 KB): make room, or take the "
    "principal's own policies away."
)
_FOREIGN = f"The bucket's policy has a statement {SID} that is not of our form: look at it first."


class Bucket(Control[ContainmentSettings]):
    """GuardDuty reports what a role or user did with a bucket.

    A statement of the bucket's policy denies it everything there, new sessions and presigned URLs
    included, and versioning that is suspended is switched on; an undo puts the former policy back
    whole, and suspends versioning again. Everybody else may what they may. Roles of AWS services
    and of the guard, and principals of `break_glass`, are never denied; nor is the account's root.
    """

    id = "containment.bucket"
    title = "A bucket is used by compromised credentials"
    severity = 90
    references = References(attack=("T1530", "T1619", "T1485"))
    triggers = (TRIGGER,)
    reads = (
        *findings.READS,
        "iam:GetRole",
        "iam:GetUser",
        "s3:GetBucketPolicy",
        "s3:GetBucketVersioning",
        "s3:ListAllMyBuckets",
    )
    volatile = VOLATILE | {findings.TOLD}
    writes = {
        "s3:DeleteBucketPolicy": BUCKETS,
        "s3:PutBucketPolicy": BUCKETS,
        "s3:PutBucketVersioning": BUCKETS,
    }
    contains = True
    cuts = Cuts(
        "everything that the role or user does with the bucket, whoever uses it",
        question="what needs the bucket as this role or user?",
    )
    busy = BUSY
    settings = ContainmentSettings

    def screen(self, change: Change, settings: ContainmentSettings) -> Iterable[Candidate]:
        hint = claimed_of(change, Target.BUCKET, settings)
        if hint is None:
            return
        whose = findings.principals_of(change.request, change.account)
        who: list[Json] = [{"kind": one.kind, "name": one.name, "id": one.id} for one in whose]
        for name in buckets_of(change.request) if who else ():
            bucket = resource(change, "s3.bucket", name, f"s3:::{name}")
            # They are contained themselves, and have no say in it.
            more: Document = {"who": who, "principal": whose[0].id}
            yield Candidate(bucket, Certainty.EVIDENT, {**hint, **more})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        bucket = candidate.resource
        who = list(_who(candidate, reader))
        if not who:
            return None
        listing = reader.pages("s3", "ListBuckets", "Buckets", Prefix=bucket.id)
        owned = any(text(document(one), "Name") == bucket.id for one in listing)
        found: Document = {"policy": None, "versioning": ""}
        if owned:
            written = setting(reader, bucket, "GetBucketPolicy", "NoSuchBucketPolicy")
            status = setting(reader, bucket, "GetBucketVersioning")
            if written is None or status is None:
                return None
            locked = text(status, "MFADelete") == "Enabled"
            found = {
                "policy": text(written, "Policy") or None,
                "versioning": "" if locked else text(status, "Status"),
            }

        def is_about(finding: Document) -> bool:
            named = findings.principals_of(finding, reader.account)
            return bucket.id in buckets_of(finding) and all(
                any((one["kind"], one["name"]) == (two.kind, two.name) for two in named)
                for one in who
            )

        return {
            "bucket": bucket.id,
            "owned": owned,
            **living(found),
            "who": who,
            # Whom it contains: they have no say in it.
            "arn": " ".join(text(one, "arn") for one in who),
            findings.TOLD: told(candidate.hint, reader, is_about),
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: ContainmentSettings
    ) -> Finding | None:
        if not findings.stands(state, settings) or not _left(state):
            return None
        names = ", ".join(text(one, "name") for one in documents(state, "who"))
        summary = f"bucket {state['bucket']} is used by compromised credentials of {names}"
        made = findings.finding(state, settings, Target.BUCKET, summary, self.severity)
        spared = next((one for one in _not_denied(state) if _is_spared(one, settings)), None)
        if spared is None:
            return made
        return principals.limited(made, {**spared, "administrator": ""}, settings)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: ContainmentSettings,
    ) -> Plan:
        state, bucket = observation.state, candidate.resource
        touchable = [one for one in _not_denied(state) if not text(one, "why")]
        advice = [
            f"{text(one, 'name')} is never contained: {text(one, 'why')}."
            for one in _not_denied(state)
            if text(one, "why")
        ]
        if not state["owned"]:
            return Plan((), advice=" ".join((*advice, _OTHERS)))
        denied = _denied(state)
        if denied is None:
            return Plan((), advice=_FOREIGN)
        if not touchable and advice:
            return Plan((), advice=" ".join(advice))
        arns = sorted({*denied, *(text(one, "arn") for one in touchable)})
        amended = _amended(state, bucket.arn, arns)
        if len(amended.encode()) > _LONGEST_POLICY:
            return Plan((), advice=_TOO_LONG)
        steps: list[Step] = []
        if touchable:
            before = state["policy"]
            undo = (
                call(bucket, "DeleteBucketPolicy")
                if before is None
                else call(bucket, "PutBucketPolicy", Policy=before)
            )
            steps.append(Step(call(bucket, "PutBucketPolicy", Policy=amended), (undo,)))
        if state["versioning"] == "Suspended":
            now, again = (
                call(bucket, "PutBucketVersioning", VersioningConfiguration={"Status": status})
                for status in ("Enabled", "Suspended")
            )
            steps.append(Step(now, (again,)))
        if not state["versioning"]:
            advice.append(_NEVER_VERSIONED.format(bucket=bucket.id))
        untouched = ("all other statements of the policy", "the role or user itself")
        return Plan(
            tuple(steps),
            untouched=(*untouched, *left_out(state)),
            advice=" ".join((_NOT_CUT, *advice)),
        )


def _who(candidate: Candidate, reader: Reader) -> Iterator[Document]:
    """The principals that there are: `{kind, name, arn, why}`; `why` they are never contained."""
    for one in documents(candidate.hint, "who"):
        kind, name = text(one, "kind").capitalize(), text(one, "name")
        answer = reader.read("iam", f"Get{kind}", absent=iam.GONE, **{f"{kind}Name": name})
        described = mapping(document(answer), kind)
        if answer is None or text(one, "id") not in ("", text(described, f"{kind}Id")):
            continue
        arn = text(described, "Arn")
        why = "it is one of Driftguard's own roles" if arn in _own(reader) else ""
        if ":role/aws-service-role/" in arn:
            why = "it is an AWS service's own role"
        yield {"kind": text(one, "kind"), "name": name, "arn": arn, "why": why}


def _own(reader: Reader) -> tuple[str, ...]:
    return reader.aws.surroundings.own_roles


def _is_spared(one: Document, settings: ContainmentSettings) -> bool:
    return principals.is_spared(one, settings)


def _statements(state: Document) -> list[Document]:
    written = text(state, "policy")
    listed = as_list(json.loads(written).get("Statement")) if written else []
    return [document(one) for one in listed]


def _denied(state: Document) -> list[str] | None:
    """The ARNs that our statement of the policy denies, if it is there; None for another's."""
    for statement in _statements(state):
        if statement.get("Sid") == SID:
            condition = mapping(mapping(statement, "Condition"), "ArnEquals")
            arns = [str(one) for one in as_list(condition.get("aws:PrincipalArn"))]
            of_ours = (statement.get("Effect"), statement.get("Action")) == ("Deny", "s3:*")
            return arns if of_ours else None
    return []


def _not_denied(state: Document) -> list[Document]:
    denied = _denied(state) or []
    return [one for one in documents(state, "who") if text(one, "arn") not in denied]


def _left(state: Document) -> bool:
    """Whether anything is still to be done, or to be told."""
    return bool(_not_denied(state)) or state["versioning"] == "Suspended"


def _amended(state: Document, bucket: str, arns: list[str]) -> str:
    """The policy with our statement, and with all others as they are, in as few characters."""
    ours: Document = {
        "Sid": SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"ArnEquals": {"aws:PrincipalArn": arns}},
    }
    written = text(state, "policy")
    whole = json.loads(written) if written else {"Version": "2012-10-17"}
    others = [one for one in _statements(state) if one.get("Sid") != SID]
    return json.dumps({**whole, "Statement": [*others, ours]}, separators=(",", ":"))


# How S3 names buckets of the general kind.
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def buckets_of(found: Document) -> list[str]:
    """The names of the buckets that a finding, as events have it, is about.

    An attack sequence lists the resources of all its signals.
    """
    named = [text(one, "name") for one in items(mapping(found, "resource").get("s3BucketDetails"))]
    sequence = mapping(mapping(mapping(found, "service"), "detection"), "sequence")
    for one in items(sequence.get("resources")):
        if text(one, "resourceType") == "S3_BUCKET":
            named.append(text(one, "uid").rpartition(":")[2])
    return [name for name in dict.fromkeys(named) if _NAME.fullmatch(name)]


CONTROLS = (Bucket(),)
