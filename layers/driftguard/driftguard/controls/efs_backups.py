"""EFS: file systems that are no longer backed up.

Sources: Amazon EFS API Reference, "PutBackupPolicy" and "BackupPolicy"; AWS Backup keeps what it
has already, and makes no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Call, Candidate, Change, Resource

from .control import NOTHING, Busy, References, Trigger, resource
from .mechanisms.declared import unrecorded
from .mechanisms.switch import Switch, since_before
from .mechanisms.weakened import told

_EFS = "elasticfilesystem.amazonaws.com"
_FILE_SYSTEMS = ("arn:{partition}:elasticfilesystem:{region}:{account}:file-system/*",)


def _backups_off(change: Change) -> Iterable[Candidate]:
    name = text(change.request, "fileSystemId").rpartition("/")[2]
    if name and text(mapping(change.request, "backupPolicy"), "status") == "DISABLED":
        where = f"elasticfilesystem:{{region}}:{{account}}:file-system/{name}"
        yield told(resource(change, "efs.file-system", name, where), "backed_up")


def _file_systems(reader: Reader) -> Iterator[Resource]:
    for file_system in map(document, reader.pages("efs", "DescribeFileSystems", "FileSystems")):
        name, arn = text(file_system, "FileSystemId"), text(file_system, "FileSystemArn")
        yield Resource("efs.file-system", name, reader.account, reader.region, arn)


def _backups(file_system: Resource, reader: Reader) -> Document | None:
    """Whether there are backups, or will be: a change is ENABLING or DISABLING for a while."""
    try:
        found = reader.read(
            "efs",
            "DescribeBackupPolicy",
            FileSystemId=file_system.id,
            absent=("PolicyNotFound",),
        )
    except AwsError as error:
        if error.code == "FileSystemNotFound":
            return None
        raise
    status = text(mapping(document(found), "BackupPolicy"), "Status")
    return {"backed_up": status in ("ENABLED", "ENABLING")}


BACKUPS_OFF = Switch(
    id="efs.backups-off",
    title="File system no longer backed up",
    severity=60,
    cuts=NOTHING,
    busy=(Busy("IncorrectFileSystemLifeCycleState"),),
    references=References(security_hub=("EFS.2",), attack=("T1490",)),
    triggers=(Trigger(_EFS, "PutBackupPolicy"),),
    reads=(
        "elasticfilesystem:DescribeBackupPolicy",
        "elasticfilesystem:DescribeFileSystems",
    ),
    writes={"elasticfilesystem:PutBackupPolicy": _FILE_SYSTEMS},
    proven="stub",
    baselined=True,
    found_by=_file_systems,
    candidates=_backups_off,
    read=_backups,
    risky=since_before(lambda state: "" if state["backed_up"] else "it is no longer backed up"),
    asks=unrecorded,
    safe=lambda state, _: {**state, "backed_up": True},
    put=lambda file_system, state: Call(
        "efs",
        "PutBackupPolicy",
        {
            "FileSystemId": file_system.id,
            "BackupPolicy": {"Status": "ENABLED" if state["backed_up"] else "DISABLED"},
        },
        on=(file_system.arn,),
    ),
)

CONTROLS = (BACKUPS_OFF,)
