"""A cluster's endpoint and its logs.

Sources: Amazon EKS User Guide, "Cluster API server endpoint" and "Send control plane logs to
CloudWatch Logs".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from driftguard.access.network import is_public_range
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, Cuts, References, partition_of, resource
from ..mechanisms.declared import listed
from ..mechanisms.weakened import MADE, TOLD, Weakened, told
from .records import BUSY, CLUSTER, GONE, SETTLING, on, texts


def _named(change: Change, certainty: Certainty) -> Iterable[Candidate]:
    name = text(change.request, "name")
    if name:
        tail = f"eks:{{region}}:{{account}}:cluster/{name}"
        yield Candidate(resource(change, "eks.cluster", name, tail), certainty)


def _clusters(reader: Reader) -> Iterable[Resource]:
    for name in reader.pages("eks", "ListClusters", "clusters"):
        where = f"eks:{reader.region}:{reader.account}:cluster/{name}"
        arn = f"arn:{partition_of(reader.region)}:{where}"
        yield Resource("eks.cluster", str(name), reader.account, reader.region, arn)


def _cluster(cluster: Resource, reader: Reader) -> Document | None:
    """A cluster's configuration. While an update is under way EKS answers with what was before."""
    answer = reader.read("eks", "DescribeCluster", name=cluster.id, absent=GONE)
    if answer is None:
        return None
    found = mapping(document(answer), "cluster")
    return None if text(found, "status") == "DELETING" else found


def _update(cluster: Resource, **parameters: Json) -> Call:
    return Call(
        "eks",
        "UpdateClusterConfig",
        {"name": cluster.id, **parameters},
        on=(cluster.arn,),
        # "The cluster is already at the desired configuration": it is looked at again anyway.
        settled_by=("InvalidParameterException",),
    )


# ------------------------------------------------------------------------ its endpoint


def _public(endpoint: Document) -> bool:
    ranges = texts(endpoint.get("publicAccessCidrs"))
    return flag(endpoint.get("endpointPublicAccess")) is not False and any(
        is_public_range(range_) for range_ in ranges
    )


def _opened(change: Change) -> Iterable[Candidate]:
    asked = mapping(change.request, "resourcesVpcConfig")
    switched = flag(asked.get("endpointPublicAccess"))
    if change.name == "CreateCluster":
        # A new cluster's endpoint is public unless the request says otherwise.
        switched = switched is not False
    # Without a word about the ranges, those from before stay: the whole internet, as EKS sets it.
    if _public(asked) or (switched and not asked.get("publicAccessCidrs")):
        yield from _named(change, Certainty.EVIDENT)
    elif omitted(change.request):
        yield from _named(change, Certainty.POSSIBLE)


def _endpoint(cluster: Resource, reader: Reader) -> Document | None:
    found = _cluster(cluster, reader)
    if found is None:
        return None
    now = mapping(found, "resourcesVpcConfig")
    return {
        "endpointPublicAccess": flag(now.get("endpointPublicAccess")) is not False,
        "endpointPrivateAccess": flag(now.get("endpointPrivateAccess")) is True,
        "publicAccessCidrs": sorted(texts(now.get("publicAccessCidrs"))),
    }


def _more_open(state: Document, baseline: Document | None) -> Mapping[str, str]:
    """The fields that opened the endpoint, and access from inside if it was shut off too."""
    if not _public(state) or (baseline is not None and _public(baseline)):
        return {}
    if baseline is None:
        return {"publicAccessCidrs": "the cluster's API is open to the internet"}
    opened = ["endpointPublicAccess", "publicAccessCidrs"]
    # Access from inside that was there before may be what the nodes use; more of it is no risk.
    if baseline.get("endpointPrivateAccess") and not state["endpointPrivateAccess"]:
        opened.append("endpointPrivateAccess")
    changed = [name for name in opened if state[name] != baseline.get(name)]
    return dict.fromkeys(changed, "the cluster's API is open to the internet")


