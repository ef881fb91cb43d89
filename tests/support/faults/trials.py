"""One control's life with a fault in it: its change, delivered until it ends, then its undo.

Where people are asked about the scenario, one of them says yes: a fault strikes before or after.

An account is staged once and then forked: each trial has a copy of everything, moto and all, and
what it does there is gone with its process.
"""

from __future__ import annotations

import logging
import os
import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import boto3
import pytest
from moto import mock_aws

from driftguard.audit.items import DECISION, decision_of
from driftguard.audit.verify import Verifier
from driftguard.controls import control
from driftguard.engine.intake import LAST_DELIVERY, Intake, Message, Opened
from driftguard.events.commands import carry_out_message
from driftguard.model import Change, Decision, Status
from tests.scenarios.model import Scenario
from tests.support.approving import approve
from tests.support.queues import CHANGES_ARN, COMMANDS_ARN, command_message, undo_requested
from tests.support.round_trips import AGAIN, RoundTrip, staged_trip
from tests.support.world import Clock, Fakes, World, make_tables, new_guard, warm_aws

from .judging import End, Verdict, crash_in, wrong
from .kinds import Call, Killed, Kind, kind
from .striking import Hook

T = TypeVar("T")
# How often a message may be put into its queue anew: no control settles for longer.
_ANEW = 60
_LEASE = {"seconds": 140}


@dataclass(frozen=True)
class Trial:
    """What goes wrong in a life: the calls that are struck, and the name of the kind for each."""

    scenario: str
    calls: tuple[Call, ...]
    kinds: tuple[str, ...]

    @property
    def strikes(self) -> dict[str, Kind]:
        """The kinds by the name of the call that they strike."""
        struck = zip(self.calls, self.kinds, strict=True)
        return {str(call): kind(name) for call, name in struck}

    def __str__(self) -> str:
        struck = zip(self.calls, self.kinds, strict=True)
        return "+".join(f"{self.scenario}:{call}:{name}" for call, name in struck)


