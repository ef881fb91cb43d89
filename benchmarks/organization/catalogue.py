"""The controls that the year's changes fall under: real ones, and how often people trip each.

`weight` is how large a part of all mistakes is each one's; what it is made by is nobody's
published figure, but open ports lead every vendor's list.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from driftguard import controls
from driftguard.model import Call, Plan, Resource, Step


@dataclass(frozen=True, slots=True)
class Watched:
    """A control: the kind of what it looks at, and the call that takes a risk back."""

    control: str
    kind: str
    service: str
    operation: str
    weight: float
    teams: tuple[str, ...]


WATCHED = (
    Watched(
        "ec2.open-ingress",
        "security-group",
        "ec2",
        "RevokeSecurityGroupIngress",
        28,
        ("network", "platform"),
    ),
    Watched(
        "ec2.imdsv1-allowed", "instance", "ec2", "ModifyInstanceMetadataOptions", 9, ("platform",)
    ),
    Watched(
        "ec2.termination-protection-off",
        "instance",
        "ec2",
        "ModifyInstanceAttribute",
        6,
        ("platform",),
    ),
    Watched("ec2.snapshot-shared", "snapshot", "ec2", "ModifySnapshotAttribute", 4, ("data",)),
    Watched("s3.bucket-bpa-off", "bucket", "s3", "PutPublicAccessBlock", 9, ("web", "data")),
    Watched("s3.public-policy", "bucket", "s3", "PutBucketPolicy", 6, ("web", "data")),
    Watched("s3.public-acl", "bucket", "s3", "PutBucketAcl", 4, ("web",)),
    Watched("s3.versioning-suspended", "bucket", "s3", "PutBucketVersioning", 4, ("data",)),
    Watched("iam.admin-attached", "role", "iam", "DetachRolePolicy", 9, ("platform",)),
    Watched("iam.trust-external", "role", "iam", "UpdateAssumeRolePolicy", 4, ("platform",)),
    Watched("rds.public-instance", "db", "rds", "ModifyDBInstance", 3, ("data",)),
    Watched("rds.protection-off", "db", "rds", "ModifyDBInstance", 4, ("data",)),
    Watched(
        "logs.retention-shortened",
        "log-group",
        "logs",
        "PutRetentionPolicy",
        5,
        ("platform", "data"),
    ),
    Watched("lambda.public-url", "function", "lambda", "UpdateFunctionUrlConfig", 3, ("web",)),
    Watched("kms.deletion-scheduled", "key", "kms", "CancelKeyDeletion", 1, ("platform",)),
    Watched("cloudtrail.stopped", "trail", "cloudtrail", "StartLogging", 1, ("platform",)),
)
BY_CONTROL = {watched.control: watched for watched in WATCHED}
TEAMS = ("network", "platform", "data", "web")


@cache
def severity(control: str) -> int:
    """The control's own severity, 0 to 100."""
    return controls.control(control).severity


def resource(control: str, account: str, name: str) -> Resource:
    """Something in an account that a control looks at."""
    watched = BY_CONTROL[control]
    arn = f"arn:aws:{watched.service}:eu-central-1:{account}:{watched.kind}/{name}"
    return Resource(watched.kind, name, account, "eu-central-1", arn)


def plan(control: str, of: Resource) -> Plan:
    """One call that takes the risk back, and one that undoes it."""
    watched = BY_CONTROL[control]
    there, back = (
        Call(watched.service, watched.operation, {"Id": of.id, "Risky": risky}, (of.arn,))
        for risky in (False, True)
    )
    return Plan((Step(there, (back,)),))
