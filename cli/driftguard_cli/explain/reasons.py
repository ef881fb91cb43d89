"""What the guard would make of a change, and why: by the record and the policy alone. Pure.

The guardrails themselves are asked. Those that would have to know the resource, or what the stack
remembers, say what they want instead: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from driftguard import controls
from driftguard.controls.control import AnyControl
from driftguard.guardrails import GUARDRAILS, Circumstances, name_of
from driftguard.model import (
    Actor,
    Autonomy,
    Certainty,
    Change,
    Plan,
    Ruling,
    Suspect,
    decision_id,
    moment,
)
from driftguard.policy import Policy
from driftguard.policy.bounds import Scope
from driftguard.state import Memory

from ..policy_at_hand import PolicyAtHand

RESOURCE = "the resource must be read"
TAGS = "the resource's tags must be read"
STACK = "the stack must be asked"
MEMORY = "what the stack remembers must be read"

WOULD = {
    Autonomy.REVERT: "take it back at once",
    Autonomy.ASK: "ask people",
    Autonomy.OBSERVE: "only record it and tell",
}

# A session in which the remediator carries out one plan is named after its decision.
_OWN_SESSION = re.compile(r"/dg-[0-9a-f]{24}$")
# What they say without tags or memory holds with them too: more can only make others fit as well.
_SURE_WHEN_THEY_SPEAK = frozenset({"exemption", "ownership"})
# These never hold back further than to a question.
_AT_LEAST_ASKS = frozenset(
    {
        "no-remedy",
        "irreversible",
        "drastic",
        "baseline",
        "weak-record",
        "probe",
        "routine",
        "fight",
        "breaker",
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one guardrail says: a limit and its reason; nothing; or what it would have to know."""

    guardrail: str
    limit: Autonomy | None = None
    reason: str = ""
    wants: str = ""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The reasoning on one suspect.

    `at_most` is how far the guard would go by all that is known, `unless` names the guardrails
    that may hold it back further. `seen` is what reading the resource showed, `plan` what would be
    done; both are empty without a look. `trouble` is what stopped the look.
    """

    suspect: Suspect
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
    """A control that such a change wakes. No suspects: the record proves the change harmless."""

    control: AnyControl
    suspects: tuple[Reasoning, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """All there is to say of a change. `passed_over`: why the guard would not even look.

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
            control, tuple(_reasoning(change, control, one, at_hand.policy) for one in suspects)
        )
        for control, _, suspects in screened(change, at_hand.policy)
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
) -> Iterator[tuple[AnyControl, object, tuple[Suspect, ...]]]:
    """Each control that such a change wakes, its settings, and whom it suspects by the record."""
    for control in controls.watching(change):
        settings = policy.settings_of(control.id, control.settings)
        yield control, settings, tuple(control.screen(change, settings))


def _reasoning(change: Change, control: AnyControl, suspect: Suspect, policy: Policy) -> Reasoning:
    case = _circumstances(change, control, suspect, policy)
    told = tuple(said(case, control))
    most, basis = granted(control.id, policy)
    at_most = min([most, *(one.limit for one in told if one.limit is not None)])
    unless = tuple(may_say_less(told, at_most))
    verdict = _verdict(suspect, policy, control.id, at_most, unless)
    return Reasoning(suspect, control.severity, most, basis, told, at_most, verdict, unless)


def _circumstances(
    change: Change, control: AnyControl, suspect: Suspect, policy: Policy
) -> Circumstances:
    """What is known without a look; judged as of the time of the change."""
    return Circumstances(
        decision=decision_id(change, control.id, suspect.resource),
        control=control.id,
        severity=control.severity,
        resource=suspect.resource,
        actor=change.actor,
        time=change.time,
        # Who looks at the plan is asked only where the control never has one: see `_wanting`.
        plan=Plan((), advice=control.revert),
        policy=policy,
        ceiling=Autonomy.REVERT,
        memory=Memory(),
        now=moment(change.time) or datetime.now(UTC),
        baselined=control.baselined,
    )


