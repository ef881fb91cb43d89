"""Security groups: what the change itself did is taken back, and what was there before is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.controls import control
from driftguard.controls.ec2.rules import key_of, made_by
from driftguard.events.commands import LookAt
from driftguard.model import Autonomy, Change, Observation, Status
from driftguard.sweep.look import sweep
from tests.scenarios.ec2_region import wrapped
from tests.support.records import ec2, flat_ingress, nested_ingress, permission
from tests.support.world import REGION, Fakes, World


class Group:
    """A web group with a rule for a VPN, open to the world for years."""

    def __init__(self, *, vpn: bool = True) -> None:
        self.ec2 = boto3.client("ec2")
        made = self.ec2.create_security_group(GroupName="web", Description="web")
        self.id: str = made["GroupId"]
        self.allow(443, "tcp", IpRanges=[{"CidrIp": "0.0.0.0/0"}])
        if vpn:
            self.allow(1194, "udp", IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "VPN"}])

    def allow(self, port: int, protocol: str = "tcp", **sources: Any) -> str:
        """The id of a new rule."""
        made = self.ec2.authorize_security_group_ingress(
            GroupId=self.id,
            IpPermissions=[{"IpProtocol": protocol, "FromPort": port, "ToPort": port, **sources}],
        )
        return str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def edit(self, rule: str, port: int, cidr: str) -> Change:
        """Edits a rule; the record, as CloudTrail writes it."""
        asked = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIpv4": cidr}
        self.ec2.modify_security_group_rules(
            GroupId=self.id,
            SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": asked}],
        )
        update = {"SecurityGroupRuleId": rule, "tag": 1, "SecurityGroupRule": asked}
        return wrapped(
            "ModifySecurityGroupRules",
            {"GroupId": self.id, "SecurityGroupRule": update},
            {"return": True},
        )

    def rules(self) -> dict[str, str]:
        """The inbound rules: id → ports and source."""
        found = self.ec2.describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [self.id]}]
        )
        return {
            rule["SecurityGroupRuleId"]: key_of(rule)
            for rule in found["SecurityGroupRules"]
            if not rule["IsEgress"]
        }


@pytest.fixture
def group(world: World) -> Group:
    return Group()


def with_response(change: Change, *made: dict[str, Any]) -> Change:
    """The record of a new rule with the rules that were made, as EC2 answers them."""
    return nested_ingress(
        change.request["groupId"],  # type: ignore[arg-type]
        *change.request["ipPermissions"]["items"],  # type: ignore[index, call-overload]
        responseElements={"securityGroupRuleSet": {"items": list(made)}},
    )


def swept(world: World) -> None:
    list(sweep(world.guard, REGION, only=[control("ec2.open-ingress")]))


def test_a_rule_that_was_open_before_stays(world: World, group: Group) -> None:
    """Kind 1: somebody adds 8443; the VPN's rule is not the change's doing."""
    before = group.rules()
    group.allow(8443, IpRanges=[{"CidrIp": "0.0.0.0/0"}])

    decision = world.one(flat_ingress(group.id, 8443, "0.0.0.0/0"))

    assert decision.status is Status.REVERTED
    assert group.rules() == before


def test_the_rules_of_the_response_are_those_of_the_change(world: World, group: Group) -> None:
    """Kind 1: EC2 answers with the ranges as it keeps them, whatever was asked for."""
    before = group.rules()
    rule = group.allow(22, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    made = {
        "groupId": group.id,
        "securityGroupRuleId": rule,
        "isEgress": False,
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIpv4": "0.0.0.0/0",
    }
    change = with_response(nested_ingress(group.id, permission(22, "203.0.113.4/0")), made)

    assert world.one(change).status is Status.REVERTED
    assert group.rules() == before


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (permission(22, "208.236.235.254/0"), ("tcp", "0.0.0.0/0")),
        (permission(22, "10.1.2.3/8", protocol="6"), ("tcp", "10.0.0.0/8")),
        (permission(22, v6=("2001:DB8:0::/32",)), ("tcp", "2001:db8::/32")),
        (permission(22, "0.0.0.0/0", protocol="17"), ("udp", "0.0.0.0/0")),
    ],
)
def test_a_rule_is_found_as_ec2_keeps_it(asked: Any, kept: tuple[str, str]) -> None:
    protocol, source = kept
    name = "CidrIpv6" if ":" in source else "CidrIpv4"
    rule = {"IpProtocol": protocol, "FromPort": 22, "ToPort": 22, name: source}
    assert made_by({"ipPermissions": {"items": [asked]}}, {}) == [key_of(rule)]


def test_what_was_open_before_is_the_sweeps_to_find(world: World, group: Group) -> None:
    """Kind 1: as shipped, what the sweep finds is not taken back."""
    (found,) = (
        one
        for one in sweep(world.guard, REGION, only=[control("ec2.open-ingress")])
        if one.resource is not None and one.resource.id == group.id
    )
    assert found.outcome == "risky"
    before = group.rules()
    assert found.resource is not None
    decision = world.guard.look_at(LookAt("ec2.open-ingress", found.resource))
    assert decision is not None
    assert "udp 1194" in decision.summary
    assert decision.autonomy < Autonomy.REVERT
    assert group.rules() == before


def test_two_changes_of_one_group_are_two_requests(world: World, group: Group) -> None:
    """Kind 1: a yes to the revert of the one is none to that of the other."""
    asking = replace(world.guard, ceiling=Autonomy.ASK)
    for port in (8443, 9443):
        group.allow(port, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    first, second = (
        world.one(flat_ingress(group.id, port, "0.0.0.0/0"), asking) for port in (8443, 9443)
    )
    assert first.id != second.id
    again = world.one(flat_ingress(group.id, 9443, "0.0.0.0/0"), asking)
    assert again.id == second.id


@pytest.mark.parametrize(("port", "status"), [(8443, Status.ASKED), (22, Status.REVERTED)])
def test_a_load_balancers_clients_are_those_of_its_listeners(
    world: World, fakes: Fakes, port: int, status: Status
) -> None:
    """Kind 4: a rule for a port on which the load balancer listens is in use; SSH is not."""
    group = Group(vpn=False)
    group.allow(port, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    interface = {
        "NetworkInterfaceId": "eni-1",
        "RequesterId": "amazon-elb",
        "Description": "ELB app/shop/50dc6c495c0c9188",
    }
    fakes.install(
        {
            ("ec2", "DescribeNetworkInterfaces"): lambda _: {"NetworkInterfaces": [interface]},
            ("elbv2", "DescribeListeners"): lambda _: {"Listeners": [{"Port": 8443}]},
        }
    )
    assert world.one(flat_ingress(group.id, port, "0.0.0.0/0")).status is status


def settings() -> Any:
    return control("ec2.open-ingress").settings()


def test_a_record_that_hides_what_was_added_is_asked_about(world: World, group: Group) -> None:
    """Kind 1: the record is too large; what it did cannot be told from what was there."""
    group.allow(22, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    omitted = {"reason": "requestParameters too large", "omitted": "true", "originalSize": "149893"}
    response = {"securityGroupRuleSet": {"items": [{"groupId": group.id}]}}
    change = ec2("AuthorizeSecurityGroupIngress", omitted, responseElements=response)
    assert world.one(change).status is Status.ASKED


def test_an_edited_rule_goes_back_to_what_it_was_under_its_id(world: World) -> None:
    """Kind 2: access from inside was in the same rule; the id survives."""
    group = Group(vpn=False)
    rule = group.allow(22, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "from inside"}])
    swept(world)
    before = group.rules()
    change = group.edit(rule, 22, "0.0.0.0/0")

    decision = world.one(change)

    assert decision.status is Status.REVERTED, decision.reason
    (step,) = decision.plan.steps
    assert step.call.operation == "ModifySecurityGroupRules"
    assert group.rules() == before
    (update,) = step.call.parameters["SecurityGroupRules"]  # type: ignore[misc, str-unpack]
    assert update["SecurityGroupRule"]["Description"] == "from inside"  # type: ignore[index, call-overload]


def test_the_baseline_follows_a_harmless_edit(world: World) -> None:
    """Kind 2: what is put back is what the last edit said, not the one before it."""
    group = Group(vpn=False)
    rule = group.allow(22, IpRanges=[{"CidrIp": "10.0.0.0/8"}])
    swept(world)
    assert world.handle(group.edit(rule, 22, "192.168.0.0/16")) == []

    assert world.one(group.edit(rule, 22, "0.0.0.0/0")).status is Status.REVERTED
    assert group.rules()[rule] == "tcp 22|192.168.0.0/16"


def test_an_edited_rule_without_a_baseline_is_asked_about(world: World, group: Group) -> None:
    """Kind 2: nobody knows what the rule let in before."""
    rule = group.allow(22, IpRanges=[{"CidrIp": "10.0.0.0/8"}])

    decision = world.one(group.edit(rule, 22, "0.0.0.0/0"))

    assert decision.status is Status.ASKED
    assert f"what rule {rule} let in before it was edited is not recorded" in decision.reason
    assert "is cut with it" in decision.plan.advice


def test_an_edited_egress_rule_is_nothing_to_ask_about(world: World, group: Group) -> None:
    """Kind 9: ModifySecurityGroupRules edits both directions."""
    found = group.ec2.describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group.id]}]
    )
    (rule,) = (one for one in found["SecurityGroupRules"] if one["IsEgress"])
    change = group.edit(rule["SecurityGroupRuleId"], 22, "0.0.0.0/0")
    assert world.handle(change) == []


def test_an_edited_egress_rule_wakes_the_way_outs_control(world: World) -> None:
    """Kind 9: the way out is opened by an edit as well as by a new rule."""
    client = boto3.client("ec2")
    group = Group(vpn=False)
    everywhere = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    client.revoke_security_group_egress(GroupId=group.id, IpPermissions=everywhere)
    made = client.authorize_security_group_egress(
        GroupId=group.id,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 22,
                "ToPort": 22,
                "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
            }
        ],
    )
    list(sweep(world.guard, REGION, only=[control("ec2.open-egress")]))
    rule = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    decision = world.one(group.edit(rule, 22, "0.0.0.0/0"))

    assert decision.control == "ec2.open-egress"


@pytest.mark.parametrize(
    ("description", "tag"),
    [
        ("kubernetes.io/rule/nlb/client=a1b2", ""),
        ("kubernetes.io/rule/nlb/health=a1b2", ""),
        ("", "kubernetes.io/cluster/prod"),
        ("", "elbv2.k8s.aws/cluster"),
    ],
)
def test_what_kubernetes_opened_is_asked_about(
    world: World, group: Group, description: str, tag: str
) -> None:
    """Kind 4: a network load balancer's clients come in by the node ports of the nodes' group."""
    if tag:
        group.ec2.create_tags(Resources=[group.id], Tags=[{"Key": tag, "Value": "owned"}])
    told = {"Description": description} if description else {}
    group.allow(31234, IpRanges=[{"CidrIp": "0.0.0.0/0", **told}])
    before = group.rules()

    decision = world.one(flat_ingress(group.id, 31234, "0.0.0.0/0"))

    assert decision.status is Status.ASKED
    assert "Kubernetes" in decision.reason
    assert group.rules() == before


def broken_lists(monkeypatch: pytest.MonkeyPatch, fakes: Fakes) -> None:
    fakes.install(
        {
            ("ec2", "GetManagedPrefixListEntries"): lambda _: {
                "Error": {"Code": "InvalidPrefixListID.NotFound"}
            }
        }
    )


def test_a_prefix_list_that_cannot_be_read_hides_no_other_rule(
    world: World, group: Group, monkeypatch: pytest.MonkeyPatch, fakes: Fakes
) -> None:
    """Kind 8: a list that its owner shares no longer; another rule is opened beside it."""
    by_list(group)
    broken_lists(monkeypatch, fakes)
    group.allow(22, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    assert world.one(flat_ingress(group.id, 22, "0.0.0.0/0")).status is Status.REVERTED


def test_a_new_rule_by_a_list_that_cannot_be_read_is_told_of(
    world: World, group: Group, monkeypatch: pytest.MonkeyPatch, fakes: Fakes
) -> None:
    """Kind 8: whom it lets in cannot be told, so a person looks."""
    list_id = by_list(group)
    broken_lists(monkeypatch, fakes)
    asked = permission(22) | {"prefixListIds": {"items": [{"prefixListId": list_id}]}}
    decision = world.one(nested_ingress(group.id, asked))
    assert decision.status is Status.OBSERVED
    assert "cannot be read" in decision.summary


def by_list(group: Group, cidr: str = "10.0.0.0/8") -> str:
    made = group.ec2.create_managed_prefix_list(
        PrefixListName="offices",
        MaxEntries=5,
        AddressFamily="IPv4",
        Entries=[{"Cidr": cidr}],
    )
    id_ = str(made["PrefixList"]["PrefixListId"])
    group.allow(22, PrefixListIds=[{"PrefixListId": id_}])
    return id_


def test_a_list_that_comes_to_hold_the_internet_is_told(
    world: World, group: Group, fakes: Fakes
) -> None:
    """Kind 9: no rule changes, and every rule that names the list lets the internet in.

    The emulator does not know the filter by prefix list.
    """
    id_ = by_list(group)
    using: Any = {"SecurityGroups": [{"GroupId": group.id}]}
    fakes.install({("ec2", "DescribeSecurityGroups"): lambda _: using})
    group.ec2.modify_managed_prefix_list(
        PrefixListId=id_, CurrentVersion=1, AddEntries=[{"Cidr": "0.0.0.0/0"}]
    )
    asked = {"PrefixListId": id_, "CurrentVersion": 1, "AddEntry": {"tag": 1, "Cidr": "0.0.0.0/0"}}

    decision = world.one(wrapped("ModifyManagedPrefixList", asked, {}))

    assert decision.status is Status.OBSERVED
    assert group.id in decision.summary
    assert decision.plan.steps == ()


def test_a_list_that_no_group_uses_is_nothing_to_tell_of(
    world: World, group: Group, fakes: Fakes
) -> None:
    fakes.install({("ec2", "DescribeSecurityGroups"): lambda _: {"SecurityGroups": []}})
    made = group.ec2.create_managed_prefix_list(
        PrefixListName="spare", MaxEntries=5, AddressFamily="IPv4", Entries=[{"Cidr": "0.0.0.0/0"}]
    )
    id_ = made["PrefixList"]["PrefixListId"]
    asked = {"PrefixListId": id_, "AddEntry": {"tag": 1, "Cidr": "0.0.0.0/0"}}
    assert world.handle(wrapped("ModifyManagedPrefixList", asked, {})) == []


def test_a_rules_reserved_tags_are_left_out_and_told(
    world: World, group: Group, fakes: Fakes
) -> None:
    """Kind 5: AWS refuses tags of `aws:` in a request, and so an undo that sends them."""
    group.allow(22, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    described = group.ec2.describe_security_group_rules

    def with_tags(parameters: dict[str, Any]) -> Any:
        found = real(parameters)
        tags = [
            {"Key": "aws:cloudformation:stack-name", "Value": "web"},
            {"Key": "owner", "Value": "mallory"},
        ]
        rules = [{**rule, "Tags": tags} for rule in found["SecurityGroupRules"]]
        return {"SecurityGroupRules": rules}

    answered = described(Filters=[{"Name": "group-id", "Values": [group.id]}])
    real = lambda _: answered  # noqa: E731
    fakes.install({("ec2", "DescribeSecurityGroupRules"): with_tags})
    open_ingress = control("ec2.open-ingress")
    (candidate,) = open_ingress.screen(flat_ingress(group.id, 22, "0.0.0.0/0"), settings())
    state = open_ingress.observe(candidate, world.guard.aws.reader("123456789012", REGION))
    assert state is not None
    plan = open_ingress.plan(candidate, Observation(state, ""), None, settings())
    (step,) = plan.steps
    (undo,) = step.undo
    assert undo.parameters["TagSpecifications"] == [
        {"ResourceType": "security-group-rule", "Tags": [{"Key": "owner", "Value": "mallory"}]}
    ]
    assert "aws:cloudformation:stack-name" in plan.advice
