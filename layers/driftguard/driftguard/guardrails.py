"""What holds a control back: one pure function each, a ruling with its reason.

Policy grants; a guardrail can only lower what was granted, and the lowest ruling wins. All rulings
are recorded with the decision, so that anybody can see why it went no further.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .model import Autonomy, Document, Plan, Resource, Ruling
from .policy import Policy
from .trail import text


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that a guardrail may look at."""

    control: str
    resource: Resource
    plan: Plan
    policy: Policy
    ceiling: Autonomy
    freeze: Document | None
    exempted: Document | None
    now: str


Guardrail = Callable[[Circumstances], Ruling | None]


def exemption(case: Circumstances) -> Ruling | None:
    """Somebody declared this to be fine, until a day and for a reason."""
    for one in case.policy.exemptions:
        if one.covers(case.control, case.resource, case.now):
            reason = f"exempted until {one.until}: {one.reason}"
            return Ruling("exemption", Autonomy.OBSERVE, reason)
    given = case.exempted
    if given is not None and case.now < text(given, "until"):
        by, until, why = (text(given, name) for name in ("by", "until", "reason"))
        return Ruling("exemption", Autonomy.OBSERVE, f"exempted by {by} until {until}: {why}")
    return None


def freeze(case: Circumstances) -> Ruling | None:
    """The kill switch is on: nothing is changed, whatever the policy grants."""
    reason = frozen(case.freeze, case.now)
    return Ruling("freeze", Autonomy.OBSERVE, reason) if reason else None


def frozen(freeze: Document | None, now: str) -> str:
    """Why nothing may be changed now, in words; "" while there is no freeze, or it has ended."""
    if freeze is None:
        return ""
    until = text(freeze, "until")
    if until and until <= now:
        return ""
    by, why = text(freeze, "by"), text(freeze, "reason")
    reason = f"frozen by {by or 'somebody'}" + (f" until {until}" if until else "")
    return f"{reason}: {why}" if why else reason


def ceiling(case: Circumstances) -> Ruling | None:
    """The stack's AutonomyCeiling caps everything."""
    if case.ceiling is Autonomy.REVERT:
        return None
    reason = f"the stack's AutonomyCeiling is {case.ceiling.label}"
    return Ruling("ceiling", case.ceiling, reason)


def no_remedy(case: Circumstances) -> Ruling | None:
    """The control has no safe remedy here: a person must be asked."""
    if case.plan.steps:
        return None
    return Ruling("no-remedy", Autonomy.ASK, f"there is no safe remedy: {case.plan.advice}")


GUARDRAILS: tuple[Guardrail, ...] = (exemption, freeze, ceiling, no_remedy)


def rulings(case: Circumstances) -> tuple[Ruling, ...]:
    """What every guardrail says of the case, those that say nothing left out."""
    return tuple(ruling for ask in GUARDRAILS if (ruling := ask(case)) is not None)


def autonomy(granted: Autonomy, said: tuple[Ruling, ...]) -> Autonomy:
    """The lowest of what was granted and what each guardrail allows."""
    return min([granted, *(ruling.limit for ruling in said)])
