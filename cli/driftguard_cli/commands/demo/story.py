"""The demo's story: risky changes are made and reverted, and one decision is undone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from driftguard import controls
from driftguard.audit import AuditTable, Entry
from driftguard.engine.guard import Guard
from driftguard.model import Autonomy, Decision, Place
from driftguard.policy.model import Policy
from driftguard.state.table import StateTable
from driftguard.sweep.look import sweep

from ..lab import Lab, environment
from ..lab.emitting import AwsOfLab
from .account import Account
from .events import send
from .scenarios import SCENARIOS, UNDONE, Scenario, Staged

Seen = TypeVar("Seen")

_PATIENCE_SECONDS = 40.0
_LOOK_EVERY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one scenario. `seconds` is from the event to the reverted state."""

    scenario: Scenario
    staged: Staged
    reverted: bool
    siblings_intact: bool
    seconds: float
    decision: Decision | None
    struck: str
    message: str
    log: tuple[Entry, ...]

    @property
    def passed(self) -> bool:
        return self.reverted and self.siblings_intact and self.decision is not None


@dataclass(frozen=True, slots=True)
class Undo:
    """An undone decision: the state that the intruder left, the reverted state, the undone one."""

    decision: str
    struck: str
    reverted: str
    told: str
    undone: str

    @property
    def exact(self) -> bool:
        """Whether the undo restored the intruder's state to the byte."""
        return self.undone == self.struck != self.reverted


class Witness:
    """Reads what anybody in the account could: the audit table, the messages on the topic."""

    def __init__(self, lab: Lab) -> None:
        self._audit = AuditTable(AwsOfLab(lab), lab.outputs["AuditTable"])
        self._messages: dict[str, str] = {}
        self._queues = lab.client("sqs")
        self._inbox = self._queues.create_queue(QueueName="driftguard-demo-inbox")["QueueUrl"]
        attributes = self._queues.get_queue_attributes(
            QueueUrl=self._inbox, AttributeNames=["QueueArn"]
        )
        lab.client("sns").subscribe(
            TopicArn=lab.outputs["DecisionsTopic"],
            Protocol="sqs",
            Endpoint=attributes["Attributes"]["QueueArn"],
        )

    def settled(self, control: str) -> Decision | None:
        """Return this control's decision, once it no longer changes by itself."""
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        for decision in self._audit.of_day(today):
            if decision.control == control and decision.settled:
                return decision
        return None

    def log(self, decision: str) -> tuple[Entry, ...]:
        return tuple(self._audit.log(decision))

    def message(self, decision: str) -> str:
        """Return the first message about a decision; "" if there is none yet."""
        if decision not in self._messages:
            self._listen()
        return self._messages.get(decision, "")

    def _listen(self) -> None:
        answer = self._queues.receive_message(QueueUrl=self._inbox, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            self._queues.delete_message(
                QueueUrl=self._inbox, ReceiptHandle=message["ReceiptHandle"]
            )
            notification = json.loads(message["Body"])
            content = json.loads(notification["Message"])
            # The topic also carries what is not about a decision, such as the seal of a day.
            if "decision" in content:
                words = f"{notification['Subject']}\n{content['summary']}\n{content['reason']}"
                self._messages.setdefault(content["decision"], words)


def stage(account: Account) -> list[Staged]:
    """Builds what the risky changes will be made to, and lets the guard see it in good order.

    The stack sweeps once a day; here it is done at once, for the controls that will have to act.
    """
    staged = [scenario.stage(account) for scenario in SCENARIOS]
    lab = account.lab
    aws = AwsOfLab(lab)
    guard = Guard(
        aws=aws,
        audit=AuditTable(aws, lab.outputs["AuditTable"]),
        state=StateTable(aws, lab.outputs["StateTable"], Place(account.id, account.region)),
        policy=Policy(),
        ceiling=Autonomy.OBSERVE,
        account=account.id,
        remediator_role_arn="",
    )
    for _ in sweep(
        guard, account.region, [controls.control(scenario.control) for scenario in SCENARIOS]
    ):
        pass
    return staged


def outcomes(account: Account, staged: list[Staged], witness: Witness) -> Iterator[Outcome]:
    """Carries out the scenarios, one after the other."""
    for scenario, part in zip(SCENARIOS, staged, strict=True):
        yield _strike(scenario, part, account, witness)


def _strike(scenario: Scenario, staged: Staged, account: Account, witness: Witness) -> Outcome:
    siblings = staged.siblings()
    event = staged.strike()
    struck = staged.text()
    began = time.monotonic()
    send(account, event)
    reverted = _until(lambda: not staged.finding())
    seconds = time.monotonic() - began
    patience = _PATIENCE_SECONDS if reverted else 2.0
    decision = _until(lambda: witness.settled(scenario.control), patience)
    return Outcome(
        scenario=scenario,
        staged=staged,
        reverted=bool(reverted),
        siblings_intact=staged.siblings() == siblings,
        seconds=seconds,
        decision=decision,
        struck=struck,
        message=_message(witness, decision, patience) if decision else "",
        log=witness.log(decision.id) if decision else (),
    )


def _message(witness: Witness, decision: Decision, patience: float) -> str:
    return _until(lambda: witness.message(decision.id), patience) or ""


def undo(lab: Lab, outcome: Outcome) -> Undo:
    """Undoes an outcome's decision, with the command that a person would use."""
    assert outcome.decision is not None
    decision, text = outcome.decision, outcome.staged.text
    reverted = text()
    return Undo(
        decision=decision.id,
        struck=outcome.struck,
        reverted=reverted,
        told=_driftguard_undo(lab, decision.id),
        undone=text(),
    )


def _driftguard_undo(lab: Lab, decision: str) -> str:
    """Runs `driftguard undo` and returns what the guard answered, or what went wrong."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "driftguard"), "undo", decision, "--yes", "--json"],
        env=environment.clean(lab.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
        return f"{answer['status']}: {answer['answer']['note']}"
    except (ValueError, KeyError):
        return done.stderr.strip() or done.stdout.strip()


def to_undo(seen: list[Outcome]) -> Outcome | None:
    """The outcome whose decision is undone at the end; None if it was not reverted."""
    for outcome in seen:
        if outcome.scenario is UNDONE and outcome.passed:
            return outcome
    return None


def _until(look: Callable[[], Seen], patience: float = _PATIENCE_SECONDS) -> Seen | None:
    """Return what `look` returns, as soon as it is something; None when the time is over."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(_LOOK_EVERY_SECONDS)
    return None
