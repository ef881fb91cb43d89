"""Subnets that hand out public addresses, transit gateways and VPC exclusions that let others in.

Sources: Amazon EC2 API Reference, "ModifySubnetAttribute", "ModifyTransitGateway" and
"CreateVpcBlockPublicAccessExclusion".
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from ..control import References
from ..mechanisms.granted import Granted
from ..mechanisms.switch import Switch
from .records import any_of, inner, named, on, string, tag_specifications, value

# ------------------------------------------------------------------------ public addresses


def _addresses_given(change: Change) -> Iterable[Candidate]:
    subnet = string(change.request, "subnetId")
    if subnet and flag(value(change.request, "mapPublicIpOnLaunch")) is True:
        yield named(change, "subnet", subnet, Certainty.EVIDENT)


def _subnet(subnet: Resource, reader: Reader) -> Document | None:
    asked = [{"Name": "subnet-id", "Values": [subnet.id]}]
    for described in reader.pages("ec2", "DescribeSubnets", "Subnets", Filters=asked):
        return {"public_addresses": flag(document(described).get("MapPublicIpOnLaunch")) is True}
    return None


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
    writes={"ec2:ModifySubnetAttribute": (any_of("subnet"),)},
    candidates=_addresses_given,
    read=_subnet,
    risky=lambda state, _: (
        "instances launched into the subnet get a public address"
        if state["public_addresses"]
        else ""
    ),
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
        yield named(change, "transit-gateway", gateway, Certainty.EVIDENT)


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
    candidates=_attachments_accepted,
    read=_gateway,
    risky=lambda state, _: (
        "VPCs of any account that the transit gateway is shared with are attached unasked"
        if state["accepts"] == "enable"
        else ""
    ),
    safe=lambda state, _: {"accepts": "disable"},
    put=_put_acceptance,
)

# ------------------------------------------------------------------------ exclusions from the block

_BOTH_WAYS, _OUT_ONLY = "allow-bidirectional", "allow-egress"
_EXCLUSION = any_of("vpc-block-public-access-exclusion")


def _excluded(change: Change, trusted: Trusted) -> Iterable[Candidate]:
    """The VPC or subnet that a record lets the internet into, past the region's block."""
    made = inner(change.response, "vpcBlockPublicAccessExclusion")
    mode = string(change.request, "internetGatewayExclusionMode")
    if mode != _BOTH_WAYS and not omitted(change.request):
        return
    certainty = Certainty.EVIDENT if mode else Certainty.POSSIBLE
    arn = string(made, "resourceArn")
    subnet = string(change.request, "subnetId")
    kind, _, id_ = arn.rpartition(":")[2].partition("/")
    if not id_:
        kind = "subnet" if subnet else "vpc"
        id_ = subnet or string(change.request, "vpcId")
    if id_:
        # A modified exclusion was there before, the other way: there are but two.
        before = _OUT_ONLY if change.name.startswith("Modify") else ""
        yield named(change, kind, id_, certainty, {"before": before})


def _exclusion(candidate: Candidate, reader: Reader) -> Document | None:
    answer = reader.read(
        "ec2",
        "DescribeVpcBlockPublicAccessExclusions",
        Filters=[{"Name": "resource-arn", "Values": [candidate.resource.arn]}],
    )
    for item in items(document(answer).get("VpcBlockPublicAccessExclusions")):
        if not text(item, "State").startswith(("delete", "disable", "create-failed")):
            return {
                **candidate.hint,
                "id": text(item, "ExclusionId"),
                "mode": text(item, "InternetGatewayExclusionMode"),
                "tags": list(items(item.get("Tags"))),
            }
    return None


def _exclude_again(resource: Resource, state: Document) -> tuple[Step, ...]:
    prefix = resource.arn.rpartition(":")[0]
    exclusion: dict[str, Json] = {"ExclusionId": state["id"]}
    where = f"{prefix}:vpc-block-public-access-exclusion/{state['id']}"

    def modify(mode: str) -> Call:
        parameters: Document = {**exclusion, "InternetGatewayExclusionMode": mode}
        return Call("ec2", "ModifyVpcBlockPublicAccessExclusion", parameters, on=(where,))

    if before := text(state, "before"):
        return (Step(modify(before), (modify(text(state, "mode")),)),)
    delete = Call("ec2", "DeleteVpcBlockPublicAccessExclusion", exclusion, on=(where,))
    create = Call(
        "ec2",
        "CreateVpcBlockPublicAccessExclusion",
        {
            "SubnetId" if resource.kind == "ec2.subnet" else "VpcId": resource.id,
            "InternetGatewayExclusionMode": state["mode"],
            **tag_specifications("vpc-block-public-access-exclusion", state["tags"]),
        },
        on=(resource.arn, f"{prefix}:vpc-block-public-access-exclusion/*"),
    )
    return (Step(delete, (create,)),)


EXCLUSION = Granted(
    id="ec2.vpc-bpa-exclusion",
    title="Network excluded from VPC block public access",
    severity=75,
    references=References(attack=("T1562.007",)),
    triggers=(
        on("CreateVpcBlockPublicAccessExclusion"),
        on("ModifyVpcBlockPublicAccessExclusion"),
    ),
    reads=("ec2:DescribeVpcBlockPublicAccessExclusions",),
    writes={
        "ec2:CreateVpcBlockPublicAccessExclusion": (_EXCLUSION, any_of("subnet"), any_of("vpc")),
        "ec2:DeleteVpcBlockPublicAccessExclusion": (_EXCLUSION,),
        "ec2:ModifyVpcBlockPublicAccessExclusion": (_EXCLUSION,),
        "ec2:CreateTags": (_EXCLUSION,),
    },
    proven="stub",
    volatile=frozenset({"id"}),
    candidates=_excluded,
    read=_exclusion,
    risky=lambda state, _: (
        "the internet reaches it past the region's block public access"
        if state["mode"] == _BOTH_WAYS
        else ""
    ),
    steps=_exclude_again,
)

CONTROLS = (SUBNET_ADDRESSES, GATEWAY_ACCEPTS, EXCLUSION)
