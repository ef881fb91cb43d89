"""Takes up a revert or an undo that an earlier delivery left unfinished."""

from __future__ import annotations

from dataclasses import replace

from driftguard.aws.calls import AwsError
from driftguard.events.commands import Undo
from driftguard.model import Autonomy, Call, Decision, Finding, Observation, Plan, Status
from driftguard.state import freezes

from . import asking, recheck, recording, undo
from .apply import merged
from .case import Case
from .comparing import Assessment
from .revert import begun, failed_to_settle, finish, held_back, plan_again, revert, unfinished


def waits(case: Case, decision: Decision) -> bool:
    """Whether a revert that failed is to be tried again later.

    Whatever wakes the guard before that, an event that comes twice for example, changes nothing:
    whoever could have it tried at once could have it tried as often as they like.
    """
    return case.now() < decision.next_try


def look(case: Case, decision: Decision) -> tuple[Observation | None, Assessment | None]:
    """The state of what is unfinished; the last delivery records that it could not be read."""
    try:
        return case.look()
    except AwsError as error:
        if not case.last_chance or decision.status not in (Status.REVERTING, Status.FAILED):
            raise
        recording.must_be_free(case, decision)
        retries = decision.retries + 1 if decision.next_try else decision.retries
        reverting = replace(decision, status=Status.REVERTING, retries=retries)
        why = f"unverified, it could not be read again: {error}"
        # What a worker that died was about stays in doubt, however often it cannot be looked at.
        recording.put_off(case, reverting, why, in_doubt=bool(decision.lease_until))


def resume(
    case: Case,
    decision: Decision,
    observation: Observation | None,
    assessment: Assessment | None,
) -> Decision:
    """Takes up a revert or an undo that an earlier delivery left unfinished.

    What failed is undone instead of tried again, where people have agreed to that meanwhile.
    """
    if decision.status is Status.FAILED:
        decision = _undone(case, decision)
        if not decision.resumable:
            return decision
    # A worker that let go said how far it got. One that died still has its lease, and so has one
    # that got no answer to a call: what they were about may be made.
    died, why = bool(decision.lease_until), "an earlier attempt did not finish"
    if decision.next_try:
        # All of it is tried again: what its calls had set is no longer waited for.
        decision = replace(decision, retries=decision.retries + 1, settles_by="")
        why = f"tried again ({decision.retries}) after it had failed"
    decision = recording.take(case, decision, "resumed", why)
    if decision.status is Status.UNDOING:
        return undo.go_on(case, decision)
    account = case.candidate.resource.account
    frozen = freezes.why_frozen(case.remembered, case.control.id, account, case.moment())
    half = (
        assessment is None
        and observation is not None
        and begun(case, decision, observation, in_doubt=died) > 0
    )
    if frozen and (assessment is not None or half) and not recheck.by_people(decision):
        recording.put_off(case, decision, frozen, in_doubt=died)
    if decision.lost and (assessment is not None or half):
        why = f"how far it got is lost from the record: {decision.lost}"
        return recording.end(case, decision, Status.FAILED, why, observation)
    if observation is not None and half:
        # What is left is judged anew as well: people may have said otherwise meanwhile.
        left = Assessment(observation, Finding(decision.summary), decision.plan, None, False)
        if held := held_back(case, decision, left, died=died):
            reason = f"begun, and not carried out to its end: {held.reason}"
            return recording.end(case, decision, Status.FAILED, reason, observation)
        return finish(case, decision, observation, in_doubt=died)
    if assessment is None:
        done = len(decision.plan.steps) if died else decision.done
        note = "found reverted" if done else "found safe already"
        if decision.settles_by and done:
            note = "verified, once AWS had settled it"
        return recording.end(case, decision, Status.REVERTED, note, observation, done=done)
    if decision.settles_by and decision.done == len(decision.plan.steps):
        if recording.is_settling(case, decision):
            recording.wait_for_aws(case, decision)
        return failed_to_settle(case, decision, assessment)
    if assessment.finding.unknown:
        recording.put_off(case, decision, assessment.finding.unknown, in_doubt=died)
    rest = _rest_of_what_was_shown(case, decision, assessment, died)
    if rest is not None:
        assessment = replace(assessment, plan=rest)
    if held := held_back(case, decision, assessment, in_doubt=died, died=died):
        if not died and not decision.done and held.limit is Autonomy.ASK:
            asked = replace(decision, retries=0)
            return asking.ask_anew(case, asked, assessment, held.reason)
        # What a worker that died has made can be undone like what another one recorded.
        plan, done = merged(decision.plan, decision.done, assessment.plan, in_doubt=died)
        stopped = replace(decision, plan=plan, done=done)
        reason = unfinished(stopped, assessment.finding, held.reason)
        return recording.end(case, stopped, Status.FAILED, reason, observation)
    if rest is not None:
        # What people approved is carried out as it was shown to them.
        made = len(decision.plan.steps) - len(rest.steps)
        return revert(case, replace(decision, done=made), assessment, in_doubt=died)
    anew = plan_again(case, decision, assessment, in_doubt=died)
    return revert(case, anew, assessment, in_doubt=died)


def _rest_of_what_was_shown(
    case: Case, decision: Decision, assessment: Assessment, died: bool
) -> Plan | None:
    """What is left of the plan that people approved, if only its own calls changed the state.

    None where something else did, or where nobody was asked. A plan may name the time at which the
    state was read, so that the plan for the state as it is now has other calls than were shown. It
    is compared with what would be planned at the same time for the state that was shown: where it
    is the end of that plan, the calls before are made, and the same end of what was shown is left.
    """
    if decision.autonomy is Autonomy.REVERT or not (died or decision.done):
        return None
    shown = replace(assessment.observation, state=decision.state)
    if case.fingerprint(shown) != decision.before:
        return None
    planned = case.comparison().assess(shown)
    steps, left = decision.plan.steps, assessment.plan.steps
    made = len(steps) - len(left)
    if planned is None or len(planned.plan.steps) != len(steps):
        return None
    alike = all(
        _what(then.call) == _what(now.call)
        for then, now in zip(steps, planned.plan.steps, strict=True)
    )
    as_left = made >= 0 and [step.call for step in planned.plan.steps[made:]] == [
        step.call for step in left
    ]
    as_recorded = made >= decision.done if died else made == decision.done
    if not (alike and as_left and as_recorded and left):
        return None
    return replace(assessment.plan, steps=steps[made:])


def _what(call: Call) -> tuple[str, str, tuple[str, ...]]:
    return call.service, call.operation, call.on


def _undone(case: Case, decision: Decision) -> Decision:
    """The decision after the undo that its log asks for; as it is without one, or if refused."""
    # Only here: few reverts fail.
    from driftguard.approvals.owed import standing_undo

    request = standing_undo(decision, case.context.audit.log(decision.id))
    if request is None:
        return decision
    return undo.undo(case, decision, Undo(decision.id, request.by, request.note))