def _closed(state: Document, before: Document, weak: tuple[str, ...]) -> Document:
    """As before; ranges that were added beside the internet stay."""
    closed = {name: before[name] for name in weak}
    if "publicAccessCidrs" in closed:
        kept = {cidr for cidr in texts(state["publicAccessCidrs"]) if not is_public_range(cidr)}
        closed["publicAccessCidrs"] = sorted(kept | set(texts(before["publicAccessCidrs"])))
    return closed


def _put_endpoint(cluster: Resource, state: Document, names: tuple[str, ...]) -> Call:
    asked = {name: state[name] for name in sorted(state)}
    if not state["endpointPublicAccess"]:
        del asked["publicAccessCidrs"]
    return _update(cluster, resourcesVpcConfig=asked)


PUBLIC_ENDPOINT = Weakened(
    id="eks.public-endpoint",
    title="EKS cluster's API open to the internet",
    severity=80,
    references=References(security_hub=("EKS.1",), attack=("T1133", "T1190")),
    triggers=(on("UpdateClusterConfig"), on("CreateCluster")),
    reads=("eks:DescribeCluster", "eks:ListClusters"),
    writes={"eks:UpdateClusterConfig": (CLUSTER,)},
    cuts=Cuts(
        "people, pipelines and nodes that reach the cluster's API from outside the VPC",
        question="who reaches the cluster's API from outside the VPC by now?",
    ),
    settling=SETTLING,
    busy=BUSY,
    found_by=_clusters,
    candidates=_opened,
    read=_endpoint,
    weaker=_more_open,
    back=_closed,
    put=_put_endpoint,
    advice="Whoever reaches the cluster from outside the VPC needs another way in.",
)

# ------------------------------------------------------------------------ its logs

_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_WATCHED = ("api", "audit", "authenticator")


def _kinds(logging: Document, *, enabled: bool) -> set[str]:
    return {
        kind
        for item in items(logging.get("clusterLogging"))
        if flag(item.get("enabled")) is enabled
        for kind in texts(item.get("types"))
    }


def _logs_disabled(change: Change) -> Iterable[Candidate]:
    asked = mapping(change.request, "logging")
    if off := sorted(_kinds(asked, enabled=False) & set(_WATCHED)):
        for candidate in _named(change, Certainty.EVIDENT):
            yield told(candidate.resource, *off)
    elif omitted(change.request):
        yield from _named(change, Certainty.POSSIBLE)


def _logs(cluster: Resource, reader: Reader) -> Document | None:
    found = _cluster(cluster, reader)
    if found is None:
        return None
    enabled = _kinds(mapping(found, "logging"), enabled=True)
    return {**{kind: kind in enabled for kind in _LOGS}, MADE: text(found, "createdAt")}


def _fewer_logs(state: Document, baseline: Document | None) -> Mapping[str, str]:
    """The logs of the baseline that are off now; without one, only the audit log counts.

    Terraform says of a new cluster which logs it does not have, and a sweep finds many without.
    """
    told_off = "audit" in listed(state, TOLD)
    before: Document = {"audit": told_off} if baseline is None else baseline
    return {
        kind: f"the cluster's {kind} log is off"
        for kind in _WATCHED
        if before.get(kind) and not state[kind]
    }


def _put_logs(cluster: Resource, state: Document, names: tuple[str, ...]) -> Call:
    groups: list[Json] = []
    for enabled in (True, False):
        if kinds := [kind for kind in _LOGS if state[kind] is enabled]:
            groups.append({"types": list(kinds), "enabled": enabled})
    return _update(cluster, logging={"clusterLogging": groups})


LOGGING_OFF = Weakened(
    id="eks.logging-off",
    title="EKS control plane no longer logged",
    severity=75,
    references=References(security_hub=("EKS.8",), attack=("T1562.008",)),
    triggers=(on("UpdateClusterConfig"),),
    reads=("eks:DescribeCluster", "eks:ListClusters"),
    writes={"eks:UpdateClusterConfig": (CLUSTER,)},
    cuts=NOTHING,
    settling=SETTLING,
    busy=BUSY,
    found_by=_clusters,
    candidates=_logs_disabled,
    read=_logs,
    weaker=_fewer_logs,
    default={"audit": True},
    put=_put_logs,
)

CONTROLS = (PUBLIC_ENDPOINT, LOGGING_OFF)
