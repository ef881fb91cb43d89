"""Takes up a revert or an undo that an earlier delivery left unfinished."""

from __future__ import annotations

from driftguard.model import Decision, Observation, Status
from driftguard.state import freezes

from . import recheck, recording, undo
from .case import Case
from .comparing import Assessment
from .revert import plan_again, revert, unfinished


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
        return undo.go_on(case, decision, by="guard")
    account = case.candidate.resource.account
    frozen = freezes.why_frozen(case.remembered, case.control.id, account, case.moment())
    if frozen and assessment is not None and not recheck.by_people(decision):
        recording.put_off(case, decision, frozen)
    if assessment is None:
        done = len(decision.plan.steps) if died else decision.done
        note = "found reverted" if done else "found safe already"
        return recording.end(case, decision, Status.REVERTED, note, observation, done=done)
    if assessment.finding.unknown:
        recording.put_off(case, decision, assessment.finding.unknown)
    if held_back := recheck.going_on(case, decision, assessment):
        reason = unfinished(decision, assessment.finding, held_back)
        return recording.end(case, decision, Status.FAILED, reason, observation)
    return revert(case, plan_again(case, decision, assessment, in_doubt=died), assessment)
