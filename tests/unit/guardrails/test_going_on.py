"""What was decided earlier is finished only while it would still be allowed, and as it was asked.

A worker dies or is throttled, a message is dead-lettered and comes back days later: by then people
may have said otherwise, and the resource may be another than they were shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from driftguard.engine.errors import NotYet
from driftguard.engine.guard import Guard
from driftguard.model import Autonomy, Decision, Status
from driftguard.policy.bounds import Bounds, CircuitBreaker, Exemption, Flapping, Limit, Scope
from driftguard.policy.model import Terms
from tests.support.approving import PEOPLE, Asked, is_open, open_up
from tests.support.guardrails.held import CONTROL
from tests.support.records import flat_ingress
from tests.support.world import World

REVOKE = "RevokeSecurityGroupIngress"


def throttled_once(patch: pytest.MonkeyPatch, operation: str = REVOKE) -> None:
    """The next such call is throttled, as AWS would answer."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    left = [operation]

    def answered(client: BaseClient, name: str, parameters: Any) -> Any:
        if name in left:
            left.remove(name)
            raise ClientError({"Error": {"Code": "RequestLimitExceeded", "Message": "no"}}, name)
        return original(client, name, parameters)

    patch.setattr(BaseClient, "_make_api_call", answered)


def ports(group: str) -> list[int]:
    (found,) = boto3.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return sorted(one["FromPort"] for one in found["IpPermissions"])


def exempted(guard: Guard) -> tuple[Guard, str]:
    given = Exemption(CONTROL, "*", "2999-01-01", "a honeypot")
    policy = replace(guard.policy, exemptions=(given,))
    return replace(guard, policy=policy), "exempted until 2999-01-01: a honeypot"


def capped(guard: Guard) -> tuple[Guard, str]:
    return replace(guard, ceiling=Autonomy.OBSERVE), "the stack's AutonomyCeiling is observe"


def no_longer_granted(guard: Guard) -> tuple[Guard, str]:
    policy = replace(guard.policy, autonomy={CONTROL: Autonomy.ASK})
    return replace(guard, policy=policy), "policy grants ask"


def protected(guard: Guard) -> tuple[Guard, str]:
    limit = Limit(Scope(), Autonomy.ASK, "production")
    policy = replace(guard.policy, bounds=Bounds(protected=(limit,)))
    return replace(guard, policy=policy), "protected: production"


@pytest.mark.parametrize(
    ("held", "status"),
    [
        (exempted, Status.FAILED),
        (capped, Status.FAILED),
        (no_longer_granted, Status.ASKED),
        (protected, Status.ASKED),
    ],
)
def test_a_dead_lettered_revert_is_not_finished_once_something_holds_it_back(
    world: World,
    group: str,
    held: Callable[[Guard], tuple[Guard, str]],
    status: Status,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change = flat_ingress(group, 22, "0.0.0.0/0")
    throttled_once(monkeypatch)
    with pytest.raises(NotYet):
        list(world.guard.handle(change, last_chance=True))
    guard, why = held(world.guard)
    world.clock.pass_by(days=1)
    redriven = world.one(change, guard)
    assert redriven.status is status
    assert why in redriven.reason
    assert is_open(group)


def test_its_own_place_in_the_circuit_breaker_and_in_a_flapping_does_not_hold_it_back(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = Bounds(circuit_breaker=CircuitBreaker(control=1), flapping=Flapping(reverts=1))
    guard = world.with_policy(lambda given: replace(given, bounds=bounds))
    change = flat_ingress(group, 22, "0.0.0.0/0")
    throttled_once(monkeypatch)
    with pytest.raises(NotYet):
        list(guard.handle(change))
    assert world.one(change, guard).status is Status.REVERTED


def test_an_approval_is_not_carried_over_to_what_was_opened_after_it(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Asked(world, group)
    question.vote("bob")
    throttled_once(monkeypatch)
    with pytest.raises(NotYet):
        question.carried_out()
    open_up(group, 3389)
    ended = question.carried_out()
    assert ended.status is Status.REVERTED
    assert ports(group) == [3389]


def test_what_is_opened_while_an_approved_revert_runs_is_left_to_its_own_question(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Asked(world, group)
    question.vote("bob")
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    opened: list[int] = []

    def racing(client: BaseClient, name: str, parameters: Any) -> Any:
        answer = original(client, name, parameters)
        if name == REVOKE and not opened:
            opened.append(3389)
            open_up(group, 3389)
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", racing)
    ended = question.carried_out()
    assert ended.status is Status.REVERTED
    assert ports(group) == [3389]
    assert ended.done == 1
    own = world.one(flat_ingress(group, 3389, "0.0.0.0/0"), question.guard)
    assert own.status is Status.ASKED


def test_an_approved_revert_that_was_put_off_is_finished_as_it_was_asked(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Asked(world, group)
    question.vote("bob")
    throttled_once(monkeypatch)
    with pytest.raises(NotYet):
        question.carried_out()
    # Who approved it has said more than any of these.
    guard, _ = protected(exempted(question.guard)[0])
    assert guard.carry_out(question.decision.id).status is Status.REVERTED


def by_timeout(world: World) -> Guard:
    terms = (Terms(timeout_action="revert"),)
    return world.with_policy(
        lambda given: replace(
            given, autonomy={}, default=Autonomy.ASK, people=PEOPLE, approvals=terms
        )
    )


def unanswered(world: World, guard: Guard, group: str) -> Decision:
    (decision,) = guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.ASKED
    world.clock.pass_by(days=2)
    return decision


@pytest.mark.parametrize(
    ("operation", "status"),
    [("DescribeSecurityGroupRules", Status.EXPIRED), (REVOKE, Status.FAILED)],
    ids=["before it began", "after it began"],
)
def test_an_exemption_holds_what_only_silence_approved_wherever_it_was_interrupted(
    world: World, group: str, operation: str, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = by_timeout(world)
    decision = unanswered(world, guard, group)
    throttled_once(monkeypatch, operation)
    with pytest.raises(Exception, match="throttled"):
        guard.expire(decision.id)
    ended = exempted(guard)[0].expire(decision.id)
    assert ended.status is status
    assert "exempted until 2999-01-01: a honeypot" in ended.reason
    assert is_open(group)


def test_silence_that_took_the_circuit_breakers_last_place_is_carried_out_after_an_interruption(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = by_timeout(world)
    bounds = Bounds(circuit_breaker=CircuitBreaker(control=1))
    guard = replace(guard, policy=replace(guard.policy, bounds=bounds))
    decision = unanswered(world, guard, group)
    throttled_once(monkeypatch, "DescribeSecurityGroupRules")
    with pytest.raises(Exception, match="throttled"):
        guard.expire(decision.id)
    assert guard.expire(decision.id).status is Status.REVERTED
