"""Scenarios of the ec2 controls."""

from __future__ import annotations

import json
from typing import Any

import boto3

from driftguard.model import Change
from tests.records import nested_ingress, permission
from tests.scenarios.model import Scenario, Staged


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


SCENARIOS = (Scenario("ec2.open-ingress", open_ingress),)
