"""Looks again at a preparation of which people were only told: asks, tells again, or ends it.

A preparation does no harm by itself. Where policy has `preparations`, people are told of it at
once, and asked only about what still stands at `next_try`: a tool that ends what it made switches
its protection off first, and deletes it minutes later. Where the harm comes by itself on a day, and
can be kept off until then, people are told again before that day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from driftguard.approvals.rules import is_open
from driftguard.guardrails.judgment import Judgment
from driftguard.guardrails.spoken import spoken
from driftguard.model import Autonomy, Change, Decision, Finding, Observation, Status
from driftguard.state import history, learning
from driftguard.state.keys import StateRecord, StateRecords, history_key

from . import asking, beside, recording, standing
from .case import Case
from .comparing import Assessment
from .errors import NotYet
from .judging import judge

# How long a freeze puts the second look off; at the freeze's end nothing else wakes the guard.
_WHILE_FROZEN = timedelta(minutes=30)


def look_again(case: Case, decision: Decision) -> Decision:
    """What comes of a preparation at its `next_try`.

    Raises `AwsError` where the resource cannot be read: then the command comes again.
    """
    observation, assessment = case.look()
    if assessment is None:
        return _end(case, decision, "looked at again: nothing is left of it", observation)
    if why := _seen_to(case, assessment):
        return _end(case, decision, f"looked at again: {why}", observation)
    if (told := _told_again(case, decision, assessment.finding)) is not None:
        return told
    stands = replace(assessment, finding=replace(assessment.finding, preparation=""))
    judged = judge(case, decision.id, _change_of(decision), stands)
    if judged.autonomy is Autonomy.OBSERVE:
        if _is_frozen(judged):
            return _wait(case, decision, case.now(_WHILE_FROZEN), judged.reason)
        held = replace(decision, rulings=judged.rulings)
        return _end(case, held, f"looked at again, it still stands: {judged.reason}", observation)
    return _ask(case, decision, stands, judged)


def _told_again(case: Case, decision: Decision, finding: Finding) -> Decision | None:
    """The decision where its harm is to come by itself; None where people are asked."""
    terms = case.context.policy.bounds.preparations
    if terms is None or not (finding.preparation and finding.ends):
        return None
    if terms.is_asked_at_once(case.control.id):
        return None
    if again := terms.again(case.control.id, finding.ends, case.moment()):
        # It was taken back, and begun anew since.
        return _wait(case, decision, again, f"it can be taken back until {finding.ends}")
    note = f"told again: it still stands, and nobody can take it back from {finding.ends} on"
    again_said = replace(decision, reason=note, next_try="", updated=case.now())
    return recording.append(case, again_said, "told-again", note)


def _ask(case: Case, decision: Decision, assessment: Assessment, judged: Judgment) -> Decision:
    """Asks about what still stands, in the same decision."""
    observation, policy = assessment.observation, case.context.policy
    terms, now = policy.terms(case.control.id, judged.severity), case.moment()
    why = f"people were told on {decision.decided}, and it still stands"
    asked = replace(
        decision,
        status=Status.ASKED,
        autonomy=Autonomy.ASK,
        severity=judged.severity,
        rulings=judged.rulings,
        summary=assessment.finding.summary,
        reason=f"{judged.reason}; {why}",
        plan=assessment.plan,
        state=observation.state,
        apart=None,
        before=case.fingerprint(observation),
        next_try="",
        quorum=terms.quorum,
        expires=asking.deadline(case, terms),
        updated=case.now(),
    )
    asked, joining = beside.with_context(case, asked)
    seen, parts = case.seen(observation), standing.parts_of(assessment.finding)

    def taught(remembered: StateRecords) -> Iterator[StateRecord]:
        yield learning.of_state(asked, remembered, now, seen=seen, parts=parts)
        if remembered is case.remembered:
            yield from joining.records
        elif joining.records:
            raise NotYet(f"others wrote what {decision.id} belongs to meanwhile; it comes again")

    return recording.append(case, asked, "asked-anew", why, taught=taught)


def _seen_to(case: Case, assessment: Assessment) -> str:
    """Why another approval request about this very state sees to it; "" where none does.

    One that has ended sees to nothing any more: what was reverted and is there once more is asked
    about. What people accepted is the baseline by now, or exempted.
    """
    stored = case.remembered[history_key(case.control.id, case.candidate.resource)].document
    before = case.fingerprint(assessment.observation)
    other = history.approval_request(stored, before, case.now())
    asked = case.context.audit.get(other) if other else None
    if asked is None:
        return ""
    return f"{asked.id} asks about it" if is_open(asked) or not asked.settled else ""


def _is_frozen(judged: Judgment) -> bool:
    """Whether a freeze holds it back, so that it is judged anew once that has ended."""
    held = [
        guardrail.judged_anew
        for guardrail, ruling in spoken(judged.rulings)
        if ruling.limit is Autonomy.OBSERVE
    ]
    return bool(held) and all(held)


def _wait(case: Case, decision: Decision, until: str, why: str) -> Decision:
    waiting = replace(decision, next_try=until, updated=case.now())
    return recording.append(case, waiting, "deferred", f"looked at again at {until}: {why}")


def _end(case: Case, decision: Decision, why: str, observation: Observation | None) -> Decision:
    said = f"{decision.reason}; {why}"
    return recording.end(case, decision, Status.OBSERVED, said, observation)


def _change_of(decision: Decision) -> Change:
    """The change that the decision is about, as far as judging needs it."""
    resource = decision.candidate.resource
    return Change(
        id=decision.change_id,
        source="driftguard.preparing",
        name=decision.change_name,
        account=resource.account,
        region=resource.region,
        time=decision.change_time,
        actor=decision.actor,
    )
