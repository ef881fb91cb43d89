"""Guardrails about what would be done."""

from __future__ import annotations

from driftguard.model import Autonomy
from driftguard.state import incidents
from driftguard.state.baseline import baseline_of
from driftguard.state.keys import anomaly_baseline_key, baseline_key

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
    strictest = lowest(case, case.policy.bounds.in_use) if case.use.by else None
    if strictest is None:
        return None
    return AtMost(strictest.autonomy, f"in use: {case.use.by}{strictest.more}")


def cuts(case: Circumstances) -> AtMost | None:
    """The revert would cut what is in use, or what nobody could tell to be unused."""
    if not case.plan.steps or not case.cuts or case.control in case.policy.may_cut:
        return None
    if case.use.by:
        return AtMost(Autonomy.ASK, f"it would cut {case.cuts}, which is in use: {case.use.by}")
    if case.use.unknown:
        return AtMost(Autonomy.ASK, f"it may cut {case.cuts}: {case.use.unknown}")
    return None


def preparation(case: Circumstances) -> AtMost | None:
    """It does no harm yet: people are told at once, and asked only if it still stands later."""
    again = looks_again(case)
    if not again:
        return None
    then = f"told again, before {case.ends}" if case.ends else "asked, if it still stands"
    return AtMost(Autonomy.OBSERVE, f"{case.preparation}; people are {then}, at {again}")


def looks_again(case: Circumstances) -> str:
    """When a preparation is looked at again (ISO 8601, UTC); "" where people are asked at once.

    Only what policy has people asked about: what it grants to revert is reverted at once. Nothing
    that a caller claims counts here beyond what the control lets it, and whoever acts as nobody
    does here, or is asked about something else right now, is asked about at once; so is what
    somebody wants people to be asked about.
    """
    terms = case.policy.bounds.preparations
    if terms is None or not case.preparation or not case.plan.steps or case.wanted:
        return ""
    if case.policy.granted(case.control) is not Autonomy.ASK or case.actor.is_unattributed:
        return ""
    if _is_unusual(case) or _has_requests(case):
        return ""
    return terms.again(case.control, case.ends, case.now)


def _is_unusual(case: Circumstances) -> bool:
    anomalies = case.policy.bounds.anomalies
    if anomalies is None:
        return False
    from driftguard.state import anomaly_baseline

    key = anomaly_baseline_key(case.remembered.place, case.resource.account, case.control)
    traits = anomaly_baseline.traits_of(case.actor, case.time)
    document = case.remembered[key].document
    unusual = anomaly_baseline.anomaly_score(document, traits, anomalies, case.now)
    return unusual.known and unusual.score >= anomalies.unusual_over


def _has_requests(case: Circumstances) -> bool:
    """Whether people are asked about other changes that the same caller made within minutes."""
    account = case.resource.account
    return incidents.is_asked_about(case.remembered, account, case.actor, case.now)
