"""Deleted data, in any service: nothing brings it back, but people should know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from driftguard.documents import Document, items, mapping, text
from driftguard.model import Candidate, Certainty, Change

from .control import References, Trigger, resource
from .mechanisms.advice import Advice


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


def _deleted(change: Change) -> Iterator[Candidate]:
    deletion = _DELETIONS.get(Trigger(change.source, change.name))
    # Auto Scaling, Data Lifecycle Manager or AWS Backup at work, as they were told to.
    if deletion is None or ":role/aws-service-role/" in change.actor.principal:
        return
    for name in deletion.named(change.request, deletion.parameter):
        if name:
            kind = f"data.{deletion.what.replace(' ', '-')}"
            where = resource(change, kind, name, deletion.tail + name)
            yield Candidate(where, Certainty.EVIDENT, {"deleted": f"{deletion.what} {name}"})


DELETED = Advice(
    id="data.deleted",
    title="Data deleted",
    severity=70,
    references=References(
        attack=("T1485", "T1490"),
        stratus=("aws.impact.ec2-deregister-ami", "aws.impact.s3-ransomware-batch-deletion"),
    ),
    triggers=tuple(_DELETIONS),
    revert="What is deleted is gone, unless a Recycle Bin rule or a backup holds it.",
    candidates=_deleted,
    why="data, or the means to restore it, was deleted",
    advice="If nobody meant to: stop the one who does it first. Then look in the Recycle Bin, and "
    "in AWS Backup.",
)

CONTROLS = (DELETED,)
