"""Says which command the record owes a decision: what the guard would have done, had it been told.

A dead-lettered command is not put back: whoever could write it into the queue could command the
guard. The record says what is still to be done.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from driftguard.audit import Entry
from driftguard.documents import Document
from driftguard.events.commands import (
    accept_message,
    carry_out_message,
    expire_message,
    judge_message,
    thaw_message,
    undo_message,
)
from driftguard.guardrails.spoken import spoken
from driftguard.model import Decision, Status

from .act import FREEZES
from .rules import UNDO_REQUESTED


def owed(decision: Decision, log: Sequence[Entry], now: str) -> Document | None:
    """The command that wakes the guard for what it has not done yet; None if there is nothing.

    What is tried again, or waits for votes, is owed nothing before its time. `now` is ISO 8601 in
    UTC, like the decision's times. Sending a command twice changes nothing.
    """
    if decision.next_try > now:
        return None
    if decision.status is Status.APPROVED or decision.resumable:
        return carry_out_message(decision.id)
    if decision.status is Status.ASKED and decision.expires <= now:
        return expire_message(decision.id)
    if decision.status is Status.REVERTING:
        return carry_out_message(decision.id)
    if decision.status is Status.NOTED and decision.change_name in FREEZES:
        # What was judged anew already is not judged twice.
        ended = decision.change_name == "unfreeze" or "" < decision.expires <= now
        return thaw_message(decision.id) if ended else None
    if decision.status is Status.OBSERVED and any(
        guardrail.judged_anew for guardrail, _ in spoken(decision.rulings)
    ):
        return judge_message(decision.id)
    accepted = _standing_request(log, "accept-baseline", ("baseline-accepted", "baseline-refused"))
    if accepted is not None:
        return accept_message(decision.id, accepted)
    request = _standing_request(log, UNDO_REQUESTED, _UNDO_ENDED)
    return None if request is None else undo_message(decision.id, request)


_UNDO_ENDED = ("undo-refused", Status.UNDONE.value, Status.FAILED.value)


def _standing_request(log: Sequence[Entry], event: str, ends: Collection[str]) -> int | None:
    """The number of the last entry with this request, if the guard has not ended it."""
    request, ended = None, True
    for entry in log:
        if entry.event == event:
            request, ended = entry.number, False
        elif entry.event in ends:
            ended = True
    return None if ended else request
