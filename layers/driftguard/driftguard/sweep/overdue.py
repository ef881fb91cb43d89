"""Finds what waits in the record though its time is over: its timer was lost, or deleted.

EventBridge Scheduler keeps the time of approval requests, of retries and of freezes. Anybody whom
IAM lets delete a schedule can take one away, and nothing else would ever wake the guard then. The
guard obeys the record and not the command: what it is woken for twice is carried out once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.documents import Document, moment, text
from driftguard.engine.guard import Guard
from driftguard.events.commands import expire_message, thaw_message
from driftguard.model import Decision, Status
from driftguard.state import freezes
from driftguard.state.keys import freezes_of

# A timer rings within a minute, and the queue may be behind.
LATE = timedelta(minutes=15)
# The guard does not note down that it has judged anew what a freeze held back: a freeze's end is
# made up for by the runs of these hours. When none runs for so long, an alarm rings.
_THAWED = timedelta(hours=3)
# So many decisions wake the guard in one run; the next run takes the others.
MOST = 1_000


class Overdue(NamedTuple):
    """A decision whose time is over, since `due` (ISO 8601, UTC), and what wakes the guard."""

    decision: str
    due: str
    command: Document


def found(guard: Guard) -> Iterator[Overdue]:
    """What is overdue, the oldest decisions first.

    Raises `AwsError` where the tables cannot be read.
    """
    yield from islice(_waiting(guard), MOST)
    yield from _thawing(guard)


def _waiting(guard: Guard) -> Iterator[Overdue]:
    """Approval requests whose deadline has passed, and reverts that were to be tried again."""
    late = guard.stamp(-LATE)
    for status in (Status.ASKED, Status.FAILED):
        filters = Filters(status=status.value)
        how = plan(filters, newest_first=False)
        for decision in Finder(guard.audit, Usage()).decisions(filters, how):
            if "" < _due(decision) <= late:
                yield Overdue(decision.id, _due(decision), expire_message(decision.id))


def _due(decision: Decision) -> str:
    return decision.expires if decision.status is Status.ASKED else decision.next_try


def _thawing(guard: Guard) -> Iterator[Overdue]:
    """Freezes whose time was over a while ago."""
    for record in guard.state.under(freezes_of(guard.state.place)):
        until, decision = text(record.document, "until"), text(record.document, "decision")
        ended: datetime | None = moment(until)
        if ended is None or not decision or freezes.is_lifted(record):
            continue
        if LATE <= guard.now() - ended < LATE + _THAWED:
            yield Overdue(decision, until, thaw_message(decision))
