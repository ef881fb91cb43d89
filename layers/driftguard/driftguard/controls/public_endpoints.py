"""Brokers, replication instances, clusters and collections that are public, and cannot be closed.

Either it is fixed when they are made, or each change needs the version that only the change before
it makes, so that no plan could name the calls that undo it.

Sources: Amazon MQ API Reference, "Brokers" (`publiclyAccessible` is no property of an update); AWS
DMS API Reference, "CreateReplicationInstance" (public unless said otherwise) and
"ModifyReplicationInstance"; Amazon MSK API Reference, "Clusters clusterArn Connectivity"
(`currentVersion`); Amazon OpenSearch Serverless API Reference, "UpdateSecurityPolicy"
(`policyVersion`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.model import Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.advice import Advice

_MQ, _DMS = "mq.amazonaws.com", "dms.amazonaws.com"
_KAFKA, _AOSS = "kafka.amazonaws.com", "aoss.amazonaws.com"
_REFERENCES = References(attack=("T1190", "T1133"))
_FIXED = "whether it is public is fixed when it is made"
_VERSIONED = "a change names the version before it, which no plan can know to undo it"

# ----------------------------------------------------------------------------------- brokers


def _broker(change: Change) -> Iterator[Candidate]:
    id_ = text(change.response, "brokerId")
    if id_ and flag(change.request.get("publiclyAccessible")):
        name = text(change.request, "brokerName")
        where = f"mq:{{region}}:{{account}}:broker:{name}:{id_}"
        yield Candidate(resource(change, "mq.broker", id_, where), Certainty.EVIDENT)


def _public_broker(broker: Resource, reader: Reader) -> Document | None:
    """The broker while it is there and public."""
    found = reader.read("mq", "DescribeBroker", BrokerId=broker.id, absent=("NotFoundException",))
    public = flag(document(found).get("PubliclyAccessible"))
    return {"public": True} if public else None


PUBLIC_BROKER = Advice(
    id="mq.public-broker",
    title="Message broker reachable from the internet",
    severity=70,
    cuts=NOTHING,
    references=_REFERENCES,
    triggers=(Trigger(_MQ, "CreateBroker"),),
    reads=("mq:DescribeBroker",),
    revert=_FIXED,
    candidates=_broker,
    read=_public_broker,
    why="the broker has a public endpoint",
    advice="Make a broker without one, in private subnets, and move its clients over.",
)

# --------------------------------------------------------------------- replication instances


def _replication_instance(change: Change) -> Iterator[Candidate]:
    name = text(change.request, "replicationInstanceIdentifier")
    made = mapping(change.response, "replicationInstance")
    asked = flag(change.request.get("publiclyAccessible"))
    public = flag(made.get("publiclyAccessible")) if asked is None else asked
    if name and public is not False:
        id_ = text(made, "replicationInstanceArn").rpartition(":")[2] or name
        where = resource(
            change, "dms.replication-instance", name, f"dms:{{region}}:{{account}}:rep:{id_}"
        )
        yield Candidate(where, Certainty.EVIDENT if public else Certainty.POSSIBLE)


def _public_instance(instance: Resource, reader: Reader) -> Document | None:
    asked = [{"Name": "replication-instance-id", "Values": [instance.id]}]
    found = reader.read(
        "dms", "DescribeReplicationInstances", Filters=asked, absent=("ResourceNotFoundFault",)
    )
    for described in items(document(found).get("ReplicationInstances")):
        if flag(described.get("PubliclyAccessible")):
            return {"public": True}
    return None


PUBLIC_INSTANCE = Advice(
    id="dms.public-instance",
    title="Replication instance reachable from the internet",
    severity=65,
    cuts=NOTHING,
    references=References(security_hub=("DMS.1",), attack=("T1190", "T1133")),
    triggers=(Trigger(_DMS, "CreateReplicationInstance"),),
    reads=("dms:DescribeReplicationInstances",),
    revert=_FIXED,
    candidates=_replication_instance,
    read=_public_instance,
    why="the replication instance has a public address, and holds credentials of databases",
    advice="Make one that is not publicly accessible, and move its tasks over.",
)

# ---------------------------------------------------------------------------------- clusters


def _cluster(change: Change) -> Iterator[Candidate]:
    """A cluster that gets public brokers, now or as it is made (provisioned, of either version)."""
    arn = text(change.request, "clusterArn") or text(change.response, "clusterArn")
    tail = arn.partition(":cluster/")[2]
    provisioned = mapping(change.request, "provisioned") or change.request
    group = mapping(provisioned, "brokerNodeGroupInfo") or change.request
    access = mapping(mapping(group, "connectivityInfo"), "publicAccess")
    # A cluster takes many minutes for it, and tells the old setting meanwhile: nothing is read.
    if tail and text(access, "type") == "SERVICE_PROVIDED_EIPS":
        where = f"kafka:{{region}}:{{account}}:cluster/{tail}"
        found = resource(change, "kafka.cluster", tail.partition("/")[0], where)
        yield Candidate(found, Certainty.EVIDENT)


PUBLIC_CLUSTER = Advice(
    id="kafka.public-access",
    title="Kafka cluster reachable from the internet",
    severity=75,
    cuts=NOTHING,
    references=References(security_hub=("MSK.4",), attack=("T1190", "T1133")),
    triggers=tuple(
        Trigger(_KAFKA, name) for name in ("UpdateConnectivity", "CreateCluster", "CreateClusterV2")
    ),
    revert=_VERSIONED,
    candidates=_cluster,
    why="the cluster's brokers get public addresses",
    advice="Turn public access off (`aws kafka update-connectivity`, `DISABLED`).",
)

# ------------------------------------------------------------------------------- collections


def _network_policy(change: Change) -> Iterator[Candidate]:
    name, written = text(change.request, "name"), change.request.get("policy")
    if text(change.request, "type") == "network" and name and _lets_everybody_in(written):
        # This ARN only names it in the record: the service's policies have none.
        where = f"aoss:{{region}}:{{account}}:security-policy/network/{name}"
        yield Candidate(resource(change, "aoss.network-policy", name, where), Certainty.EVIDENT)


def _lets_everybody_in(written: Json) -> bool:
    """Whether a network policy, as text or as its list, has a part for everybody.

    One that cannot be read counts as one that does.
    """
    try:
        parsed = json.loads(written) if isinstance(written, str) else written
    except (ValueError, RecursionError):
        return True
    return any(flag(part.get("AllowFromPublic")) for part in items(parsed))


def _public_collection(policy: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "opensearchserverless",
        "GetSecurityPolicy",
        type="network",
        name=policy.id,
        absent=("ResourceNotFoundException",),
    )
    written = mapping(document(found), "securityPolicyDetail").get("policy")
    return {"public": True} if _lets_everybody_in(written) else None


PUBLIC_COLLECTION = Advice(
    id="aoss.public-network",
    title="Collections reachable from the internet",
    severity=65,
    cuts=NOTHING,
    references=_REFERENCES,
    triggers=(
        Trigger(_AOSS, "CreateSecurityPolicy"),
        Trigger(_AOSS, "UpdateSecurityPolicy"),
    ),
    reads=("aoss:GetSecurityPolicy",),
    revert=_VERSIONED,
    candidates=_network_policy,
    read=_public_collection,
    why="collections can be reached from the internet by whoever their data policies let in",
    advice="Let only the VPC endpoints in that need them, in the network policy.",
)

CONTROLS = (PUBLIC_BROKER, PUBLIC_INSTANCE, PUBLIC_CLUSTER, PUBLIC_COLLECTION)
