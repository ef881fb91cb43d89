"""What holds back an act that was decided earlier: by silence, or before it was interrupted.

What is decided is judged when it is decided. But a question stays open for days, and a revert that
was put off may be taken up again after as many: by then people may have said otherwise, and the
resource may be another than the one that was judged.
"""

from __future__ import annotations

from . import guardrails
from .case import Case
from .guardrails import Circumstances
from .model import Autonomy, Decision, Document, Facet, Plan, Risk

# Who answers where nobody does.
SILENCE = "silence"
# These hold a revert back until somebody says yes; where policy takes silence for a yes, that is
# what was waited for. Every other ruling holds against silence too.
_FOR_WANT_OF_A_WORD = frozenset({"weak-record", "probe", "routine", "change-window"})
# These count what was begun already, and so would hold it back for its own sake.
_OF_ITS_OWN_PLACE = frozenset({"breaker", "fight"})
# This is of the record and the habits as they were when it was decided.
_OF_THE_DAY = frozenset({"weak-record", "probe", "routine"})


def by_silence(decision: Decision) -> bool:
    """Whether it was approved by nobody's word alone."""
    return any(one.person == SILENCE for one in decision.answers)


def by_people(decision: Decision) -> bool:
    """Whether people said yes to it."""
    return bool(decision.answers) and not by_silence(decision)


def silence(case: Case, decision: Decision) -> str:
    """What forbids a revert that no person has said yes to; "" when nothing does."""
    return _against_silence(case, decision, _FOR_WANT_OF_A_WORD)


def silences_act(case: Case, decision: Decision) -> str:
    """What forbids to carry out what silence has approved already; "" when nothing does."""
    return _against_silence(case, decision, _FOR_WANT_OF_A_WORD | _OF_ITS_OWN_PLACE)


def going_on(case: Case, decision: Decision, facet: Facet, risk: Risk) -> str:
    """What forbids to go on with a revert on the state as it is now; "" when nothing does.

    People's word is for the calls that they were shown, and for no others. Where nobody gave it,
    whatever holds back by now holds back what is still to do.
    """
    plan = case.plan(facet)
    if decision.autonomy is not Autonomy.REVERT:
        shown = [step.call for step in decision.plan.steps]
        if any(step.call not in shown for step in plan.steps):
            return "the resource has changed since people were asked"
    if by_people(decision):
        return ""
    passed_over = _OF_ITS_OWN_PLACE | _OF_THE_DAY
    if by_silence(decision):
        passed_over |= _FOR_WANT_OF_A_WORD
    elif case.guard.policy.granted(decision.control) is not Autonomy.REVERT:
        return f"policy grants {case.guard.policy.granted(decision.control).label}"
    asked = _circumstances(
        case,
        decision,
        plan,
        facet.state,
        leans_on_baseline=case.leans_on_baseline(facet, plan),
        at_most=risk.at_most,
        at_most_why=risk.at_most_why,
    )
    return _said(asked, passed_over)


def _against_silence(case: Case, decision: Decision, passed_over: frozenset[str]) -> str:
    if case.guard.policy.granted(decision.control) is Autonomy.OBSERVE:
        # It was asked about because it was unusual: that never causes a revert.
        return "policy grants observe"
    suspicions = [one for one in decision.rulings if one.guardrail == "suspicion"]
    asked = _circumstances(
        case,
        decision,
        decision.plan,
        decision.state,
        leans_on_baseline=case.keeps_baseline,
        at_most=min([one.limit for one in suspicions], default=Autonomy.REVERT),
        at_most_why=next((one.reason for one in suspicions), ""),
    )
    return _said(asked, passed_over)


def _said(asked: Circumstances, passed_over: frozenset[str]) -> str:
    return "; ".join(
        one.reason
        for one in guardrails.rulings(asked)
        if one.limit is Autonomy.OBSERVE
        or (one.limit is Autonomy.ASK and one.guardrail not in passed_over)
    )


def _circumstances(
    case: Case,
    decision: Decision,
    plan: Plan,
    state: Document,
    *,
    leans_on_baseline: bool,
    at_most: Autonomy,
    at_most_why: str,
) -> Circumstances:
    """What guardrails look at, as it is now."""
    return Circumstances(
        decision=decision.id,
        control=decision.control,
        severity=case.control.severity,
        resource=decision.suspect.resource,
        actor=decision.actor,
        time=decision.change_time,
        plan=plan,
        policy=case.guard.policy,
        ceiling=case.guard.ceiling,
        memory=case.memory,
        now=case.moment(),
        remediator=case.guard.remediator_role_arn,
        baselined=case.keeps_baseline,
        leans_on_baseline=leans_on_baseline,
        tags=case.tags_that_count(),
        in_use=case.in_use(state),
        at_most=at_most,
        at_most_why=at_most_why,
    )
