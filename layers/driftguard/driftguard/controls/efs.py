"""EFS: file systems open by their policy, or whose policy was deleted with what it denied."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import References, Trigger, resource
from .mechanisms.resource_policy import DenyLost, OpenPolicy

_EFS = "elasticfilesystem.amazonaws.com"
_FILE_SYSTEMS = ("arn:{partition}:elasticfilesystem:{region}:{account}:file-system/*",)
_WRITES = {
    "elasticfilesystem:PutFileSystemPolicy": _FILE_SYSTEMS,
    "elasticfilesystem:DeleteFileSystemPolicy": _FILE_SYSTEMS,
}


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


# Without a policy whoever reaches a mount target may mount the file system (Amazon EFS User Guide,
# "Default EFS file system policy"): deleting an emptied policy leaves it to the network, as before.
PUBLIC_POLICY = OpenPolicy(
    id="efs.public-policy",
    title="File system open by its policy",
    severity=82,
    references=References(security_hub=("EFS.6",), attack=("T1530",)),
    triggers=(Trigger(_EFS, "PutFileSystemPolicy"),),
    reads=(
        "elasticfilesystem:DescribeFileSystemPolicy",
        "elasticfilesystem:DescribeFileSystems",
    ),
    writes=_WRITES,
    found_by=_file_systems,
    service="efs",
    candidates=_candidates,
    written=lambda change: change.request.get("policy"),
    read=_read,
    put=_put,
    delete=_delete,
)


POLICY_DELETED = DenyLost(
    id="efs.policy-deleted",
    title="File system's policy lost what it denied",
    severity=60,
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
)

CONTROLS = (PUBLIC_POLICY, POLICY_DELETED)
