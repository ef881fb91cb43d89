"""What a key of a request may still be, once some tests have to hold.

The state is narrowed test by test. It keeps a witness, a value that meets them all, so that the
next test mostly costs one look; only when the witness falls is another one sought.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .budget import Budget
from .constraint import Constraint
from .emptiness import text_in
from .globs import FRESH
from .intervals import EVERY_ADDRESS, EVERY_NUMBER, Intervals, both
from .keys import Facts


@dataclass(frozen=True, slots=True)
class Witness:
    """A text that meets all tests, and how many texts were found before that do not.

    The texts are those that the patterns of one test (`of`) give; the narrower the state, the fewer
    of them are left, so that none is looked at twice.
    """

    text: str
    of: Constraint | None
    tried: int


@dataclass(frozen=True, slots=True, eq=False)
class KeyState:
    """A key may be missing, or present with a value; one of the two at least.

    Compared by identity: what is known of a state is remembered by it.
    """

    multivalued: bool = False
    missing: bool = True
    present: bool = True
    constraints: tuple[Constraint, ...] = ()
    named: frozenset[str] | None = None  # the only values, if a test lists them
    named_by: Constraint | None = None
    witness: "Witness | None" = None
    amounts: Intervals = EVERY_NUMBER
    addresses: Intervals = EVERY_ADDRESS


def first_state(known: Facts, budget: Budget) -> KeyState:
    """What a key may be before anything is asked of it."""
    state = KeyState(known.multivalued, missing=not known.always, present=not known.never)
    for constraint in known.domain:
        state = narrowed(state, constraint, budget) or state
    # Values that are known of a key were not asked for.
    return replace(state, named=None, named_by=None)


def narrowed(state: KeyState, constraint: Constraint, budget: Budget) -> KeyState | None:
    """The state in which the test holds, too; None if there is none."""
    budget.spend()
    missing = state.missing and constraint.missing
    constraints = (*state.constraints, constraint)
    after = _with_value(state, constraint, constraints, budget) if state.present else None
    if after is not None:
        return KeyState(state.multivalued, missing, True, constraints, *after)
    if not missing:
        return None
    return replace(state, present=False, constraints=constraints)


Values = tuple[frozenset[str] | None, Constraint | None, Witness | None, Intervals, Intervals]


def _with_value(
    state: KeyState, constraint: Constraint, all_of_them: Sequence[Constraint], budget: Budget
) -> Values | None:
    """The values that a key may have that is present; None if no value meets all tests."""
    named, witness = state.named, state.witness
    amounts, addresses = state.amounts, state.addresses
    if constraint.relation == "any" and constraint.complement:
        return None
    if state.multivalued:
        if not several_values(all_of_them, budget):
            return None
    elif constraint.relation in ("any", "unknown"):
        pass
    elif named is not None:
        named = constraint.among(named, budget)
        return (named, state.named_by, witness, amounts, addresses) if named else None
    elif constraint.relation == "amount":
        budget.spend(len(amounts) + len(constraint.intervals))
        amounts = both(amounts, constraint.intervals)
        if not amounts:
            return None
    elif constraint.relation == "address":
        budget.spend(len(addresses) + len(constraint.intervals))
        addresses = both(addresses, constraint.intervals)
        if not addresses:
            return None
    elif constraint.lists_all:
        named = constraint.literals
        for earlier in state.constraints:
            named = earlier.among(named, budget)
        return (named, constraint, witness, amounts, addresses) if named else None
    elif witness is None or not constraint.accepts(witness.text, budget):
        witness = _text_that_meets(all_of_them, budget, witness)
        if witness is None:
            return None
    return named, state.named_by, witness, amounts, addresses


def several_values(constraints: Sequence[Constraint], budget: Budget) -> bool:
    """Whether a set of values meets the tests: one value for each that asks for some.

    A test without a set operator on such a key is not understood: it neither helps nor hinders.
    """
    asked = [test for test in constraints if test.quantified or test.relation == "any"]
    if any(not test.values and not test.complement and test.relation == "text" for test in asked):
        return False
    for_all = [test for test in asked if test.every and test.relation == "text"]
    for_some = [test for test in asked if not test.every and test.relation == "text"]
    return all(
        _text_that_meets((*for_all, *one), budget) is not None
        for one in ([[test] for test in for_some] or [[]])
    )


def _text_that_meets(
    constraints: Sequence[Constraint], budget: Budget, before: Witness | None = None
) -> Witness | None:
    """A text that meets all tests on texts; None if there is none."""
    texts = [test for test in constraints if test.relation == "text"]
    positive = [test for test in texts if not test.complement]
    first = min(positive, key=lambda test: len(test.values), default=None)
    others = [test for test in texts if test is not first]
    tried = before.tried if before is not None and before.of is first else 0
    for candidate in _candidates(first, tried):
        if all(test.accepts(candidate, budget) for test in others):
            return Witness(candidate, first, tried)
        tried += 1
    unwanted = [found for test in texts if test.complement for found in test.patterns]
    text = text_in([test.patterns for test in positive], unwanted, budget)
    return None if text is None else Witness(text, first, tried)


def _candidates(test: Constraint | None, tried: int) -> Iterator[str]:
    """Texts that meet a test and probably others: its patterns with each star filled in."""
    if test is None:
        yield from [FRESH][tried:]
        return
    # A star that stands for nothing and one that stands for a letter, in turn.
    for number in range(tried, 2 * len(test.patterns)):
        yield test.patterns[number // 2].example(("", FRESH)[number % 2])
