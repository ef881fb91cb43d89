"""Ends approval requests: carries them out, asks anew, or closes them at their deadline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from driftguard.approvals.rules import is_undoable
from driftguard.aws.calls import AwsError
from driftguard.model import Choice, Decision, Status, Vote
from driftguard.state import freezes, learning
from driftguard.state.keys import StateRecord, StateRecords

from . import asking, preparing, recheck, recording, resume, retrying, revert
from .case import Case
from .errors import NotYet
from .recheck import TIMEOUT

# EventBridge Scheduler keeps time to the minute: it may ring so long before the deadline.
# Source: EventBridge Scheduler User Guide, "Schedule types".
_TIMERS_MINUTE = timedelta(minutes=1)


def carry_out(case: Case, decision: Decision) -> Decision:
    """Reverts an approved decision; a resource that has changed meanwhile is asked about anew.

    A freeze does not stop what people approved; it stops what only the timeout action did. What is
    to be tried again is tried at its time, whoever sends the command before that.
    """
    if resume.waits(case, decision):
        return decision
    if decision.status is Status.REVERTING or decision.resumable:
        return resume.resume(case, decision, *resume.look(case, decision))
    if decision.status is not Status.APPROVED:
        return decision
    if recheck.by_timeout(decision):
        account = decision.candidate.resource.account
        frozen = freezes.why_frozen(case.remembered, decision.control, account, case.moment())
        if frozen:
            recording.put_off(case, decision, frozen)
        if held_back := recheck.timeouts_act(case, decision):
            return _expired(case, decision, held_back)
    observation, assessment = case.look()
    if assessment is None:
        return recording.end(
            case, decision, Status.REVERTED, "safe already when approved", observation
        )
    if decision.lost:
        why = f"the plan that was approved is lost from the record: {decision.lost}"
        return asking.ask_anew(case, decision, assessment, why)
    if case.fingerprint(observation) != decision.before:
        return asking.ask_anew(
            case, decision, assessment, "the resource had changed since people were asked"
        )
    # How often people were asked says nothing of how often it was tried.
    reverting = replace(decision, status=Status.REVERTING, attempt=0, retries=0)
    taken = recording.take(case, reverting, "carrying-out", "approved")
    return revert.revert(case, taken, assessment)


def expire(case: Case, decision: Decision) -> Decision:
    """Takes the timeout action: the change is accepted or reverted, or others are asked, once.

    What is tried again, or looked at again, is so at its time, and so are people reminded of what
    is contained.
    """
    if case.now() < decision.next_try:
        return _before_its_time(case, decision, decision.next_try)
    if decision.status in (Status.APPROVED, Status.REVERTING) or decision.resumable:
        return carry_out(case, decision)
    if decision.status is Status.OBSERVED and decision.next_try:
        return preparing.look_again(case, decision)
    if case.control.contains and is_undoable(decision):
        from . import reminding

        due = reminding.due(case, decision)
        if due and case.now() < due:
            return _before_its_time(case, decision, due)
        return reminding.remind(case, decision) if due else decision
    if decision.status is not Status.ASKED:
        return decision
    if case.now() < decision.expires:
        return _before_its_time(case, decision, decision.expires)
    assessment = unread = None
    try:
        observation, assessment = case.look()
        if assessment is None:
            return asking.close(case, decision, observation)
    except AwsError as error:
        if not case.last_chance:
            raise
        unread = error
    terms = case.context.policy.terms(decision.control, decision.severity)
    if terms.timeout_action == "escalate" and not decision.escalated:
        longer = replace(
            decision, escalated=True, expires=asking.deadline(case, terms), updated=case.now()
        )
        return recording.append(case, longer, "escalated", f"nobody voted until {decision.expires}")
    held_back = recheck.timeout(case, decision) if terms.timeout_action == "revert" else ""
    if terms.timeout_action == "revert" and not held_back:
        return carry_out(case, _approved_on_timeout(case, decision))
    if retrying.asks_again(decision):
        if unread is not None:
            return asking.keep_open(case, decision, unread)
        if assessment is not None:
            return asking.ask_again(case, decision, assessment)
    return _expired(case, decision, held_back)


def _before_its_time(case: Case, decision: Decision, until: str) -> Decision:
    """Raises `NotYet` for a timer that rang early; one of an earlier deadline changes nothing."""
    if until <= case.now(_TIMERS_MINUTE):
        raise NotYet(f"{decision.id} waits until {until}")
    return decision


def _expired(case: Case, decision: Decision, held_back: str) -> Decision:
    """Accepts the change; `held_back` says what kept the timeout action from reverting it."""
    note = f"nobody voted until {decision.expires}: the change stands"
    if held_back:
        note += f"; the timeout action would revert it, but {held_back}"
    expired = replace(decision, status=Status.EXPIRED, reason=note, updated=case.now())
    return recording.append(case, expired, "expired", note, by=TIMEOUT)


def _approved_on_timeout(case: Case, decision: Decision) -> Decision:
    """Approves a revert that no person approved: the circuit breaker counts it like any of ours."""
    timeout = Vote(TIMEOUT, Choice.REVERT, "expiry", case.now(), decision.before)
    approved = replace(
        decision,
        status=Status.APPROVED,
        votes=(*decision.votes, timeout),
        updated=case.now(),
    )
    policy, now = case.context.policy, case.moment()

    def learn(remembered: StateRecords) -> Iterator[StateRecord]:
        # Others wrote meanwhile: perhaps they took the circuit breaker's last place, or froze
        # everything.
        moved = remembered is not case.remembered
        why = recheck.timeout(replace(case, remembered=remembered), decision) if moved else ""
        if why:
            raise NotYet(why)
        yield learning.counted(decision, remembered, policy, now)

    note = f"nobody voted until {decision.expires}: policy reverts"
    return recording.append(case, approved, "approved", note, by=TIMEOUT, taught=learn)
