"""Takes a change back: applies the recorded plan and looks at the resource again.

A worker that dies at any point leaves a record that the next delivery finishes: a decision is
recorded before it is acted on, and the resource is looked at again before the outcome is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from driftguard.aws.calls import AwsError
from driftguard.model import Decision, Finding, Observation, Status

from . import recheck, recording
from .apply import PATIENCE, Outcome, apply_for, merged
from .case import Case
from .comparing import Assessment
from .recording import Taught

# How often a state that moves under the remediation is planned for again.
_PLANS = 3


def revert(
    case: Case, decision: Decision, assessment: Assessment, *, in_doubt: bool = False
) -> Decision:
    """Applies the recorded plan, looks again, and plans again while the risk stands.

    `in_doubt`: an earlier worker may have made calls of it that AWS has not settled yet.
    """
    observation, held = assessment.observation, None
    for round_ in range(_PLANS):
        still_so = _still(case, case.fingerprint(observation))
        again = in_doubt or round_ > 0
        outcome = apply_for(case, decision, decision.plan, decision.done, still_so, again=again)
        called = outcome.done > decision.done
        decision = replace(decision, done=outcome.done)
        if outcome.error is not None:
            return _stopped(case, decision, outcome, in_doubt=in_doubt or outcome.in_doubt)
        if called:
            decision = recording.made(case, decision)
        try:
            seen, now = _look_patiently(case, "" if outcome.stale else decision.before)
        except AwsError as error:
            # How far it got is recorded first: else its own calls would be somebody else's.
            recording.put_off(case, decision, f"unverified, it could not be read again: {error}")
        if now is None:
            note = "verified" if decision.done else "found safe already"
            return recording.end(case, decision, Status.REVERTED, note, seen)
        assessment, observation = now, now.observation
        if called and decision.settles_by and _may_settle(case, decision, now):
            recording.wait_for_aws(case, decision)
        if assessment.finding.unknown:
            # It may have helped: whether it did will be known, and until then nothing more is done.
            recording.put_off(case, decision, assessment.finding.unknown)
        if held := held_back(case, decision, assessment):
            break
        decision = plan_again(case, decision, assessment, in_doubt=False)
    why = held.reason if held else ""
    reason = unfinished(decision, assessment.finding, why)
    taught = _of_failure(case, decision, assessment, why)
    if held or not assessment.plan.steps:
        # It is for people: nothing that is left may be tried again.
        return recording.end(case, decision, Status.FAILED, reason, observation, taught=taught)
    return recording.fail(case, decision, reason, observation, taught=taught)


def held_back(
    case: Case,
    decision: Decision,
    assessment: Assessment,
    *,
    in_doubt: bool = False,
    died: bool = False,
) -> recheck.HeldBack | None:
    """Why not to go on with what is begun (`recheck.going_on`); None if nothing holds it back.

    Where that cannot be told, because tags that count cannot be read, nothing is decided: it is
    tried again. `died`: what a worker that died was about is in doubt, and stays so.
    """
    try:
        return recheck.going_on(case, decision, assessment, in_doubt=in_doubt)
    except AwsError as error:
        why = f"whether it may go on cannot be told: {error}"
        recording.put_off(case, decision, why, in_doubt=died)


def begun(case: Case, decision: Decision, observation: Observation, *, in_doubt: bool) -> int:
    """How many steps are made of a plan that is to be carried out to its end; 0 if nothing is left.

    The finding is gone. So the first step of a worker that died (`in_doubt`) had its effect; where
    all is as it was recorded before, all of them had.
    """
    done = max(decision.done, 1) if in_doubt else decision.done
    if not case.control.to_its_end or done >= len(decision.plan.steps):
        return 0
    return 0 if case.comparison().is_as_recorded(observation) else done


def finish(case: Case, decision: Decision, observation: Observation, *, in_doubt: bool) -> Decision:
    """Makes the rest of a plan's calls whose finding is gone: not all is as it was yet."""
    made = begun(case, decision, observation, in_doubt=in_doubt)
    still_so = _still(case, case.fingerprint(observation))
    outcome = apply_for(case, decision, decision.plan, made, still_so, again=in_doubt)
    decision = replace(decision, done=outcome.done)
    if outcome.error is not None:
        return _stopped(case, decision, outcome, in_doubt=in_doubt or outcome.in_doubt)
    if outcome.stale:
        recording.put_off(case, decision, "the state had changed before the plan was carried out")
    decision = recording.made(case, decision)
    seen, now = _look_patiently(case, case.fingerprint(observation))
    if now is None:
        return recording.end(case, decision, Status.REVERTED, "verified", seen)
    return revert(case, plan_again(case, decision, now, in_doubt=False), now)


