"""What is contained and not released yet, and when people are reminded of it.

A containment that failed midway cuts off, too, what it had reached by then; so does one whose
undo failed.
"""

from __future__ import annotations

from dataclasses import replace

from driftguard import controls
from driftguard.audit.queries import Filters, Finder, plan
from driftguard.controls.containment.findings import reminded_after
from driftguard.documents import moment, stamp
from driftguard.model import Decision

from .rules import GONE, UNDOABLE, is_undoable


def contained(finder: Finder, filters: Filters | None = None) -> list[Decision]:
    """What is contained, of what the filters let through; the newest first.

    By the audit table's index of controls. What is gone, as people were reminded of it, is
    contained no more.
    """
    wanted = filters or Filters()
    found: list[Decision] = []
    for control in controls.containing():
        if wanted.control not in ("", control):
            continue
        for status in UNDOABLE:
            of_it = replace(wanted, control=control, status=status.value)
            found += [one for one in finder.decisions(of_it, plan(of_it)) if _is_contained(one)]
    return sorted(found, key=lambda one: one.decided, reverse=True)


def reminded_at(decision: Decision, settings: object) -> str:
    """When people are reminded of it next (ISO 8601, UTC), by its control's settings; "" if never.

    Nothing may have set that time: the change was accepted after a containment that failed midway,
    or reminders were off.
    """
    after = reminded_after(settings)
    waits = decision.resumable or decision.next_try
    if decision.remind or after is None or waits or not _is_contained(decision):
        return decision.remind
    since = moment(decision.updated)
    return stamp(since + after) if since is not None else ""


def _is_contained(decision: Decision) -> bool:
    made = decision.plan.steps[: decision.done]
    # Evidence that was taken holds nobody.
    is_held = is_undoable(decision) and any(step.undo for step in made)
    return is_held and decision.after != GONE
