"""How the controls of RDS find, read and modify instances and clusters."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
from driftguard.model import Call, Change, Resource

from ..control import Busy, Settling, resource

RDS = "rds.amazonaws.com"
INSTANCE, CLUSTER = "rds.instance", "rds.cluster"
WHERE = "arn:{partition}:rds:{region}:{account}"
INSTANCES, CLUSTERS = (f"{WHERE}:db:*",), (f"{WHERE}:cluster:*",)
# AWS's names for what is gone; they end in Fault or not, as the service pleases.
GONE = ("DBInstanceNotFound", "DBClusterNotFoundFault")
# Sources: Amazon RDS API Reference, "ModifyDBInstance" and "ModifyDBCluster", errors.
BUSY = (Busy("InvalidDBInstanceState"), Busy("InvalidDBClusterStateFault"))
SETTLING = Settling(
    1800,
    "RDS takes one modification at a time, and none while an instance is being made "
    '(Amazon RDS User Guide, "Viewing Amazon RDS DB instance status")',
)

# kind → in ARNs, and how requests and the API name it.
KINDS = {
    INSTANCE: ("db", "DBInstance", "dBInstanceIdentifier"),
    CLUSTER: ("cluster", "DBCluster", "dBClusterIdentifier"),
}


def database_of(change: Change) -> Iterator[Resource]:
    """The instance or cluster that a record is about. RDS keeps names in lower case."""
    kind = CLUSTER if "DBCluster" in change.name else INSTANCE
    short, _, parameter = KINDS[kind]
    names = ("targetDBInstanceIdentifier", parameter)
    name = text(change.request, *names) or text(change.response, parameter)
    if name:
        where = f"rds:{{region}}:{{account}}:{short}:{name.lower()}"
        yield resource(change, kind, name.lower(), where)


def describe(database: Resource, reader: Reader) -> Document | None:
    _, named, _ = KINDS[database.kind]
    found = reader.read(
        "rds",
        f"Describe{named}s",
        absent=GONE,
        **{f"{named}Identifier": database.id},
    )
    return next(items(document(found).get(f"{named}s")), None)


def listed(kind: str, reader: Reader) -> Iterator[Resource]:
    """The instances, or the clusters, that there are."""
    _, named, _ = KINDS[kind]
    for described in map(document, reader.pages("rds", f"Describe{named}s", f"{named}s")):
        name, arn = text(described, f"{named}Identifier"), text(described, f"{named}Arn")
        yield Resource(kind, name, reader.account, reader.region, arn)


def databases(reader: Reader) -> Iterator[Resource]:
    """The instances and the clusters that there are."""
    for kind in KINDS:
        yield from listed(kind, reader)


def modify(database: Resource, **parameters: Json) -> Call:
    """A change that takes effect alone, without other pending changes.

    `ApplyImmediately` is never set: it would also apply whatever else is pending, at the price of a
    restart (Amazon RDS User Guide, "Using the schedule modifications setting").
    """
    _, named, _ = KINDS[database.kind]
    given: Document = {f"{named}Identifier": database.id, **parameters}
    return Call("rds", f"Modify{named}", given, on=(database.arn,))


def cluster_of(found: Document) -> str:
    """The cluster that an instance is a member of; "" for none, and for a cluster."""
    return text(found, "DBClusterIdentifier") if "DBInstanceIdentifier" in found else ""
