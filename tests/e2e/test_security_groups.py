"""A security group opened to the world, from the attacker's call to the reverted rule."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.e2e.making import permission, web_group
from tests.e2e.world import World, eventually, seconds_until

pytestmark = pytest.mark.e2e

# From the event on the bus to the account's state.
_PROMISED_SECONDS = 10.0


def open_to_the_world(world: World, group: str, port: int) -> list[dict[str, Any]]:
    """What the attacker does: IPv4 and IPv6 at once. Returns the rules that it made."""
    made: list[dict[str, Any]] = world.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            permission(port, IpRanges=[{"CidrIp": "0.0.0.0/0"}], Ipv6Ranges=[{"CidrIpv6": "::/0"}])
        ],
    )["SecurityGroupRules"]
    return made


def response(world: World, group: str, rules: list[dict[str, Any]]) -> dict[str, object]:
    listed = [
        {
            "groupOwnerId": world.account,
            "groupId": group,
            "securityGroupRuleId": rule["SecurityGroupRuleId"],
            "isEgress": False,
            "ipProtocol": "tcp",
            "fromPort": rule["FromPort"],
            "toPort": rule["ToPort"],
            **({"cidrIpv4": rule["CidrIpv4"]} if "CidrIpv4" in rule else {}),
            **({"cidrIpv6": rule["CidrIpv6"]} if "CidrIpv6" in rule else {}),
        }
        for rule in rules
    ]
    return {"_return": True, "securityGroupRuleSet": {"items": listed}}


def flat(group: str, port: int) -> dict[str, object]:
    """The request as CloudTrail logs it where the caller named one range."""
    return {
        "groupId": group,
        "ipPermissions": {},
        "ipProtocol": "tcp",
        "fromPort": port,
        "toPort": port,
        "cidrIp": "0.0.0.0/0",
    }


def nested(group: str, port: int) -> dict[str, object]:
    """The request as CloudTrail logs it where the caller gave whole permissions."""
    one = {
        "ipProtocol": "tcp",
        "fromPort": port,
        "toPort": port,
        "groups": {},
        "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
        "ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]},
        "prefixListIds": {},
    }
    return {"groupId": group, "ipPermissions": {"items": [one]}}


def ingress(world: World, group: str) -> dict[str, dict[str, Any]]:
    """The group's ingress rules, by id."""
    rules = world.ec2.describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )["SecurityGroupRules"]
    return {rule["SecurityGroupRuleId"]: rule for rule in rules if not rule["IsEgress"]}


@pytest.mark.parametrize("shape", [flat, nested])
def test_an_open_port_is_closed_and_its_siblings_stay(lab: World, shape: Any) -> None:
    group = web_group(lab)
    legitimate = ingress(lab, group)
    made = open_to_the_world(lab, group, 22)
    record = lab.record(
        "ec2", "AuthorizeSecurityGroupIngress", shape(group, 22), response(lab, group, made)
    )
    lab.send_record("ec2", record)

    seconds = seconds_until(
        lambda: ingress(lab, group) == legitimate, "the group as it was", also=lab.log_tail
    )
    assert seconds < _PROMISED_SECONDS

    decision = lab.decision(group, "reverted")
    assert decision["control"] == "ec2.open-ingress"
    assert "mallory" in decision["actor"]
    [message] = eventually(lambda: lab.messages(decision["pk"]), "a message on the topic")
    assert "reverted" in message["Subject"]
    time.sleep(2.0)
    assert len(lab.messages(decision["pk"])) == 1


def test_the_same_event_three_times_is_one_decision_and_one_revert(lab: World) -> None:
    group = web_group(lab)
    legitimate = ingress(lab, group)
    made = open_to_the_world(lab, group, 3389)
    record = lab.record(
        "ec2", "AuthorizeSecurityGroupIngress", nested(group, 3389), response(lab, group, made)
    )
    for _ in range(3):
        lab.send_record("ec2", record)

    eventually(lambda: ingress(lab, group) == legitimate, "the group as it was", also=lab.log_tail)
    decision = lab.decision(group, "reverted")
    time.sleep(3.0)
    assert len(lab.decisions(group)) == 1
    assert len(lab.messages(decision["pk"])) == 1
    assert lab.log(decision["pk"]) == ["decided", "reverted"]


def test_a_rule_for_the_private_network_is_nobodys_business(lab: World) -> None:
    group = web_group(lab)
    lab.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[permission(5432, IpRanges=[{"CidrIp": "10.1.0.0/16"}])],
    )
    before = ingress(lab, group)
    request = flat(group, 5432) | {"cidrIp": "10.1.0.0/16"}
    lab.api_call("ec2", "AuthorizeSecurityGroupIngress", request)

    time.sleep(5.0)
    assert lab.decisions(group) == []
    assert ingress(lab, group) == before
