"""12.11: a revert that failed is tried again until the risk is gone or people end it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard import controls
from driftguard.engine.intake import LAST_DELIVERY, Intake, Retry
from driftguard.events.commands import expire_message
from driftguard.model import Autonomy, Decision, Status
from driftguard.policy.model import Terms
from driftguard.state.exemptions import exempted
from driftguard.state.keys import exemptions_key
from tests.support.approving import PEOPLE, Asked, approved
from tests.support.queues import change_message, command_message, queues
from tests.support.records import envelope, flat_ingress, record
from tests.support.refusals import Refusing
from tests.support.world import HERE, World

REVOKE, READ = "RevokeSecurityGroupIngress", "DescribeSecurityGroupRules"


@pytest.fixture
def intake(world: World) -> Intake:
    dead = boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    return Intake(world.guard, queues(dead), logging.getLogger("test"))


@pytest.fixture
def opened(group: str) -> dict[str, Any]:
    asked = {
        "groupId": group,
        "ipPermissions": {},
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIp": "0.0.0.0/0",
    }
    return envelope(record("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", asked))


def only(world: World) -> Decision:
    (decision,) = world.audit.of_day(world.guard.stamp()[:10])
    return decision


def rings(intake: Intake, world: World, decision: Decision) -> Decision:
    """What becomes of the decision when its timer rings in time."""
    world.clock.at = datetime.fromisoformat(decision.next_try)
    (after,) = intake.take(intake.opened(command_message(expire_message(decision.id))))
    return after


def test_a_refused_revert_is_tried_again_at_growing_distances_and_says_so(
    intake: Intake, world: World, opened: dict[str, Any], refusing: Refusing
) -> None:
    refusing(REVOKE, "UnauthorizedOperation")
    (failed,) = intake.take(intake.opened(change_message(opened)))
    distances = []
    for times in range(6):
        assert (failed.status, failed.retries) == (Status.FAILED, times)
        assert failed.next_try in failed.reason
        if times > 1:
            assert f"tried again {times} times" in failed.reason
        distance = datetime.fromisoformat(failed.next_try) - world.clock.at
        distances.append(distance)
        failed = rings(intake, world, failed)
    assert distances == sorted(distances)
    assert round(distances[0].total_seconds()) == timedelta(minutes=15).total_seconds()
    assert round(distances[-1].total_seconds()) == timedelta(days=1).total_seconds()


def test_a_failed_revert_succeeds_once_it_is_allowed(
    intake: Intake, world: World, opened: dict[str, Any], refusing: Refusing
) -> None:
    refusing(REVOKE, "UnauthorizedOperation", times=1)
    (failed,) = intake.take(intake.opened(change_message(opened)))
    after = rings(intake, world, failed)
    assert (after.status, after.next_try) == (Status.REVERTED, "")
    again = intake.take(intake.opened(command_message(expire_message(after.id))))
    assert again == [after]


def test_a_timer_that_rings_too_early_tries_nothing(
    intake: Intake, world: World, opened: dict[str, Any], refusing: Refusing
) -> None:
    refusing(REVOKE, "UnauthorizedOperation", times=1)
    (failed,) = intake.take(intake.opened(change_message(opened)))
    assert intake.take(intake.opened(command_message(expire_message(failed.id)))) == [failed]


def exempt(world: World, failed: Decision) -> None:
    now = world.clock.at
    given = {
        "resource": failed.candidate.resource.arn,
        "until": (now + timedelta(days=9)).isoformat(),
        "reason": "ours",
        "by": "bob",
        "given": now.isoformat(),
    }
    key = exemptions_key(HERE, failed.control)
    world.state.write(exempted(world.state.record(key), "x", given, now))


@pytest.mark.parametrize("by_people", [False, True])
def test_an_exemption_ends_it(
    intake: Intake, world: World, group: str, refusing: Refusing, by_people: bool
) -> None:
    """12.11: what people had approved was tried again for ever, whatever they exempted."""
    if by_people:
        asked = Asked(world, group)
        assert asked.vote("bob").counted
        refusing(REVOKE, "UnauthorizedOperation")
        failed = world.guard.carry_out(asked.decision.id)
    else:
        refusing(REVOKE, "UnauthorizedOperation")
        failed = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert "unless people accept or exempt the change" in failed.reason
    exempt(world, failed)
    after = rings(intake, world, failed)
    assert (after.status, after.next_try, after.resumable) == (Status.FAILED, "", False)
    assert "ours" in after.reason


def test_how_often_people_were_asked_does_not_count_as_trying_again(
    world: World, group: str, refusing: Refusing
) -> None:
    """12.11, 12.12: a revert approved at the fourth asking was first tried again after a day."""
    guard = world.with_policy(
        lambda given: replace(given, people=PEOPLE, approvals=(Terms(seconds=60),))
    )
    sampled = replace(guard, ceiling=Autonomy.ASK)
    asked = world.one(flat_ingress(group, 22, "0.0.0.0/0"), sampled)
    for _ in range(3):
        world.clock.at = datetime.fromisoformat(asked.expires)
        asked = sampled.expire(asked.id)
    assert (asked.status, asked.retries) == (Status.ASKED, 3)
    refusing(REVOKE, "UnauthorizedOperation")
    failed = approved(guard, asked)
    assert (failed.status, failed.retries) == (Status.FAILED, 0)
    assert datetime.fromisoformat(failed.next_try) - world.clock.at <= timedelta(minutes=15)


def test_how_often_it_was_tried_does_not_count_as_asking(
    world: World, group: str, refusing: Refusing
) -> None:
    """12.11, 12.12: what was asked about after three failed tries was asked about only once."""
    refusing(REVOKE, "UnauthorizedOperation")
    failed = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    for _ in range(4):
        world.clock.at = datetime.fromisoformat(failed.next_try)
        failed = world.guard.expire(failed.id)
    world.clock.at = datetime.fromisoformat(failed.next_try)
    asking = world.with_policy(lambda given: replace(given, autonomy={}, default=Autonomy.ASK))
    asked = asking.expire(failed.id)
    assert asked.status is Status.ASKED
    world.clock.at = datetime.fromisoformat(asked.expires)
    assert asking.expire(asked.id).status is Status.ASKED


def test_a_failure_is_one_lesson_however_often_it_is_met(
    intake: Intake, world: World, opened: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from driftguard.state import outcomes

    lessons: list[str] = []
    teach = outcomes.of_failure
    monkeypatch.setattr(
        outcomes,
        "of_failure",
        lambda decision, *given: (lessons.append(decision.id), teach(decision, *given))[1],
    )
    original = BaseClient._make_api_call

    def without_effect(client: BaseClient, name: str, parameters: Any) -> Any:
        return {"Return": True} if name == REVOKE else original(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", without_effect)
    (failed,) = intake.take(intake.opened(change_message(opened)))
    assert "still risky after the remediation" in failed.reason
    rings(intake, world, failed)
    assert len(set(lessons)) == len(lessons) == 1


CODES = ("UnauthorizedOperation", "ExpiredToken", "UnrecognizedClientException", "AuthFailure")


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("narrow", [True, False])
def test_a_read_that_is_refused_after_the_first_says_nothing_of_the_revert(
    intake: Intake,
    world: World,
    opened: dict[str, Any],
    refusing: Refusing,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    narrow: bool,
) -> None:
    """Whether it was reverted cannot be told then; that is not the same as a failure."""
    monkeypatch.setattr(type(controls.control("ec2.open-ingress")), "narrow", narrow)
    refusing(READ, code, after=1, times=3)
    for delivery in range(1, LAST_DELIVERY):
        try:
            intake.take(intake.opened(change_message(opened, delivery)))
        except Retry:
            assert only(world).status is Status.REVERTING
            assert only(world).lease_until == ""
    intake.take(intake.opened(change_message(opened, LAST_DELIVERY)))
    assert only(world).status is Status.REVERTED


@pytest.mark.parametrize("narrow", [True, False])
def test_what_can_never_be_read_again_is_told_as_unverified_and_looked_at_again(
    intake: Intake,
    world: World,
    opened: dict[str, Any],
    refusing: Refusing,
    monkeypatch: pytest.MonkeyPatch,
    narrow: bool,
) -> None:
    monkeypatch.setattr(type(controls.control("ec2.open-ingress")), "narrow", narrow)
    refusing(READ, "UnauthorizedOperation", after=1)
    for delivery in range(1, LAST_DELIVERY):
        with pytest.raises(Retry):
            intake.take(intake.opened(change_message(opened, delivery)))
    intake.take(intake.opened(change_message(opened, LAST_DELIVERY)))
    failed = only(world)
    assert failed.status is Status.FAILED
    assert "could not be read again" in failed.reason
    assert READ in failed.reason
    assert failed.next_try
    # The timer's message cannot read it either: what it waits for is set once more.
    world.clock.at = datetime.fromisoformat(failed.next_try)
    timer = command_message(expire_message(failed.id), LAST_DELIVERY)
    intake.take(intake.opened(timer))
    still = world.audit.get(failed.id)
    assert still is not None
    assert (still.status, still.retries) == (Status.FAILED, 1)
    assert still.next_try > failed.next_try
    refusing(READ, "UnauthorizedOperation", times=0)
    assert rings(intake, world, still).status is Status.REVERTED


def test_credentials_that_are_over_are_read_anew_at_once(
    world: World, refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed: list[bool] = []
    reader = world.guard.aws.reader("123456789012", "us-east-1")
    renew = world.guard.aws.renew
    monkeypatch.setattr(
        type(world.guard.aws), "renew", lambda _: (renewed.append(True), renew())[1]
    )
    refusing("DescribeVpcs", "ExpiredToken", times=1)
    assert reader.read("ec2", "DescribeVpcs") is not None
    assert renewed == [True]
