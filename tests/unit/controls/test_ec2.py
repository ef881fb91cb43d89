"""ec2.open-ingress: from a record to a revoked source, and exactly back."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from driftguard.controls import control
from driftguard.controls.ec2.open_ingress import OpenIngressSettings
from driftguard.events.commands import Undo
from driftguard.model import Certainty, Change, Decision, Status
from tests.support.records import ec2, flat_ingress, nested_ingress, permission
from tests.support.world import World

open_ingress = control("ec2.open-ingress")


def screened(change: Change, settings: OpenIngressSettings | None = None) -> list[str]:
    return [s.certainty for s in open_ingress.screen(change, settings or OpenIngressSettings())]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (flat_ingress("sg-1", 22, "0.0.0.0/0"), ["evident"]),
        (flat_ingress("sg-1", 22, "208.236.235.254/0"), ["evident"]),
        (flat_ingress("sg-1", 22, "10.0.0.0/8"), []),
        (flat_ingress("sg-1", 443, "0.0.0.0/0"), []),
        (nested_ingress("sg-1", permission(22, "0.0.0.0/0")), ["evident"]),
        (nested_ingress("sg-1", permission(22, v6=("::/0",))), ["evident"]),
        (nested_ingress("sg-1", permission(22, "0.0.0.0/1", "128.0.0.0/1")), ["evident"]),
        (nested_ingress("sg-1", permission(None, "0.0.0.0/0", protocol="-1")), ["evident"]),
        (nested_ingress("sg-1", permission(443, "0.0.0.0/0"), permission(22, "10.1.0.0/16")), []),
        (
            nested_ingress("sg-1", permission(443, "0.0.0.0/0"), permission(22, "0.0.0.0/0")),
            ["evident"],
        ),
    ],
)
def test_a_record_alone_tells_open_from_harmless(change: Change, expected: list[str]) -> None:
    assert screened(change) == expected


def test_a_prefix_list_is_worth_a_look_as_its_ranges_are_not_in_the_record() -> None:
    by_list = permission(22) | {"prefixListIds": {"items": [{"prefixListId": "pl-1"}]}}
    assert screened(nested_ingress("sg-1", by_list)) == [Certainty.POSSIBLE]


def test_parameters_too_large_for_the_record_are_worth_a_look() -> None:
    omitted = {"reason": "requestParameters too large", "omitted": "true", "originalSize": "149893"}
    change = ec2(
        "AuthorizeSecurityGroupIngress",
        omitted,
        responseElements={"securityGroupRuleSet": {"items": [{"groupId": "sg-9"}]}},
    )
    assert screened(change) == [Certainty.POSSIBLE]


def test_a_modified_rule_in_its_xml_wrapper_is_worth_a_look() -> None:
    change = ec2(
        "ModifySecurityGroupRules",
        {
            "ModifySecurityGroupRulesRequest": {
                "GroupId": "sg-1",
                "SecurityGroupRule": {
                    "SecurityGroupRuleId": "sgr-1",
                    "tag": 1,
                    "SecurityGroupRule": {
                        "CidrIpv4": "0.0.0.0/0",
                        "FromPort": 22,
                        "ToPort": 22,
                        "IpProtocol": "tcp",
                    },
                },
            }
        },
    )
    assert screened(change) == [Certainty.POSSIBLE]


def test_the_policy_may_allow_other_public_ports() -> None:
    ssh = flat_ingress("sg-1", 22, "0.0.0.0/0")
    assert screened(ssh, OpenIngressSettings(allowed_public_ports=(22,))) == []


# ------------------------------------------------------------------------ against an account


class Group:
    """A web group: 443 to the world and SSH from inside, both legitimate."""

    def __init__(self) -> None:
        self.ec2 = boto3.client("ec2")
        made = self.ec2.create_security_group(GroupName="web", Description="web")
        self.id: str = made["GroupId"]
        self.allow(443, IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "the web"}])
        self.allow(22, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "from inside"}])

    def allow(self, port: int, tags: dict[str, str] | None = None, **sources: Any) -> None:
        tagged = [{"Key": k, "Value": v} for k, v in (tags or {}).items()]
        specified = [{"ResourceType": "security-group-rule", "Tags": tagged}]
        self.ec2.authorize_security_group_ingress(
            GroupId=self.id,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **sources}],
            **({"TagSpecifications": specified} if tagged else {}),
        )

    def rules(self) -> dict[str, dict[str, Any]]:
        found = self.ec2.describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [self.id]}]
        )
        return {
            r["SecurityGroupRuleId"]: r for r in found["SecurityGroupRules"] if not r["IsEgress"]
        }

    def content(self) -> list[tuple[Any, ...]]:
        return sorted(
            (
                r["IpProtocol"],
                r["FromPort"],
                r.get("CidrIpv4", ""),
                r.get("CidrIpv6", ""),
                r.get("Description", ""),
                tuple(sorted((t["Key"], t["Value"]) for t in r.get("Tags", []))),
            )
            for r in self.rules().values()
        )


@pytest.fixture
def group(world: World) -> Group:
    return Group()


def undone(world: World, decision: Decision) -> Decision:
    return world.guard.undo(Undo(decision.id, "alice", "a test"))


def test_revoking_one_source_keeps_its_siblings(world: World, group: Group) -> None:
    siblings = group.rules()
    group.allow(
        22,
        IpRanges=[{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "192.0.2.0/24"}],
        Ipv6Ranges=[{"CidrIpv6": "::/0"}],
    )

    asked = permission(22, "0.0.0.0/0", "192.0.2.0/24", v6=("::/0",))
    decision = world.one(nested_ingress(group.id, asked))

    assert decision.status is Status.REVERTED
    left = group.rules()
    assert siblings.items() <= left.items()
    assert [r["CidrIpv4"] for id_, r in left.items() if id_ not in siblings] == ["192.0.2.0/24"]


def test_undoing_brings_back_description_and_tags(world: World, group: Group) -> None:
    group.allow(
        3389,
        tags={"owner": "mallory", "why": "later"},
        IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "just for today"}],
    )
    group.allow(22, Ipv6Ranges=[{"CidrIpv6": "::/0", "Description": "six"}])
    as_the_attacker_left_it = group.content()
    decision = world.one(flat_ingress(group.id, 3389, "0.0.0.0/0"))
    assert group.content() != as_the_attacker_left_it

    after = undone(world, decision)

    assert after.status is Status.UNDONE
    assert group.content() == as_the_attacker_left_it
    assert list(world.audit.log(decision.id))[-1].note == "exactly as before"


def test_a_group_named_instead_of_numbered_is_found(world: World, group: Group) -> None:
    group.allow(22, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    change = ec2(
        "AuthorizeSecurityGroupIngress",
        {
            "groupName": "web",
            "ipPermissions": {"items": [permission(22, "0.0.0.0/0")]},
        },
    )
    assert world.one(change).status is Status.REVERTED


def test_a_prefix_list_with_a_wide_range_is_revoked(world: World, group: Group) -> None:
    made = group.ec2.create_managed_prefix_list(
        PrefixListName="wide",
        MaxEntries=2,
        AddressFamily="IPv4",
        Entries=[{"Cidr": "10.0.0.0/8"}, {"Cidr": "0.0.0.0/1"}],
    )
    wide = made["PrefixList"]["PrefixListId"]
    group.allow(22, PrefixListIds=[{"PrefixListId": wide}])
    by_list = permission(22) | {"prefixListIds": {"items": [{"prefixListId": wide}]}}

    assert world.one(nested_ingress(group.id, by_list)).status is Status.REVERTED
    assert not any(r.get("PrefixListId") for r in group.rules().values())


def test_a_group_deleted_meanwhile_is_nothing_to_do(world: World, group: Group) -> None:
    group.ec2.delete_security_group(GroupId=group.id)
    assert world.handle(flat_ingress(group.id, 22, "0.0.0.0/0")) == []
