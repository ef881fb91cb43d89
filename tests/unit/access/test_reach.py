"""The parts of which "what can be reached" is put together: patterns, tests on keys, steps."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.access.document import Condition
from driftguard.access.policy import judge
from driftguard.access.reach.budget import STEPS, Budget, BudgetSpentError
from driftguard.access.reach.constraint import constraint_of
from driftguard.access.reach.emptiness import text_in
from driftguard.access.reach.globs import Glob, glob
from driftguard.access.reach.key_state import KeyState, narrowed
from tests.support.properties import thoroughly

OWN = "111122223333"
LETTERS, LONGEST = "ab:", 5
TEXTS = ["".join(text) for n in range(LONGEST + 1) for text in itertools.product(LETTERS, repeat=n)]
patterns = st.text("ab:*?", max_size=4).map(glob)
groups = st.lists(patterns, min_size=1, max_size=3)


def fits_one(group: list[Glob], text: str) -> bool:
    return any(pattern.accepts(text, Budget()) for pattern in group)


@thoroughly
@given(st.lists(groups, min_size=1, max_size=2), st.lists(patterns, max_size=3))
def test_a_text_is_found_if_there_is_one(wanted: list[list[Glob]], unwanted: list[Glob]) -> None:
    found = text_in(wanted, unwanted, Budget(10**7))
    if found is None:
        for text in TEXTS:
            assert not all(fits_one(group, text) for group in wanted) or fits_one(unwanted, text)
    else:
        assert all(fits_one(group, found) for group in wanted)
        assert not fits_one(unwanted, found)


OPERATORS = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "Null")
conditions = st.builds(
    lambda operator, values, quantifier, if_exists: Condition(
        operator.lower(),
        "aws:principaltag/t",
        ("true",) if operator == "Null" else tuple(values),
        quantifier,
        if_exists and operator != "Null",
    ),
    st.sampled_from(OPERATORS),
    st.lists(st.text("ab*?", max_size=3), min_size=1, max_size=2, unique=True),
    st.sampled_from(["", "all", "any"]),
    st.booleans(),
)


@thoroughly
@given(st.lists(conditions, min_size=1, max_size=4), conditions)
def test_a_test_or_what_breaks_it_holds_and_never_both(
    others: list[Condition], last: Condition
) -> None:
    budget, test = Budget(10**7), constraint_of(last, granted=False)
    state: KeyState | None = KeyState()
    for condition in others:
        state = narrowed(state, constraint_of(condition, granted=False), budget) if state else None
    if state is not None:
        held, broken = narrowed(state, test, budget), narrowed(state, test.negated, budget)
        assert held is not None or broken is not None
        both = narrowed(held, test.negated, budget) if held is not None else None
        assert both is None
    assert test.negated.negated.signature == test.signature


def statement(effect: str, **other: Any) -> dict[str, Any]:
    made = {"Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": "*", **other}
    return {name: value for name, value in made.items() if value is not None}


def allow(**other: Any) -> dict[str, Any]:
    return statement("Allow", **other)


def deny(**other: Any) -> dict[str, Any]:
    return statement("Deny", **other)


def actions(count: int, form: str = "s3:Get{:04}") -> list[str]:
    return [form.format(number) for number in range(count)]


Statements = list[dict[str, Any]]
OUTSIDE = {"StringNotEquals": {"aws:PrincipalOrgID": "o-ours12345"}}
# Policies that grow: each with what is right of it.
LARGE: dict[str, tuple[Callable[[int], Statements], str]] = {
    "each action denied in one": (
        lambda n: [allow(Action=actions(n)), deny(Action=actions(n))],
        "closed",
    ),
    "each action denied alone": (
        lambda n: [allow(Action=actions(n)), *(deny(Action=name) for name in actions(n))],
        "closed",
    ),
    "an Allow and a Deny for each action": (
        lambda n: [
            *(allow(Action=name) for name in actions(n)),
            *(deny(Action=name) for name in actions(n)),
        ],
        "closed",
    ),
    "patterns in the middle": (
        lambda n: [allow(Action=actions(n, "s3:*G{:04}*")), deny(Action=actions(n, "s3:*G{:04}*"))],
        "closed",
    ),
    "each prefix denied alone": (
        lambda n: [
            allow(Resource=actions(n, "arn:aws:s3:::b/{}/*")),
            *(deny(Resource=name) for name in actions(n, "arn:aws:s3:::b/{}/*")),
        ],
        "closed",
    ),
    "each prefix but the last": (
        lambda n: [
            allow(Resource=actions(n, "arn:aws:s3:::b/{}/*")),
            *(deny(Resource=name) for name in actions(n - 1, "arn:aws:s3:::b/{}/*")),
        ],
        "public",
    ),
    "outsiders denied at the end": (
        lambda n: [*(allow(Action=name) for name in actions(n)), deny(Condition=OUTSIDE)],
        "closed",
    ),
    "outsiders denied action by action": (
        lambda n: [
            allow(),
            *(deny(Action=name, Condition=OUTSIDE) for name in actions(n, "s3:G{}*")),
        ],
        "public",
    ),
    "each account denied": (
        lambda n: [
            allow(Principal={"AWS": actions(n, "{:012}")}),
            deny(Principal={"AWS": actions(n, "{:012}")}),
        ],
        "closed",
    ),
    "tags by the hundred": (
        lambda n: [
            allow(),
            *(
                deny(
                    Condition={
                        "StringEquals": {f"aws:PrincipalTag/{k}": "x"},
                        "Bool": {"aws:SecureTransport": "true"},
                    }
                )
                for k in range(n)
            ),
        ],
        "public",
    ),
    "addresses": (
        lambda n: [
            allow(),
            *(
                deny(Condition={"IpAddress": {"aws:SourceIp": f"{k % 250}.{k // 250}.0.0/16"}})
                for k in range(n)
            ),
        ],
        "public",
    ),
}


def sparing(kth: int, first: int) -> dict[str, Any]:
    """A Deny that spares thirty roles of others, and who meets its conditions."""
    roles = [f"arn:aws:iam::222233334444:role/r{n}" for n in range(first, first + 30)]
    condition = {
        "StringNotEquals": {"aws:SourceVpc": f"vpc-{kth:08x}"},
        "StringNotLike": {"aws:PrincipalOrgID": f"o-{kth}abc"},
        "NotIpAddress": {"aws:SourceIp": f"203.0.{kth}.0/24"},
    }
    everyone_else = deny(Condition=condition, NotPrincipal={"AWS": roles})
    del everyone_else["Principal"]
    return everyone_else


LARGE["the same spared"] = (lambda n: [allow(), *(sparing(k, 0) for k in range(n))], "external")
LARGE["others spared"] = (lambda n: [allow(), *(sparing(k, 30 * k) for k in range(n))], "closed")


def sized(make: Callable[[int], Statements], size: int = 20_000) -> dict[str, Any]:
    """The largest such policy that is no larger than this many characters."""
    count = 2
    while len(json.dumps({"Statement": make(count)})) < size:
        count = count * 5 // 4 + 1
    while len(json.dumps({"Statement": make(count)})) > size:
        count -= 1
    return {"Statement": make(count)}


@pytest.mark.parametrize(("make", "right"), LARGE.values(), ids=LARGE)
def test_13_a_policy_of_twenty_kilobytes_is_judged_within_the_steps(
    make: Callable[[int], Statements], right: str
) -> None:
    verdict = judge("s3", sized(make), account=OWN)
    assert verdict.unjudged is None
    assert verdict.answer == right


HARD = {
    "stars": [allow(Resource="*" + "a*" * 2_000), deny(Resource="*" + "?*a" * 2_000)],
    "question marks": [allow(Resource="?" * 9_000 + "a"), deny(Resource="*a" + "?" * 9_000)],
}


@pytest.mark.parametrize("statements", HARD.values(), ids=HARD)
def test_13_a_policy_made_to_be_hard_is_told_as_not_judged_and_counts_as_public(
    statements: Statements,
) -> None:
    verdict = judge("s3", {"Statement": statements}, account=OWN)
    assert verdict.unjudged is not None
    assert verdict.public
    assert verdict.because[0].startswith("is not judged: ")


def test_steps_end() -> None:
    budget = Budget(STEPS)
    budget.spend(STEPS)
    with pytest.raises(BudgetSpentError):
        budget.spend()
