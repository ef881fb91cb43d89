"""Finds what waits in the record though its time is over: its timer was lost, or deleted.

EventBridge Scheduler keeps the time of approval requests, retries, reminders and freezes. Anybody
whom IAM lets delete a schedule can take one away, and nothing else would ever wake the guard then.
The guard obeys the record and not the command: what it is woken for twice is carried out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from driftguard.approvals.contained import contained, reminded_at
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.aws.dynamodb import Moved
from driftguard.controls import control
from driftguard.documents import Document, moment, text
from driftguard.engine import found_freezes
from driftguard.engine.guard import Guard
from driftguard.events.commands import expire_message, thaw_message
from driftguard.model import Decision, Status
from driftguard.state import freezes
from driftguard.state.keys import StateRecord, freezes_of, overdue_key

# A timer rings within a minute, and the queue may be behind.
LATE = timedelta(minutes=15)
# The guard does not note down that it has judged anew what a freeze held back: a freeze's end is
# made up for by the runs of these hours. When none runs for so long, an alarm rings.
_THAWED = timedelta(hours=3)
# So many decisions of one status wake the guard in one run; the next run goes on from there.
MOST = 1_000
# What may wait, and how long one run looks through the decisions of one status (s): the round, too,
# needs its time.
_WAITING = (Status.ASKED, Status.FAILED, Status.OBSERVED)
# What was only observed may wait for so long: for a key, until shortly before its deletion.
_OBSERVED_FOR = timedelta(days=31)
_LOOKS = 120.0


class Overdue(NamedTuple):
    """A decision whose time is over, since `due` (ISO 8601, UTC), and what wakes the guard."""

    decision: str
    due: str
    command: Document


def found(guard: Guard, time_left: Callable[[], float]) -> Iterator[Overdue]:
    """What is overdue: freezes, approval requests, retries, reminders, the oldest decisions first.

    A freeze is overdue, too, where it was lifted and nothing says so in the audit record.

    It stops in good time, and the next call goes on from there. `time_left` are the seconds that
    the run still has. Raises `AwsError` where the tables cannot be read or written.
    """
    yield from _thawing(guard)
    for freeze in found_freezes.lifted_around(guard):
        yield Overdue(freeze.id, freeze.decided, thaw_message(freeze.id))
    for status in _WAITING:
        yield from _waiting(guard, status, time_left)
    yield from _contained(guard)


def _contained(guard: Guard) -> Iterator[Overdue]:
    """Containments of which people were to be reminded. There are few: all are looked at."""
    late = guard.stamp(-LATE)
    for decision in contained(Finder(guard.audit, Usage())):
        settings = guard.policy.settings_of(decision.control, control(decision.control).settings)
        due = reminded_at(decision, settings)
        if "" < due <= late:
            yield Overdue(decision.id, due, expire_message(decision.id))


def _waiting(guard: Guard, status: Status, time_left: Callable[[], float]) -> Iterator[Overdue]:
    """What of a status is overdue: a deadline, the next try of a revert, another look."""
    begun, late, woken = time_left(), guard.stamp(-LATE), 0
    begun_at = _reached(guard, _progress(guard), status)
    oldest = guard.stamp(-_OBSERVED_FOR) if status is Status.OBSERVED else ""
    filters = Filters(status=status.value, since=max(oldest, begun_at))
    how, reached = plan(filters, newest_first=False), ""
    for decision in Finder(guard.audit, Usage()).decisions(filters, how):
        if woken == MOST or begun - time_left() > _LOOKS:
            reached = decision.decided
            break
        if "" < _due(decision) <= late:
            woken += 1
            yield Overdue(decision.id, _due(decision), expire_message(decision.id))
    if reached != begun_at:
        _note_down(guard, status, reached)


def _progress(guard: Guard) -> StateRecord:
    return guard.state.record(overdue_key(guard.state.place))


def _reached(guard: Guard, progress: StateRecord, status: Status) -> str:
    """When the decision was made at which the last run stopped; "" to begin with the oldest."""
    reached = text(progress.document, status.value)
    # A time that is none, or is still to come, would hide what waits.
    return reached if moment(reached) is not None and reached <= guard.stamp() else ""


def _note_down(guard: Guard, status: Status, reached: str) -> None:
    progress = _progress(guard)
    try:
        guard.state.write(progress.saying({**progress.document, status.value: reached}))
    except Moved:
        # Another run looks at the same time: what both find is carried out once.
        return


def _due(decision: Decision) -> str:
    return decision.expires if decision.status is Status.ASKED else decision.next_try


def _thawing(guard: Guard) -> Iterator[Overdue]:
    """Freezes whose time was over a while ago."""
    for record in guard.state.under(freezes_of(guard.state.place)):
        until = text(record.document, "until")
        ended: datetime | None = moment(until)
        if ended is None or freezes.is_lifted(record):
            continue
        if not LATE <= guard.now() - ended < LATE + _THAWED:
            continue
        if decision := _recorded_by(guard, record):
            yield Overdue(decision, until, thaw_message(decision))


def _recorded_by(guard: Guard, freeze: StateRecord) -> str:
    """The id of the decision that records a freeze; "" where the guard has never met it.

    Then it has held nothing back.
    """
    named, found_ = freezes.named_decision(freeze.document), freezes.found_id(freeze)
    known = {one.id: one for one in guard.audit.many([id_ for id_ in (named, found_) if id_])}
    if freezes.is_proven(freeze, known.get(named)):
        return named
    return found_ if found_ in known else ""
