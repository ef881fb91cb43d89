"""A timer that was lost or deleted is made up for; and nobody has the guard act before a time."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from driftguard import controls
from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.desk import Desk
from driftguard.aws.calls import AwsError
from driftguard.engine.intake import Intake
from driftguard.events.commands import (
    carry_out_message,
    expire_message,
    look_message,
    thaw_message,
)
from driftguard.model import Decision, Status
from driftguard.state import freezes
from driftguard.state.keys import StateRecord, freeze_key, overdue_key
from driftguard.sweep import overdue, rounds
from driftguard.sweep.rounds import Report, Sweeper
from tests.support.api_requests import BOB, AtTheSignedApi, Log
from tests.support.approving import Asked
from tests.support.queues import change_message, command_message, queues
from tests.support.records import envelope, flat_ingress, record
from tests.support.refusals import Refusing
from tests.support.world import HERE, REGION, World

REVOKE = "RevokeSecurityGroupIngress"


class Said(Log):
    """A logger that keeps what it was told, with what goes beside it."""

    def warning(self, msg: str, /, *args: object, extra: object = None) -> None:
        self.lines.append(f"{msg % args} {extra}")


@pytest.fixture
def queue(world: World) -> str:
    return str(boto3.client("sqs").create_queue(QueueName="commands")["QueueUrl"])


def run(world: World, queue: str) -> Report:
    some = [control for control in controls.every() if control.id == "dynamodb.protection-off"]
    swept = Sweeper(world.guard, REGION, queue, 0, Said(), only=some)
    return swept.run(lambda: 900.0, scheduled=True)


def found(world: World) -> Iterator[overdue.Overdue]:
    return overdue.found(world.guard, lambda: 900.0)


def sent(queue: str) -> list[Any]:
    client, found = boto3.client("sqs"), []
    while messages := client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        for one in messages:
            found.append(json.loads(one["Body"]))
            client.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
    return found


def late(world: World, due: str) -> None:
    world.clock.at = datetime.fromisoformat(due) + overdue.LATE + timedelta(seconds=1)


@pytest.fixture
def failed(world: World, group: str, refusing: Refusing) -> Decision:
    refusing(REVOKE, "UnauthorizedOperation")
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.next_try
    return decision


# ---------------------------------------------------------------------------- a lost timer


def test_the_guard_is_woken_for_an_approval_request_whose_timer_is_gone(
    world: World, group: str, queue: str
) -> None:
    """Whoever may delete schedules kept a request open for ever, and its timeout action away."""
    asked = Asked(world, group, timeout_action="revert", seconds=3_600)
    before = run(world, queue)
    assert (before.overdue, before.waiting) == (0, 1)
    late(world, asked.decision.expires)

    assert run(world, queue).overdue == 1

    (command,) = [one for one in sent(queue) if one["driftguard"] == "expire"]
    assert command == expire_message(asked.decision.id)
    assert asked.guard.expire(asked.decision.id).status is Status.REVERTED
    after = run(world, queue)
    assert (after.overdue, after.waiting) == (0, 0)


def test_the_guard_is_woken_for_a_retry_whose_timer_is_gone(
    world: World, queue: str, failed: Decision, refusing: Refusing
) -> None:
    assert run(world, queue).overdue == 0
    late(world, failed.next_try)
    assert run(world, queue).overdue == 1
    assert expire_message(failed.id) in sent(queue)
    refusing(REVOKE, "none", times=0)
    assert world.guard.expire(failed.id).status is Status.REVERTED


def test_requests_that_cannot_be_counted_keep_no_round_from_going_on(
    world: World, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(*_: object) -> int:
        raise AwsError("dynamodb:Query was throttled", code="ThrottlingException")

    monkeypatch.setattr(rounds, "how_many", throttled)
    report = run(world, queue)
    assert report.waiting is None
    assert report.outcomes["failed"] == 0


def test_a_timer_that_may_still_ring_is_not_lost(
    world: World, queue: str, failed: Decision
) -> None:
    world.clock.at = datetime.fromisoformat(failed.next_try) + timedelta(minutes=1)
    assert run(world, queue).overdue == 0


def test_a_freeze_whose_end_nobody_saw_is_made_up_for(world: World, queue: str, group: str) -> None:
    api = AtTheSignedApi(Asked(world, group))
    status, told = api.post(BOB, "/act", act="freeze", reason="x", for_seconds=3_600)
    assert status == 200, told
    assert not [*found(world)]
    until = str(world.state.record(freeze_key(HERE, "all")).document["until"])
    late(world, until)
    (one,) = found(world)
    assert one == (told["decision"], until, thaw_message(told["decision"]))
    world.clock.pass_by(hours=4)
    assert not [*found(world)]


@pytest.mark.parametrize("is_met", [False, True])
def test_a_freeze_that_names_a_decision_of_its_own_making_is_thawed_by_the_one_that_found_it(
    world: World, group: str, is_met: bool
) -> None:
    """The command went by the decision that the item names, which nobody knows: it was
    dead-lettered."""
    until, key = world.guard.stamp(timedelta(hours=1)), freeze_key(HERE, "all")
    forged = {"by": "ops", "until": until, "decision": f"dg-{'a' * 24}"}
    world.state.write(StateRecord(key, forged))
    if is_met:
        world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    late(world, until)
    met = freezes.found_id(world.state.record(key))
    assert [one.decision for one in found(world)] == ([met] if is_met else [])


def test_what_one_run_leaves_is_taken_up_by_the_next(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest 1,000 were found in every run; where those stayed overdue, no later one was."""
    asked = Asked(world, group)
    first = asked.decision
    second = replace(
        first, id=f"dg-{'2' * 24}", version=0, decided=world.guard.stamp(timedelta(seconds=1))
    )
    world.audit.append(second, event="decided", note="")
    late(world, max(first.expires, second.expires))
    monkeypatch.setattr(overdue, "MOST", 1)
    runs = [[one.decision for one in found(world)] for _ in range(3)]
    assert runs == [[first.id], [second.id], [first.id]]