def said(case: Circumstances, control: AnyControl) -> Iterator[Said]:
    """What every guardrail says of a case without memory, plan and tags."""
    for guardrail in GUARDRAILS:
        name = name_of(guardrail)
        wants = _wanting(name, case.actor, control, case.policy)
        sure = not wants or name in _SURE_WHEN_THEY_SPEAK
        ruling = guardrail(case) if sure else None
        yield Said(name, wants=wants) if ruling is None else of_ruling(ruling)


def may_say_less(said: Iterable[Said], at_most: Autonomy) -> Iterator[str]:
    """The guardrails that might limit it to less than this, if they knew more."""
    for one in said:
        lowest = Autonomy.ASK if one.guardrail in _AT_LEAST_ASKS else Autonomy.OBSERVE
        if one.wants and lowest < at_most:
            yield one.guardrail


def of_ruling(ruling: Ruling) -> Said:
    """A ruling as what its guardrail says."""
    return Said(ruling.guardrail, ruling.limit, ruling.reason)


def _wanting(guardrail: str, actor: Actor, control: AnyControl, policy: Policy) -> str:
    """What a guardrail would have to know beside record and policy; "" where they suffice."""
    earns = policy.earns(control.id) and not control.revert
    habits = policy.bounds.habits
    match guardrail:
        case "own-change":
            return STACK if _OWN_SESSION.search(actor.session) else ""
        case "ceiling":
            return STACK
        case "exemption" | "freeze" | "fight" | "breaker":
            return MEMORY
        case "break-glass" | "swept":
            return ""
        case "protected" | "change-window" | "ownership":
            return TAGS if by_tags(guardrail, control.id, policy) else ""
        case "no-remedy" | "irreversible" | "drastic":
            return "" if control.revert else RESOURCE
        case "suspicion":
            return RESOURCE
        case "baseline":
            return MEMORY if control.baselined else ""
        case "in-use":
            return RESOURCE if policy.looks_at_use(control.id) else ""
        case "rollout":
            terms = policy.bounds.rollout
            return MEMORY if terms.observe or terms.ask else ""
        case "weak-record" | "probe":
            return MEMORY if earns else ""
        case "routine":
            return MEMORY if habits is not None and habits.routine else ""
    # One that this does not know of yet: it may look at anything.
    return RESOURCE


def by_tags(guardrail: str, control: str, policy: Policy) -> bool:
    """Whether what a guardrail says of this control may depend on a resource's tags."""
    bounds = policy.bounds
    if guardrail == "ownership":
        return bool(bounds.ownership.tags) and bounds.ownership.autonomy < Autonomy.REVERT
    scopes: Iterable[Scope] = {
        "protected": (one.scope for one in bounds.protected),
        "change-window": (one.scope for one in bounds.change_windows),
        "in-use": (one.scope for one in bounds.in_use),
    }.get(guardrail, ())
    return any(
        one.tags and any(fnmatchcase(control, each) for each in one.controls) for one in scopes
    )


def granted(control: str, policy: Policy) -> tuple[Autonomy, str]:
    """The most that the policy may grant, and in words what it grants."""
    where = "by its own entry" if control in policy.autonomy else "by default"
    level, habits = policy.granted(control), policy.bounds.habits
    if policy.earns(control):
        return level, f"policy grants revert where it is earned, {where}"
    if level is Autonomy.OBSERVE and habits is not None and habits.novel:
        return Autonomy.ASK, f"policy grants observe, {where}, and asks about what is unusual"
    return level, f"policy grants {level.label}, {where}"


def _verdict(
    suspect: Suspect, policy: Policy, control: str, at_most: Autonomy, unless: tuple[str, ...]
) -> str:
    would = WOULD[at_most]
    if at_most is Autonomy.REVERT and policy.earns(control):
        would = f"{would} if its record has earned that, else {WOULD[Autonomy.ASK]}"
    elif at_most is Autonomy.ASK and policy.granted(control) is Autonomy.OBSERVE:
        would = f"{would} if it is unusual here, else {WOULD[Autonomy.OBSERVE]}"
    if suspect.certainty is Certainty.EVIDENT:
        where = "If the resource is as risky as its record says"
    else:
        where = "The record alone does not prove a risk. If the resource is found to be risky"
    holding = f", unless one of these holds it back: {', '.join(unless)}" if unless else ""
    return f"{where}, the guard would {would}{holding}."
