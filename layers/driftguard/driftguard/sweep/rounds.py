"""Runs the sweep in rounds: all controls in one region, once a day, in as many runs as it takes.

A run stops in good time and notes how far it came; the next goes on from there. Risky resources go
into the commands queue, those of the most severe controls first, and in one round no more than the
policy allows: the others come up again in the next round, when the first are decided on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta

from driftguard.audit.queries import how_many
from driftguard.aws.calls import AwsError, told_apart
from driftguard.aws.dynamodb import Moved
from driftguard.controls.control import AnyControl
from driftguard.documents import Document, amount, moment, text
from driftguard.engine.guard import Guard
from driftguard.events.commands import look_message
from driftguard.logger import Logger
from driftguard.model import Place, Status
from driftguard.state.keys import StateRecord, round_key

from . import overdue
from .look import Swept, in_order, looked_at

# A round begins so long after the one before: a little less than the day between two schedules.
_APART = timedelta(hours=23, minutes=30)
# The slowest look at one resource, with all that the SDK tries again, takes no longer (s).
_ENOUGH = 60.0
# No run lasts longer: one that was at a control so long ago and has not come back has died of it.
_LONGEST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a round has come: the control, its resources done, and how many were sent.

    `began` is when (ISO 8601, UTC). Without a control it is at its end. `at` says since when a run
    is at the control, "" once it has stopped in good time.
    """

    began: str = ""
    control: str = ""
    skip: int = 0
    sent: int = 0
    at: str = ""


@dataclass(slots=True)
class Report:
    """What came of a run: how many observations had which outcome, and what it did not reach.

    `sent` of those that are risky went to the guard; the others were too many for one round.
    `overdue` decisions waited though their time was over, and the guard was woken for them.
    `waiting` approval requests are open; None where they could not be counted.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    unreached: tuple[str, ...] = ()
    overdue: int = 0
    waiting: int | None = None


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sweeps one region for one guard, within the time that one run has.

    `settling` is how long the queue keeps back what was found, in seconds: an event that is only
    late gets there first, and its decision knows who made the change. `only` are the controls to
    sweep for, all that there are if None.
    """

    guard: Guard
    region: str
    commands_queue: str
    settling: int
    logger: Logger
    only: Sequence[AnyControl] | None = None

    def run(self, time_left: Callable[[], float], *, scheduled: bool) -> Report:
        """Goes on with the round, or begins one; a schedule begins one a day and no more.

        Each run first wakes the guard for what is overdue. `time_left` are the seconds that this
        run still has.
        """
        report = Report()
        self._wake_for_overdue(report, time_left)
        self._count_waiting(report)
        progress = progress_of(
            self.guard.state.record(round_key(Place(self.guard.account, self.region)))
        )
        if not progress.control:
            if scheduled and self._is_recent(progress.began, _APART):
                return report
            progress = Progress(began=self.guard.stamp())
        self._note_down(self._go_on(progress, report, time_left))
        return report

    def _count_waiting(self, report: Report) -> None:
        """Counts the open approval requests; one that goes wrong keeps no round from going on."""
        try:
            report.waiting = how_many(self.guard.audit, Status.ASKED)
        except AwsError as error:
            self.logger.warning("approval requests were not counted: %s", error)

    def _wake_for_overdue(self, report: Report, time_left: Callable[[], float]) -> None:
        """Wakes the guard for what waits though its time is over: nothing else makes up for it.

        An error is named, and does not keep the round from going on.
        """
        try:
            for late in overdue.found(self.guard, time_left):
                self.logger.warning(
                    "overdue: its timer was lost, or somebody deleted it",
                    extra={"decision": late.decision, "due": late.due},
                )
                self._command(late.command)
                report.overdue += 1
        except (AwsError, LookupError, TypeError, ValueError) as error:
            # Not only AWS: one item that another version wrote would stop every sweep.
            self._take(Swept("", None, "failed", f"overdue decisions: {error}"), report)

    def _go_on(
        self, progress: Progress, report: Report, time_left: Callable[[], float]
    ) -> Progress:
        ahead = self._ahead(progress.control)
        if progress.at and not self._is_recent(progress.at, _LONGEST):
            # Else the control that one run dies of would keep all that come after it from being
            # looked at.
            self._take(Swept(ahead[0].id, None, "failed", "a run broke off here"), report)
            ahead = ahead[1:]
        for number, control in enumerate(ahead):
            skip = progress.skip if control.id == progress.control and not progress.at else 0
            progress = replace(progress, control=control.id, skip=skip, at=self.guard.stamp())
            self._note_down(progress)
            for swept in self._until(time_left, control, skip):
                if swept is None:
                    report.unreached = tuple(unreached.id for unreached in ahead[number:])
                    self.logger.warning("not reached", extra={"controls": list(report.unreached)})
                    return replace(progress, at="")
                self._take(swept, report)
                sent = self._send(swept, progress, report)
                progress = replace(progress, skip=progress.skip + 1, sent=progress.sent + sent)
        return replace(progress, control="", skip=0, at="")

    def _until(
        self, time_left: Callable[[], float], control: AnyControl, skip: int
    ) -> Iterator[Swept | None]:
        """What the sweep finds for a control; ends with None once the time is nearly up."""
        if time_left() < _ENOUGH:
            yield None
            return
        for swept in looked_at(self.guard, control, self.region, skip):
            yield swept
            if time_left() < _ENOUGH:
                yield None
                return

    def _take(self, swept: Swept, report: Report) -> None:
        report.outcomes[swept.outcome] += 1
        if swept.outcome in ("risky", "unread", "failed"):
            where = swept.resource.arn if swept.resource else ""
            self.logger.warning(
                swept.detail,
                extra={"control": swept.control, "resource": where, "outcome": swept.outcome},
            )

    def _send(self, swept: Swept, progress: Progress, report: Report) -> int:
        """Sends a risky resource to the guard, while the round has room; how many were sent."""
        if swept.outcome != "risky" or swept.resource is None:
            return 0
        if progress.sent >= self.guard.policy.bounds.sweep.most:
            return 0
        self._command(look_message(swept.control, swept.resource), after=self.settling)
        report.sent += 1
        return 1

    def _command(self, command: Document, *, after: int = 0) -> None:
        """Sends the guard a command, to be delivered after so many seconds."""
        with told_apart("sqs", "SendMessage"):
            self.guard.aws.client("sqs").send_message(
                QueueUrl=self.commands_queue, MessageBody=json.dumps(command), DelaySeconds=after
            )

    def _note_down(self, progress: Progress) -> None:
        """Records how far the round has come. Of two runs at once the last to write counts."""
        record = self.guard.state.record(round_key(Place(self.guard.account, self.region)))
        try:
            self.guard.state.write(record.saying(asdict(progress)))
        except Moved:
            # What both look at is decided on once.
            self.logger.warning(
                "another run sweeps at the same time", extra={"region": self.region}
            )

    def _ahead(self, control: str) -> list[AnyControl]:
        """The controls from this one on; all of them if it does not exist (any more)."""
        every = in_order(self.region, self.only)
        known = [listed.id for listed in every]
        return every[known.index(control) :] if control in known else every

    def _is_recent(self, written: str, span: timedelta) -> bool:
        at = moment(written)
        return at is not None and self.guard.now() - at < span


def progress_of(record: StateRecord) -> Progress:
    """The progress in a state record; one that cannot be read begins anew."""
    stored = record.document
    skip, sent = (int(amount(text(stored, name)) or 0) for name in ("skip", "sent"))
    began, control, at = (text(stored, name) for name in ("began", "control", "at"))
    return Progress(began, control, skip, sent, at)