def test_a_look_at_what_is_overdue_leaves_time_for_the_round(world: World, group: str) -> None:
    late(world, Asked(world, group).decision.expires)
    hurried = iter([900.0, 900.0 - overdue._LOOKS - 1])
    assert not [*overdue.found(world.guard, lambda: next(hurried, 700.0))]
    assert len([*found(world)]) == 1


@pytest.mark.parametrize("written", ["zzz", "2999-01-01T00:00:00.000Z", "2999"])
def test_a_progress_that_can_be_none_begins_with_the_oldest(
    world: World, group: str, written: str
) -> None:
    late(world, Asked(world, group).decision.expires)
    world.state.write(StateRecord(overdue_key(HERE), {"asked": written}))
    assert len([*found(world)]) == 1


def test_what_cannot_be_read_does_not_keep_the_round_from_going_on(
    world: World, queue: str, refusing: Refusing
) -> None:
    refusing("Query", "AccessDeniedException", times=1)
    report = run(world, queue)
    assert report.outcomes["failed"] == 1
    assert report.outcomes["recorded"]


# ------------------------------------------------------------------------- before its time


@pytest.fixture
def obeys(world: World) -> Callable[[Any], list[Decision]]:
    dead = boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    intake = Intake(world.guard, queues(dead), logging.getLogger("test"))
    return lambda message: intake.take(intake.opened(command_message(message)))


def test_a_wake_before_its_time_does_nothing(
    world: World, queue: str, failed: Decision, refusing: Refusing
) -> None:
    """`/wake` had it tried at once for any caller, as often as they liked, until the pauses were
    a day long."""
    desk = Desk(world.audit, world.state, world.guard.policy, world.clock.now)
    commands = CommandQueue(lambda: boto3.client("sqs"), queue)
    reply = desk.wake(failed.id, commands)
    assert reply.text == f"Nothing is left to do before {failed.next_try}: the decision is failed."
    assert sent(queue) == []
    world.clock.at = datetime.fromisoformat(failed.next_try)
    assert desk.wake(failed.id, commands).text == "The guard has been woken."
    assert sent(queue) == [carry_out_message(failed.id)]


def test_an_open_request_is_not_woken_before_its_deadline(world: World, group: str) -> None:
    api = AtTheSignedApi(Asked(world, group))
    status, told = api.post(BOB, "/wake")
    assert status == 200
    assert told["text"].startswith(f"Nothing is left to do before {api.asked.decision.expires}")
    assert api.sent() == []


@pytest.mark.parametrize("command", [carry_out_message, expire_message])
def test_no_command_has_it_tried_before_its_time(
    world: World,
    obeys: Callable[[Any], list[Decision]],
    failed: Decision,
    refusing: Refusing,
    command: Callable[[str], Any],
) -> None:
    refusing(REVOKE, "none", times=0)
    assert obeys(command(failed.id)) == [failed]
    world.clock.at = datetime.fromisoformat(failed.next_try)
    assert [one.status for one in obeys(command(failed.id))] == [Status.REVERTED]


def test_neither_an_event_that_comes_again_nor_a_look_tries_it_before_its_time(
    world: World, group: str, refusing: Refusing
) -> None:
    """Each try made the next one later: the fifth event put it off for a day."""
    asked = {
        "groupId": group,
        "ipPermissions": {},
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIp": "0.0.0.0/0",
    }
    made = envelope(record("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", asked))
    dead = boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    intake = Intake(world.guard, queues(dead), logging.getLogger("test"))
    refusing(REVOKE, "UnauthorizedOperation")
    (failed,) = intake.take(intake.opened(change_message(made)))
    assert failed.status is Status.FAILED
    for _ in range(3):
        assert intake.take(intake.opened(change_message(made))) == [failed]
    found = look_message(failed.control, failed.candidate.resource)
    intake.take(intake.opened(command_message(found)))
    assert world.audit.get(failed.id) == failed
