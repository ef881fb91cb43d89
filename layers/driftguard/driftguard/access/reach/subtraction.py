"""Takes what is denied away from what is allowed.

A region is a set of requests: one principal, and for each key what it may be. What a Deny leaves of
it breaks one of the Deny's tests, so it is a union of regions, each narrower by the negation of one
test. The search goes through these depth first and stops where nothing is let in any more, or where
somebody is known to be let in whatever the other regions hold. So it is mostly short; where it is
not, the budget ends it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..principals import Principal
from .budget import Budget
from .constraint import Constraint
from .key_state import KeyState, first_state, narrowed
from .keys import Caller, Facts
from .principal_tests import Denied, Rest, caller_of, tests_on

FactsOf = Callable[[str, Caller], Facts]


@dataclass(frozen=True, slots=True)
class Region:
    """Requests of one principal, with what each key that was asked for may be."""

    principal: Principal
    caller: Caller
    states: Mapping[str, KeyState]


@dataclass(frozen=True, slots=True)
class Denial:
    """A Deny: whom it is about, and its tests."""

    whom: Denied
    tests: tuple[Constraint, ...]


class Regions:
    """Makes regions and narrows them, with what is known of each key."""

    def __init__(self, facts_of: FactsOf, budget: Budget) -> None:
        self._facts_of, self._budget = facts_of, budget
        self._first: dict[tuple[str, Caller], KeyState] = {}

    def region(
        self, principal: Principal, caller: Caller, tests: Sequence[Constraint]
    ) -> Region | None:
        """The requests of a principal that meet all tests; None if there are none."""
        return self.narrowed(Region(principal, caller, {}), (*tests_on(principal), *tests))

    def narrowed(self, region: Region, tests: Sequence[Constraint]) -> Region | None:
        if not tests:
            return region
        states = dict(region.states)
        for test in tests:
            state = states.get(test.key) or self._first_state(test.key, region.caller)
            after = narrowed(state, test, self._budget)
            if after is None:
                return None
            states[test.key] = after
        return Region(region.principal, region.caller, states)

    def touches(self, denial: Denial, region: Region) -> bool:
        """Whether some request of the region may meet each test of the Deny, taken by itself."""
        return denial.whom.concerns(region.principal) and all(
            self._after(region, test) is not None for test in denial.tests
        )

    def _after(self, region: Region, test: Constraint) -> KeyState | None:
        state = region.states.get(test.key) or self._first_state(test.key, region.caller)
        return narrowed(state, test, self._budget)

    def left_by(self, denial: Denial, region: Region) -> Iterator[Region]:
        """The regions that a Deny leaves; they may overlap."""
        asked = {test.signature for state in region.states.values() for test in state.constraints}
        for test in denial.tests:
            # A test that is asked for already cannot break, even if it is not understood.
            if test.signature not in asked:
                left = self.narrowed(region, (test.negated,))
                if left is not None:
                    yield left
        for rest in denial.whom.rest_of(region.principal):
            left = self._of(rest, region)
            if left is not None:
                yield left

    def _of(self, rest: Rest, region: Region) -> Region | None:
        if rest.principal == region.principal:
            return self.narrowed(region, rest.tests)
        # Somebody else calls: what is known of the keys is another thing.
        caller = caller_of(rest.principal)[0]
        tests = [test for state in region.states.values() for test in state.constraints]
        asked = [test for test in tests if not test.assumed]
        return self.region(rest.principal, caller, asked)

    def _first_state(self, key: str, caller: Caller) -> KeyState:
        state = self._first.get((key, caller))
        if state is None:
            state = first_state(self._facts_of(key, caller), self._budget)
            self._first[key, caller] = state
        return state


def search(
    start: Region,
    denials: Sequence[Denial],
    regions: Regions,
    budget: Budget,
    worth_a_look: Callable[[Region], bool],
) -> Iterator[Region]:
    """The regions that are left of one when all is taken away that the Denies deny.

    `worth_a_look` is asked for each region on the way: with False, it and all parts of it are left
    out.
    """
    concerned = [
        denial
        for denial in denials
        if not denial.whom.spares(start.principal) and regions.touches(denial, start)
    ]
    waiting = [(start, 0)]
    while waiting:
        region, number = waiting.pop()
        budget.spend(len(region.states) + 1)
        if not worth_a_look(region):
            continue
        while number < len(concerned) and not regions.touches(concerned[number], region):
            number += 1
        if number == len(concerned):
            yield region
            continue
        parts = list(regions.left_by(concerned[number], region))
        for part in parts:
            if part.principal != region.principal:
                # A Deny that was not about the one may be about the other.
                yield from search(part, denials, regions, budget, worth_a_look)
        same = [part for part in parts if part.principal == region.principal]
        waiting.extend((part, number + 1) for part in reversed(same))
