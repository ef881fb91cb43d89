"""Attacks on what the guard takes for usual: familiarity takes weeks, and volume buys none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.documents import Document, stamp
from driftguard.guardrails.judgment import judge
from driftguard.model import Autonomy
from driftguard.policy.bounds import DAY, Anomalies
from driftguard.state import anomaly_baseline
from driftguard.state.keys import anomaly_baseline_key
from tests.support.guardrails.circumstances import (
    ACCOUNT,
    ALICE,
    CONTROL,
    HERE,
    NOW,
    allowing,
    circumstances,
    remembered,
    user,
)

TERMS = Anomalies()
MALLORY = user("mallory", source="198.51.100.7", agent="curl/8")
# One day more makes a trait at most this much more familiar.
ONE_DAY = 100 * (1 - 0.5 ** (1 / 3)) + 1


def learned(stored: Document, traits: Mapping[str, str], at: datetime) -> Document:
    return anomaly_baseline.learned(stored, traits, TERMS, at) or stored


def of_mallory(at: datetime) -> dict[str, str]:
    return anomaly_baseline.traits_of(MALLORY, stamp(at))


def score(stored: Document, traits: Mapping[str, str], at: datetime = NOW) -> int:
    return anomaly_baseline.anomaly_score(stored, traits, TERMS, at).score


@pytest.fixture
def usual() -> Document:
    """Alice made such changes by night on each of thirty days."""
    stored: Document = {}
    for day in range(30, 0, -1):
        at = NOW.replace(hour=2) - timedelta(days=day)
        stored = learned(stored, anomaly_baseline.traits_of(ALICE, stamp(at)), at)
    return stored


def test_a_thousand_repetitions_in_a_day_are_one(usual: Document) -> None:
    once = learned(usual, of_mallory(NOW), NOW)
    stored = usual
    for number in range(1000):
        stored = learned(stored, of_mallory(NOW), NOW + timedelta(seconds=number))
    assert stored == once
    assert score(usual, of_mallory(NOW)) == 100
    assert score(stored, of_mallory(NOW)) >= 100 - ONE_DAY


traits = st.fixed_dictionaries(
    {
        "actor": st.sampled_from([MALLORY.principal, "a", "b", ""]),
        "network": st.sampled_from(["198.51.100.0/24", "c", ""]),
        "client": st.sampled_from(["curl", "d"]),
        "hour": st.sampled_from(["12-15 UTC", "00-03 UTC", ""]),
    }
)


@given(st.lists(st.tuples(traits, st.integers(0, DAY - 1)), max_size=60))
def test_whatever_is_done_within_a_day_buys_at_most_a_days_worth(
    changes: list[tuple[dict[str, str], int]],
) -> None:
    """In any order, with any mixture of actors, networks, clients and hours."""
    before: Document = {}
    for day in range(10, 0, -1):
        before = learned(before, {"actor": "a", "client": "d"}, NOW - timedelta(days=day))
    midnight = NOW.replace(hour=0)
    stored = before
    for one, seconds in sorted(changes, key=lambda each: each[1]):
        stored = learned(stored, one, midnight + timedelta(seconds=seconds))
    end = midnight + timedelta(days=1) - timedelta(seconds=1)
    assert score(stored, of_mallory(NOW), end) >= score(before, of_mallory(NOW), end) - ONE_DAY


@pytest.mark.parametrize(("wanted", "days"), [(80, 1), (50, 3), (20, 7), (10, 10)])
def test_how_many_days_of_patience_familiarity_takes(
    usual: Document, wanted: int, days: int
) -> None:
    """However often each day: fifty times here."""
    stored, patience = usual, 0
    while score(stored, of_mallory(NOW), NOW + timedelta(days=patience)) > wanted:
        at = NOW + timedelta(days=patience)
        for _ in range(50):
            stored = learned(stored, of_mallory(at), at)
        patience += 1
    assert days <= patience <= days + 2


def test_nobody_becomes_routine_before_a_week_has_gone_by(usual: Document) -> None:
    policy = allowing(anomalies=Anomalies(routine=True))
    stored, levels = usual, []
    for day in range(10):
        at = NOW + timedelta(days=day)
        known = remembered({anomaly_baseline_key(HERE, ACCOUNT, CONTROL): stored})
        case = circumstances(policy=policy, actor=MALLORY, now=at, time=stamp(at), remembered=known)
        levels.append(judge(case).autonomy)
        stored = learned(stored, of_mallory(at), at)
    assert levels[:7] == [Autonomy.REVERT] * 7
    assert levels[-1] is Autonomy.ASK


def test_familiarity_fades_by_half_in_every_half_life(usual: Document) -> None:
    def unusual(half_lives: int) -> int:
        at = NOW.replace(hour=2) + timedelta(seconds=half_lives * TERMS.half_life)
        return score(usual, anomaly_baseline.traits_of(ALICE, stamp(at)), at)

    assert unusual(0) < 5
    assert unusual(0) < unusual(1) < unusual(2)
    long_after = NOW + timedelta(seconds=20 * TERMS.half_life)
    assert not anomaly_baseline.anomaly_score(usual, of_mallory(NOW), TERMS, long_after).known


def test_a_thousand_actors_in_a_day_neither_fill_the_note_nor_push_anybody_out(
    usual: Document,
) -> None:
    stored = usual
    path = "/a-long-path-of-an-organization" * 16
    for number in range(1_000):
        stranger = f"arn:aws:iam::{ACCOUNT}:role{path}/r{number}"
        stored = learned(stored, {**of_mallory(NOW), "actor": stranger}, NOW)
    assert len(json.dumps(stored)) < 200_000  # an item holds 400 KB
    night = NOW.replace(hour=2)
    by_alice = anomaly_baseline.traits_of(ALICE, stamp(night))
    assert score(stored, by_alice) <= score(usual, by_alice) + 1
    # And whoever was pushed out by the crowd is merely new again.
    gone = {**of_mallory(NOW), "actor": f"arn:aws:iam::{ACCOUNT}:role{path}/r0"}
    assert score(stored, gone) > 40


def test_a_day_in_the_future_is_no_more_familiar_than_today() -> None:
    """Of a clock that went wrong, for one."""
    ahead: Document = {
        "days": {"all": {"days": 30, "last": "2026-11-24"}},
        "actor": {ALICE.principal: {"days": 1, "last": "9999-12-31"}},
    }
    today: Document = {**ahead, "actor": {ALICE.principal: {"days": 1, "last": "2026-11-24"}}}
    by_alice = {"actor": ALICE.principal}
    assert score(ahead, by_alice) == score(today, by_alice)
