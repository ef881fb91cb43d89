"""Holds a decision's circumstances, which guardrails look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from driftguard.model import Actor, Autonomy, Plan, Resource
from driftguard.policy.bounds import ChangeWindow, Limit
from driftguard.policy.model import Policy
from driftguard.state.keys import StateRecords


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that a guardrail may look at.

    `time` is the change's own. `tags` are the resource's, None where they were not read. `in_use`
    says in words what the risky part is in use for, "" where it is not, or was not looked at.
    `leans_on_baseline`: the plan would be another without the baseline. `at_most` is what the
    finding itself allows (see `Finding`).
    """

    decision: str
    control: str
    severity: int
    resource: Resource
    actor: Actor
    time: str
    plan: Plan
    policy: Policy
    ceiling: Autonomy
    remembered: StateRecords
    now: datetime
    remediator: str = ""
    baselined: bool = False
    leans_on_baseline: bool = False
    tags: Mapping[str, str] | None = None
    in_use: str = ""
    at_most: Autonomy = Autonomy.REVERT
    at_most_why: str = ""


L = TypeVar("L", Limit, ChangeWindow)


def lowest(case: Circumstances, limits: Iterable[L]) -> L | None:
    """The strictest of the limits that are for this case; None where none is."""
    held = [
        limit
        for limit in limits
        if limit.scope.holds(case.control, case.resource, case.actor, case.tags)
    ]
    return min(held, key=lambda limit: limit.autonomy, default=None)
