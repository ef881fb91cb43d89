"""Turns a change into a decision: looks, judges, records, and acts at once if it may."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from driftguard.audit import Conflict
from driftguard.audit.items import decision_id
from driftguard.aws.dynamodb import Moved
from driftguard.documents import moment, stamp
from driftguard.guardrails.judgment import Judgment
from driftguard.guardrails.spoken import spoken
from driftguard.model import Autonomy, Certainty, Change, Decision, Status, arns_of
from driftguard.state import freezes, history, learning
from driftguard.state.keys import StateRecords, TooLarge, history_key

from . import (
    approval_requests,
    asking,
    beside,
    following_up,
    hidden,
    recording,
    remembering,
    resume,
    revert,
    standing,
)
from .case import Case
from .comparing import Assessment
from .errors import Busy, NotYet, Waiting
from .judging import judge
from .recording import LEASE, ROUNDS

# AWS is eventually consistent: how long to wait before a second look at what must be risky, in s.
SECOND_LOOK = 2.0
# How far the clock of a record may be ahead of ours.
_AHEAD = timedelta(minutes=5)
# How many ARNs of others who made the same again one approval request can name.
_MOST_MAKERS = 100

_STATUS = {
    Autonomy.REVERT: Status.REVERTING,
    Autonomy.ASK: Status.ASKED,
    Autonomy.OBSERVE: Status.OBSERVED,
}


def decide(case: Case, change: Change) -> Decision | None:
    """The decision on this change: a new one, an earlier delivery's, or None if all is well."""
    id_ = decision_id(change, case.control.id, case.candidate.resource)
    before, case = _recall(case, id_)
    _record_switches(case)
    if before is not None and (before.settled or resume.waits(case, before)):
        return before
    if before is not None and before.status is Status.APPROVED:
        return approval_requests.carry_out(case, before)
    if before is not None:
        return resume.resume(case, before, *resume.look(case, before))
    observation, assessment = case.look()
    if assessment is None and case.candidate.certainty is Certainty.EVIDENT:
        # The record proves that it was risky: AWS may merely answer late.
        case.context.pause(SECOND_LOOK)
        observation, assessment = case.look()
        if assessment is None:
            _wait_until_settled(case)
    if assessment is None:
        _close_what_is_gone(case)
    if observation is None:
        return None
    if assessment is None:
        case.must_know_baseline()
        # The earlier baseline stays, and the sweep tells of it.
        with suppress(TooLarge):
            remembering.remember(case, observation, f"clean after {change.name} ({change.id})")
        if case.candidate.certainty is not Certainty.EVIDENT:
            # A risk that is gone again does not belong into the anomaly baseline.
            policy, now = case.context.policy, case.moment()
            remembering.write(
                case, *learning.of_clean(case.control.id, change, case.remembered, policy, now)
            )
        return None
    if assessment.finding.unknown and not case.last_chance:
        raise NotYet(assessment.finding.unknown)
    assessment = standing.released(case, standing.limited(case, assessment))
    assessment = following_up.with_follow_up(case, assessment)
    return record(case, id_, change, hidden.limited(assessment) if case.hidden else assessment)


def _close_what_is_gone(case: Case) -> None:
    """Closes the open approval request about the resource, if its state is gone."""
    stored = case.remembered[history_key(case.control.id, case.candidate.resource)].document
    open_ = history.asked(stored)
    asked = case.context.audit.get(open_) if open_ else None
    if asked is None or asked.status is not Status.ASKED:
        return
    # What only the record told of it belongs to its state.
    of_the_request = replace(case, candidate=asked.candidate)
    observation, assessment = of_the_request.look()
    if assessment is None:
        try:
            asking.close(of_the_request, asked, observation)
        except Conflict:
            # Somebody is just voting on it: the guard looks again before it carries that out.
            return


def _wait_until_settled(case: Case) -> None:
    """Raises `Waiting` while reads may still answer with the state before the change.

    A record from the future is waited for by nobody: whoever forges one would never let it end. Nor
    is what is contained: a service's finding changed nothing that could still settle.
    """
    seconds, how = case.control.settling
    changed = moment(case.changed)
    if changed is None or not seconds or case.control.contains:
        return
    until, now = changed + timedelta(seconds=seconds), case.moment()
    if changed <= now + _AHEAD and now < until:
        raise Waiting(f"waiting for AWS until {stamp(until)} at most: {how}")


def _recall(case: Case, id_: str) -> tuple[Decision | None, Case]:
    """The decision, if an earlier delivery made it, and the state records: all in one read."""
    state = case.context.state
    before, found = case.context.audit.recall(
        id_, *((state.name, key) for key in case.record_keys())
    )
    return before, replace(case, remembered=StateRecords.of(state.place, found))


