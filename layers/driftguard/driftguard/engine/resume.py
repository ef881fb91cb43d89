"""Takes up a revert or an undo that an earlier delivery left unfinished."""

from __future__ import annotations

from driftguard.model import Autonomy, Decision, Observation, Status
from driftguard.state import freezes

from . import asking, recheck, recording, undo
from .case import Case
from .comparing import Assessment
from .revert import failed_to_settle, plan_again, revert, unfinished


def resume(
    case: Case,
    decision: Decision,
    observation: Observation | None,
    assessment: Assessment | None,
) -> Decision:
    """Takes up a revert or an undo that an earlier delivery left unfinished."""
    # A worker that let go said how far it got. One that died still holds its lease.
    died = bool(decision.lease_until)
    decision = recording.take(case, decision, "resumed", "an earlier attempt did not finish")
    if decision.status is Status.UNDOING:
        return undo.go_on(case, decision)
    account = case.candidate.resource.account
    frozen = freezes.why_frozen(case.remembered, case.control.id, account, case.moment())
    if frozen and assessment is not None and not recheck.by_people(decision):
        recording.put_off(case, decision, frozen)
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
        recording.put_off(case, decision, assessment.finding.unknown)
    if held := recheck.going_on(case, decision, assessment):
        if not died and not decision.done and held.limit is Autonomy.ASK:
            return asking.ask_anew(case, decision, assessment, held.reason)
        reason = unfinished(decision, assessment.finding, held.reason)
        return recording.end(case, decision, Status.FAILED, reason, observation)
    return revert(case, plan_again(case, decision, assessment, in_doubt=died), assessment)
