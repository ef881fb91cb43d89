"""Reads how a database is reached, and plans how it is cut off: by a group without rules.

The cut comes first, and evidence last: RDS takes no modification while it takes a snapshot, which
may be hours, and nothing that a cut does takes anything from the evidence. The group is closed
before the database is moved into it, so connections that are tracked live on: to have them end, it
would have to be open to everybody for as long as RDS takes to move the database, minutes or more.

Sources: Amazon RDS API Reference, "ModifyDBInstance", "ModifyDBCluster", "CreateDBSnapshot",
"CreateDBClusterSnapshot" and "VpcSecurityGroupMembership"; Amazon RDS User Guide, "Settings for DB
instances" (groups and deletion protection are changed at once, without `ApplyImmediately`);
Amazon Aurora User Guide, "Settings for Amazon Aurora" (a cluster's groups are its instances', too).
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.references import group_id
from driftguard.documents import Document, Json, documents, flag, items, text
from driftguard.model import Call, Resource, Step

from ...rds.databases import CLUSTER, INSTANCE, KINDS, describe, modify
from .. import own_groups, quarantine

READS = (
    *own_groups.READS,
    "rds:DescribeDBClusterSnapshots",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "rds:DescribeDBSnapshots",
)

# What changes by itself, or is not the database's own: no vote and no undo is bound to it. That
# its group is there counts, so that an undo is not over before the group is gone.
VOLATILE = frozenset({"evidence", "left", "network", "quarantine"})

# How the names of our snapshots begin.
EVIDENCE = "driftguard-evidence-"
INSTANCE_TAG = "driftguard:evidence-of"

# kind → what our groups and tags call it, and how the API names its snapshots.
_KINDS = {
    INSTANCE: ("db", "DBSnapshot", "snapshot"),
    CLUSTER: ("cluster", "DBClusterSnapshot", "cluster-snapshot"),
}


def thing(database: Resource) -> str:
    """What our groups and tags call a database: `db:orders`, `cluster:orders`."""
    return f"{_KINDS[database.kind][0]}:{database.id}"


def snapshot_of(database: Resource, finding: str) -> str:
    """The name of the snapshot of a database that is taken because of a finding, by its id."""
    return f"{EVIDENCE}{finding}-{database.id}"


def state_of(database: Resource, reader: Reader) -> Document | None:
    """How a database is reached; None where it is gone.

    Shape: `groups` are those in force, by id; what RDS still adds is not, what it still removes is.
    `network` is its VPC, `{id, addresses}`; `own_group` says whether its quarantine group is there,
    `quarantine` is that group, or nothing; `evidence` are the names of our snapshots of it;
    `data_api` says whether Aurora answers statements over HTTPS; `resource` is RDS's lasting id.
    """
    found = describe(database, reader)
    if found is None:
        return None
    held = sorted(
        text(one, "VpcSecurityGroupId")
        for one in items(found.get("VpcSecurityGroups"))
        if text(one, "Status") != "adding"
    )
    vpc = _vpc(held, reader)
    ours = list(own_groups.groups(thing(database), [vpc], reader)) if vpc else []
    return {
        "groups": held,
        "protected": flag(found.get("DeletionProtection")) is True,
        "data_api": flag(found.get("HttpEndpointEnabled")) is True,
        "resource": text(found, "DbiResourceId", "DbClusterResourceId"),
        "network": {"id": vpc, "addresses": dict(own_groups.addresses([vpc], reader)).get(vpc, "")},
        "own_group": bool(ours),
        "quarantine": ours,
        "evidence": sorted(_evidence(database, reader)),
    }


def _vpc(groups: list[str], reader: Reader) -> str:
    """The VPC of a database's groups; "" where it has none."""
    asked = [{"Name": "group-id", "Values": groups}]
    listing = reader.pages("ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=asked)
    return next((text(document(one), "VpcId") for one in listing), "") if groups else ""


def _evidence(database: Resource, reader: Reader) -> Iterator[str]:
    """The names of our snapshots of a database."""
    _, named, _ = _KINDS[database.kind]
    whose = {_identifier(database): database.id}
    listing = reader.pages("rds", f"Describe{named}s", f"{named}s", SnapshotType="manual", **whose)
    for one in map(document, listing):
        name = text(one, f"{named}Identifier")
        if name.startswith(EVIDENCE) and text(one, "Status") != "failed":
            yield name


def _identifier(database: Resource) -> str:
    return f"{KINDS[database.kind][1]}Identifier"


def _own(state: Document) -> Document | None:
    return next(iter(documents(state, "quarantine")), None)


def is_cut_off(state: Document) -> bool:
    """Whether the database is in its own group alone."""
    own = _own(state)
    return own is not None and state["groups"] == [text(own, "group")]


def left(database: Resource, state: Document, finding: str) -> list[str]:
    """What is still to do until the database is contained, in words; nothing where it is.

    `finding` is the id of the finding because of which it is.
    """
    said, own = [], _own(state)
    if not is_cut_off(state):
        said.append(f"it is on the network (groups {', '.join(_groups(state))})")
    elif own is not None and not quarantine.is_closed(own):
        said.append(f"its quarantine group has rules ({text(own, 'group')})")
    if state["protected"] is False:
        said.append("it can be deleted")
    if _wanted(database, state, finding):
        said.append("no snapshot of it is kept")
    return said


def _groups(state: Document) -> list[str]:
    groups = state["groups"]
    assert isinstance(groups, (list, tuple))
    return [str(one) for one in groups]


def _wanted(database: Resource, state: Document, finding: str) -> str:
    """The name of the snapshot that is still to be taken; "" where it is there.

    A contained database needs the one of the finding that it was contained for, and no other.
    """
    own = _own(state)
    first = text(own or {}, "finding")
    name = snapshot_of(database, (first if is_cut_off(state) else "") or finding)
    there = state["evidence"]
    assert isinstance(there, (list, tuple))
    return "" if name in there else name


def steps(database: Resource, state: Document, finding: str) -> tuple[Step, ...]:
    """The steps from a state to a contained database; `finding` is the finding's id."""
    return (
        *_own_group(database, state, finding),
        *_cut(database, state),
        *_snapshot(database, state, finding),
    )


def _network(database: Resource, state: Document) -> quarantine.Network:
    network = state["network"]
    assert isinstance(network, dict)
    account = database.arn.partition(f":{_KINDS[database.kind][0]}:")[0].replace(":rds:", ":ec2:")
    vpc, dual = text(network, "id"), text(network, "addresses") == own_groups.DUAL
    return quarantine.Network(vpc, dual, f"{account}:vpc/{vpc}", f"{account}:security-group/*", ())


def _own_group(database: Resource, state: Document, finding: str) -> Iterator[Step]:
    own, network = _own(state), _network(database, state)
    if own is None:
        tags = {quarantine.FINDING: finding}
        # RDS takes a while to move a database out of it again.
        yield quarantine.make(thing(database), network, tags, let_go=True)
    yield from quarantine.closings(thing(database), network, own)


def _cut(database: Resource, state: Document) -> Iterator[Step]:
    """Into its own group, and protected from deletion: one call, as RDS takes one at a time."""
    now: dict[str, Json] = {}
    before: dict[str, Json] = {}
    if not is_cut_off(state):
        network = _network(database, state)
        now["VpcSecurityGroupIds"] = [group_id(quarantine.name_for(thing(database)), network.id)]
        before["VpcSecurityGroupIds"] = state["groups"]
    if state["protected"] is False:
        now["DeletionProtection"], before["DeletionProtection"] = True, False
    if now:
        yield Step(modify(database, **now), (modify(database, **before),))


def _snapshot(database: Resource, state: Document, finding: str) -> Iterator[Step]:
    """A snapshot, which an undo keeps."""
    name = _wanted(database, state, finding)
    if not name:
        return
    short, named, kept = _KINDS[database.kind]
    tags = {INSTANCE_TAG: thing(database), quarantine.FINDING: finding}
    parameters: Document = {
        f"{named}Identifier": name,
        _identifier(database): database.id,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    on = (database.arn, f"{database.arn.partition(f':{short}:')[0]}:{kept}:{name}")
    there = ("DBSnapshotAlreadyExists", "DBClusterSnapshotAlreadyExistsFault")
    yield Step(Call("rds", f"Create{named}", parameters, on, there), (), additive=True)
