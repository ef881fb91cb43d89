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
    strictest = lowest(case, windows)
    if strictest is None:
        return None
    window, autonomy, more = strictest
    where = "outside of" if window.outside else "within"
    reason = f"{where} the change window `{window.name}`: at most {autonomy.label}{more}"
    return AtMost(autonomy, reason)


def protected(case: Circumstances) -> AtMost | None:
    """The policy protects the resource: it is never changed without a person."""
    strictest = lowest(case, case.policy.bounds.protected)
    if strictest is None:
        return None
    limit, autonomy, more = strictest
    return AtMost(autonomy, f"protected: {limit.reason}{more}")


def unread_tags(case: Circumstances) -> AtMost | None:
    """The policy or an exemption depends on the resource's tags, and they could not be read."""
    if not case.tags_unread:
        return None
    reason = f"its tags count here, and could not be read: {case.tags_unread}"
    return AtMost(Autonomy.ASK, reason)
