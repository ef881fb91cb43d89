"""Redshift: clusters reachable from the internet, snapshots shared with strangers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Use

from .control import NOTHING, Busy, Cuts, References, Settling, Trigger, partition_of, resource
from .mechanisms.metrics import HOURS, READS_METRICS, highest
from .mechanisms.sharing import Sharing, is_trusted
from .mechanisms.switch import Switch

_REDSHIFT = "redshift.amazonaws.com"
_WHERE = "arn:{partition}:redshift:{region}:{account}"
# Source: Amazon Redshift API Reference, "ModifyCluster", errors.
_BUSY = (Busy("InvalidClusterState"),)
_SETTLING = Settling(
    1800,
    "a cluster takes one modification at a time, and tells what is pending meanwhile "
    '(Amazon Redshift API Reference, "Cluster")',
)


# ----------------------------------------------------------------------------------- public


def _opened(change: Change) -> Iterable[Candidate]:
    """A cluster made public: said so by the request, or for a new one by the response."""
    asked = flag(change.request.get("publiclyAccessible"))
    created = change.name != "ModifyCluster"
    if asked is None and created:
        asked = flag(change.response.get("publiclyAccessible"))
    unknown = asked is None and (created or omitted(change.request))
    name = text(change.request, "clusterIdentifier").lower()
    if name and (asked or unknown):
        where = resource(
            change, "redshift.cluster", name, f"redshift:{{region}}:{{account}}:cluster:{name}"
        )
        yield Candidate(where, Certainty.EVIDENT if asked else Certainty.POSSIBLE)


def _clusters(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:redshift:{reader.region}:{reader.account}:cluster"
    for cluster in reader.pages("redshift", "DescribeClusters", "Clusters"):
        name = text(document(cluster), "ClusterIdentifier")
        yield Resource("redshift.cluster", name, reader.account, reader.region, f"{where}:{name}")


def _publicity(cluster: Resource, reader: Reader) -> Document | None:
    """Whether the cluster is public, or about to be, and by which address of our own."""
    found = reader.read(
        "redshift", "DescribeClusters", absent=("ClusterNotFound",), ClusterIdentifier=cluster.id
    )
    for item in items(document(found).get("Clusters")):
        pending = mapping(item, "PendingModifiedValues").get("PubliclyAccessible")
        public = flag(item.get("PubliclyAccessible") if pending is None else pending)
        address = text(mapping(item, "ElasticIpStatus"), "ElasticIp")
        return {"public": public is True, "elastic_ip": address if public else ""}
    return None


def _connected(cluster: Resource, state: Document, reader: Reader) -> Use:
    """Whether clients were connected lately; CloudWatch does not tell from where.

    Source: Amazon Redshift Management Guide, "Performance data in Amazon Redshift".
    """
    dimension = ("ClusterIdentifier", cluster.id)
    most = highest(reader, "AWS/Redshift", "DatabaseConnections", dimension)
    if most == 0:
        return NOT_IN_USE
    counted = "how many are connected is not measured" if most is None else f"{most:.0f} connected"
    return Use(unknown=f"{counted}: {_FROM_OUTSIDE}")


_FROM_OUTSIDE = "does anybody connect from outside its network?"


def _set_publicity(cluster: Resource, state: Document) -> Call:
    address = {"ElasticIp": state["elastic_ip"]} if state["elastic_ip"] else {}
    return Call(
        "redshift",
        "ModifyCluster",
        {"ClusterIdentifier": cluster.id, "PubliclyAccessible": state["public"], **address},
        on=(cluster.arn,),
    )


PUBLIC = Switch(
    id="redshift.public",
    title="Redshift cluster reachable from the internet",
    severity=85,
    references=References(security_hub=("Redshift.1",), attack=("T1190", "T1133")),
    cuts=Cuts(
        "clients that connect to its public address",
        f"nobody was connected in the last {HOURS} hours (DatabaseConnections)",
        _FROM_OUTSIDE,
    ),
    uses=_connected,
    reads_use=READS_METRICS,
    settling=_SETTLING,
    busy=_BUSY,
    triggers=tuple(
        Trigger(_REDSHIFT, name)
        for name in ("ModifyCluster", "CreateCluster", "RestoreFromClusterSnapshot")
    ),
    reads=("redshift:DescribeClusters",),
    writes={"redshift:ModifyCluster": (f"{_WHERE}:cluster:*",)},
    found_by=_clusters,
    candidates=_opened,
    read=_publicity,
    risky=lambda state, baseline: "the cluster has a public address" if state["public"] else "",
    safe=lambda state, baseline: {"public": False, "elastic_ip": ""},
    put=_set_publicity,
)


# -------------------------------------------------------------------------- shared snapshots


def _snapshot(change: Change) -> Iterator[Resource]:
    """The snapshot that a record is about. It is named within its cluster, in ARNs at least."""
    made = mapping(change.response, "snapshot") or change.response
    arn = text(change.request, "snapshotArn").rpartition(":")[2]
    name = text(change.request, "snapshotIdentifier") or arn.rpartition("/")[2]
    cluster = (
        text(made, "clusterIdentifier")
        or text(change.request, "snapshotClusterIdentifier")
        or arn.rpartition("/")[0]
        or "*"
    )
    if name:
        where = f"redshift:{{region}}:{{account}}:snapshot:{cluster}/{name}"
        yield resource(change, "redshift.snapshot", name, where)


def _shared(change: Change, trusted: Trusted) -> Iterable[Candidate]:
    account = text(change.request, "accountWithRestoreAccess")
    if not account or not is_trusted(account, change.account, trusted):
        certainty = Certainty.EVIDENT if account else Certainty.POSSIBLE
        yield from (Candidate(snapshot, certainty) for snapshot in _snapshot(change))


def _restorers(snapshot: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "redshift",
        "DescribeClusterSnapshots",
        absent=("ClusterSnapshotNotFound",),
        SnapshotIdentifier=snapshot.id,
    )
    for item in items(document(found).get("Snapshots")):
        them = items(item.get("AccountsWithRestoreAccess"))
        return {"grantees": sorted(text(account, "AccountId") for account in them)}
    return None


def _access(operation: str, snapshot: Resource, accounts: list[Json], settled: str) -> Call:
    # IAM asks about the snapshot and about the cluster it was taken of.
    cluster = snapshot.arn.replace(":snapshot:", ":cluster:").rpartition("/")[0]
    (account,) = accounts
    return Call(
        "redshift",
        operation,
        {"SnapshotIdentifier": snapshot.id, "AccountWithRestoreAccess": account},
        on=(snapshot.arn, cluster),
        settled_by=(settled,),
    )


_SNAPSHOTS = (f"{_WHERE}:snapshot:*/*", f"{_WHERE}:cluster:*")

SNAPSHOT_SHARED = Sharing(
    id="redshift.snapshot-shared",
    title="Redshift snapshot shared with a foreign account",
    severity=88,
    references=References(attack=("T1537",)),
    cuts=NOTHING,
    busy=(Busy("InvalidClusterSnapshotState"),),
    triggers=(Trigger(_REDSHIFT, "AuthorizeSnapshotAccess"),),
    reads=("redshift:DescribeClusterSnapshots",),
    writes={
        "redshift:RevokeSnapshotAccess": _SNAPSHOTS,
        "redshift:AuthorizeSnapshotAccess": _SNAPSHOTS,
    },
    proven="stub",
    candidates=_shared,
    read=_restorers,
    account_of=str,
    share=lambda snapshot, them: _access(
        "AuthorizeSnapshotAccess", snapshot, them, "AuthorizationAlreadyExists"
    ),
    unshare=lambda snapshot, them: _access(
        "RevokeSnapshotAccess", snapshot, them, "AuthorizationNotFound"
    ),
    singly=True,
)

CONTROLS = (PUBLIC, SNAPSHOT_SHARED)
