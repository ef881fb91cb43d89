"""Scenarios of endpoints, interfaces, network ACLs and client VPNs."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Fake, Scenario, Staged, policy_of
from tests.support.records import ec2

FULL = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
OURS = {**FULL, "Condition": {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}}


def subnet() -> Any:
    client = boto3.client("ec2")
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return client.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]


# ------------------------------------------------------------------------------- endpoints


def endpoint() -> Staged:
    client = boto3.client("ec2")
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ids = [
        client.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.us-east-1.{service}",
            PolicyDocument=policy_of(OURS),
        )["VpcEndpoint"]["VpcEndpointId"]
        for service in ("s3", "dynamodb")
    ]

    def snapshot() -> Any:
        found = client.describe_vpc_endpoints(VpcEndpointIds=ids)["VpcEndpoints"]
        return {one["VpcEndpointId"]: json.loads(one["PolicyDocument"]) for one in found}

    def attack() -> Change:
        written = policy_of(FULL)
        client.modify_vpc_endpoint(VpcEndpointId=ids[0], PolicyDocument=written)
        asked = {"VpcEndpointId": ids[0], "PolicyDocument": written}
        return ec2("ModifyVpcEndpoint", {"ModifyVpcEndpointRequest": asked})

    return Staged(attack, snapshot, baseline=True)


def service() -> tuple[Any, str]:
    """EC2's client, and an endpoint service that a partner may connect to when it is accepted."""
    client = boto3.client("ec2")
    balancer = boto3.client("elbv2").create_load_balancer(
        Name="orders", Type="network", Scheme="internal", Subnets=[subnet()["SubnetId"]]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    made = client.create_vpc_endpoint_service_configuration(
        NetworkLoadBalancerArns=[balancer], AcceptanceRequired=True
    )["ServiceConfiguration"]["ServiceId"]
    client.modify_vpc_endpoint_service_permissions(
        ServiceId=made, AddAllowedPrincipals=[f"arn:aws:iam::{ACCOUNT}:root"]
    )
    return client, made


def service_snapshot(client: Any, id_: str) -> Any:
    (found,) = client.describe_vpc_endpoint_service_configurations(ServiceIds=[id_])[
        "ServiceConfigurations"
    ]
    allowed = client.describe_vpc_endpoint_service_permissions(ServiceId=id_)["AllowedPrincipals"]
    return found["AcceptanceRequired"], sorted(one["Principal"] for one in allowed)


def shared_service(*who: str) -> Staged:
    client, id_ = service()

    def attack() -> Change:
        client.modify_vpc_endpoint_service_permissions(ServiceId=id_, AddAllowedPrincipals=[*who])
        named = [{"content": one, "tag": tag} for tag, one in enumerate(who, 1)]
        asked = {"ServiceId": id_, "AddAllowedPrincipals": named}
        wrapped = {"ModifyVpcEndpointServicePermissionsRequest": asked}
        return ec2("ModifyVpcEndpointServicePermissions", wrapped)

    return Staged(attack, partial(service_snapshot, client, id_))


def accepting_service() -> Staged:
    client, id_ = service()

    def attack() -> Change:
        client.modify_vpc_endpoint_service_configuration(ServiceId=id_, AcceptanceRequired=False)
        asked = {"ServiceId": id_, "AcceptanceRequired": False}
        wrapped = {"ModifyVpcEndpointServiceConfigurationRequest": asked}
        return ec2("ModifyVpcEndpointServiceConfiguration", wrapped)

    return Staged(attack, partial(service_snapshot, client, id_), baseline=True)


# ------------------------------------------------------------------------------- interfaces


def interface() -> Staged:
    client = boto3.client("ec2")
    where = subnet()["SubnetId"]
    ids = [
        client.create_network_interface(SubnetId=where)["NetworkInterface"]["NetworkInterfaceId"]
        for _ in range(2)
    ]

    def snapshot() -> Any:
        found = client.describe_network_interfaces(NetworkInterfaceIds=ids)["NetworkInterfaces"]
        return {one["NetworkInterfaceId"]: one["SourceDestCheck"] for one in found}

    def attack() -> Change:
        client.modify_network_interface_attribute(
            NetworkInterfaceId=ids[0], SourceDestCheck={"Value": False}
        )
        request = {"networkInterfaceId": ids[0], "sourceDestCheck": {"value": False}}
        return ec2("ModifyNetworkInterfaceAttribute", request)

    return Staged(attack, snapshot)


def unchecked_instance() -> Staged:
    client = boto3.client("ec2")
    image = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = client.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet()["SubnetId"]
    )
    id_ = made["Instances"][0]["InstanceId"]

    def snapshot() -> Any:
        (found,) = client.describe_instances(InstanceIds=[id_])["Reservations"][0]["Instances"]
        return found["SourceDestCheck"]

    def attack() -> Change:
        client.modify_instance_attribute(InstanceId=id_, SourceDestCheck={"Value": False})
        request = {"instanceId": id_, "sourceDestCheck": {"value": False}}
        return ec2("ModifyInstanceAttribute", request)

    return Staged(attack, snapshot)