def forked(work: Callable[[], T]) -> T:
    """What the work returns, in a copy of this process that is gone afterwards."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        try:
            told: Any = (True, work())
        except BaseException as error:  # noqa: BLE001 - the parent raises it
            told = (False, f"{type(error).__name__}: {error}")
        with os.fdopen(theirs, "wb") as pipe:
            pickle.dump(told, pipe)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        written = pipe.read()
    os.waitpid(child, 0)
    if not written:
        raise RuntimeError("the trial's process died")
    well, value = pickle.loads(written)
    if not well:
        raise RuntimeError(value)
    return value  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Life:
    """A staged scenario right after the attacker's change, with the hook above its AWS."""

    trip: RoundTrip
    hook: Hook
    intake: Intake
    change: Change
    legitimate: Any
    attacked: Any

    # -------------------------------------------------------------------------- its messages

    def live(self, strikes: dict[str, Kind], seed: str = "") -> Verdict:
        """The change, and its undo where it was reverted, with these strikes."""
        random.seed(seed)
        self.hook.strikes = strikes
        reverts: Callable[[int], Opened] = self._change
        verdict = self._judged(self._deliver(reverts))
        if verdict.end is End.ASKED and self.trip.scenario.asked:
            reverts = self._approved()
            verdict = self._judged(self._deliver(reverts))
        if verdict.end is End.TOLD:
            return self._taken_back(verdict)
        if verdict.end is not End.RIGHT:
            return verdict
        self.trip.queue.settled()
        made = sum(self.hook.effects.values())
        self._deliver(reverts)
        if sum(self.hook.effects.values()) > made:
            return wrong("a duplicate was reverted again")
        ended = self._undone(*self._undo())
        return self._taken_back(ended) if ended.end is End.TOLD else ended

    def _taken_back(self, told: Verdict) -> Verdict:
        """How a revert or an undo ended that failed, if what it left can be undone exactly.

        Nothing goes wrong any more by then.
        """
        self.hook.strikes = {}
        self.hook.pass_over()
        ended = self._undone(*self._undo())
        if ended.end is End.TOLD and self._is_tried_again():
            ended = self._undone(*self._undo())
        if ended.end is End.RIGHT or self._as_attacked():
            return told
        return ended if ended.end is End.WRONG else wrong(f"it cannot be undone: {ended.why}")

    def _is_tried_again(self) -> bool:
        """Lets the next try come, if there is one: whether the revert ends well then."""
        decision = self._decision()
        if decision is None or not decision.next_try:
            return False
        self.trip.world.clock.at = datetime.fromisoformat(decision.next_try)
        command = carry_out_message(decision.id)
        self._deliver(lambda deliveries: self._command(command, deliveries))
        return self._judged("").end is End.RIGHT

    def _undo(self) -> tuple[str, str]:
        """Has a person ask for the undo: why it was never taken ("" if it was), and of what."""
        decision = self._decision()
        assert decision is not None
        command = undo_requested(self.trip.world.audit, decision, "alice", "a test")
        return self._deliver(lambda deliveries: self._command(command, deliveries)), decision.id

    def _approved(self) -> Callable[[int], Opened]:
        """The command to carry out what people are asked about; one of them has approved it."""
        decision = self._decision()
        assert decision is not None
        approve(self.trip.guard, decision)
        command = carry_out_message(decision.id)
        return lambda deliveries: self._command(command, deliveries)

    def _change(self, deliveries: int) -> Opened:
        message = Message("m-1", "{}", deliveries, CHANGES_ARN)
        last = deliveries >= LAST_DELIVERY
        try:
            screened = self.trip.guard.screen(self.change, last_chance=last)
        except Exception as error:  # noqa: BLE001 - as the intake does
            return Opened(message, trouble=error)
        return Opened(message, screening=screened)

    def _command(self, body: Any, deliveries: int) -> Opened:
        return self.intake.opened(command_message(body, deliveries))

    def _deliver(self, opened: Callable[[int], Opened]) -> str:
        """Delivers a message as SQS does, until it is taken; "" or why it never was."""
        deliveries = anew = 0
        while True:
            deliveries += 1
            try:
                with self.hook.watching():
                    self.intake.take(opened(deliveries))
            except Killed:
                self.trip.world.clock.pass_by(**_LEASE)
            except Exception as error:  # noqa: BLE001 - the handler delivers it again
                if deliveries > LAST_DELIVERY:
                    return f"SQS gave it up: {type(error).__name__}: {error}"
            else:
                # Read off the calls: moto's queue delays messages by the clock on the wall.
                if not {"changes", "commands"} & set(self.hook.sent):
                    return ""
                deliveries, anew = 0, anew + 1
            self.hook.sent.clear()
            if deliveries > LAST_DELIVERY:
                return "SQS gave it up: the process was killed each time"
            if anew > _ANEW:
                return "it is put into its queue anew for ever"
            self.trip.world.clock.pass_by(**AGAIN)

    def _received(self, queue: str) -> list[str]:
        """The reasons of a queue's messages, which are gone then."""
        if not any(call.operation == "SendMessage" for call in self.hook.calls):
            return []
        sqs = boto3.client("sqs")
        found = []
        while True:
            answer = sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            messages = answer.get("Messages", [])
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                reason = message.get("MessageAttributes", {}).get("reason", {})
                found.append(reason.get("StringValue", message["Body"]))
            if not messages:
                return found

    # ---------------------------------------------------------------------------- its end

    def _judged(self, given_up: str) -> Verdict:
        """How the change ended."""
        reasons = [*self._received("dead"), *filter(None, [given_up])]
        decision = self._decision()
        if crash := crash_in(reasons):
            return wrong(f"a crash: {crash}")
        twice = [what for what, times in self.hook.effects.items() if times > self._at_most(what)]
        if twice and not any(one.name == "resent" for one in self.hook.strikes.values()):
            return wrong(f"made twice: {twice[0]}")
        if given_up.startswith("it is put"):
            return wrong(given_up)
        if fault := self._tampering():
            return wrong(fault)
        status = decision.status if decision else None
        if status is Status.ASKED:
            return Verdict(End.ASKED)
        safe = self._safe()
        if status is Status.REVERTED:
            return Verdict(End.RIGHT) if safe else wrong("it says reverted, and the risk stands")
        if status is Status.FAILED and decision is not None and decision.reason:
            return Verdict(End.TOLD, decision.reason)
        if reasons:
            return Verdict(End.WAITS, reasons[0])
        stands = "safe" if safe else "the risk stands"
        return wrong(f"nobody is told: {stands}, the decision is {status or 'not made'}")

    def _at_most(self, what: str) -> int:
        """How often a write may be made: once, for the state tells whether it took effect.

        It does not of a plan that is carried out to its end whatever the state. So whoever takes it
        up makes again what was not answered, and all that no record says was made.
        """
        if not self.hook.control.to_its_end:
            return 1
        died = any(one.name == "killed" for one in self.hook.strikes.values())
        return 2 if died or what in self.hook.unanswered else 1

    def _undone(self, given_up: str, decision_id: str) -> Verdict:
        """How the undo ended."""
        reasons = [*self._received("dead"), *filter(None, [given_up])]
        if crash := crash_in(reasons):
            return wrong(f"a crash in the undo: {crash}")
        # An undo that was cut short may make a call again: that it is exact is what counts.
        if fault := self._tampering():
            return wrong(f"{fault}, in the undo")
        decision = self.trip.world.audit.get(decision_id)
        assert decision is not None
        self.trip.queue.settled()
        events = [entry.event for entry in self._log(decision_id)]
        if decision.status is Status.UNDONE:
            exact = self._as_attacked()
            return Verdict(End.RIGHT) if exact else wrong("it says undone, and it is not")
        told = self._log(decision_id)[-1].note
        if "nothing to undo" in told:
            return wrong("its own revert is not known as such, and cannot be undone")
        if decision.status is Status.FAILED or events[-1] == "undo-refused":
            return Verdict(End.TOLD, told)
        if reasons:
            return Verdict(End.WAITS, reasons[0])
        return wrong(f"nobody is told of the undo: the decision is {decision.status}, {events}")

    def _as_attacked(self) -> bool:
        anew = self.trip.staged.anew
        return bool(anew(self.trip.there()) == anew(self.attacked))

    def _tampering(self) -> str:
        """What is wrong with the record; "" if it is whole."""
        for decision in self._decisions():
            proof = Verifier(self.trip.world.audit).decision(decision.id)
            if not proof.whole:
                return f"the record is not whole: {proof.faults[0]}"
        return ""

    def _safe(self) -> bool:
        self.trip.queue.settled()
        staged = self.trip.staged
        there = staged.normal(self.trip.there())
        return bool(there == staged.reverted(staged.normal(self.legitimate)))

    def _log(self, decision_id: str) -> list[Any]:
        return list(self.trip.world.audit.log(decision_id))

    def _decision(self) -> Decision | None:
        mine = [d for d in self._decisions() if d.control == self.trip.scenario.control]
        return mine[0] if mine else None

    def _decisions(self) -> list[Decision]:
        """Every decision of the account."""
        pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName="audit")
        items = [item for page in pages for item in page["Items"]]
        return [decision_of(item) for item in items if item["sk"]["S"] == DECISION]


