"""Finds what is contained and not released yet: by the audit table's index of controls."""

from __future__ import annotations

from dataclasses import replace

from driftguard import controls
from driftguard.audit.queries import Filters, Finder, plan
from driftguard.model import Decision, Status


def contained(finder: Finder, filters: Filters | None = None) -> list[Decision]:
    """What is contained, of what the filters let through; the newest first.

    What is gone, as people were reminded of it, is contained no more.
    """
    wanted = filters or Filters()
    found: list[Decision] = []
    for control in controls.containing():
        if wanted.control not in ("", control):
            continue
        of_it = replace(wanted, control=control, status=Status.REVERTED.value)
        found += [one for one in finder.decisions(of_it, plan(of_it)) if _is_contained(one)]
    return sorted(found, key=lambda one: one.decided, reverse=True)


def _is_contained(decision: Decision) -> bool:
    is_gone = bool(decision.told_again) and not decision.remind
    return decision.done > 0 and not is_gone
