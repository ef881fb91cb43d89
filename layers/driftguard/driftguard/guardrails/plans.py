"""Guardrails about what would be done."""

from __future__ import annotations

from driftguard.model import Autonomy
from driftguard.state.baseline import baseline_of
from driftguard.state.keys import baseline_key

from .circumstances import Circumstances, lowest
from .guardrail import AtMost


def no_remediation(case: Circumstances) -> AtMost | None:
    """The control has no safe remediation here: people are told, and have nothing to approve."""
    if case.plan.steps:
        return None
    return AtMost(Autonomy.OBSERVE, f"there is no safe remediation: {case.plan.advice}")


def irreversible(case: Circumstances) -> AtMost | None:
    """The plan cannot be undone: neither a step itself, nor by the undo of one before it."""
    changing = [step for step in case.plan.steps if not step.additive]
    if not changing or changing[0].undo:
        return None
    reason = f"{changing[0].call.operation} cannot be undone: a person must say so first"
    return AtMost(Autonomy.ASK, reason)


def drastic(case: Circumstances) -> AtMost | None:
    """The remediation costs something that only people may give up."""
    if not case.plan.drastic:
        return None
    return AtMost(Autonomy.ASK, f"{case.plan.drastic}: a person must say so first")


def uncertain(case: Circumstances) -> AtMost | None:
    """The finding may not be real: the finding itself says how far to go."""
    if case.at_most is Autonomy.REVERT:
        return None
    why = case.at_most_why or "whether there is a risk could not be told"
    return AtMost(case.at_most, why)


def baseline(case: Circumstances) -> AtMost | None:
    """The baseline was not seen for long, or the policy requires one and none is recorded."""
    if not case.baselined:
        return None
    terms = case.policy.bounds.baselines
    known = baseline_of(case.remembered[baseline_key(case.control, case.resource)])
    if known is None:
        if not terms.required or not case.plan.steps:
            return None
        return AtMost(Autonomy.ASK, "no baseline is recorded, and policy requires one")
    age = known.age(case.now)
    if not case.leans_on_baseline or age.total_seconds() <= terms.max_age:
        return None
    reason = f"the baseline it restores was last seen {age.days} days ago ({known.checked})"
    return AtMost(Autonomy.ASK, reason)


def in_use(case: Circumstances) -> AtMost | None:
    """Something depends on the risky part right now."""
    limit = lowest(case, case.policy.bounds.in_use) if case.use.by else None
    return None if limit is None else AtMost(limit.autonomy, f"in use: {case.use.by}")


def cuts(case: Circumstances) -> AtMost | None:
    """The revert would cut what is in use, or what nobody could tell to be unused."""
    if not case.plan.steps or not case.cuts or case.control in case.policy.may_cut:
        return None
    if case.use.by:
        return AtMost(Autonomy.ASK, f"it would cut {case.cuts}, which is in use: {case.use.by}")
    if case.use.unknown:
        return AtMost(Autonomy.ASK, f"it may cut {case.cuts}: {case.use.unknown}")
    return None
