"""Scenarios of subnets, network ACLs, transit gateways and traffic mirrors."""

from __future__ import annotations

from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.ec2_region import wrapped
from tests.scenarios.model import Scenario, Staged
from tests.support.records import ec2


def subnet() -> Staged:
    client = boto3.client("ec2")
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    id_ = client.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]

    def attack() -> Change:
        client.modify_subnet_attribute(SubnetId=id_, MapPublicIpOnLaunch={"Value": True})
        asked = {"subnetId": id_, "mapPublicIpOnLaunch": {"value": True}}
        return ec2("ModifySubnetAttribute", asked)

    return Staged(
        attack, lambda: client.describe_subnets(SubnetIds=[id_])["Subnets"], baseline=True
    )


def transit_gateway() -> Staged:
    client = boto3.client("ec2")
    id_ = client.create_transit_gateway(Description="hub")["TransitGateway"]["TransitGatewayId"]

    def attack() -> Change:
        client.modify_transit_gateway(
            TransitGatewayId=id_, Options={"AutoAcceptSharedAttachments": "enable"}
        )
        asked = {"TransitGatewayId": id_, "Options": {"AutoAcceptSharedAttachments": "enable"}}
        return wrapped("ModifyTransitGateway", asked, {})

    def snapshot() -> Any:
        return client.describe_transit_gateways(TransitGatewayIds=[id_])["TransitGateways"]

    return Staged(attack, snapshot, baseline=True)


def network_acl(*, replaced: bool) -> Staged:
    """SSH is opened to the internet, by a new entry or in the place of one that was there."""
    client = boto3.client("ec2")
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    id_ = client.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]

    def entry(number: int, cidr: str) -> dict[str, Any]:
        return {
            "NetworkAclId": id_,
            "RuleNumber": number,
            "Protocol": "6",
            "RuleAction": "allow",
            "Egress": False,
            "CidrBlock": cidr,
            "PortRange": {"From": 22, "To": 22},
        }

    client.create_network_acl_entry(**entry(100, "10.0.0.0/8"))
    client.create_network_acl_entry(**entry(110, "172.16.0.0/12"))

    def attack() -> Change:
        number = 100 if replaced else 120
        call = client.replace_network_acl_entry if replaced else client.create_network_acl_entry
        call(**entry(number, "0.0.0.0/0"))
        asked = {
            "networkAclId": id_,
            "ruleNumber": number,
            "aclProtocol": "6",
            "ruleAction": "allow",
            "egress": False,
            "cidrBlock": "0.0.0.0/0",
            "icmpTypeCode": {},
            "portRange": {"from": 22, "to": 22},
        }
        return ec2(f"{'Replace' if replaced else 'Create'}NetworkAclEntry", asked)

    def snapshot() -> Any:
        (acl,) = client.describe_network_acls(NetworkAclIds=[id_])["NetworkAcls"]
        return acl | {"Entries": sorted(acl["Entries"], key=lambda one: one["RuleNumber"])}

    def shut(legitimate: Any) -> Any:
        """The new entry stays, for it may let more in; a Deny before it shuts SSH."""
        denied = {**entry(119, "0.0.0.0/0"), "RuleAction": "deny"}
        both = [denied, entry(120, "0.0.0.0/0")]
        made = [{k: v for k, v in one.items() if k != "NetworkAclId"} for one in both]
        entries = [*legitimate["Entries"], *made]
        return legitimate | {"Entries": sorted(entries, key=lambda one: one["RuleNumber"])}

    if replaced:
        return Staged(attack, snapshot, baseline=True)
    return Staged(attack, snapshot, reverted=shut)


def mirror(*, turned: bool) -> Staged:
    """Traffic is copied to the attacker, by a new session or by one that was there."""
    client = boto3.client("ec2")
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    net = client.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    eni, ours, theirs = (
        client.create_network_interface(SubnetId=net)["NetworkInterface"]["NetworkInterfaceId"]
        for _ in range(3)
    )
    good, bad = (
        client.create_traffic_mirror_target(NetworkInterfaceId=one)["TrafficMirrorTarget"][
            "TrafficMirrorTargetId"
        ]
        for one in (ours, theirs)
    )
    filter_ = client.create_traffic_mirror_filter()["TrafficMirrorFilter"]
    session = {
        "NetworkInterfaceId": eni,
        "TrafficMirrorFilterId": filter_["TrafficMirrorFilterId"],
        "SessionNumber": 1,
        "VirtualNetworkId": 7,
        "PacketLength": 100,
        "Description": "for a moment",
    }

    made = client.create_traffic_mirror_session(TrafficMirrorTargetId=good, **session)
    before = made["TrafficMirrorSession"]["TrafficMirrorSessionId"]
    session["SessionNumber"] = 2

    def turn() -> Change:
        asked = {"TrafficMirrorSessionId": before, "TrafficMirrorTargetId": bad}
        client.modify_traffic_mirror_session(**asked)
        answered = {"trafficMirrorSession": {"networkInterfaceId": eni}}
        return wrapped("ModifyTrafficMirrorSession", asked, answered)

    def create() -> Change:
        tags = [{"Key": "by", "Value": "mallory"}]
        client.create_traffic_mirror_session(
            TrafficMirrorTargetId=bad,
            **session,
            TagSpecifications=[{"ResourceType": "traffic-mirror-session", "Tags": tags}],
        )
        asked = {**session, "TrafficMirrorTargetId": bad}
        return wrapped("CreateTrafficMirrorSession", asked, {})

    def snapshot() -> Any:
        return client.describe_traffic_mirror_sessions()["TrafficMirrorSessions"]

    return Staged(turn if turned else create, snapshot, anew=without_ids, baseline=turned)


def without_ids(sessions: Any) -> Any:
    """Sessions without the ids that EC2 makes anew."""
    return [{k: v for k, v in one.items() if k != "TrafficMirrorSessionId"} for one in sessions]


SCENARIOS = (
    Scenario("ec2.subnet-auto-public-ip", subnet),
    Scenario("ec2.tgw-auto-accept", transit_gateway),
    Scenario("ec2.nacl-open", lambda: network_acl(replaced=False), "created"),
    Scenario("ec2.nacl-open", lambda: network_acl(replaced=True), "replaced"),
    Scenario("ec2.traffic-mirror", lambda: mirror(turned=False), "created"),
    Scenario("ec2.traffic-mirror", lambda: mirror(turned=True), "turned"),
)