@contextmanager
def begun(scenario: Scenario) -> Iterator[Life]:
    """The scenario in an account of its own, attacked."""
    patch = pytest.MonkeyPatch()
    logger = logging.getLogger("faults")
    logger.setLevel(logging.CRITICAL)
    with mock_aws():
        make_tables()
        clock = Clock()
        world = World(new_guard(clock, warm_aws()), clock)
        urls = {
            name: boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"]
            for name in ("changes", "commands", "dead")
        }
        try:
            with staged_trip(world, Fakes(patch), scenario) as trip:
                legitimate = trip.there()
                change = trip.attacked()
                hook = Hook(control(scenario.control))
                above = pytest.MonkeyPatch()
                hook.install(above)
                try:
                    intake = Intake(trip.guard, _queues(urls), logger)
                    yield Life(trip, hook, intake, change, legitimate, trip.there())
                finally:
                    above.undo()
        finally:
            patch.undo()


def _queues(urls: dict[str, str]) -> Any:
    from driftguard.engine.intake import Queues

    return Queues(urls["changes"], urls["commands"], COMMANDS_ARN, urls["dead"])


def calls_of(life: Life) -> tuple[Verdict, list[Call]]:
    """How the life ends when nothing goes wrong, and the calls that the guard makes in it."""

    def lived() -> tuple[Verdict, list[Call]]:
        verdict = life.live({})
        return verdict, life.hook.calls

    return forked(lived)
