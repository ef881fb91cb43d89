"""Guardrails that people declare: exemptions, freezes, ceiling, change windows, protection."""

from __future__ import annotations

from driftguard.documents import stamp
from driftguard.model import Autonomy, arns_of
from driftguard.state.exemptions import given_exemptions
from driftguard.state.freezes import why_frozen

from .circumstances import Circumstances, lowest
from .claims import CLAIMED
from .guardrail import AtMost


def exemption(case: Circumstances) -> AtMost | None:
    """Somebody declared this to be fine, until a day and for a reason."""
    given = given_exemptions(case.control, case.remembered)
    now = stamp(case.now)
    for entry in (*case.policy.exemptions, *given):
        if entry.covers(case.control, case.resource, now, case.actor, case.tags):
            # Nobody accepts their own change, not by an exemption given beforehand either.
            makers = arns_of(case.actor)
            if any(case.policy.made_by(makers, *giver) for giver in entry.givers):
                continue
            by = f" by {entry.by}" if entry.by else ""
            claimed = "" if entry.actor == "*" else f", {CLAIMED}"
            reason = f"exempted{by} until {entry.until}: {entry.reason}{claimed}"
            return AtMost(Autonomy.OBSERVE, reason)
    return None


def freeze(case: Circumstances) -> AtMost | None:
    """The kill switch is on: nothing is changed, whatever the policy grants."""
    reason = why_frozen(case.remembered, case.control, case.resource.account, case.now)
    return AtMost(Autonomy.OBSERVE, reason) if reason else None


def ceiling(case: Circumstances) -> AtMost | None:
    """The stack's AutonomyCeiling caps everything."""
    if case.ceiling is Autonomy.REVERT:
        return None
    reason = f"the stack's AutonomyCeiling is {case.ceiling.label}"
    return AtMost(case.ceiling, reason)


def change_window(case: Circumstances) -> AtMost | None:
    """People are at work on the resource now, or nobody is there to look."""
    windows = (window for window in case.policy.bounds.change_windows if window.holds(case.now))
    window = lowest(case, windows)
    if window is None:
        return None
    where = "outside of" if window.outside else "within"
    reason = f"{where} the change window `{window.name}`: at most {window.autonomy.label}"
    return AtMost(window.autonomy, reason)


def protected(case: Circumstances) -> AtMost | None:
    """The policy protects the resource: it is never changed without a person."""
    limit = lowest(case, case.policy.bounds.protected)
    return None if limit is None else AtMost(limit.autonomy, f"protected: {limit.reason}")
