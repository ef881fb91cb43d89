"""The simulated year: the same seed is the same year, and what is counted is the truth."""

from __future__ import annotations

import time
from functools import cache

import pytest
from benchmarks.organization import simulation, strategies, year
from benchmarks.organization.measures import Measures, Tally, measured
from benchmarks.organization.shapes import DAY, ORGANIZATIONS, WORLDS, Organization

from driftguard.policy.bounds import Earning

SMALL = ORGANIZATIONS[0]
HARD = {world.name: world for world in WORLDS}


@cache
def lived(name: str, seed: int = 1, of: Organization = SMALL) -> Measures:
    what = year.year(of, seed)
    (policy,) = [one.policy for one in strategies.strategies(what.listed) if one.name == name]
    return simulation.lived(of, seed, what, policy)


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


# ------------------------------------------------------------------------------ the hard worlds


def why(name: str, seed: int = 1) -> list[str]:
    return [made.why for made in year.year(HARD[name], seed).made]


def test_each_hard_world_has_what_it_is_named_for() -> None:
    assert why("batches").count("batch") > 10 * 20
    assert why("insider").count(year.INSIDER) == 100
    ordinary = year.year(HARD["ordinary"], 1).made
    assert why("ordinary").count("routine") > 365
    assert sum(not made.right for made in ordinary) > len(ordinary) / 2
    weekly = year.year(HARD["once-a-week"], 1).made
    assert 30 < len(weekly) < 80
    assert {made.control for made in weekly} == {"ec2.open-ingress"}
    stamps = [made.fate.stamps for made in year.year(HARD["rubber-stamp"], 1).made]
    assert sum(stamps) / len(stamps) == pytest.approx(0.9, abs=0.03)


def test_twenty_mistakes_of_a_batch_are_made_in_one_instant_by_one_person() -> None:
    batches: dict[float, set[str]] = {}
    for made in year.year(HARD["batches"], 1).made:
        if made.why == "batch":
            batches.setdefault(made.at, set()).add(made.actor.session)
    assert batches
    assert all(len({who.rpartition("/")[2] for who in people}) == 1 for people in batches.values())


def test_whoever_stamps_approves_what_is_meant_as_well() -> None:
    stamped, careful = lived(strategies.ASK, of=HARD["rubber-stamp"]), lived(strategies.ASK)
    assert stamped.wrong_revert_rate > 5 * careful.wrong_revert_rate


def test_an_insider_makes_the_guard_ask_more_and_not_err_more() -> None:
    troubled, quiet = lived(strategies.OURS, of=HARD["insider"]), lived(strategies.OURS)
    assert troubled.asks_per_day > quiet.asks_per_day
    assert troubled.wrong_revert_rate <= quiet.wrong_revert_rate
    assert troubled.asks_per_day < lived(strategies.ASK, of=HARD["insider"]).asks_per_day


def test_a_second_person_is_asked_about_what_was_earned() -> None:
    made = next(made for made in year.year(SMALL, 1).made if made.right)
    first, second = made.fate, year.another(made, SMALL, 1)
    assert first != second
    assert second == year.another(made, SMALL, 1)