def _may_settle(case: Case, decision: Decision, now: Assessment) -> bool:
    """Whether time can take the risk away: what is left asks for what we have called already."""
    made = [step.call for step in decision.plan.steps[: decision.done]]
    as_before = case.fingerprint(now.observation) == decision.before
    return as_before or any(step.call in made for step in now.plan.steps)


def failed_to_settle(case: Case, decision: Decision, assessment: Assessment) -> Decision:
    """Ends a decision whose calls were made, and have not helped in all the time that AWS takes."""
    return recording.fail(
        case,
        decision,
        unfinished(decision, assessment.finding, ""),
        assessment.observation,
        taught=_of_failure(case, decision, assessment, ""),
    )


def _of_failure(
    case: Case, decision: Decision, assessment: Assessment, held_back: str
) -> Taught | None:
    """The lesson of a risk that still stands.

    There is none if no remediation was tried, or if all that a plan could take back is taken back:
    what is left is for people, and says nothing against the plan.
    """
    if (held_back and not decision.done) or (decision.done and not assessment.plan.steps):
        return None
    # Only here: no other step waits for the arithmetic of trust.
    from driftguard.state import outcomes

    policy, now = case.context.policy, case.moment()
    return lambda remembered: outcomes.of_failure(decision, remembered, policy, now)


def _look_patiently(case: Case, before: str) -> tuple[Observation | None, Assessment | None]:
    """The state after a revert; looks again while AWS still answers with the old one."""
    observation, assessment = None, None
    for wait in PATIENCE:
        if wait:
            case.context.pause(wait)
        observation, assessment = case.look()
        if assessment is None or case.fingerprint(assessment.observation) != before:
            break
    return observation, assessment


def plan_again(
    case: Case, decision: Decision, assessment: Assessment, *, in_doubt: bool
) -> Decision:
    """The plan for the state as it is now, recorded before it is acted on."""
    anew, before = assessment.plan, case.fingerprint(assessment.observation)
    plan, done = merged(decision.plan, decision.done, anew, in_doubt=in_doubt)
    if plan == decision.plan and done == decision.done:
        return decision
    again = replace(decision, plan=plan, done=done, before=before, updated=case.now())
    return recording.append(case, again, "planned", "the state had changed")


def unfinished(decision: Decision, finding: Finding, held_back: str) -> str:
    """Why the risk still stands."""
    tried = (
        "still risky after the remediation" if decision.done or not held_back else "not taken back"
    )
    reason = f"{tried}: {finding.summary}"
    return f"{reason}; {held_back}" if held_back else reason


def _still(case: Case, fingerprint: str) -> Callable[[], bool]:
    """Asks whether the state still has this fingerprint; narrow calls need not ask."""
    return lambda: case.control.narrow or case.fingerprint(case.observe()) == fingerprint


def _stopped(case: Case, decision: Decision, outcome: Outcome, *, in_doubt: bool) -> Decision:
    """The remediation met an error: failed if it was refused, tried again if it may pass."""
    if outcome.passing(case.control.busy):
        why = f"waiting for AWS: {outcome.error}"
        recording.put_off_while_busy(case, decision, why, in_doubt=in_doubt)
    seen = recording.seen_after(case, decision.done)
    return recording.fail(case, decision, str(outcome.error), seen)
