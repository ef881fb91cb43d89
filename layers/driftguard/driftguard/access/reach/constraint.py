"""A test on one key of a request, closed under negation.

A test is true of a request without the key (`missing`) or not; of a request with the key, it holds
for every value or for some, and a value is among those that it names, or (`complement`) is not. So
what breaks it is a test again, with all three turned round.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for
multivalued context keys".
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from ..document import Condition, Listed
from .budget import Budget
from .globs import Glob, Kind, glob, is_literal
from .intervals import (
    EVERY_ADDRESS,
    EVERY_NUMBER,
    Intervals,
    addresses,
    amount,
    compared,
    joined,
    next_address,
    next_number,
    outside,
)

# What a value is compared as. `any` is met by every value, `unknown` by nobody knows which.
Relation = Literal["text", "amount", "address", "any", "unknown"]
TEXT_KINDS: dict[str, Kind] = {
    "stringequals": "text",
    "stringequalsignorecase": "folded",
    "stringlike": "text",
    "arnequals": "arn",
    "arnlike": "arn",
    "bool": "text",
    "binaryequals": "text",
}
# Operators that take `*` and `?` as wildcards.
WILD = frozenset({"stringlike", "arnlike", "arnequals"})
NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotlike": "arnlike",
    "arnnotequals": "arnequals",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
}
# How AWS's ids begin, all of which are in lower case.
BEGINS = {
    "aws:principalorgid": "o-",
    "aws:principalorgpaths": "o-",
    "aws:sourceorgid": "o-",
    "aws:sourcevpc": "vpc-",
    "aws:sourcevpce": "vpce-",
    "aws:vpceorgid": "o-",
}
COMPARED = frozenset(
    f"{kind}{relation}"
    for kind in ("numeric", "date")
    for relation in ("equals", "lessthan", "lessthanequals", "greaterthan", "greaterthanequals")
)


@dataclass(frozen=True, eq=False)
class Constraint:
    """One test. Compared by identity; `signature` is equal for tests that say the same."""

    key: str
    relation: Relation
    operator: str = ""  # the positive one: `stringlike` for StringNotLike
    values: Listed = ()
    complement: bool = False
    every: bool = False
    quantified: bool = False  # with ForAllValues or ForAnyValue
    missing: bool = False
    granted: bool = False  # asked for by an Allow; else what a Deny leaves, or who calls
    assumed: bool = False  # not asked for: it follows from who calls
    written: str = field(default="", compare=False)

    @cached_property
    def negated(self) -> "Constraint":
        """What breaks this test. What is not understood may hold and not hold."""
        if self.relation == "unknown":
            return replace(self, missing=True, granted=False)
        return replace(
            self,
            complement=not self.complement,
            every=not self.every,
            missing=not self.missing,
            granted=False,
        )

    @cached_property
    def signature(self) -> tuple[object, ...]:
        return (
            *(self.key, self.relation, self.operator, self.values),
            *(self.complement, self.every, self.quantified, self.missing),
        )

    @cached_property
    def literals(self) -> frozenset[str]:
        """The values that are compared letter by letter."""
        kind = TEXT_KINDS.get(self.operator)
        if kind == "folded":
            return frozenset(value for value in self.values if value.upper() == value.lower())
        if self.operator in WILD:
            return frozenset(value for value in self.values if is_literal(value))
        return frozenset(value for value in self.values if "${" not in value)

    @cached_property
    def globs(self) -> tuple[Glob, ...]:
        """The values that are not compared letter by letter."""
        kind = TEXT_KINDS.get(self.operator, "text")
        return tuple(glob(value, kind) for value in self.values if value not in self.literals)

    def narrowed_to(self, value: str) -> "Constraint":
        """The same test with this value alone."""
        return replace(self, values=(value,))

    @property
    def lists_all(self) -> bool:
        """Whether the test names each value that it accepts."""
        return self.relation == "text" and not self.complement and not self.globs

    @cached_property
    def patterns(self) -> tuple[Glob, ...]:
        """Every value as a pattern; those that may mean less are no part of a complement."""
        known = tuple(Glob(value, "literal") for value in sorted(self.literals))
        return known + self._counted

    def accepts(self, text: str, budget: Budget) -> bool:
        """Whether the test may hold for a value."""
        if self.relation == "unknown":
            return True
        if self.relation == "any":
            return not self.complement
        if self.relation == "text":
            budget.spend()
            named = text in self.literals or (bool(self._index) and self._fits_one(text, budget))
            return named != self.complement
        point = self._point_of(text)
        if point is None:
            return self.complement
        return any(first <= point <= last for first, last in self.intervals)

    def among(self, values: frozenset[str], budget: Budget) -> frozenset[str]:
        """Those values for which the test may hold."""
        if self.relation == "text" and not self._index:
            budget.spend(1 + len(values) // 32)
            return values - self.literals if self.complement else values & self.literals
        return frozenset(value for value in values if self.accepts(value, budget))

    @property
    def _counted(self) -> tuple[Glob, ...]:
        return tuple(found for found in self.globs if found.sure or not self.complement)

    @cached_property
    def _index(self) -> dict[tuple[int, int], dict[tuple[str, str], list[Glob]]]:
        """The patterns by how they begin and end, by the lengths of these."""
        index: dict[tuple[int, int], dict[tuple[str, str], list[Glob]]] = {}
        for found in self._counted:
            ends = found.ends
            shape = (len(ends[0]), len(ends[1]))
            index.setdefault(shape, {}).setdefault(ends, []).append(found)
        return index

    def _fits_one(self, text: str, budget: Budget) -> bool:
        length = len(text)
        budget.spend(len(self._index) // 4)
        for (first, last), table in self._index.items():
            if length >= first + last:
                for found in table.get((text[:first], text[length - last :]), ()):
                    if found.accepts(text, budget):
                        return True
        return False

    @cached_property
    def intervals(self) -> Intervals:
        """The numbers or addresses for which the test may hold."""
        if self.relation == "address":
            ranges = [addresses(value) for value in self.values]
            known = joined(found for found in ranges if found is not None)
            if self.complement:
                return outside(known, EVERY_ADDRESS, next_address)
            return known if None not in ranges else EVERY_ADDRESS
        date = self.operator.startswith("date")
        relation = self.operator.removeprefix("date").removeprefix("numeric")
        points = [amount(value, date=date) for value in self.values]
        known = joined(compared(relation, point) for point in points if point is not None)
        if self.complement:
            return outside(known, EVERY_NUMBER, next_number)
        return known if None not in points else EVERY_NUMBER

    def _point_of(self, text: str) -> float | None:
        if self.relation == "amount":
            return amount(text, date=self.operator.startswith("date"))
        found = addresses(text)
        return None if found is None or found[0] != found[1] else found[0]


def constraint_of(condition: Condition, *, granted: bool) -> Constraint:
    """A condition as a test."""
    made = _Made(condition, granted)
    if condition.values is None:
        return made.test("unknown", missing=True)
    if condition.operator == "null":
        return made.null()
    complement = condition.operator in NEGATED
    operator = NEGATED.get(condition.operator, condition.operator)
    every = condition.quantifier == "all" or (complement and not condition.quantifier)
    missing = condition.if_exists or (
        condition.quantifier == "all" or (complement and condition.quantifier != "any")
    )
    values = condition.values
    if operator in TEXT_KINDS:
        relation: Relation = "text"
        if operator == "stringequalsignorecase" and condition.key in BEGINS:
            operator = "stringequals"
            values = tuple(value.lower() for value in values)
        if operator == "bool":
            values = tuple(value.lower() for value in values)
    elif operator in COMPARED:
        relation = "amount"
    elif operator == "ipaddress":
        relation = "address"
    else:
        return made.test("unknown", missing=True)
    return Constraint(
        condition.key,
        relation,
        operator,
        values,
        complement,
        every,
        quantified=bool(condition.quantifier),
        missing=missing,
        granted=granted,
        written=condition.written,
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """Tests without values of one condition."""

    condition: Condition
    granted: bool

    def test(self, relation: Relation, *, missing: bool, complement: bool = False) -> Constraint:
        return Constraint(
            self.condition.key,
            relation,
            self.condition.operator,
            self.condition.values or (),
            complement,
            missing=missing,
            granted=self.granted,
            written=self.condition.written,
        )

    def null(self) -> Constraint:
        asked = {value.lower() for value in self.condition.values or ()}
        if self.condition.if_exists or not asked <= {"true", "false"}:
            return self.test("unknown", missing=True)
        # "true" asks for a request without the key, "false" for one with it, both for either.
        return self.test("any", missing="true" in asked, complement="false" not in asked)


def among(key: str, values: Listed, *, excluded: bool = False, wild: bool = True) -> Constraint:
    """A value that is one of these patterns, or none of them; a request always has the key."""
    operator = "stringlike" if wild else "stringequals"
    return Constraint(key, "text", operator, values, excluded, excluded, missing=False)
