"""Subnets that hand out public addresses, and transit gateways that accept whoever comes.

Sources: Amazon EC2 API Reference, "ModifySubnetAttribute" and "ModifyTransitGateway"; Amazon EKS
User Guide, "Create a managed node group" (nodes in public subnets need the subnets' addresses).
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, mapping, text
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Use

from ..control import NOTHING, Cuts, References, Settling
from ..mechanisms.declared import unrecorded
from ..mechanisms.switch import Switch, since_before
from ..mechanisms.weakened import TOLD, told
from .records import BUSY, any_of, found, inner, named, on, string, value

# ------------------------------------------------------------------------ public addresses


def _addresses_given(change: Change) -> Iterable[Candidate]:
    subnet = string(change.request, "subnetId")
    if subnet and flag(value(change.request, "mapPublicIpOnLaunch")) is True:
        yield told(named(change, "subnet", subnet, Certainty.EVIDENT).resource, "public_addresses")


def _subnet(subnet: Resource, reader: Reader) -> Document | None:
    asked = [{"Name": "subnet-id", "Values": [subnet.id]}]
    for described in reader.pages("ec2", "DescribeSubnets", "Subnets", Filters=asked):
        return {"public_addresses": flag(document(described).get("MapPublicIpOnLaunch")) is True}
    return None


def _subnets(reader: Reader) -> Iterable[Resource]:
    for subnet in reader.pages("ec2", "DescribeSubnets", "Subnets"):
        yield found(reader, "subnet", text(document(subnet), "SubnetId"))


def _launched_into(subnet: Resource, state: Document, reader: Reader) -> Use:
    """What launches instances into the subnet by itself: they may need their address to start.

    The Auto Scaling groups of EKS node groups are among them; Karpenter and eksctl tag the subnet.
    """
    asked = [{"Name": "subnet-id", "Values": [subnet.id]}]
    for described in reader.pages("ec2", "DescribeSubnets", "Subnets", Filters=asked):
        for tag in items(document(described).get("Tags")):
            if (key := text(tag, "Key")).startswith(_CLUSTER_TAGS):
                return Use(f"the subnet is tagged {key}")
    for group in reader.pages("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroups"):
        if subnet.id in text(document(group), "VPCZoneIdentifier").split(","):
            name = text(document(group), "AutoScalingGroupName")
            return Use(f"Auto Scaling group {name} launches into it")
    return NOT_IN_USE


_CLUSTER_TAGS = ("kubernetes.io/", "karpenter.sh/", "alpha.eksctl.io/")


def _put_addresses(subnet: Resource, state: Document) -> Call:
    parameters: Document = {
        "SubnetId": subnet.id,
        "MapPublicIpOnLaunch": {"Value": state["public_addresses"]},
    }
    return Call("ec2", "ModifySubnetAttribute", parameters, on=(subnet.arn,))


SUBNET_ADDRESSES = Switch(
    id="ec2.subnet-auto-public-ip",
    title="Subnet gives every instance a public address",
    severity=50,
    references=References(security_hub=("EC2.15",), attack=("T1133",)),
    triggers=(on("ModifySubnetAttribute"),),
    reads=("ec2:DescribeSubnets",),
    reads_use=("autoscaling:DescribeAutoScalingGroups", "ec2:DescribeSubnets"),
    writes={"ec2:ModifySubnetAttribute": (any_of("subnet"),)},
    cuts=Cuts(
        "instances that start from now on and need a public address, as EKS nodes do",
        "the subnet's tags, and the Auto Scaling groups that launch into it",
        "does anything that launches into the subnet need public addresses?",
    ),
    uses=_launched_into,
    baselined=True,
    found_by=_subnets,
    candidates=_addresses_given,
    read=_subnet,
    risky=since_before(
        lambda state: (
            "instances launched into the subnet get a public address"
            if state["public_addresses"]
            else ""
        )
    ),
    asks=unrecorded,
    safe=lambda state, _: {"public_addresses": False},
    put=_put_addresses,
)

# ------------------------------------------------------------------------ transit gateways


def _acceptance(options: Document) -> str:
    return string(options, "autoAcceptSharedAttachments")


def _attachments_accepted(change: Change) -> Iterable[Candidate]:
    gateway = string(change.request, "transitGatewayId") or string(
        inner(change.response, "transitGateway"), "transitGatewayId"
    )
    if gateway and _acceptance(inner(change.request, "options")) == "enable":
        where = named(change, "transit-gateway", gateway, Certainty.EVIDENT).resource
        # What was just made was not otherwise before.
        made = change.name == "CreateTransitGateway"
        yield Candidate(where, Certainty.EVIDENT, {TOLD: ["accepts"], "made": made})


def _gateway(gateway: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "ec2",
        "DescribeTransitGateways",
        TransitGatewayIds=[gateway.id],
        absent=("InvalidTransitGatewayID.NotFound",),
    )
    for item in items(document(answer).get("TransitGateways")):
        if text(item, "State") not in ("deleting", "deleted"):
            return {"accepts": _acceptance(mapping(item, "Options"))}
    return None


def _gateways(reader: Reader) -> Iterable[Resource]:
    for gateway in reader.pages("ec2", "DescribeTransitGateways", "TransitGateways"):
        yield found(reader, "transit-gateway", text(document(gateway), "TransitGatewayId"))


def _put_acceptance(gateway: Resource, state: Document) -> Call:
    parameters: Document = {
        "TransitGatewayId": gateway.id,
        "Options": {"AutoAcceptSharedAttachments": state["accepts"]},
    }
    return Call("ec2", "ModifyTransitGateway", parameters, on=(gateway.arn,))


GATEWAY_ACCEPTS = Switch(
    id="ec2.tgw-auto-accept",
    title="Transit gateway accepts attachments unasked",
    severity=65,
    references=References(security_hub=("EC2.23",), attack=("T1599",)),
    triggers=(on("ModifyTransitGateway"), on("CreateTransitGateway")),
    reads=("ec2:DescribeTransitGateways",),
    writes={"ec2:ModifyTransitGateway": (any_of("transit-gateway"),)},
    # Attachments that are made already stay.
    cuts=NOTHING,
    settling=Settling(
        10 * 60,
        "the gateway is modifying, and takes no other change meanwhile (Amazon EC2 API Reference, "
        "TransitGateway)",
    ),
    busy=BUSY,
    baselined=True,
    found_by=_gateways,
    candidates=_attachments_accepted,
    read=_gateway,
    risky=since_before(
        lambda state: (
            "VPCs of any account that the transit gateway is shared with are attached unasked"
            if state["accepts"] == "enable"
            else ""
        )
    ),
    asks=lambda state, baseline: "" if state.get("made") else unrecorded(state, baseline),
    safe=lambda state, _: {"accepts": "disable"},
    put=_put_acceptance,
)

CONTROLS = (SUBNET_ADDRESSES, GATEWAY_ACCEPTS)
