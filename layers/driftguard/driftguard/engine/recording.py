"""Records the steps of a decision: its worker, its outcome, and what that teaches."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

from driftguard.approvals.rules import SETTLING, UNREAD, is_undoable
from driftguard.audit import Conflict
from driftguard.aws.calls import AwsError
from driftguard.aws.dynamodb import Moved
from driftguard.model import Decision, Observation, Status
from driftguard.state import learning
from driftguard.state.keys import StateRecord, StateRecords

from . import retrying
from .case import Case, Seen
from .errors import Busy, NotYet, Waiting

# Longer than the guard's Lambda can run, shorter than the queue hides a message.
LEASE = timedelta(seconds=135)
# How often what others write at the same time is read again before the message has to come again.
ROUNDS = 12

# What follows from a step for what is remembered, given what is remembered now.
Taught = Callable[[StateRecords], Iterable[StateRecord]]


def append(
    case: Case,
    decision: Decision,
    event: str,
    note: str,
    *,
    by: str = "guard",
    taught: Taught | None = None,
) -> Decision:
    """Records a step, and what it teaches, in one transaction."""
    audit, state = case.context.audit, case.context.state
    remembered = case.remembered
    for round_ in range(ROUNDS):
        records = () if taught is None else tuple(taught(remembered))
        try:
            return audit.append(
                decision, event=event, note=note, by=by, also=state.writes(*records)
            )
        except Moved:
            wait(case, round_)
            remembered = state.recall(*case.record_keys())
    raise NotYet(f"too many write what {decision.id} is remembered by; it comes again")


def wait(case: Case, round_: int) -> None:
    """Waits a short random time, so that workers that collided do not collide again."""
    pause = random.uniform(0.01, 0.05) * 2 ** min(round_, 5)
    case.context.pause(pause, recording=True)


def take(case: Case, decision: Decision, event: str, note: str, *, by: str = "guard") -> Decision:
    """Claims the decision for this worker, or raises `Busy`."""
    must_be_free(case, decision)
    status = decision.status
    if status is Status.FAILED:
        status = Status.REVERTING
    claimed = replace(
        decision,
        status=status,
        attempt=decision.attempt + 1,
        lease_until=case.now(LEASE),
        resumable=False,
        next_try="",
        updated=case.now(),
    )
    try:
        return append(case, claimed, event, note, by=by)
    except Conflict:
        raise Busy(f"another worker has just taken {decision.id}") from None


def must_be_free(case: Case, decision: Decision) -> None:
    """Raises `Busy` while another worker holds the decision."""
    if decision.lease_until > case.now():
        raise Busy(f"another worker holds {decision.id} until {decision.lease_until}")


def wait_for_aws(case: Case, decision: Decision) -> NoReturn:
    """Lets go of the decision until AWS has settled what our calls set. Raises `Waiting`."""
    why = f"{SETTLING} {decision.settles_by} at most: {case.control.settling.how}"
    waiting = replace(decision, lease_until="", updated=case.now())
    append(case, waiting, "waiting", why)
    raise Waiting(why)


def made(case: Case, decision: Decision) -> Decision:
    """The decision whose calls were made just now, on which AWS may still work."""
    seconds = case.control.settling.seconds
    return replace(decision, settles_by=case.now(timedelta(seconds=seconds)) if seconds else "")


def is_settling(case: Case, decision: Decision) -> bool:
    """Whether AWS may still work on what our calls set."""
    return decision.settles_by > case.now()


def put_off_while_busy(
    case: Case, decision: Decision, why: str, *, in_doubt: bool = False
) -> NoReturn:
    """Lets go of the decision while AWS is busy with the resource, for as long as it settles.

    `in_doubt` is as in `put_off`.

    Raises `Waiting`, or `NotYet` where AWS was busy for longer than the control declares.
    """
    since = decision if decision.settles_by else made(case, decision)
    if is_settling(case, since):
        let_go = replace(since, lease_until=_ended(case, in_doubt), updated=case.now())
        append(case, let_go, "waiting", why)
        raise Waiting(why)
    put_off(case, since, why, in_doubt=in_doubt)


def put_off(case: Case, decision: Decision, why: str, *, in_doubt: bool = False) -> NoReturn:
    """Lets go of the decision until its message comes again; on the last delivery, it has failed.

    `in_doubt`: a call got no answer, so that nobody knows whether it took effect. The lease is then
    left on the decision, though over, as one that died leaves it. Raises `NotYet`.
    """
    if case.last_chance and decision.status is Status.REVERTING:
        reason = f"{why}; its message is dead-lettered"
        fail(case, decision, reason, UNREAD, in_doubt=in_doubt)
    else:
        waiting = replace(decision, lease_until=_ended(case, in_doubt), updated=case.now())
        append(case, waiting, "waiting", why)
    raise NotYet(why)


def fail(
    case: Case,
    decision: Decision,
    reason: str,
    observation: Seen,
    *,
    in_doubt: bool = False,
    taught: Taught | None = None,
) -> Decision:
    """Records that a revert has failed and the risk stands, and when it is tried again."""
    next_try = retrying.next_try(decision.retries, case.moment())
    said = f"{reason}; {retrying.in_words(decision.retries, next_try)}"
    failed = replace(decision, next_try=next_try)
    # One failure is one lesson, however often it is met again.
    lesson = None if decision.retries else taught
    return end(
        case,
        failed,
        Status.FAILED,
        said,
        observation,
        resumable=True,
        in_doubt=in_doubt,
        taught=lesson,
    )


def _ended(case: Case, in_doubt: bool) -> str:
    """The lease of a worker that lets go: none, or one that is over where a call is in doubt."""
    return case.now() if in_doubt else ""


def end(
    case: Case,
    decision: Decision,
    status: Status,
    reason: str,
    observation: Seen,
    *,
    done: int | None = None,
    resumable: bool = False,
    in_doubt: bool = False,
    by: str = "guard",
    taught: Taught | None = None,
) -> Decision:
    """Records an outcome."""
    ended = replace(
        decision,
        status=status,
        after=case.fingerprint(observation),
        left=observation.state if isinstance(observation, Observation) else {},
        reason=decision.reason if status in (Status.REVERTED, Status.UNDONE) else reason,
        done=decision.done if done is None else done,
        lease_until=_ended(case, in_doubt),
        resumable=resumable,
        next_try=decision.next_try if resumable else "",
        remind="",
        updated=case.now(),
    )
    if case.control.contains and is_undoable(ended):
        from driftguard.approvals.contained import reminded_at

        ended = replace(ended, remind=reminded_at(ended, case.settings))

    # People may accept what a revert has left that is tried again: the sweep is to know it then.
    left = ""
    if isinstance(observation, Observation) and ended.next_try:
        left = case.seen(observation)
    if left:
        # What this decision itself wrote meanwhile is part of what is remembered now.
        case = replace(case, remembered=case.context.state.recall(*case.record_keys()))

    def lessons(remembered: StateRecords) -> Iterator[StateRecord]:
        yield from taught(remembered) if taught is not None else ()
        if status in (Status.REVERTED, Status.FAILED):
            yield from learning.of_outcome(ended, remembered, left=left)

    return append(case, ended, status.value, reason, by=by, taught=lessons)


def seen_after(case: Case, done: int) -> Seen:
    """The state after an error, if there is something to undo in it."""
    try:
        return case.observe() if done else UNREAD
    except AwsError:
        # The error that stopped us is recorded; an undo then looks at what is there.
        return UNREAD
