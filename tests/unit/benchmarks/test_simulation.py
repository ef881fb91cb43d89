"""The simulated year: the same seed is the same year, and what is counted is the truth."""

from __future__ import annotations

import time
from functools import cache

import pytest
from benchmarks.organization import simulation, strategies, year
from benchmarks.organization.measures import Measures, Tally, measured
from benchmarks.organization.shapes import DAY, ORGANIZATIONS

from driftguard.policy.bounds import Earning

SMALL = ORGANIZATIONS[0]


@cache
def lived(name: str, seed: int = 1) -> Measures:
    what = year.year(SMALL, seed)
    (policy,) = [one.policy for one in strategies.strategies(what.listed) if one.name == name]
    return simulation.lived(SMALL, seed, what, policy)


def test_a_seed_is_a_year_and_another_seed_is_another() -> None:
    assert year.year(SMALL, 1).made == year.year(SMALL, 1).made
    assert year.year(SMALL, 1).made != year.year(SMALL, 2).made


def test_the_same_year_under_the_same_policy_ends_alike() -> None:
    what = year.year(SMALL, 3)
    policy = strategies.earned(what.listed, Earning())
    assert simulation.lived(SMALL, 3, what, policy) == simulation.lived(SMALL, 3, what, policy)


def test_nothing_looks_at_the_clock_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    before = lived(strategies.OURS)
    lived.cache_clear()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert lived(strategies.OURS) == before


def test_who_always_asks_reverts_nothing_alone_and_who_always_reverts_asks_nothing() -> None:
    asking, reverting = lived(strategies.ASK), lived(strategies.REVERT)
    assert asking.wrong_by_itself == 0
    assert asking.asks_per_day > 1
    assert reverting.asks_per_day == 0
    assert reverting.wrong_revert_rate > asking.wrong_revert_rate


def test_a_control_that_turns_bad_goes_on_where_nothing_learns() -> None:
    by_year = [(lived(strategies.REVERT, seed), lived(strategies.OURS, seed)) for seed in (1, 2, 5)]
    unlearning = sum(always.bad_control for always, _ in by_year)
    assert sum(ours.bad_control for _, ours in by_year) < unlearning / 4


def test_what_is_earned_begins_with_questions_and_ends_with_fewer() -> None:
    by_month = lived(strategies.OURS).asks_by_month
    assert sum(by_month[:2]) > sum(by_month[-2:])


def test_a_risk_that_stands_is_missed_and_at_risk_until_somebody_finds_it() -> None:
    tally = Tally()
    tally.looked_at(right=True)
    tally.looked_at(right=True)
    tally.looked_at(right=False)
    tally.stands(right=True, why="mistake")
    tally.stands(right=False, why="site")
    tally.reverted(right=True, by_people=False, after=3.0)
    found = measured(tally)
    assert (found.missed, found.reverts, found.wrong_revert_rate) == (0.5, 1, 0.0)
    assert found.median_time_at_risk_s == (3.0 + 30 * DAY) / 2


def test_a_wrong_revert_counts_whoever_said_yes() -> None:
    tally = Tally()
    tally.reverted(right=False, by_people=True, after=60.0)
    tally.reverted(right=True, by_people=False, after=3.0)
    found = measured(tally)
    assert (found.wrong_revert_rate, found.wrong_by_itself) == (0.5, 0.0)
