"""Databases that the internet can reach."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import NOT_IN_USE, Candidate, Certainty, Change, Resource, Use

from ..control import Cuts, References, Trigger
from ..mechanisms.metrics import HOURS, READS_METRICS, highest
from ..mechanisms.switch import Switch
from .databases import (
    BUSY,
    CLUSTER,
    INSTANCES,
    RDS,
    SETTLING,
    cluster_of,
    database_of,
    databases,
    describe,
    modify,
)

# The engines whose instances, where they belong to a cluster, are members of a Multi-AZ DB cluster
# and are not modified themselves; members of Aurora, Neptune and DocumentDB run other engines.
# Source: Amazon RDS User Guide, "Modifying a Multi-AZ DB cluster for Amazon RDS".
_MULTI_AZ = ("mysql", "postgres")


def _opened(change: Change) -> Iterable[Candidate]:
    """An instance made public: said so by the request, or for a new one by the response."""
    asked = flag(change.request.get("publiclyAccessible"))
    created = change.name != "ModifyDBInstance"
    if asked is None and created:
        asked = flag(change.response.get("publiclyAccessible"))
    unknown = asked is None and (created or omitted(change.request))
    if asked or unknown:
        certainty = Certainty.EVIDENT if asked else Certainty.POSSIBLE
        yield from (Candidate(database, certainty) for database in database_of(change))


def _publicity(database: Resource, reader: Reader) -> Document | None:
    """Whether the database is public. A Multi-AZ DB cluster is judged, not its members."""
    found = describe(database, reader)
    if found is None or (cluster_of(found) and text(found, "Engine") in _MULTI_AZ):
        return None
    public = flag(found.get("PubliclyAccessible")) is True
    return {"public": public, **({"cluster": True} if database.kind == CLUSTER else {})}


def _connected(instance: Resource, state: Document, reader: Reader) -> Use:
    """Whether clients were connected lately; CloudWatch does not tell from where.

    Source: Amazon RDS User Guide, "Amazon CloudWatch instance-level metrics for Amazon RDS".
    """
    found = describe(instance, reader) or {}
    if text(found, "DBInstanceStatus") == "creating":
        return NOT_IN_USE
    dimension = ("DBInstanceIdentifier", instance.id)
    most = highest(reader, "AWS/RDS", "DatabaseConnections", dimension)
    if most == 0:
        return NOT_IN_USE
    counted = "how many are connected is not measured" if most is None else f"{most:.0f} connected"
    return Use(unknown=f"{counted}: {_FROM_OUTSIDE}")


_FROM_OUTSIDE = "does anybody connect from outside its network?"


# RDS applies a change of PubliclyAccessible at once, ApplyImmediately or not (Amazon RDS API
# Reference, "ModifyDBInstance"). That of a cluster is set when it is made, and only then
# ("CreateDBCluster"; ModifyDBCluster has no such parameter).
PUBLIC_INSTANCE = Switch(
    id="rds.public-instance",
    title="Database instance reachable from the internet",
    severity=88,
    references=References(security_hub=("RDS.2",), attack=("T1190", "T1133")),
    triggers=tuple(
        Trigger(RDS, name)
        for name in (
            "ModifyDBInstance",
            "CreateDBInstance",
            "CreateDBInstanceReadReplica",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceFromS3",
            "RestoreDBInstanceToPointInTime",
            "CreateDBCluster",
            "RestoreDBClusterFromSnapshot",
            "RestoreDBClusterToPointInTime",
        )
    ),
    cuts=Cuts(
        "clients that connect to its public address",
        f"nobody was connected in the last {HOURS} hours (DatabaseConnections)",
        _FROM_OUTSIDE,
    ),
    uses=_connected,
    reads_use=("rds:DescribeDBInstances", *READS_METRICS),
    settling=SETTLING,
    busy=BUSY,
    reads=("rds:DescribeDBClusters", "rds:DescribeDBInstances"),
    writes={"rds:ModifyDBInstance": INSTANCES},
    found_by=databases,
    candidates=_opened,
    read=_publicity,
    risky=lambda state, baseline: "the database has a public address" if state["public"] else "",
    safe=lambda state, baseline: None if state.get("cluster") else {"public": False},
    advice="A cluster is public for as long as it is there: close its security groups, or restore "
    "it from a snapshot as a private one.",
    put=lambda instance, state: modify(instance, PubliclyAccessible=state["public"]),
)

CONTROLS = (PUBLIC_INSTANCE,)
