"""12.8: nothing is too large to be taken back, recorded, told and undone."""

from __future__ import annotations

import random
import string
from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from driftguard.audit import sizes
from driftguard.audit.chain import fault_in
from driftguard.audit.parts import PART
from driftguard.documents import why_unkept
from driftguard.engine.case import Case
from driftguard.engine.comparing import Assessment, Comparison
from driftguard.events.commands import Undo
from driftguard.model import Change, Decision, Observation, Status
from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario
from tests.support import strict_aws
from tests.support.approving import approved
from tests.support.properties import tried
from tests.support.records import flat_ingress, nested_ingress, permission
from tests.support.round_trips import staged_trip
from tests.support.world import Clock, Fakes, World, make_tables, new_guard, warm_aws


def noise(size: int, seed: str = "") -> str:
    """Text that hardly compresses."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=size))


def tags(seed: int) -> list[dict[str, Any]]:
    """As many tags as AWS takes, as long as AWS takes them."""
    each = [
        {"Key": noise(128, seed * 50 + n), "Value": noise(256, -seed * 50 - n)} for n in range(50)
    ]
    return [{"ResourceType": "security-group-rule", "Tags": each}]


PORTS = (22, *range(1_001, 1_100))


def opening(group: str, opened: int) -> Change:
    """The change that opened so many of a padded group's rules."""
    return nested_ingress(group, *(permission(port, "0.0.0.0/0") for port in PORTS[:opened]))


def padded_group(opened: int, harmless: int) -> str:
    """A group with padded rules: some are open to the internet, others are private."""
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName="g", Description="d")["GroupId"]
    for number in range(opened + harmless):
        port = PORTS[number]
        source = "0.0.0.0/0" if number < opened else "10.0.0.0/8"
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[permission | {"IpRanges": [{"CidrIp": source}]}],
            TagSpecifications=tags(number),
        )
    return str(group)


def rules(group: str) -> list[Any]:
    """The group's rules, without the ids that AWS makes anew."""
    found = boto3.client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )["SecurityGroupRules"]
    kept = ("FromPort", "ToPort", "CidrIpv4", "IsEgress")
    shown = [
        {name: rule[name] for name in kept}
        | {"tags": sorted((tag["Key"], tag["Value"]) for tag in rule.get("Tags", []))}
        for rule in found
    ]
    return sorted(shown, key=lambda rule: (rule["FromPort"], rule["IsEgress"]))


def is_open(group: str) -> bool:
    return any(rule["CidrIpv4"] == "0.0.0.0/0" for rule in rules(group) if not rule["IsEgress"])


def undone(world: World, decision: Decision) -> Decision:
    return world.guard.undo(Undo(decision.id, "bob", "a test"))


def holds_together(world: World, decision: Decision) -> bool:
    return fault_in(decision.id, world.audit.partition(decision.id))[0] is None


@pytest.mark.parametrize(("opened", "harmless"), [(10, 0), (1, 20)])
def test_a_padded_group_is_closed_recorded_and_opened_again_exactly(
    world: World, opened: int, harmless: int
) -> None:
    with strict_aws.enforced(now=world.clock.now):
        group = padded_group(opened, harmless)
        before = rules(group)
        decision = world.one(opening(group, opened))
        assert decision.status is Status.REVERTED, decision.reason
        assert not is_open(group)
        assert decision.apart is not None
        assert world.audit.get(decision.id) == decision
        assert undone(world, decision).status is Status.UNDONE
        assert world.audit.log(decision.id)[-1].note == "exactly as before"
        assert rules(group) == before
        assert holds_together(world, decision)


def test_a_state_too_large_to_be_kept_is_reverted_and_undone_nevertheless(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "_MOST_PACKED", 100_000)
    with strict_aws.enforced(now=world.clock.now):
        group = padded_group(1, 12)
        before = rules(group)
        decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
        assert decision.status is Status.REVERTED, decision.reason
        assert "too large to be kept" in why_unkept(decision.state)
        assert not is_open(group)
        assert undone(world, decision).status is Status.UNDONE
        assert world.audit.log(decision.id)[-1].note == "exactly as before"
        assert rules(group) == before


def test_an_undo_too_large_to_be_kept_makes_the_guard_ask(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "_MOST_PACKED", 100_000)
    with strict_aws.enforced(now=world.clock.now):
        group = padded_group(12, 0)
        decision = world.one(opening(group, 12))
        assert decision.status is Status.ASKED
        assert "cannot be undone" in decision.reason
        decision = approved(world.guard, decision)
        assert decision.status is Status.REVERTED, decision.reason
        assert not is_open(group)
        assert undone(world, decision).status is Status.REVERTED
        entry = world.audit.log(decision.id)[-1]
        assert (entry.event, "too large to be kept" in entry.note) == ("undo-refused", True)
        assert holds_together(world, decision)


def lose_a_part(decision: Decision) -> None:
    client = boto3.client("dynamodb")
    items = client.query(
        TableName="audit",
        KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
        ExpressionAttributeValues={":pk": {"S": decision.id}, ":part": {"S": PART}},
    )["Items"]
    for item in items:
        client.delete_item(TableName="audit", Key={name: item[name] for name in ("pk", "sk")})


def test_an_undo_whose_record_is_lost_is_refused_in_words(world: World) -> None:
    group = padded_group(1, 12)
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    lose_a_part(decision)
    assert undone(world, decision).status is Status.REVERTED
    entry = world.audit.log(decision.id)[-1]
    assert entry.event == "undo-refused"
    assert entry.note.startswith("what an undo would put back is lost from the record")
    assert not is_open(group)


def test_an_approved_plan_that_is_lost_is_asked_about_anew(world: World) -> None:
    guard = world.with_policy(lambda policy: replace(policy, autonomy={}, default=policy.default))
    group = padded_group(1, 12)
    (decision,) = guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.ASKED
    lose_a_part(decision)
    again = approved(guard, decision)
    assert again.status is Status.ASKED
    assert not again.lost
    assert world.audit.get(decision.id) == again
    assert approved(guard, again).status is Status.REVERTED


# ------------------------------------------------------------------------- every control


@cache
def padding(size: int) -> str:
    return noise(size)


# Small, held apart, cut where little is kept, and cut in any case.
SIZES = [90_000, 110_000, 400_000, 1_700_000]


@tried(0.35)
@given(
    scenario=st.sampled_from(SCENARIOS),
    size=st.sampled_from(SIZES),
    most=st.sampled_from([200_000, 1_200_000]),
)
def test_whatever_is_padded_is_reverted_settled_and_undone(
    scenario: Scenario, size: int, most: int
) -> None:
    observe, assess = Case.observe, Comparison.assess

    def padded(case: Case) -> Observation | None:
        seen = observe(case)
        return seen and replace(seen, state={**seen.state, "padding": padding(size)})

    def assessed(comparison: Comparison, seen: Observation) -> Assessment | None:
        # Some controls hand their whole state to a call, which takes no padding.
        bare = {name: value for name, value in seen.state.items() if name != "padding"}
        found = assess(comparison, replace(seen, state=bare))
        return found and replace(found, observation=seen)

    with mock_aws(), pytest.MonkeyPatch.context() as monkeypatch:
        make_tables()
        world = World(new_guard(clock := Clock(), warm_aws()), clock)
        with (
            patch.object(sizes, "_MOST_PACKED", most),
            staged_trip(world, Fakes(monkeypatch), scenario) as trip,
            patch.object(Case, "observe", padded),
            patch.object(Comparison, "assess", assessed),
        ):
            decision = trip.walk()
            assert holds_together(world, decision)