# ----------------------------------------------------------------------------- network ACLs


def denying_acl(replaced: bool) -> Staged:
    client = boto3.client("ec2")
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    acl = client.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    deny = {
        "NetworkAclId": acl,
        "RuleNumber": 90,
        "Egress": False,
        "Protocol": "6",
        "CidrBlock": "198.51.100.0/24",
        "PortRange": {"From": 0, "To": 65535},
    }
    client.create_network_acl_entry(**deny, RuleAction="deny")
    others = {**deny, "CidrBlock": "10.0.0.0/8"}
    client.create_network_acl_entry(**{**others, "RuleNumber": 100}, RuleAction="allow")
    client.create_network_acl_entry(**{**others, "Egress": True}, RuleAction="deny")

    def snapshot() -> Any:
        (found,) = client.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
        return sorted(found["Entries"], key=str)

    def attack() -> Change:
        request = {"networkAclId": acl, "ruleNumber": 90, "egress": False}
        if not replaced:
            client.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=90, Egress=False)
            return ec2("DeleteNetworkAclEntry", request)
        client.replace_network_acl_entry(**deny, RuleAction="allow")
        allowed = {"aclProtocol": "6", "ruleAction": "allow", "cidrBlock": "198.51.100.0/24"}
        ports = {"portRange": {"from": 0, "to": 65535}}
        return ec2("ReplaceNetworkAclEntry", {**request, **allowed, **ports})

    return Staged(attack, snapshot, baseline=True)


# ------------------------------------------------------------------------------ client VPNs


def vpn() -> Staged:
    """No emulator has client VPNs: rules by destination, each for a group or for everybody."""
    id_ = "cvpn-endpoint-0a1b2c3d4e5f60718"
    team = {"DestinationCidr": "10.0.0.0/16", "GroupId": "S-1-2", "AccessAll": False}
    rules: list[dict[str, Any]] = [team]

    def described(_: dict[str, Any]) -> dict[str, Any]:
        found = [{**one, "Status": {"Code": "active"}} for one in rules]
        return {"AuthorizationRules": found}

    def authorize(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["AuthorizeAllGroups"]
        about = {"Description": asked["Description"]} if "Description" in asked else {}
        if any(one["DestinationCidr"] == asked["TargetNetworkCidr"] for one in rules):
            return {"Error": {"Code": "InvalidClientVpnDuplicateAuthorizationRule"}}
        rules.append({"DestinationCidr": asked["TargetNetworkCidr"], "AccessAll": True, **about})
        return {"Status": {"Code": "authorizing"}}

    def revoke(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["RevokeAllGroups"]
        rules[:] = [
            one
            for one in rules
            if not (one["AccessAll"] and one["DestinationCidr"] == asked["TargetNetworkCidr"])
        ]
        return {"Status": {"Code": "revoking"}}

    fakes: dict[tuple[str, str], Fake] = {
        ("ec2", "DescribeClientVpnEndpoints"): lambda asked: {
            "ClientVpnEndpoints": [{"ClientVpnEndpointId": id_}]
        },
        ("ec2", "DescribeClientVpnAuthorizationRules"): described,
        ("ec2", "AuthorizeClientVpnIngress"): authorize,
        ("ec2", "RevokeClientVpnIngress"): revoke,
    }

    def attack() -> Change:
        asked: dict[str, Any] = {
            "ClientVpnEndpointId": id_,
            "TargetNetworkCidr": "0.0.0.0/0",
            "AuthorizeAllGroups": True,
            "Description": "temporary",
        }
        authorize(asked)
        return ec2("AuthorizeClientVpnIngress", {"AuthorizeClientVpnIngressRequest": asked})

    return Staged(attack, lambda: sorted(rules, key=str), fakes=fakes)


SCENARIOS = (
    Scenario("ec2.endpoint-policy-opened", endpoint),
    Scenario("ec2.endpoint-service-auto-accept", accepting_service),
    Scenario("ec2.endpoint-service-shared", partial(shared_service, "*"), "everybody"),
    Scenario(
        "ec2.endpoint-service-shared", partial(shared_service, f"arn:aws:iam::{STRANGER}:root")
    ),
    Scenario("ec2.nacl-deny-removed", partial(denying_acl, False)),
    Scenario("ec2.nacl-deny-removed", partial(denying_acl, True), "replaced"),
    Scenario("ec2.source-dest-check-off", interface),
    Scenario("ec2.source-dest-check-off", unchecked_instance, "instance"),
    Scenario("ec2.vpn-open-to-all", vpn),
)
