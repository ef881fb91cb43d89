"""Databases without deletion protection, backups or IAM authentication."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Use

from ..control import Cuts, References, Trigger
from ..mechanisms.weakened import MADE, Weakened, told, weaker_than_before
from .databases import (
    BUSY,
    CLUSTER,
    CLUSTERS,
    INSTANCES,
    RDS,
    SETTLING,
    cluster_of,
    database_of,
    databases,
    describe,
    modify,
)

_PROTECTIONS = {
    "deletion_protection": ("deletionProtection", "DeletionProtection", "DeletionProtection"),
    "backup_days": ("backupRetentionPeriod", "BackupRetentionPeriod", "BackupRetentionPeriod"),
    "iam_authentication": (
        "enableIAMDatabaseAuthentication",
        "EnableIAMDatabaseAuthentication",
        "IAMDatabaseAuthenticationEnabled",
    ),
}


def _unprotected(change: Change) -> Iterable[Candidate]:
    asked = {
        field: change.request[parameter]
        for field, (parameter, _, _) in _PROTECTIONS.items()
        if parameter in change.request
    }
    days = text(asked, "backup_days")
    weak = [field for field, value in asked.items() if flag(value) is False]
    if days == "0":
        weak.append("backup_days")
    if weak:
        yield from (told(database, *weak) for database in database_of(change))
    elif days or omitted(change.request):
        yield from (Candidate(database, Certainty.POSSIBLE) for database in database_of(change))


def _protection(database: Resource, reader: Reader) -> Document | None:
    """What protects the database, as it will be when pending changes are through.

    The members of a cluster have what their cluster has, and it alone is modified. How long backups
    are kept is not judged where AWS Backup says it: RDS refuses to change that.
    Sources: Amazon RDS API Reference, "ModifyDBInstance" and "DBInstance"
    (`AwsBackupRecoveryPointArn`); AWS Backup Developer Guide, "Continuous backups and PITR".
    """
    found = describe(database, reader)
    if found is None or cluster_of(found):
        return None
    will_be = {**found, **mapping(found, "PendingModifiedValues")}
    backups: Document = {"backup_days": will_be.get("BackupRetentionPeriod", 0)}
    if owner := text(found, "AwsBackupRecoveryPointArn"):
        backups = {"backups_of_aws_backup": owner}
    return {
        "deletion_protection": will_be.get("DeletionProtection") is True,
        **backups,
        "iam_authentication": will_be.get("IAMDatabaseAuthenticationEnabled") is True,
        MADE: text(found, "InstanceCreateTime", "ClusterCreateTime"),
    }


def _offline(database: Resource, state: Document, reader: Reader) -> Use:
    """Whether backups are off right now: an instance goes offline to start with them.

    Source: Amazon RDS API Reference, "ModifyDBInstance" (`BackupRetentionPeriod`: from 0 to another
    value and back there is an outage). A cluster has backups always.
    """
    if database.kind == CLUSTER or state.get("backup_days") != 0:
        return NOT_IN_USE
    found = describe(database, reader) or {}
    if found.get("BackupRetentionPeriod") != 0:
        # That they end is pending, and only taken back.
        return NOT_IN_USE
    return Use(unknown=_AN_OUTAGE)


_AN_OUTAGE = "may it go offline in its next maintenance window, for backups to start?"


def _off(state: Document) -> dict[str, str]:
    reasons = {
        "deletion_protection": "deletion protection is off",
        "backup_days": "automated backups are off",
        "iam_authentication": "IAM authentication is off",
    }
    return {field: why for field, why in reasons.items() if field in state and not state[field]}


def _weaker(state: Document, baseline: Document | None) -> dict[str, str]:
    weak = dict(weaker_than_before(_off)(state, baseline))
    now, before = _days(state), _days(baseline) if baseline else 0
    if 0 < now < before:
        weak["backup_days"] = f"backups are kept for {now} days, not {before}"
    return weak


def _days(state: Document) -> int:
    return int(text(state, "backup_days") or 0)


def _protect(database: Resource, state: Document, fields: tuple[str, ...]) -> Call:
    return modify(database, **{_PROTECTIONS[field][1]: state[field] for field in fields})


PROTECTION_OFF = Weakened(
    id="rds.protection-off",
    title="Database's deletion protection, backups or IAM authentication off",
    severity=65,
    cuts=Cuts(
        "connections to an instance whose backups come back: it goes offline for that",
        "its backups are not off yet",
        _AN_OUTAGE,
    ),
    uses=_offline,
    reads_use=("rds:DescribeDBInstances",),
    settling=SETTLING,
    busy=BUSY,
    references=References(
        security_hub=("RDS.7", "RDS.8", "RDS.10", "RDS.11"), attack=("T1490", "T1485")
    ),
    # Promoting a replica says anew for how long its backups are kept.
    triggers=tuple(
        Trigger(RDS, name) for name in ("ModifyDBInstance", "ModifyDBCluster", "PromoteReadReplica")
    ),
    reads=("rds:DescribeDBInstances", "rds:DescribeDBClusters"),
    writes={"rds:ModifyDBInstance": INSTANCES, "rds:ModifyDBCluster": CLUSTERS},
    found_by=databases,
    candidates=_unprotected,
    read=_protection,
    weaker=_weaker,
    put=_protect,
    # Not backups, which go when they are switched off, nor who may sign in.
    guards=frozenset({"deletion_protection"}),
    advice="Deletion protection is back at once; backups and IAM authentication may have to wait "
    "for the next maintenance window, unless somebody applies pending changes now.",
)

CONTROLS = (PROTECTION_OFF,)
