"""In what order the decisions of one incident are carried out, and why: one table. Pure.

Whoever holds a way back in undoes whatever else is taken from them, so that comes first; then what
keeps people from seeing what they do; then what runs; and last what was opened or switched off of
data, which nobody reaches any more by then. An undo goes the other way, so that nobody gets back
in before all else stands as it was.

Source: AWS Security Incident Response User Guide, "Containment", "Eradication".
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple


class Phase(NamedTuple):
    """What is carried out together: its name, why it comes when it does, patterns of control ids.

    The first phase that has a pattern for a control is the control's.
    """

    name: str
    why: str
    controls: tuple[str, ...]


PHASES = (
    Phase(
        "the actor",
        "whose sessions and keys work makes all of it again",
        ("containment.role-sessions", "containment.user", "containment.unusual-conduct"),
    ),
    Phase(
        "persistence",
        "keys, trusts and policies are ways back in",
        (
            *("iam.*", "sso.*", "rolesanywhere.*", "org.*", "account.*", "privilege.*"),
            *("eks.admin-access", "eks.external-access", "containment.cluster"),
            *("kms.external-grant", "ec2.key-imported"),
        ),
    ),
    Phase(
        "sight",
        "what is not logged or reported cannot be answered",
        (
            *("cloudtrail.*", "config.*", "guardduty.*", "securityhub.*", "detective.*"),
            *("inspector.*", "macie.*", "accessanalyzer.*", "cloudwatch.*", "logs.*", "events.*"),
            *("fms.*", "shield.*", "vpc.flow-logs-deleted", "route53resolver.*"),
            *("*.logging-off", "*.logging-disabled", "*.logging-deleted", "*-logging-off"),
            "*.query-logging-deleted",
        ),
    ),
    Phase(
        "data",
        "it is out of reach once nobody gets in and nothing that was taken over runs",
        (
            *("containment.database", "containment.bucket", "ec2.snapshot-*", "ec2.ami-*"),
            *("ec2.ebs-*", "ec2.unencrypted-volume", "ec2.volume-deleted"),
            *("s3.*", "rds.*", "dms.*", "redshift.*", "redshiftserverless.*", "dynamodb.*"),
            *("data.*", "backup.*", "efs.*", "fsx.*", "glacier.*", "glue.*", "elasticache.*"),
            *("memorydb.*", "opensearch.*", "aoss.*", "kafka.*", "kinesis.*", "mq.*", "sqs.*"),
            *("sns.*", "ses.*", "kms.*", "secretsmanager.*", "ecr.*", "codeartifact.*", "ram.*"),
            *("acmpca.*", "route53.*", "route53domains.*", "ssm.secret-*", "cloudformation.*"),
        ),
    ),
    Phase(
        "compute",
        "what runs, and what reaches it, acts without anybody",
        (
            *("containment.*", "ec2.*", "lambda.*", "ecs.*", "eks.*", "emr.*", "elb.*", "vpc.*"),
            *("lightsail.*", "codebuild.*", "sagemaker.*", "ssm.*", "bedrock.*"),
            *("network-firewall.*", "wafv2.*"),
        ),
    ),
)
# In this order they are carried out: the table says first what is an exception.
_ORDER = ("the actor", "persistence", "sight", "compute", "data")


def phase_of(control: str) -> Phase | None:
    """The phase of a control; None for one that no pattern names."""
    for phase in PHASES:
        if any(fnmatchcase(control, pattern) for pattern in phase.controls):
            return phase
    return None


def place_of(control: str) -> int:
    """When a control's plans are carried out, in rising order; what is in no phase comes last."""
    phase = phase_of(control)
    return len(_ORDER) if phase is None else _ORDER.index(phase.name)
