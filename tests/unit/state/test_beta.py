"""The arithmetic that scores rest on: the incomplete beta function, and beliefs handed down."""

from __future__ import annotations

from math import exp, inf, lgamma, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.state.beta import Beta
from tests.support.each import each
from tests.support.properties import thoroughly


def bound_of(good: float, bad: float, confidence: float) -> float:
    return Beta().after(good, bad).lower_bound(confidence)


def below(x: float, a: float, b: float, panels: int = 4000) -> float:
    """How much of Beta(a, b) lies below x, by Simpson's rule: for a, b of at least 1."""

    def density(at: float) -> float:
        if at <= 0.0 or at >= 1.0:
            edge = (at <= 0.0 and a == 1.0) or (at >= 1.0 and b == 1.0)
            return exp(lgamma(a + b) - lgamma(a) - lgamma(b)) if edge else 0.0
        return exp(
            lgamma(a + b) - lgamma(a) - lgamma(b) + (a - 1) * log(at) + (b - 1) * log(1 - at)
        )

    width = x / panels
    inner = sum((4 if one % 2 else 2) * density(one * width) for one in range(1, panels))
    return (density(0.0) + inner + density(x)) * width / 3


@each("confidence", [0.5, 0.8, 0.9, 0.99])
@each("good", [0.0, 0.5, 1.0, 7.25, 40.0, 300.0])
@each("bad", [0.0, 0.25, 2.0, 30.0])
def test_the_lower_bound_agrees_with_numeric_integration(
    good: float, bad: float, confidence: float
) -> None:
    bound = bound_of(good, bad, confidence)
    assert below(bound, 1 + good, 1 + bad) == pytest.approx(1 - confidence, abs=2e-4)


amounts = st.floats(0, 1000)


@thoroughly
@given(amounts, amounts, st.floats(0.5, 0.999), st.floats(0.01, 100))
def test_more_good_raises_the_bound_and_more_bad_lowers_it(
    good: float, bad: float, confidence: float, more: float
) -> None:
    bound = bound_of(good, bad, confidence)
    assert 0.0 <= bound <= 1.0
    assert bound_of(good + more, bad, confidence) >= bound - 1e-9
    assert bound_of(good, bad + more, confidence) <= bound + 1e-9


@thoroughly
@given(amounts, amounts, st.floats(0.5, 0.99))
def test_whoever_is_surer_claims_less(good: float, bad: float, confidence: float) -> None:
    surer = confidence + (1 - confidence) / 2
    assert bound_of(good, bad, surer) <= bound_of(good, bad, confidence) + 1e-9


# ------------------------------------------------------------------------------ the hierarchy


def test_twenty_outcomes_of_one_actor_are_worth_what_the_exact_bound_says() -> None:
    """It was 0.95, of an average: the exact lower bound of twenty of twenty is 0.896."""
    assert Beta().after(20, 0).lower_bound(0.9) == pytest.approx(0.1 ** (1 / 21), abs=1e-6)


@pytest.mark.parametrize(("good", "bad"), [(1.0, 1.0), (4.0, 1.5), (30.0, 2.0)])
@pytest.mark.parametrize("alike", [1.0, 5.0, 20.0])
def test_a_member_varies_as_much_as_the_law_of_total_variance_says(
    good: float, bad: float, alike: float
) -> None:
    """Against draws of the group's mean, and of the member given that mean."""
    dice, draws = Random(3), []
    for _ in range(40_000):
        mean = dice.betavariate(good, bad)
        draws.append(dice.betavariate(max(1e-9, alike * mean), max(1e-9, alike * (1 - mean))))
    mean = sum(draws) / len(draws)
    variance = sum((draw - mean) ** 2 for draw in draws) / len(draws)
    a, b = Beta(good, bad).of_a_member(alike)
    assert a / (a + b) == pytest.approx(mean, abs=0.01)
    assert a * b / ((a + b) ** 2 * (a + b + 1)) == pytest.approx(variance, rel=0.05)


LEVELS = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 5), st.floats(0, 300)), min_size=6, max_size=6
)


def scored(levels: list[float], confidence: float) -> float:
    """The score by right and wrong outcomes of the other kinds, the kind, and the actor."""
    belief = Beta().after(levels[0], levels[1])
    belief = belief.of_a_member(20.0).after(levels[2], levels[3])
    return belief.of_a_member(1.0).after(levels[4], levels[5]).lower_bound(confidence)


@thoroughly
@given(LEVELS, st.integers(0, 5), st.floats(0.25, 30), st.sampled_from([0.6, 0.8, 0.9]))
def test_a_right_outcome_at_any_level_raises_the_score_and_a_wrong_one_lowers_it(
    levels: list[float], where: int, more: float, confidence: float
) -> None:
    after = [level + more * (place == where) for place, level in enumerate(levels)]
    better, worse = (after, levels) if where % 2 == 0 else (levels, after)
    assert scored(better, confidence) >= scored(worse, confidence) - 1e-6


def test_who_cannot_be_read_scores_nothing() -> None:
    assert Beta().after(0.0, inf).lower_bound(0.5) == 0.0
    assert Beta().after(9.0, inf).of_a_member(1.0).lower_bound(0.5) == 0.0
