"""12.12: nobody gets a change to stand by making it, or others, again and again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import boto3

from driftguard.documents import documents
from driftguard.engine.guard import Guard
from driftguard.model import Decision, Status
from driftguard.policy.bounds import Flapping
from driftguard.state.keys import circuit_breaker_key
from tests.support.approving import is_open, open_up
from tests.support.records import flat_ingress
from tests.support.refusals import Refusing
from tests.support.world import HERE, World


def opens(world: World, group: str, guard: Guard | None = None) -> Decision:
    """What becomes of one more opening, made by mallory."""
    if not is_open(group):
        open_up(group, 22)
    (decision,) = world.handle(flat_ingress(group, 22, "0.0.0.0/0"), guard)
    return decision


def closed_by_hand(group: str) -> None:
    door = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
    boto3.client("ec2").revoke_security_group_ingress(GroupId=group, **door)


def asking_when_flapping(world: World) -> Guard:
    terms = Flapping(reverts=1, keep_safe=False)
    return world.with_policy(
        lambda given: replace(given, bounds=given.bounds._replace(flapping=terms))
    )


def question(world: World, group: str) -> tuple[Guard, Decision]:
    """A guard, and its approval request about what only flapping keeps it from reverting."""
    guard = asking_when_flapping(world)
    assert opens(world, group, guard).status is Status.REVERTED
    decision = opens(world, group, guard)
    assert decision.status is Status.ASKED
    return guard, decision


def at_its_deadline(world: World, guard: Guard, decision: Decision) -> Decision:
    world.clock.at = datetime.fromisoformat(decision.expires)
    return guard.expire(decision.id)


def test_the_fourth_opening_is_taken_back_like_the_first(world: World, group: str) -> None:
    decisions = [opens(world, group) for _ in range(8)]
    assert [decision.status for decision in decisions] == [Status.REVERTED] * 8
    assert not is_open(group)
    for decision in decisions[3:]:
        assert "flapping:" in decision.reason
        assert f"driftguard undo {decision.id}" in decision.reason
    record = world.state.record(circuit_breaker_key(HERE)).document
    assert len(documents(record, "reverts")) == 3, "one resource used the circuit breaker up"


def test_what_timed_out_while_risky_is_asked_again_for_longer_and_not_for_ever(
    world: World, group: str
) -> None:
    guard, decision = question(world, group)
    open_for = []
    while decision.status is Status.ASKED:
        open_for.append(datetime.fromisoformat(decision.expires) - world.clock.at)
        decision = at_its_deadline(world, guard, decision)
    assert [round(one / open_for[0]) for one in open_for] == [1, 2, 4, 8]
    assert decision.status is Status.EXPIRED
    assert decision.reason.startswith("nobody voted")


def test_what_cannot_be_read_at_its_deadline_is_asked_again_too(
    world: World, group: str, refusing: Refusing
) -> None:
    """12.12: whoever kept the guard from reading the resource only had to wait until it expired."""
    guard, decision = question(world, group)
    refusing("DescribeSecurityGroupRules", "UnauthorizedOperation")
    open_for = []
    while decision.status is Status.ASKED:
        open_for.append(datetime.fromisoformat(decision.expires) - world.clock.at)
        world.clock.at = datetime.fromisoformat(decision.expires)
        decision = guard.expire(decision.id, last_chance=True)
        if decision.status is Status.ASKED:
            assert "cannot be read" in decision.reason
    assert [round(one / open_for[0]) for one in open_for] == [1, 2, 4, 8]
    assert decision.status is Status.EXPIRED


def test_what_policy_only_asks_about_is_left_alone_as_policy_says(world: World, group: str) -> None:
    from driftguard.model import Autonomy

    guard = world.with_policy(lambda given: replace(given, autonomy={}, default=Autonomy.ASK))
    decision = opens(world, group, guard)
    assert at_its_deadline(world, guard, decision).status is Status.EXPIRED


def test_a_request_about_a_state_that_is_gone_closes_at_the_next_change(
    world: World, group: str
) -> None:
    guard, decision = question(world, group)
    closed_by_hand(group)
    assert world.handle(flat_ingress(group, 22, "0.0.0.0/0"), guard) == []
    closed = world.audit.get(decision.id)
    assert closed is not None
    assert (closed.status, closed.done) == (Status.REVERTED, 0)
    assert "is gone" in closed.reason


def test_a_request_about_a_state_that_is_gone_closes_at_its_deadline(
    world: World, group: str
) -> None:
    guard, decision = question(world, group)
    closed_by_hand(group)
    closed = at_its_deadline(world, guard, decision)
    assert closed.status is Status.REVERTED
    assert "is gone" in closed.reason


def test_a_request_about_a_state_that_still_stands_stays_open(world: World, group: str) -> None:
    guard, decision = question(world, group)
    other = opens(world, group, guard)
    assert other.id == decision.id
    still = world.audit.get(decision.id)
    assert still is not None
    assert still.status is Status.ASKED
