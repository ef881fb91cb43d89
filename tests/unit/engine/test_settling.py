"""Kind 6: AWS answers before it is done, or is busy. A revert waits for it, and ends."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from driftguard import controls
from driftguard.controls.control import AnyControl, Busy, Settling
from driftguard.controls.ec2.region import ENCRYPTION_OFF
from driftguard.documents import stamp
from driftguard.engine.guard import Guard
from driftguard.engine.intake import LAST_DELIVERY, Intake, Message, Retry
from driftguard.events.commands import MARK
from driftguard.model import Autonomy, Decision, Status
from tests.support.queues import change_message, command_message, queues, undo_requested
from tests.support.records import envelope, record
from tests.support.world import Fakes, World

TEN_MINUTES = Settling(600, "a made-up service takes ten minutes")
CHANGES, DEAD = "https://sqs.example/changes", "https://sqs.example/dead"
QUEUES = queues(DEAD, CHANGES)
BUSY = Busy("Unsettled", "under way")


@dataclass
class Service:
    """Encryption by default, that reads tell of only when `lag` seconds have passed.

    `answers` are error codes that the next writes meet.
    """

    now: Callable[[], datetime]
    lag: float
    told: bool = True
    set_: tuple[bool, datetime] | None = None
    answers: tuple[str, ...] = ()
    writes: int = 0
    deaf: bool = False

    def reads(self, _: Any) -> dict[str, Any]:
        if self.set_ is not None and self.now() >= self.set_[1] + timedelta(seconds=self.lag):
            self.told = self.set_[0]
        return {"EbsEncryptionByDefault": self.told}

    def writes_to(self, value: bool) -> Callable[[Any], dict[str, Any]]:
        def write(_: Any) -> dict[str, Any]:
            self.writes += 1
            if self.answers:
                code, self.answers = self.answers[0], self.answers[1:]
                return {"Error": {"Code": code}}
            if not self.deaf:
                self.reads(None)
                self.set_ = (value, self.now())
            return {"EbsEncryptionByDefault": value}

        return write

    def settle(self) -> None:
        self.set_ = self.set_ and (self.set_[0], self.now() - timedelta(seconds=self.lag))


@dataclass
class Queue:
    """The changes queue: what is delivered again, and what is put into it anew."""

    world: World
    intake: Intake
    sent: list[dict[str, Any]]

    def deliver(self, body: Any) -> list[Decision]:
        """Delivers a message until it is done with, the clock moved on as SQS would."""
        for delivery in range(1, LAST_DELIVERY + 1):
            try:
                return self.intake.take(self.intake.opened(message(body, delivery)))
            except Retry:
                self.world.clock.pass_by(seconds=240)
        raise AssertionError("the last delivery never asks for another")

    def anew(self) -> list[Any]:
        """What was put into the queue anew, once its delay is over."""
        sent, self.sent[:] = list(self.sent), []
        for put in sent:
            assert put["QueueUrl"] in (CHANGES, QUEUES.commands)
            self.world.clock.pass_by(seconds=put["DelaySeconds"])
        return [json.loads(put["MessageBody"]) for put in sent]

    def until_done(self, body: Any) -> Decision | None:
        """The last decision that a message, and what was put into the queue for it, led to."""
        decision = None
        waiting = [body]
        while waiting:
            for decision in self.deliver(waiting.pop(0)):  # noqa: B007 - the last is looked at
                pass
            waiting += self.anew()
        return decision

    def until_dead_lettered(self, body: Any) -> str:
        """The reason why a message, delivered again and again, is dead-lettered in the end."""
        while True:
            self.deliver(body)
            (put,) = self.sent
            if put["QueueUrl"] == DEAD:
                return str(put["MessageAttributes"]["reason"]["StringValue"])
            (body,) = self.anew()


def message(body: Any, delivery: int) -> Message:
    made = command_message if MARK in body else change_message
    return made(body, delivery)


def disabled(at: datetime) -> dict[str, Any]:
    name = "DisableEbsEncryptionByDefault"
    return envelope(record("ec2.amazonaws.com", name, {}, eventTime=stamp(at)))


@pytest.fixture
def stage(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Service, Queue]]:
    """Stages a service that lags, and a guard that knows how long it settles."""

    def staged(
        lag: float, *, settling: Settling = TEN_MINUTES, busy: tuple[Busy, ...] = (BUSY,)
    ) -> tuple[Service, Queue]:
        service = Service(world.clock.now, lag)
        operations = {
            "Get": service.reads,
            "Enable": service.writes_to(True),
            "Disable": service.writes_to(False),
        }
        sent: list[dict[str, Any]] = []

        def send(parameters: dict[str, Any]) -> dict[str, Any]:
            sent.append(parameters)
            return {"MessageId": "m-2"}

        fakes.install(
            {("ec2", f"{verb}EbsEncryptionByDefault"): fake for verb, fake in operations.items()}
            | {("sqs", "SendMessage"): send}
        )
        settles: AnyControl = replace(
            ENCRYPTION_OFF, settling=settling, busy=busy, asks=lambda _state, _baseline: ""
        )
        monkeypatch.setattr(controls, "control", lambda _: settles)
        guard: Guard = world.with_policy(lambda policy: replace(policy, default=Autonomy.REVERT))
        return service, Queue(world, Intake(guard, QUEUES, logging.getLogger("t")), sent)

    return staged


def notes(world: World, decision: Decision) -> list[str]:
    return [entry.note for entry in world.audit.log(decision.id) if entry.event == "waiting"]


def test_a_revert_that_settles_late_counts_when_it_has_settled(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    service, queue = stage(595)
    service.told = False
    decision = queue.until_done(disabled(world.clock.now()))
    assert decision is not None
    assert decision.status is Status.REVERTED, decision.reason
    assert service.writes == 1, "what is under way is not planned again"
    assert list(world.audit.log(decision.id))[-1].note == "verified, once AWS had settled it"
    assert all("waiting for AWS until" in note for note in notes(world, decision))
    assert "a made-up service takes ten minutes" in notes(world, decision)[0]


def test_a_change_that_settles_late_is_not_missed(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    """The read still answers with the state before the change: the record says otherwise."""
    service, queue = stage(500)
    service.writes_to(False)(None)
    service.writes = 0
    decision = queue.until_done(disabled(world.clock.now()))
    assert decision is not None
    assert decision.status is Status.REVERTED
    assert service.writes == 1


def test_what_never_settles_fails_once_its_time_is_up(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    service, queue = stage(0)
    service.told, service.deaf = False, True
    before = world.clock.now()
    decision = queue.until_done(disabled(before))
    assert decision is not None
    assert decision.status is Status.FAILED
    assert decision.reason.startswith("still risky after the remediation")
    assert service.writes == 1
    waited = world.clock.now() - before
    assert timedelta(minutes=10) < waited < timedelta(minutes=30)


def test_nobody_waits_for_a_change_that_is_long_past(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    service, queue = stage(0)
    assert queue.deliver(disabled(world.clock.now() - timedelta(hours=1))) == []
    assert service.writes == 0


def test_nobody_waits_for_a_record_from_the_future(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    """A forged record would come again until its day, and be put into the queue anew each time."""
    service, queue = stage(0)
    assert queue.deliver(disabled(world.clock.now() + timedelta(days=400))) == []
    assert (service.writes, queue.sent) == (0, [])


def test_a_code_without_the_declared_words_is_no_busy_answer(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    service, queue = stage(0, settling=Settling(3_600, "it takes an hour"))
    service.told, service.answers = False, ("Unsettled",) * 7
    decision = queue.until_done(disabled(world.clock.now()))
    assert decision is not None
    assert (decision.status, service.writes) == (Status.FAILED, 1)


def test_a_busy_answer_with_its_words_is_waited_out(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    busy = (Busy("Unsettled"),)
    service, queue = stage(0, settling=Settling(3_600, "it takes an hour"), busy=busy)
    service.told, service.answers = False, ("Unsettled",) * 27
    decision = queue.until_done(disabled(world.clock.now()))
    assert decision is not None
    assert decision.status is Status.REVERTED, decision.reason
    assert service.writes == 28
    assert len(notes(world, decision)) == 6, "four attempts a delivery"
    assert all(note.startswith("waiting for AWS: ") for note in notes(world, decision))


def test_a_busy_moment_is_waited_out_at_once(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    service, queue = stage(0, busy=(Busy("Unsettled"),))
    service.told, service.answers = False, ("Unsettled",) * 2
    (decision,) = queue.deliver(disabled(world.clock.now()))
    assert decision.status is Status.REVERTED
    assert notes(world, decision) == []


def test_a_service_that_stays_busy_ends_as_failed_and_can_be_taken_up(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    service, queue = stage(0, busy=(Busy("Unsettled"),))
    service.told, service.answers = False, ("Unsettled",) * 500
    dead = queue.until_dead_lettered(disabled(world.clock.now()))
    assert "waiting for AWS" in dead
    decision = only(world)
    assert decision.status is Status.FAILED
    assert decision.resumable
    assert "its message is dead-lettered" in decision.reason


def test_an_undo_is_exact_once_it_has_settled(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    service, queue = stage(300)
    service.told = False
    decision = queue.until_done(disabled(world.clock.now()))
    assert decision is not None
    service.settle()
    undone = queue.until_done(undo_requested(world.audit, decision, "alice", "mine"))
    assert undone is not None
    assert undone.status is Status.UNDONE
    assert list(world.audit.log(decision.id))[-1].note == "exactly as before"
    assert service.writes == 2


def test_an_undo_that_never_settles_says_so(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    service, queue = stage(0)
    service.told = False
    decision = queue.until_done(disabled(world.clock.now()))
    assert decision is not None
    service.deaf = True
    undone = queue.until_done(undo_requested(world.audit, decision, "alice", "mine"))
    assert undone is not None
    assert undone.status is Status.UNDONE
    note = list(world.audit.log(decision.id))[-1].note
    assert note.startswith("done, but the state is not exactly as before")


def only(world: World) -> Decision:
    (found,) = boto3.client("dynamodb").scan(
        TableName="audit",
        FilterExpression="sk = :d",
        ExpressionAttributeValues={":d": {"S": "decision"}},
    )["Items"]
    decision = world.audit.get(str(found["pk"]["S"]))
    assert decision is not None
    return decision


def test_whoever_asked_for_an_undo_is_named_though_it_was_finished_later(
    world: World, stage: Callable[..., tuple[Service, Queue]]
) -> None:
    """A message that is put into the queue anew is sent by the guard: that is nobody's word."""
    service, queue = stage(900, settling=Settling(1_200, "a made-up service takes its time"))
    service.told = False
    decision = queue.until_done(disabled(world.clock.now()))
    assert decision is not None
    service.settle()
    undone = queue.until_done(undo_requested(world.audit, decision, "alice", "mine"))
    assert undone is not None
    assert undone.status is Status.UNDONE
    assert list(world.audit.log(decision.id))[-1].by == "alice"
