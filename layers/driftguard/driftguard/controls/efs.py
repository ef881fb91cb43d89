"""EFS: file systems open by their policy, or whose policy was deleted with what it denied."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Trigger, resource
from .mechanisms.resource_policy import DenyLost, OpenPolicy

_EFS = "elasticfilesystem.amazonaws.com"
_FILE_SYSTEMS = ("arn:{partition}:elasticfilesystem:{region}:{account}:file-system/*",)
# Source: Amazon EFS API Reference, "PutFileSystemPolicy".
_BUSY = (Busy("IncorrectFileSystemLifeCycleState"),)
_PUTS = {"elasticfilesystem:PutFileSystemPolicy": _FILE_SYSTEMS}
_WRITES = {**_PUTS, "elasticfilesystem:DeleteFileSystemPolicy": _FILE_SYSTEMS}


def _candidates(change: Change) -> Iterator[Candidate]:
    """The file system of a record, which may name it by its ARN."""
    name = text(change.request, "fileSystemId").rpartition("/")[2]
    if name:
        where = f"elasticfilesystem:{{region}}:{{account}}:file-system/{name}"
        yield Candidate(resource(change, "efs.file-system", name, where), Certainty.POSSIBLE)


def _file_systems(reader: Reader) -> Iterator[Resource]:
    for file_system in map(document, reader.pages("efs", "DescribeFileSystems", "FileSystems")):
        name, arn = text(file_system, "FileSystemId"), text(file_system, "FileSystemArn")
        yield Resource("efs.file-system", name, reader.account, reader.region, arn)


def _read(file_system: Resource, reader: Reader) -> Document | None:
    try:
        found = reader.read(
            "efs",
            "DescribeFileSystemPolicy",
            absent=("PolicyNotFound",),
            FileSystemId=file_system.id,
        )
    except AwsError as error:
        if error.code == "FileSystemNotFound":
            return None
        raise
    return {"policy": text(document(found), "Policy") or None}


def _put(file_system: Resource, written: str, state: Document) -> Call:
    return Call(
        "efs",
        "PutFileSystemPolicy",
        {"FileSystemId": file_system.id, "Policy": written},
        on=(file_system.arn,),
    )


def _delete(file_system: Resource, state: Document) -> Call:
    return Call(
        "efs", "DeleteFileSystemPolicy", {"FileSystemId": file_system.id}, on=(file_system.arn,)
    )


# Without a policy whoever reaches a mount target may mount the file system and write to it (Amazon
# EFS User Guide, "Default EFS file system policy"). So a policy of which nothing is left is never
# deleted: its baseline comes back, or people are asked.
PUBLIC_POLICY = OpenPolicy(
    id="efs.public-policy",
    title="File system open by its policy",
    severity=82,
    cuts=NOTHING,
    busy=_BUSY,
    references=References(security_hub=("EFS.6",), attack=("T1530",)),
    triggers=(Trigger(_EFS, "PutFileSystemPolicy"),),
    reads=(
        "elasticfilesystem:DescribeFileSystemPolicy",
        "elasticfilesystem:DescribeFileSystems",
    ),
    writes=_PUTS,
    found_by=_file_systems,
    service="efs",
    candidates=_candidates,
    written=lambda change: change.request.get("policy"),
    read=_read,
    put=_put,
)


POLICY_DELETED = DenyLost(
    id="efs.policy-deleted",
    title="File system's policy lost what it denied",
    severity=60,
    cuts=NOTHING,
    busy=_BUSY,
    references=References(attack=("T1562",)),
    triggers=(Trigger(_EFS, "DeleteFileSystemPolicy"), Trigger(_EFS, "PutFileSystemPolicy")),
    reads=(
        "elasticfilesystem:DescribeFileSystemPolicy",
        "elasticfilesystem:DescribeFileSystems",
    ),
    writes=_WRITES,
    proven="stub",
    found_by=_file_systems,
    candidates=_candidates,
    written=lambda change: change.request.get("policy"),
    read=_read,
    put=_put,
    delete=_delete,
    by_default="everybody who reaches a mount target may mount the file system, and write",
)

CONTROLS = (PUBLIC_POLICY, POLICY_DELETED)
