"""Snapshots shared with foreign accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, Busy, References, Trigger, resource
from ..mechanisms.sharing import Sharing, is_trusted
from .databases import RDS, WHERE


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
    cuts=NOTHING,
    busy=(Busy("InvalidDBSnapshotState"), Busy("InvalidDBClusterSnapshotStateFault")),
    references=References(
        security_hub=("RDS.1", "DocumentDB.3", "Neptune.3"),
        attack=("T1537",),
        stratus=("aws.exfiltration.rds-share-snapshot",),
    ),
    triggers=(
        Trigger(RDS, "ModifyDBSnapshotAttribute"),
        Trigger(RDS, "ModifyDBClusterSnapshotAttribute"),
    ),
    reads=(
        "rds:DescribeDBSnapshotAttributes",
        "rds:DescribeDBClusterSnapshotAttributes",
        "rds:DescribeDBSnapshots",
        "rds:DescribeDBClusterSnapshots",
    ),
    writes={
        "rds:ModifyDBSnapshotAttribute": (f"{WHERE}:snapshot:*",),
        "rds:ModifyDBClusterSnapshotAttribute": (f"{WHERE}:cluster-snapshot:*",),
    },
    found_by=_manual,
    candidates=_shared,
    read=_restorers,
    account_of=_grantee,
    share=lambda snapshot, them: _restore_attribute(snapshot, "ValuesToAdd", them),
    unshare=lambda snapshot, them: _restore_attribute(snapshot, "ValuesToRemove", them),
)

CONTROLS = (SNAPSHOT_SHARED,)
