"""Holds a decision's circumstances, which guardrails look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from driftguard.model import NOT_IN_USE, Actor, Autonomy, Plan, Resource, Use
from driftguard.policy.bounds import ChangeWindow, Limit
from driftguard.policy.model import Policy
from driftguard.state.keys import StateRecords, grants_key, trust_key

if TYPE_CHECKING:
    from driftguard.state.standing import Standing


@dataclass(frozen=True)
class Circumstances:
    """All that a guardrail may look at.

    `time` is the change's own. `tags` are the resource's, None where they were not read;
    `tags_unread` is why they could not be, though they count, "" where they could. `contains`: the
    control's plan isolates what behaves as compromised. `cuts` is what its revert can cut beside
    the opened access, `use` whether that is in use. `leans_on_baseline`: the plan would be another
    without the baseline. `at_most` is what the finding itself allows, and `preparation` and `ends`
    are its own (see `Finding`). `wanted`: somebody asked, in a way that proves nobody, that people
    be asked about it.
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
    own_roles: tuple[str, ...] = ()
    baselined: bool = False
    leans_on_baseline: bool = False
    tags: Mapping[str, str] | None = None
    tags_unread: str = ""
    contains: bool = False
    cuts: str = ""
    use: Use = NOT_IN_USE
    at_most: Autonomy = Autonomy.REVERT
    at_most_why: str = ""
    preparation: str = ""
    ends: str = ""
    wanted: bool = False

    @cached_property
    def standing(self) -> Standing:
        """How far the control's record carries what is decided about; several guardrails ask."""
        # Only where autonomy is earned: no other decision waits for the arithmetic.
        from driftguard.state.standing import standing
        from driftguard.state.trust import case_of

        place = self.remembered.place
        record = self.remembered[trust_key(place, self.control)].document
        shared = self.remembered[grants_key(place)].document
        kind, terms = case_of(self.plan, self.actor), self.policy.bounds.earning
        return standing(record, shared, self.control, kind, terms, self.now)


L = TypeVar("L", Limit, ChangeWindow)


class Strictest(NamedTuple, Generic[L]):
    """The strictest of the limits that are for a case, how far it lets the case go, and a remark.

    `more` is what is to be added to its reason, "" for nothing.
    """

    limit: L
    autonomy: Autonomy
    more: str


def lowest(case: Circumstances, limits: Iterable[L]) -> Strictest[L] | None:
    """The strictest of the limits that are for this case; None where none is."""
    held = [
        _held(case, limit)
        for limit in limits
        if limit.scope.holds(case.control, case.resource, case.actor, case.tags)
    ]
    return min(held, key=lambda one: one.autonomy, default=None)


def _held(case: Circumstances, limit: L) -> Strictest[L]:
    scope = limit.scope
    by_tag = bool(scope.tags) and not scope.singles_out(case.control)
    autonomy = by_tag_at_most(case, limit.autonomy) if by_tag else limit.autonomy
    return Strictest(limit, autonomy, TAGS_ASK if autonomy > limit.autonomy else "")


def by_tag_at_most(case: Circumstances, limit: Autonomy) -> Autonomy:
    """How far a limit lets a case go that is for it by a tag, and not by the control's name.

    Whoever may tag what they have taken over must not keep people from hearing of it: of a
    containment they are asked.
    """
    return max(limit, Autonomy.ASK) if case.contains else limit


# Why an entry that says `observe` has people asked.
TAGS_ASK = "; about a containment a tag has people asked, unless `controls` name it"
