"""Explains a change by its record and the policy alone. Pure.

The real guardrails judge it. A guardrail that needs the resource, or what the stack remembers, says
what it needs instead: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from driftguard import controls
from driftguard.audit.items import decision_id
from driftguard.controls.control import AnyControl
from driftguard.documents import moment
from driftguard.engine.guard import is_hidden
from driftguard.guardrails import registry
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.needs import Known, Need
from driftguard.model import Actor, Autonomy, Candidate, Certainty, Change, Plan, Ruling
from driftguard.policy.model import Policy
from driftguard.state.keys import StateRecords

from ...policy_file.at_hand import PolicyAtHand

WANTS = {
    Need.RESOURCE: "the resource must be read",
    Need.USE: "the resource must be read",
    Need.TAGS: "the resource's tags must be read",
    Need.STACK: "the stack must be asked",
    Need.STATE: "what the stack remembers must be read",
}

WOULD = {
    Autonomy.REVERT: "take it back at once",
    Autonomy.ASK: "ask people",
    Autonomy.OBSERVE: "only record it and tell",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What one guardrail says: a limit and its reason, nothing, or what it needs to know."""

    guardrail: str
    limit: Autonomy | None = None
    reason: str = ""
    wants: str = ""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The reasoning on one candidate.

    `at_most` is how far the guard would go by all that is known, `unless` names the guardrails
    that may hold it back further. `seen` is what reading the resource showed, `plan` what would be
    done; both are empty without a look. `trouble` is what stopped the look.
    """

    candidate: Candidate
    severity: int
    granted: Autonomy
    basis: str
    said: tuple[Said, ...]
    at_most: Autonomy
    verdict: str
    unless: tuple[str, ...] = ()
    seen: str = ""
    plan: Plan | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Watching:
    """A control that watches the change.

    No candidates: the record proves it harmless, unless it is `hidden` what was done; then the
    guard looks at everything of the kind. `trouble` is what keeps it from that.
    """

    control: AnyControl
    candidates: tuple[Reasoning, ...] = ()
    hidden: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of a change. `passed_over` says why the guard would not look at it at all.

    `advisories` is where vulnerabilities were looked up, in words; "" where that does not matter.
    """

    change: Change
    policy: str
    controls: tuple[Watching, ...]
    passed_over: str = ""
    live: bool = False
    advisories: str = ""


def explanation(change: Change, at_hand: PolicyAtHand) -> Explanation:
    """What the guard would do if each resource is as the record says."""
    over = passed_over(change)
    watching = tuple(
        Watching(
            control,
            tuple(
                _reasoning(change, control, candidate, at_hand.policy) for candidate in candidates
            ),
            hidden=not candidates and is_hidden(control, change, settings),
        )
        for control, settings, candidates in screened(change, at_hand.policy)
        if not over
    )
    return Explanation(change, at_hand.origin, watching, over)


def passed_over(change: Change) -> str:
    """Why the guard does not look at a change at all; "" where it does."""
    if change.error:
        return f"the call failed ({change.error}), so nothing has changed"
    return "the call only reads" if change.read_only else ""


def screened(
    change: Change, policy: Policy
) -> Iterator[tuple[AnyControl, object, tuple[Candidate, ...]]]:
    """Each control that watches the change, its settings, and its candidates by the record."""
    for control in controls.watching(change):
        settings = policy.settings_of(control.id, control.settings)
        yield control, settings, tuple(control.screen(change, settings))


def _reasoning(
    change: Change, control: AnyControl, candidate: Candidate, policy: Policy
) -> Reasoning:
    case = _circumstances(change, control, candidate, policy)
    answers = tuple(said(case, control))
    most, basis = granted(control.id, policy)
    at_most = min(
        [most, *(guardrail.limit for guardrail in answers if guardrail.limit is not None)]
    )
    unless = tuple(may_say_less(answers, at_most))
    verdict = _verdict(candidate, policy, control.id, at_most, unless)
    return Reasoning(candidate, control.severity, most, basis, answers, at_most, verdict, unless)


def _circumstances(
    change: Change, control: AnyControl, candidate: Candidate, policy: Policy
) -> Circumstances:
    """What is known without a look; judged as of the time of the change."""
    return Circumstances(
        decision=decision_id(change, control.id, candidate.resource),
        control=control.id,
        severity=control.severity,
        resource=candidate.resource,
        actor=change.actor,
        time=change.time,
        # Guardrails about the plan are asked only where the control never has one: `needs.plan`.
        plan=Plan((), advice=control.revert),
        policy=policy,
        ceiling=Autonomy.REVERT,
        remembered=StateRecords(candidate.resource.place),
        now=moment(change.time) or datetime.now(UTC),
        baselined=control.baselined,
        contains=control.contains,
    )


def said(case: Circumstances, control: AnyControl) -> Iterator[Said]:
    """What every guardrail says of a case without memory, plan and tags."""
    known = known_of(control, case.actor, case.policy)
    for guardrail in registry.GUARDRAILS:
        need = guardrail.needs(known)
        sure = need is None or guardrail.sure_when_it_speaks
        ruling = guardrail.ruling(case) if sure else None
        wants = "" if need is None else WANTS[need]
        yield Said(guardrail.name, wants=wants) if ruling is None else of_ruling(ruling)


def known_of(control: AnyControl, actor: Actor, policy: Policy) -> Known:
    """What a guardrail knows of a change without a look."""
    return Known(
        actor,
        control.id,
        policy,
        remediates=not control.revert,
        baselined=control.baselined,
        cuts=bool(control.cuts.what),
        prepares=control.prepares,
    )


def may_say_less(said: Iterable[Said], at_most: Autonomy) -> Iterator[str]:
    """The guardrails that might limit it to less than this, if they knew more."""
    lowest = {guardrail.name: guardrail.lowest for guardrail in registry.GUARDRAILS}
    for answer in said:
        if answer.wants and lowest[answer.guardrail] < at_most:
            yield answer.guardrail


def of_ruling(ruling: Ruling) -> Said:
    """A ruling as what its guardrail says."""
    return Said(ruling.guardrail, ruling.limit, ruling.reason)


def granted(control: str, policy: Policy) -> tuple[Autonomy, str]:
    """The most that the policy may grant, and in words what it grants."""
    where = "by its own entry" if control in policy.autonomy else "by default"
    level, anomalies = policy.granted(control), policy.bounds.anomalies
    if policy.earns(control):
        return level, f"policy grants revert where it is earned, {where}"
    if level is Autonomy.OBSERVE and anomalies is not None and anomalies.unusual:
        return Autonomy.ASK, f"policy grants observe, {where}, and asks about what is unusual"
    return level, f"policy grants {level.label}, {where}"


def _verdict(
    candidate: Candidate, policy: Policy, control: str, at_most: Autonomy, unless: tuple[str, ...]
) -> str:
    would = WOULD[at_most]
    if at_most is Autonomy.REVERT and policy.earns(control):
        would = f"{would} if its record has earned that, else {WOULD[Autonomy.ASK]}"
    elif at_most is Autonomy.ASK and policy.granted(control) is Autonomy.OBSERVE:
        would = f"{would} if it is unusual here, else {WOULD[Autonomy.OBSERVE]}"
    if candidate.certainty is Certainty.EVIDENT:
        where = "If the resource is as risky as its record says"
    else:
        where = "The record alone does not prove a risk. If the resource is found to be risky"
    holding = f", unless one of these holds it back: {', '.join(unless)}" if unless else ""
    return f"{where}, the guard would {would}{holding}."
