"""Says which command the record owes a decision: what the guard would have done, had it been told.

A dead-lettered command is not put back: whoever could write it into the queue could command the
guard. The record says what is still to be done.
"""

from __future__ import annotations

from collections.abc import Sequence

from driftguard.audit import Entry
from driftguard.documents import Document
from driftguard.events.commands import carry_out_message, expire_message, undo_message
from driftguard.model import Decision, Status

from .rules import UNDO_REQUESTED


def owed(decision: Decision, log: Sequence[Entry], now: str) -> Document | None:
    """The command that wakes the guard for what it has not done yet; None if there is nothing.

    `now` is ISO 8601 in UTC, like the decision's times. Sending a command twice changes nothing.
    """
    if decision.status is Status.APPROVED or decision.resumable:
        return carry_out_message(decision.id)
    if decision.status is Status.ASKED and decision.expires <= now:
        return expire_message(decision.id)
    if decision.status is Status.REVERTING:
        return carry_out_message(decision.id)
    request = _standing_request(log)
    return None if request is None else undo_message(decision.id, request)


def _standing_request(log: Sequence[Entry]) -> int | None:
    """The number of the last request for an undo, if the guard has not ended it."""
    request, ended = None, True
    for entry in log:
        if entry.event == UNDO_REQUESTED:
            request, ended = entry.number, False
        elif entry.event in ("undo-refused", Status.UNDONE.value, Status.FAILED.value):
            ended = True
    return None if ended else request
