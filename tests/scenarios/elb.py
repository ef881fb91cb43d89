"""Scenarios of the elb controls, of both generations."""

from __future__ import annotations

from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged
from tests.support.records import change

MODERN = "ELBSecurityPolicy-TLS13-1-2-2021-06"
OLD = "ELBSecurityPolicy-2016-08"


def elb(name: str, request: Any) -> Change:
    """A record of load balancing, of either generation."""
    return change("elasticloadbalancing.amazonaws.com", name, request)


def network() -> tuple[str, list[str]]:
    """A VPC with two subnets."""
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return vpc, [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]


def group(vpc: str, name: str, *ranges: str) -> str:
    """A security group that lets SSH in from these ranges."""
    ec2 = boto3.client("ec2")
    id_ = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    for cidr in ranges:
        ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": cidr}]}
        ec2.authorize_security_group_ingress(GroupId=id_, IpPermissions=[ssh])
    return str(id_)


def balancer(subnets: list[str], groups: list[str]) -> str:
    """The ARN of a new load balancer."""
    made = boto3.client("elbv2").create_load_balancer(
        Name="web", Subnets=subnets, SecurityGroups=groups
    )
    return str(made["LoadBalancers"][0]["LoadBalancerArn"])


def certificate(name: str = "www.example.com") -> str:
    made = boto3.client("acm").request_certificate(DomainName=name)
    return str(made["CertificateArn"])


def attributes() -> Staged:
    client, s3 = boto3.client("elbv2"), boto3.client("s3")
    vpc, subnets = network()
    arn = balancer(subnets, [group(vpc, "web")])
    s3.create_bucket(Bucket="access-logs")

    def put(**values: str) -> list[dict[str, str]]:
        asked = [{"Key": name.replace("__", "."), "Value": one} for name, one in values.items()]
        client.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=asked)
        return [{"key": one["Key"], "value": one["Value"]} for one in asked]

    put(
        access_logs__s3__enabled="true",
        access_logs__s3__bucket="access-logs",
        deletion_protection__enabled="true",
        idle_timeout__timeout_seconds="90",
    )

    def attack() -> Change:
        asked = put(access_logs__s3__enabled="false", deletion_protection__enabled="false")
        return elb("ModifyLoadBalancerAttributes", {"loadBalancerArn": arn, "attributes": asked})

    def snapshot() -> Any:
        found = client.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return {one["Key"]: one["Value"] for one in found}

    return Staged(attack, snapshot, baseline=True)


def listener(*, plain: bool) -> Staged:
    """A listener takes old versions of TLS, or encrypts no more."""
    client = boto3.client("elbv2")
    vpc, subnets = network()
    target = client.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)
    arn = client.create_listener(
        LoadBalancerArn=balancer(subnets, [group(vpc, "web")]),
        Protocol="HTTPS",
        Port=443,
        SslPolicy=MODERN,
        Certificates=[{"CertificateArn": certificate()}],
        DefaultActions=[
            {"Type": "forward", "TargetGroupArn": target["TargetGroups"][0]["TargetGroupArn"]}
        ],
    )["Listeners"][0]["ListenerArn"]

    others = [{"CertificateArn": certificate("shop.example.com")}]
    client.add_listener_certificates(ListenerArn=arn, Certificates=others)

    def attack() -> Change:
        if plain:
            # A listener that encrypts no more loses its certificates; the emulator keeps them.
            client.remove_listener_certificates(ListenerArn=arn, Certificates=others)
            client.modify_listener(ListenerArn=arn, Protocol="HTTP", Port=80)
            return elb("ModifyListener", {"listenerArn": arn, "protocol": "HTTP", "port": 80})
        client.modify_listener(ListenerArn=arn, SslPolicy=OLD)
        return elb("ModifyListener", {"listenerArn": arn, "sslPolicy": OLD})

    def snapshot() -> Any:
        found = client.describe_listener_certificates(ListenerArn=arn)["Certificates"]
        return client.describe_listeners(ListenerArns=[arn])["Listeners"], found

    return Staged(attack, snapshot, baseline=True)


def security_groups() -> Staged:
    client = boto3.client("elbv2")
    vpc, subnets = network()
    closed, wide = group(vpc, "closed", "10.0.0.0/8"), group(vpc, "wide", "0.0.0.0/0")
    arn = balancer(subnets, [closed])

    def attack() -> Change:
        client.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[closed, wide])
        asked = {"loadBalancerArn": arn, "securityGroups": [closed, wide]}
        return elb("SetSecurityGroups", asked)

    def snapshot() -> Any:
        (found,) = client.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
        return sorted(found["SecurityGroups"])

    return Staged(attack, snapshot, baseline=True)


def classic() -> Any:
    """Makes the classic load balancer `old`."""
    client = boto3.client("elb")
    _, subnets = network()
    client.create_load_balancer(
        LoadBalancerName="old",
        Subnets=subnets,
        Listeners=[
            {
                "Protocol": "HTTPS",
                "LoadBalancerPort": 443,
                "InstanceProtocol": "HTTP",
                "InstancePort": 80,
                "SSLCertificateId": certificate(),
            }
        ],
    )
    return client


def classic_logs() -> Staged:
    client = classic()
    boto3.client("s3").create_bucket(Bucket="access-logs")

    def put(logs: dict[str, Any]) -> None:
        client.modify_load_balancer_attributes(
            LoadBalancerName="old", LoadBalancerAttributes={"AccessLog": logs}
        )

    put({"Enabled": True, "S3BucketName": "access-logs", "EmitInterval": 5})

    def attack() -> Change:
        put({"Enabled": False})
        asked = {"loadBalancerAttributes": {"accessLog": {"enabled": False}}}
        return elb("ModifyLoadBalancerAttributes", {"loadBalancerName": "old", **asked})

    def snapshot() -> Any:
        found = client.describe_load_balancer_attributes(LoadBalancerName="old")
        return found["LoadBalancerAttributes"]["AccessLog"]

    return Staged(attack, snapshot, baseline=True)


def classic_policies() -> Staged:
    client = classic()
    for name, reference in (("modern", "ELBSecurityPolicy-TLS-1-2-2017-01"), ("mine", OLD)):
        client.create_load_balancer_policy(
            LoadBalancerName="old",
            PolicyName=name,
            PolicyTypeName="SSLNegotiationPolicyType",
            PolicyAttributes=[
                {"AttributeName": "Reference-Security-Policy", "AttributeValue": reference}
            ],
        )

    def put(*names: str) -> None:
        client.set_load_balancer_policies_of_listener(
            LoadBalancerName="old", LoadBalancerPort=443, PolicyNames=list(names)
        )

    put("modern")

    def attack() -> Change:
        put("mine")
        asked = {"loadBalancerName": "old", "loadBalancerPort": 443, "policyNames": ["mine"]}
        return elb("SetLoadBalancerPoliciesOfListener", asked)

    def snapshot() -> Any:
        (found,) = client.describe_load_balancers()["LoadBalancerDescriptions"]
        return found["ListenerDescriptions"]

    return Staged(attack, snapshot, baseline=True)


SCENARIOS = (
    Scenario("elb.weakened", attributes),
    Scenario("elb.listener-weakened", lambda: listener(plain=False), "policy"),
    Scenario("elb.listener-weakened", lambda: listener(plain=True), "plain"),
    Scenario("elb.security-groups", security_groups),
    Scenario("elb.classic-logging-off", classic_logs),
    Scenario("elb.classic-listener-weakened", classic_policies),
)
