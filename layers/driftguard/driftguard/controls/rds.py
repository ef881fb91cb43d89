"""RDS, and Aurora, DocumentDB and Neptune behind its API: databases open, shared, unprotected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import References, Trigger, resource
from .mechanisms.advice import Advice
from .mechanisms.sharing import Sharing, is_trusted
from .mechanisms.switch import Switch
from .mechanisms.weakened import Weakened, told, weaker_than_before

_RDS = "rds.amazonaws.com"
_INSTANCE, _CLUSTER = "rds.instance", "rds.cluster"
_WHERE = "arn:{partition}:rds:{region}:{account}"
_INSTANCES, _CLUSTERS = (f"{_WHERE}:db:*",), (f"{_WHERE}:cluster:*",)
# AWS's names for what is gone; they end in Fault or not, as the service pleases.
_GONE = ("DBInstanceNotFound", "DBClusterNotFoundFault")

# kind → in ARNs, and how requests and the API name it.
_KINDS = {
    _INSTANCE: ("db", "DBInstance", "dBInstanceIdentifier"),
    _CLUSTER: ("cluster", "DBCluster", "dBClusterIdentifier"),
}


def _database(change: Change) -> Iterator[Resource]:
    """The instance or cluster that a record is about. RDS keeps names in lower case."""
    kind = _CLUSTER if "DBCluster" in change.name else _INSTANCE
    short, _, parameter = _KINDS[kind]
    names = ("targetDBInstanceIdentifier", parameter)
    name = text(change.request, *names) or text(change.response, parameter)
    if name:
        where = f"rds:{{region}}:{{account}}:{short}:{name.lower()}"
        yield resource(change, kind, name.lower(), where)


def _describe(database: Resource, reader: Reader) -> Document | None:
    _, named, _ = _KINDS[database.kind]
    found = reader.read(
        "rds",
        f"Describe{named}s",
        absent=_GONE,
        **{f"{named}Identifier": database.id},
    )
    return next(items(document(found).get(f"{named}s")), None)


def _listed(kind: str, reader: Reader) -> Iterator[Resource]:
    """The instances, or the clusters, that there are."""
    _, named, _ = _KINDS[kind]
    for described in map(document, reader.pages("rds", f"Describe{named}s", f"{named}s")):
        name, arn = text(described, f"{named}Identifier"), text(described, f"{named}Arn")
        yield Resource(kind, name, reader.account, reader.region, arn)


def _modify(database: Resource, **parameters: Json) -> Call:
    """A change that takes effect alone, without other pending changes.

    `ApplyImmediately` is never set: it would also apply whatever else is pending, at the price of a
    restart (Amazon RDS User Guide, "Using the schedule modifications setting").
    """
    _, named, _ = _KINDS[database.kind]
    given: Document = {f"{named}Identifier": database.id, **parameters}
    return Call("rds", f"Modify{named}", given, on=(database.arn,))


# ----------------------------------------------------------------------------------- public


def _opened(change: Change) -> Iterable[Candidate]:
    """An instance made public: said so by the request, or for a new one by the response."""
    asked = flag(change.request.get("publiclyAccessible"))
    created = change.name != "ModifyDBInstance"
    if asked is None and created:
        asked = flag(change.response.get("publiclyAccessible"))
    unknown = asked is None and (created or omitted(change.request))
    if asked or unknown:
        certainty = Certainty.EVIDENT if asked else Certainty.POSSIBLE
        yield from (Candidate(database, certainty) for database in _database(change))


def _publicity(instance: Resource, reader: Reader) -> Document | None:
    found = _describe(instance, reader)
    return None if found is None else {"public": flag(found.get("PubliclyAccessible")) is True}


# RDS applies a change of PubliclyAccessible at once, ApplyImmediately or not (Amazon RDS API
# Reference, "ModifyDBInstance"). While a new instance is being made it refuses the call: the guard
# tries again until its message has come for the last time.
PUBLIC_INSTANCE = Switch(
    id="rds.public-instance",
    title="Database instance reachable from the internet",
    severity=88,
    references=References(security_hub=("RDS.2",), attack=("T1190", "T1133")),
    triggers=tuple(
        Trigger(_RDS, name)
        for name in (
            "ModifyDBInstance",
            "CreateDBInstance",
            "CreateDBInstanceReadReplica",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceFromS3",
            "RestoreDBInstanceToPointInTime",
        )
    ),
    reads=("rds:DescribeDBInstances",),
    writes={"rds:ModifyDBInstance": _INSTANCES},
    found_by=lambda reader: _listed(_INSTANCE, reader),
    candidates=_opened,
    read=_publicity,
    risky=lambda state, baseline: "the instance has a public address" if state["public"] else "",
    safe=lambda state, baseline: {"public": False},
    put=lambda instance, state: _modify(instance, PubliclyAccessible=state["public"]),
)


# -------------------------------------------------------------------------- shared snapshots


def _snapshot(change: Change) -> Iterator[Resource]:
    clustered = "Cluster" in change.name
    kind = "rds.cluster-snapshot" if clustered else "rds.snapshot"
    parameter = "dBClusterSnapshotIdentifier" if clustered else "dBSnapshotIdentifier"
    name = text(change.request, parameter)
    if name:
        short = kind.removeprefix("rds.")
        yield resource(change, kind, name, f"rds:{{region}}:{{account}}:{short}:{name}")


def _shared(change: Change, trusted: Trusted) -> Iterable[Candidate]:
    if omitted(change.request):
        yield from (Candidate(snapshot, Certainty.POSSIBLE) for snapshot in _snapshot(change))
    added = change.request.get("valuesToAdd")
    named = list(added) if isinstance(added, (list, tuple)) else [added]
    if text(change.request, "attributeName") == "restore" and any(
        isinstance(grantee, (str, int))
        and not is_trusted(_grantee(grantee), change.account, trusted)
        for grantee in named
    ):
        yield from (Candidate(snapshot, Certainty.EVIDENT) for snapshot in _snapshot(change))


def _grantee(grantee: Json) -> str:
    return "*" if grantee == "all" else str(grantee)


def _named(snapshot: Resource) -> str:
    return "DBClusterSnapshot" if snapshot.kind == "rds.cluster-snapshot" else "DBSnapshot"


def _manual(reader: Reader) -> Iterator[Resource]:
    """The snapshots that somebody took: only these can be shared."""
    for kind, named in (("snapshot", "DBSnapshot"), ("cluster-snapshot", "DBClusterSnapshot")):
        pages = reader.pages("rds", f"Describe{named}s", f"{named}s", SnapshotType="manual")
        for snapshot in map(document, pages):
            name, arn = text(snapshot, f"{named}Identifier"), text(snapshot, f"{named}Arn")
            yield Resource(f"rds.{kind}", name, reader.account, reader.region, arn)


def _restorers(snapshot: Resource, reader: Reader) -> Document | None:
    """The accounts that may restore the snapshot; automatic snapshots cannot be shared."""
    named = _named(snapshot)
    found = reader.read(
        "rds",
        f"Describe{named}Attributes",
        absent=("DBSnapshotNotFound", "DBClusterSnapshotNotFoundFault"),
        **{f"{named}Identifier": snapshot.id},
    )
    if found is None:
        return None
    result = mapping(document(found), f"{named}AttributesResult")
    for item in items(result.get(f"{named}Attributes")):
        values = item.get("AttributeValues")
        if text(item, "AttributeName") == "restore" and isinstance(values, (list, tuple)):
            return {"grantees": sorted(str(value) for value in values)}
    return {"grantees": []}


def _restore_attribute(snapshot: Resource, change: str, grantees: list[Json]) -> Call:
    named = _named(snapshot)
    return Call(
        "rds",
        f"Modify{named}Attribute",
        {f"{named}Identifier": snapshot.id, "AttributeName": "restore", change: grantees},
        on=(snapshot.arn,),
    )


SNAPSHOT_SHARED = Sharing(
    id="rds.snapshot-shared",
    title="Database snapshot shared with a foreign account",
    severity=90,
    references=References(
        security_hub=("RDS.1", "DocumentDB.3", "Neptune.3"),
        attack=("T1537",),
        stratus=("aws.exfiltration.rds-share-snapshot",),
    ),
    triggers=(
        Trigger(_RDS, "ModifyDBSnapshotAttribute"),
        Trigger(_RDS, "ModifyDBClusterSnapshotAttribute"),
    ),
    reads=(
        "rds:DescribeDBSnapshotAttributes",
        "rds:DescribeDBClusterSnapshotAttributes",
        "rds:DescribeDBSnapshots",
        "rds:DescribeDBClusterSnapshots",
    ),
    writes={
        "rds:ModifyDBSnapshotAttribute": (f"{_WHERE}:snapshot:*",),
        "rds:ModifyDBClusterSnapshotAttribute": (f"{_WHERE}:cluster-snapshot:*",),
    },
    found_by=_manual,
    candidates=_shared,
    read=_restorers,
    account_of=_grantee,
    share=lambda snapshot, them: _restore_attribute(snapshot, "ValuesToAdd", them),
    unshare=lambda snapshot, them: _restore_attribute(snapshot, "ValuesToRemove", them),
)


# -------------------------------------------------------------------------------- protection

# Field of the state → in requests, in calls, in descriptions.
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
        yield from (told(database, *weak) for database in _database(change))
    elif days or omitted(change.request):
        yield from (Candidate(database, Certainty.POSSIBLE) for database in _database(change))


def _protection(database: Resource, reader: Reader) -> Document | None:
    """What protects the database, as it will be when pending changes are through."""
    found = _describe(database, reader)
    if found is None:
        return None
    will_be = {**found, **mapping(found, "PendingModifiedValues")}
    return {
        "deletion_protection": will_be.get("DeletionProtection") is True,
        "backup_days": will_be.get("BackupRetentionPeriod", 0),
        "iam_authentication": will_be.get("IAMDatabaseAuthenticationEnabled") is True,
    }


def _databases(reader: Reader) -> Iterator[Resource]:
    for kind in _KINDS:
        yield from _listed(kind, reader)


def _off(state: Document) -> dict[str, str]:
    reasons = {
        "deletion_protection": "deletion protection is off",
        "backup_days": "automated backups are off",
        "iam_authentication": "IAM authentication is off",
    }
    return {field: why for field, why in reasons.items() if not state[field]}


def _weaker(state: Document, baseline: Document | None) -> dict[str, str]:
    weak = dict(weaker_than_before(_off)(state, baseline))
    now, before = _days(state), _days(baseline) if baseline else 0
    if 0 < now < before:
        weak["backup_days"] = f"backups are kept for {now} days, not {before}"
    return weak


def _days(state: Document) -> int:
    return int(text(state, "backup_days") or 0)


def _protect(database: Resource, state: Document, fields: tuple[str, ...]) -> Call:
    return _modify(database, **{_PROTECTIONS[field][1]: state[field] for field in fields})


PROTECTION_OFF = Weakened(
    id="rds.protection-off",
    title="Database's deletion protection, backups or IAM authentication off",
    severity=65,
    references=References(
        security_hub=("RDS.7", "RDS.8", "RDS.10", "RDS.11"), attack=("T1490", "T1485")
    ),
    triggers=(Trigger(_RDS, "ModifyDBInstance"), Trigger(_RDS, "ModifyDBCluster")),
    reads=("rds:DescribeDBInstances", "rds:DescribeDBClusters"),
    writes={"rds:ModifyDBInstance": _INSTANCES, "rds:ModifyDBCluster": _CLUSTERS},
    found_by=_databases,
    candidates=_unprotected,
    read=_protection,
    weaker=_weaker,
    put=_protect,
    advice="Deletion protection is back at once; backups and IAM authentication may have to wait "
    "for the next maintenance window, unless somebody applies pending changes now.",
)


# ---------------------------------------------------------------------------------- advice


def _unencrypted(change: Change) -> Iterable[Candidate]:
    asked = flag(change.request.get("storageEncrypted"))
    made = flag(change.response.get("storageEncrypted"))
    if made is False or (made is None and asked is False):
        yield from (Candidate(database, Certainty.EVIDENT) for database in _database(change))
    elif made is None and asked is None:
        yield from (Candidate(database, Certainty.POSSIBLE) for database in _database(change))


def _encryption(database: Resource, reader: Reader) -> Document | None:
    """Whether the database is unencrypted; None if it is encrypted or gone."""
    found = _describe(database, reader)
    if found is None or flag(found.get("StorageEncrypted")):
        return None
    return {"encrypted": False}


UNENCRYPTED_CREATED = Advice(
    id="rds.unencrypted-created",
    title="Database created without encryption",
    severity=45,
    references=References(security_hub=("RDS.3", "RDS.27"), attack=("T1530",)),
    triggers=(Trigger(_RDS, "CreateDBInstance"), Trigger(_RDS, "CreateDBCluster")),
    reads=("rds:DescribeDBInstances", "rds:DescribeDBClusters"),
    revert="a database's encryption is fixed when it is created",
    candidates=_unencrypted,
    read=_encryption,
    why="the database's storage is not encrypted",
    advice="Copy a snapshot of it with a KMS key, restore from the copy, and move over.",
)


def _new_password(change: Change) -> Iterable[Candidate]:
    pending = mapping(change.response, "pendingModifiedValues")
    if text(change.request, "masterUserPassword") or text(pending, "masterUserPassword"):
        yield from (Candidate(database, Certainty.EVIDENT) for database in _database(change))


MASTER_PASSWORD = Advice(
    id="rds.master-password",
    title="Database's master password changed",
    severity=55,
    references=References(attack=("T1098",)),
    triggers=(Trigger(_RDS, "ModifyDBInstance"), Trigger(_RDS, "ModifyDBCluster")),
    revert="nobody but its owner knows the old password",
    candidates=_new_password,
    why="the master user has a new password",
    advice="If nobody means to have changed it, set a new one, and look through what the master "
    "user did since.",
)

CONTROLS = (
    PUBLIC_INSTANCE,
    SNAPSHOT_SHARED,
    PROTECTION_OFF,
    UNENCRYPTED_CREATED,
    MASTER_PASSWORD,
)
