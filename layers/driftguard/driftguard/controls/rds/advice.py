"""Databases made without encryption, and new master passwords: what people can do."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, mapping, text
from driftguard.model import Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger
from ..mechanisms.advice import Advice
from .databases import RDS, database_of, describe

# What is restored, or copied as a replica, is encrypted as what it was made from, or as asked for.
# Source: Amazon RDS User Guide, "Encrypting Amazon RDS resources".
_MAKE = (
    "CreateDBCluster",
    "CreateDBInstance",
    "CreateDBInstanceReadReplica",
    "RestoreDBClusterFromS3",
    "RestoreDBClusterFromSnapshot",
    "RestoreDBClusterToPointInTime",
    "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBInstanceFromS3",
    "RestoreDBInstanceToPointInTime",
)


def _unencrypted(change: Change) -> Iterable[Candidate]:
    asked = flag(change.request.get("storageEncrypted"))
    made = flag(change.response.get("storageEncrypted"))
    if made is False or (made is None and asked is False):
        yield from (Candidate(database, Certainty.EVIDENT) for database in database_of(change))
    elif made is None and asked is None:
        yield from (Candidate(database, Certainty.POSSIBLE) for database in database_of(change))


def _encryption(database: Resource, reader: Reader) -> Document | None:
    """Whether the database is unencrypted; None if it is encrypted or gone."""
    found = describe(database, reader)
    if found is None or flag(found.get("StorageEncrypted")):
        return None
    return {"encrypted": False}


UNENCRYPTED_CREATED = Advice(
    id="rds.unencrypted-created",
    title="Database created without encryption",
    severity=45,
    cuts=NOTHING,
    references=References(security_hub=("RDS.3", "RDS.27"), attack=("T1530",)),
    triggers=tuple(Trigger(RDS, name) for name in _MAKE),
    reads=("rds:DescribeDBInstances", "rds:DescribeDBClusters"),
    revert="a database's encryption is fixed when it is created",
    candidates=_unencrypted,
    read=_encryption,
    why="the database's storage is not encrypted",
    advice="Copy a snapshot of it with a KMS key, restore from the copy, and move over.",
)


def _new_password(change: Change) -> Iterable[Candidate]:
    """A database whose new password is in the call, and not made by RDS and kept as a secret.

    Source: Amazon RDS User Guide, "Password management with Amazon RDS and AWS Secrets Manager".
    """
    if flag(change.request.get("manageMasterUserPassword")):
        return
    pending = mapping(change.response, "pendingModifiedValues")
    if text(change.request, "masterUserPassword") or text(pending, "masterUserPassword"):
        yield from (Candidate(database, Certainty.EVIDENT) for database in database_of(change))


MASTER_PASSWORD = Advice(
    id="rds.master-password",
    title="Database's master password changed",
    severity=55,
    cuts=NOTHING,
    references=References(attack=("T1098",)),
    triggers=tuple(
        Trigger(RDS, name)
        for name in ("ModifyDBInstance", "ModifyDBCluster", "ModifyTenantDatabase")
    ),
    revert="nobody but its owner knows the old password",
    candidates=_new_password,
    why="the master user has a new password",
    advice="If nobody means to have changed it, set a new one, and look through what the master "
    "user did since.",
)

CONTROLS = (UNENCRYPTED_CREATED, MASTER_PASSWORD)