def record(
    case: Case,
    id_: str,
    change: Change,
    assessment: Assessment,
    *,
    overtaken: Callable[[Case], bool] = lambda _case: False,
) -> Decision | None:
    """Judges and records the decision with what it counts against; again if others were first.

    None if others have `overtaken` it, so that it is no longer needed.
    """
    policy = case.context.policy
    for round_ in range(ROUNDS):
        judged = judge(case, id_, change, assessment)
        made = draft(case, id_, change, assessment, judged)
        decision, joining = beside.with_context(case, made)
        joined = _joined(case, decision)
        if joined is not None:
            return joined
        records = learning.of_decision(
            decision,
            judged.trips,
            case.remembered,
            policy,
            case.moment(),
            seen=case.seen(assessment.observation),
            parts=standing.parts_of(assessment.finding),
            takes_place=not any(one.takes_no_place for one, _ in spoken(decision.rulings)),
        )
        try:
            decision = case.context.audit.append(
                decision,
                event="decided",
                note=decision.reason,
                also=case.context.state.writes(*records, *joining.records),
            )
        except Conflict:
            raise Busy(f"another worker has just decided {id_}") from None
        except Moved:
            recording.wait(case, round_)
            before, case = _recall(case, id_)
            if before is not None:
                raise Busy(f"another worker has just decided {id_}") from None
            if overtaken(case):
                return None
            continue
        if decision.status is Status.REVERTING:
            return revert.revert(case, decision, assessment)
        return decision
    raise NotYet(f"too many write what {id_} is decided by; it comes again")


def _record_switches(case: Case) -> None:
    """Records once each freeze that was set or lifted without the signed API.

    The guard may not write a freeze's state record, so the id of the decision tells whether it was
    recorded. A record that names a decision is believed only where that decision proves it.
    """
    for state_record in freezes.concerning(
        case.remembered, case.control.id, case.candidate.resource.account
    ):
        id_ = freezes.found_id(state_record)
        if id_ in case.context.recorded:
            continue
        named = freezes.named_decision(state_record.document)
        if not named or not freezes.is_proven(state_record, case.context.audit.get(named)):
            # Only here: nothing of it is needed while people go through the signed API.
            from . import found_freezes

            found_freezes.record(case.context, state_record)
        case.context.recorded.add(id_)


def draft(
    case: Case,
    id_: str,
    change: Change,
    assessment: Assessment,
    judged: Judgment,
) -> Decision:
    """The decision as it will be recorded."""
    status = _STATUS[judged.autonomy]
    exempted = any(guardrail.exempts for guardrail, _ in spoken(judged.rulings))
    if status is Status.OBSERVED and exempted:
        status = Status.EXEMPTED
    terms = case.context.policy.terms(case.control.id, judged.severity)
    now = case.now()
    return Decision(
        id=id_,
        control=case.control.id,
        title=case.control.title,
        severity=judged.severity,
        candidate=case.candidate,
        change_id=change.id,
        change_name=change.name,
        change_time=change.time,
        actor=change.actor,
        status=status,
        summary=assessment.finding.summary,
        granted=judged.granted,
        autonomy=judged.autonomy,
        rulings=judged.rulings,
        plan=assessment.plan,
        state=assessment.observation.state,
        before=case.fingerprint(assessment.observation),
        decided=now,
        updated=now,
        reason=judged.reason,
        attempt=1,
        lease_until=case.now(LEASE) if status is Status.REVERTING else "",
        quorum=terms.quorum,
        expires=asking.deadline(case, terms) if status is Status.ASKED else "",
        next_try=judged.looks_again,
    )


def _joined(case: Case, decision: Decision) -> Decision | None:
    """The open approval request about this very state, with this change in its log; or None.

    A script that makes a resource risky again and again is one approval request, not one a second.
    """
    if decision.status is not Status.ASKED:
        return None
    state_record = case.remembered[history_key(case.control.id, case.candidate.resource)].document
    open_ = history.approval_request(state_record, decision.before, case.now())
    asked = case.context.audit.get(open_) if open_ and open_ != decision.id else None
    if asked is None or asked.status is not Status.ASKED or asked.before != decision.before:
        return None
    # What people say yes to is a plan: another one of the same state is another question.
    if any(step not in asked.plan.steps for step in decision.plan.steps):
        return None
    # Findings of all kinds contain by one plan: about a trifle people answer otherwise.
    if case.control.contains and decision.severity > asked.severity:
        return None
    others = tuple(arn for arn in arns_of(decision.actor) if arn not in asked.makers)
    if len(asked.remade_by) + len(others) > _MOST_MAKERS:
        return None
    # Whoever made it cannot accept it, whether first or again.
    again = replace(asked, remade_by=(*asked.remade_by, *others), updated=case.now())
    who = f"{decision.change_name} ({decision.change_id}) by {decision.actor.name}"
    try:
        return recording.append(case, again, "again", f"made again by {who}")
    except Conflict:
        raise Busy(f"somebody is just voting on {asked.id}") from None
