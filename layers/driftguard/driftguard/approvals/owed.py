"""Says which command the record owes a decision: what the guard would have done, had it been told.

A dead-lettered command is not put back: whoever could write it into the queue could command the
guard. The record says what is still to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from driftguard.audit import Entry
from driftguard.documents import Document
from driftguard.events.commands import (
    accept_message,
    carry_out_message,
    contain_message,
    expire_message,
    judge_message,
    release_message,
    thaw_message,
    undo_message,
)
from driftguard.guardrails.spoken import spoken
from driftguard.model import Decision, Status

from .act import FREEZES
from .incidents import Incident
from .rules import UNDO_REQUESTS, is_of_one_answer, is_undoable


def owed(decision: Decision, log: Sequence[Entry], now: str) -> Document | None:
    """The command that wakes the guard for what it has not done yet; None if there is nothing.

    What is tried again, or waits for votes, is owed nothing before its time; but the undo of a
    revert that failed comes before its next try. `now` is ISO 8601 in UTC, like the decision's
    times. Sending a command twice changes nothing.
    """
    undo = standing_undo(decision, log)
    if undo is not None and decision.status is Status.FAILED:
        return undo_message(decision.id, undo.number)
    if decision.next_try > now:
        return None
    if decision.status is Status.APPROVED or decision.resumable:
        return carry_out_message(decision.id)
    if decision.status is Status.OBSERVED and decision.next_try:
        return expire_message(decision.id)
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
    accepted = _standing_request(
        log, ("accept-baseline",), ("baseline-accepted", "baseline-refused")
    )
    if accepted is not None:
        return accept_message(decision.id, accepted.number)
    return None if undo is None else undo_message(decision.id, undo.number)


def owed_of(incident: Incident, log_of: Callable[[Decision], Sequence[Entry]]) -> Document | None:
    """The command that wakes the guard for what is left of one answer, or one undo, of an incident.

    None if there is nothing. `log_of` gives a decision's log.
    """
    underway = (Status.APPROVED, Status.REVERTING)
    if any(one.status in underway and is_of_one_answer(one) for one in incident.members):
        return contain_message(incident.id)
    undoable = (one for one in incident.answerable if is_undoable(one) or _is_undoing(one))
    if any(standing_undo(one, log_of(one)) for one in undoable):
        return release_message(incident.id)
    return None


def _is_undoing(decision: Decision) -> bool:
    return decision.status is Status.UNDOING


def standing_undo(decision: Decision, log: Sequence[Entry]) -> Entry | None:
    """The entry that asks for an undo which the guard has not ended; None without one.

    The guard has begun with it at `undo-asked`, and is at it for as long as it is undoing. What
    else comes of a decision meanwhile, a try that fails for example, does not end a request.
    """
    begun = () if decision.status is Status.UNDOING else ("undo-asked",)
    return _standing_request(log, UNDO_REQUESTS, ("undo-refused", *begun))


def _standing_request(
    log: Sequence[Entry], events: Collection[str], ends: Collection[str]
) -> Entry | None:
    """The last entry with such a request, if the guard has not ended it."""
    request = None
    for entry in log:
        if entry.event in events:
            request = entry
        elif entry.event in ends:
            request = None
    return request
