"""Judges how far a decision may go: what the policy grants, lowered by the guardrails.

Policy grants; a guardrail can only lower what was granted, and the lowest ruling wins. All rulings
are recorded with the decision, so that anybody can see why it went no further.

A guardrail looks only at the `Circumstances`: the case, what is remembered of it, and what the
policy says. It answers None if it has nothing to say.
"""

from __future__ import annotations

from driftguard.frozen import dataclass
from driftguard.model import Autonomy, Ruling
from driftguard.state.keys import anomaly_baseline_key

from . import registry
from .circumstances import Circumstances


@dataclass(frozen=True, slots=True)
class Judgment:
    """What may be done, and every reason. `trips` names the circuit breaker that it trips.

    `looks_again` is when the guard looks again at what it only tells of now (ISO 8601, UTC), "" for
    never.
    """

    granted: Autonomy
    autonomy: Autonomy
    rulings: tuple[Ruling, ...]
    severity: int
    basis: str
    trips: str = ""
    looks_again: str = ""

    @property
    def reason(self) -> str:
        """Why it goes so far and no further."""
        said = [ruling.reason for ruling in self.rulings if ruling.limit == self.autonomy]
        if self.autonomy < self.granted:
            return "; ".join(said) or self.basis
        # What keeps nothing back is said beside it.
        beside = said if self.autonomy is Autonomy.REVERT else []
        return "; ".join([self.basis, *beside])


def judge(case: Circumstances) -> Judgment:
    """Judges how far to go: what the policy grants, or the lowest of what guardrails allow."""
    basis, granted, severity = _granted(case)
    said = rulings(case)
    level = autonomy(granted, said)
    if level is Autonomy.REVERT and case.policy.earns(case.control):
        basis = f"{basis}; {case.standing.line}"
    trips, again = _trips(case, granted, said), _looks_again(case, level, said)
    return Judgment(granted, level, said, severity, basis, trips, again)


def rulings(case: Circumstances) -> tuple[Ruling, ...]:
    """The rulings of all guardrails that have something to say of the case."""
    return tuple(
        ruling
        for guardrail in registry.GUARDRAILS
        if (ruling := guardrail.ruling(case)) is not None
    )


def autonomy(granted: Autonomy, said: tuple[Ruling, ...]) -> Autonomy:
    """The lowest of what was granted and what each guardrail allows."""
    return min([granted, *(ruling.limit for ruling in said)])


def _looks_again(case: Circumstances, level: Autonomy, said: tuple[Ruling, ...]) -> str:
    """When it is looked at again, where nothing but such a guardrail keeps it an observation."""
    observing = {ruling.guardrail for ruling in said if ruling.limit is Autonomy.OBSERVE}
    if level is not Autonomy.OBSERVE or len(observing) != 1:
        return ""
    for guardrail in registry.GUARDRAILS:
        if guardrail.looks_again is not None and guardrail.name in observing:
            return guardrail.looks_again(case)
    return ""


def _trips(case: Circumstances, granted: Autonomy, said: tuple[Ruling, ...]) -> str:
    """The circuit breaker that the decision trips, "" for none."""
    for guardrail in registry.GUARDRAILS:
        if guardrail.trips is None:
            continue
        others = tuple(ruling for ruling in said if ruling.guardrail != guardrail.name)
        # What would not have been reverted anyway takes no place, and trips nothing.
        if others != said and autonomy(granted, others) is Autonomy.REVERT:
            return guardrail.trips(case)
    return ""


def _granted(case: Circumstances) -> tuple[str, Autonomy, int]:
    """What the policy grants here, why, and how severe it is with what is usual considered."""
    granted = case.policy.granted(case.control)
    basis = f"policy grants {granted.label}"
    severity, anomalies = case.severity, case.policy.bounds.anomalies
    if case.policy.earns(case.control) and case.plan.steps:
        basis = "policy grants revert where it is earned"
    if case.wanted and granted is Autonomy.OBSERVE:
        basis, granted = "policy grants observe, and somebody wants it reverted", Autonomy.ASK
    if anomalies is None or case.actor.is_unattributed:
        return basis, granted, severity
    from driftguard.conduct.reading import conduct_of
    from driftguard.conduct.telling import CONTROL
    from driftguard.state import anomaly_baseline

    key = anomaly_baseline_key(case.remembered.place, case.resource.account, case.control)
    record = case.remembered[key]
    unusual = anomaly_baseline.anomaly_score(
        record.document, anomaly_baseline.traits_of(case.actor, case.time), anomalies, case.now
    )
    if unusual.known:
        bound = anomalies.raise_by if unusual.score > 50 else anomalies.lower_by
        severity = max(0, min(100, severity + round((unusual.score - 50) / 50 * bound)))
    conduct = conduct_of(case.remembered, case.policy, case.resource.account, case.actor, case.now)
    # A question about conduct is as severe as that itself, and says so.
    if conduct is not None and conduct.score > 50 and case.control != CONTROL:
        # It only ever raises severity: whoever makes noise must not have their changes stand.
        raised = case.severity + round((conduct.score - 50) / 50 * anomalies.raise_by)
        severity = max(severity, min(100, raised))
        basis = f"{basis}; {case.actor.name} behaves unusually ({conduct.line})"
    strange = unusual.known and unusual.score >= anomalies.unusual_over
    if granted is Autonomy.OBSERVE and anomalies.unusual and strange:
        return f"policy asks about what is unusual: {unusual.line}", Autonomy.ASK, severity
    return f"{basis}; {unusual.line}", granted, severity
