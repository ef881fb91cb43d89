"""Scenarios of the ec2 controls: security groups, and what is shared."""

from __future__ import annotations

import json
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.ec2_region import wrapped
from tests.scenarios.model import STRANGER, Scenario, Staged
from tests.support.records import ec2 as ec2_change
from tests.support.records import nested_ingress, permission


def rules_of(group: str) -> list[dict[str, Any]]:
    """A group's rules without the ids that AWS makes anew."""
    found = boto3.client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )
    made_anew = ("SecurityGroupRuleId", "SecurityGroupRuleArn")
    rules = [
        {k: v for k, v in rule.items() if k not in made_anew}
        for rule in found["SecurityGroupRules"]
    ]
    return sorted(rules, key=lambda rule: json.dumps(rule, sort_keys=True))


def open_ingress() -> Staged:
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]

    def allow(port: int, **sources: Any) -> None:
        allowed = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **sources}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[allowed])

    allow(443, IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "the web"}])
    allow(22, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "from inside"}])

    def attack() -> Change:
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": 22,
                    "ToPort": 22,
                    "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "for a moment"}],
                    "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
                }
            ],
            TagSpecifications=[
                {
                    "ResourceType": "security-group-rule",
                    "Tags": [{"Key": "by", "Value": "mallory"}],
                }
            ],
        )
        return nested_ingress(group, permission(22, "0.0.0.0/0", v6=("::/0",)))

    return Staged(attack, lambda: rules_of(group))


def edited_ingress() -> Staged:
    """A rule that lets SSH in from inside is edited to let everybody in."""
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName="ssh", Description="ssh")["GroupId"]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    inside = [{"CidrIp": "10.0.0.0/8", "Description": "from inside"}]
    made = ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{**ssh, "IpRanges": inside}]
    )
    rule = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def attack() -> Change:
        asked = {**ssh, "CidrIpv4": "0.0.0.0/0", "Description": "office vpn"}
        ec2.modify_security_group_rules(
            GroupId=group,
            SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": asked}],
        )
        update = {"SecurityGroupRuleId": rule, "tag": 1, "SecurityGroupRule": asked}
        return wrapped(
            "ModifySecurityGroupRules",
            {"GroupId": group, "SecurityGroupRule": update},
            {"return": True},
        )

    def snapshot() -> Any:
        """With the ids: an edited rule keeps its own."""
        found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        return found["SecurityGroupRules"]

    return Staged(attack, snapshot, baseline=True)


def default_group(way: str) -> Staged:
    """A rule is added to the default group of a VPC, beside one that was there before."""
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])[
        "SecurityGroups"
    ]
    id_ = group["GroupId"]
    authorize = getattr(ec2, f"authorize_security_group_{way}")

    def allow(port: int, cidr: str) -> None:
        ranges = [{"CidrIp": cidr, "Description": "to the database"}]
        authorize(
            GroupId=id_,
            IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges}
            ],
            TagSpecifications=[
                {
                    "ResourceType": "security-group-rule",
                    "Tags": [{"Key": "port", "Value": str(port)}],
                }
            ],
        )

    allow(5432, "10.0.0.0/8")

    def attack() -> Change:
        allow(5433, "203.0.113.0/24")
        asked = permission(5433, "203.0.113.0/24")
        return ec2_change(
            f"AuthorizeSecurityGroup{way.capitalize()}",
            {"groupId": id_, "ipPermissions": {"items": [asked]}},
        )

    return Staged(attack, lambda: rules_of(id_))


def snapshot_shared() -> Staged:
    ec2 = boto3.client("ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    id_ = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]

    def share(users: list[str], groups: list[str]) -> None:
        ec2.modify_snapshot_attribute(
            SnapshotId=id_,
            Attribute="createVolumePermission",
            OperationType="add",
            UserIds=users,
            GroupNames=groups,
        )

    def attack() -> Change:
        share([STRANGER], ["all"])
        added = {"items": [{"userId": STRANGER}, {"group": "all"}]}
        return ec2_change(
            "ModifySnapshotAttribute",
            {
                "snapshotId": id_,
                "createVolumePermission": {"add": added},
                "attributeType": "CREATE_VOLUME_PERMISSION",
            },
        )

    def snapshot() -> Any:
        found = ec2.describe_snapshot_attribute(SnapshotId=id_, Attribute="createVolumePermission")
        return sorted(json.dumps(one) for one in found["CreateVolumePermissions"])

    return Staged(attack, snapshot)


def image_shared() -> Staged:
    ec2 = boto3.client("ec2")
    source = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    (one,) = ec2.run_instances(ImageId=source, MinCount=1, MaxCount=1)["Instances"]
    id_ = ec2.create_image(InstanceId=one["InstanceId"], Name="golden")["ImageId"]

    def attack() -> Change:
        ec2.modify_image_attribute(
            ImageId=id_, LaunchPermission={"Add": [{"UserId": STRANGER}, {"Group": "all"}]}
        )
        added = {"items": [{"userId": STRANGER}, {"group": "all"}]}
        return ec2_change(
            "ModifyImageAttribute",
            {
                "imageId": id_,
                "launchPermission": {"add": added},
                "attributeType": "launchPermission",
            },
        )

    def snapshot() -> Any:
        found = ec2.describe_image_attribute(ImageId=id_, Attribute="launchPermission")
        return sorted(json.dumps(one) for one in found["LaunchPermissions"])

    return Staged(attack, snapshot)


LOOK_UP = {"look_up": True}

SCENARIOS = (
    Scenario("ec2.open-ingress", open_ingress),
    Scenario("ec2.open-ingress", edited_ingress, "edited"),
    Scenario("ec2.default-sg-opened", lambda: default_group("ingress"), "ingress", LOOK_UP),
    Scenario("ec2.default-sg-opened", lambda: default_group("egress"), "egress", LOOK_UP),
    Scenario("ec2.snapshot-shared", snapshot_shared),
    Scenario("ec2.ami-shared", image_shared),
)
