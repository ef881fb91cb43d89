"""Rechecks a revert that was decided earlier: by timeout, or before it was interrupted.

A decision is judged when it is made. But an approval request stays open for days, and a revert that
was put off may be taken up again days later: by then people may have said otherwise, and the
resource may be in another state than the one that was judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from driftguard.guardrails import judgment
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.guardrail import Guardrail
from driftguard.guardrails.spoken import spoken
from driftguard.model import Autonomy, Choice, Decision, Plan

from . import judging
from .apply import merged
from .case import Case
from .comparing import Assessment

# The person of the vote that the timeout action casts.
TIMEOUT = "timeout"


def by_timeout(decision: Decision) -> bool:
    """Whether the timeout action approved it, and no person did."""
    return any(vote.person == TIMEOUT for vote in decision.votes)


def by_people(decision: Decision) -> bool:
    """Whether people said yes to it; who wants the change accepted has not."""
    yes = any(vote.choice is Choice.REVERT for vote in decision.votes)
    return yes and not by_timeout(decision)


def timeout(case: Case, decision: Decision) -> str:
    """The reason that forbids a revert without any person's yes; "" if there is none."""
    return _against_timeout(case, decision, lambda guardrail: guardrail.waits_for_approval)


def timeouts_act(case: Case, decision: Decision) -> str:
    """The reason not to carry out what the timeout action has approved; "" if there is none."""
    return _against_timeout(
        case,
        decision,
        lambda guardrail: guardrail.waits_for_approval or guardrail.counts_itself,
    )


class HeldBack(NamedTuple):
    """Why a revert may not go on, and how much autonomy is left."""

    reason: str
    limit: Autonomy


def going_on(
    case: Case, decision: Decision, assessment: Assessment, *, in_doubt: bool = False
) -> HeldBack | None:
    """Why not to go on with a revert on the state as it is now; None if nothing holds it back.

    People approve the calls that they were shown, and no others. What they approved is tried again
    until they exempt it. Without their approval, whatever holds reverts back by now also holds back
    what is still to do. The rest of the plan that was judged is judged with what is made of it
    already (`in_doubt` as in `merged`): the undo of a call that is made may take back what is left.
    """
    if decision.autonomy is not Autonomy.REVERT:
        shown = [step.call for step in decision.plan.steps]
        if any(step.call not in shown for step in assessment.plan.steps):
            return HeldBack("the resource has changed since people were asked", Autonomy.ASK)
    if by_people(decision):
        return _exempted(case, decision, assessment) if decision.retries else None
    timed_out = by_timeout(decision)
    granted = case.context.policy.granted(decision.control)
    if not timed_out and granted is not Autonomy.REVERT:
        return HeldBack(f"policy grants {granted.label}", granted)

    def passed_over(guardrail: Guardrail) -> bool:
        waited_for = timed_out and guardrail.waits_for_approval
        return waited_for or guardrail.counts_itself or guardrail.of_the_day

    if assessment.plan.steps and is_of(decision.plan, assessment.plan):
        whole, _ = merged(decision.plan, decision.done, assessment.plan, in_doubt=in_doubt)
        assessment = replace(assessment, plan=whole)
    return _held(judging.of_decision_now(case, decision, assessment), passed_over)


def is_of(plan: Plan, rest: Plan) -> bool:
    """Whether what has no undo of its own in the rest of a plan was in that plan, call by call."""
    calls = [step.call for step in plan.steps]
    return all(step.undo or step.additive or step.call in calls for step in rest.steps)


def _exempted(case: Case, decision: Decision, assessment: Assessment) -> HeldBack | None:
    """The exemption by which people end what they had approved; None without one."""
    said = judgment.rulings(judging.of_decision_now(case, decision, assessment))
    for guardrail, ruling in spoken(said):
        if guardrail.exempts:
            return HeldBack(ruling.reason, ruling.limit)
    return None


def _against_timeout(
    case: Case, decision: Decision, passed_over: Callable[[Guardrail], bool]
) -> str:
    if case.context.policy.granted(decision.control) is Autonomy.OBSERVE:
        # It was asked about because it was unusual: that never causes a revert.
        return "policy grants observe"
    held = _held(judging.of_decision_as_recorded(case, decision), passed_over)
    return held.reason if held else ""


def _held(asked: Circumstances, passed_over: Callable[[Guardrail], bool]) -> HeldBack | None:
    """The rulings that hold it back by now; a limit to observe always counts."""
    said = [
        ruling
        for guardrail, ruling in spoken(judgment.rulings(asked))
        if ruling.limit is Autonomy.OBSERVE
        or (ruling.limit is Autonomy.ASK and not passed_over(guardrail))
    ]
    if not said:
        return None
    reasons = "; ".join(ruling.reason for ruling in said)
    return HeldBack(reasons, min(ruling.limit for ruling in said))
