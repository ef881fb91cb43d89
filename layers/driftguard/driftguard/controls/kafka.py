"""MSK: clusters that strangers may connect to, by a cluster policy, or reach from the internet.

Sources: Amazon MSK API Reference, "Clusters clusterArn Policy" (`currentVersion` is not required);
Amazon MSK Developer Guide, "Turn on public access to an MSK Provisioned cluster".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.resource_policy import OpenPolicy

_KAFKA = "kafka.amazonaws.com"
_CLUSTERS = ("arn:{partition}:kafka:{region}:{account}:cluster/*",)
_GONE = ("NotFoundException",)


def _clusters_of(change: Change) -> Iterator[Resource]:
    tail = text(change.request, "clusterArn").partition(":cluster/")[2]
    if tail:
        where = f"kafka:{{region}}:{{account}}:cluster/{tail}"
        yield resource(change, "kafka.cluster", tail.partition("/")[0], where)


def _clusters(reader: Reader) -> Iterator[Resource]:
    for cluster in map(document, reader.pages("kafka", "ListClustersV2", "ClusterInfoList")):
        name, arn = text(cluster, "ClusterName"), text(cluster, "ClusterArn")
        yield Resource("kafka.cluster", name, reader.account, reader.region, arn)


def _policy(cluster: Resource, reader: Reader) -> Document:
    found = reader.read("kafka", "GetClusterPolicy", ClusterArn=cluster.arn, absent=_GONE)
    return {"policy": text(document(found), "Policy")}


PUBLIC_POLICY = OpenPolicy(
    id="kafka.public-policy",
    title="Kafka cluster open by its policy",
    severity=82,
    cuts=NOTHING,
    references=References(attack=("T1530", "T1537")),
    triggers=(Trigger(_KAFKA, "PutClusterPolicy"),),
    reads=("kafka:GetClusterPolicy", "kafka:ListClustersV2"),
    writes={"kafka:PutClusterPolicy": _CLUSTERS, "kafka:DeleteClusterPolicy": _CLUSTERS},
    # moto insists on the version that AWS does not require.
    proven="stub",
    found_by=_clusters,
    service="kafka-cluster",
    candidates=lambda change: [
        Candidate(cluster, Certainty.POSSIBLE) for cluster in _clusters_of(change)
    ],
    written=lambda change: change.request.get("policy"),
    read=_policy,
    put=lambda cluster, written, _: Call(
        "kafka",
        "PutClusterPolicy",
        {"ClusterArn": cluster.arn, "Policy": written},
        on=(cluster.arn,),
    ),
    delete=lambda cluster, _: Call(
        "kafka",
        "DeleteClusterPolicy",
        {"ClusterArn": cluster.arn},
        on=(cluster.arn,),
        settled_by=_GONE,
    ),
)

CONTROLS = (PUBLIC_POLICY,)
