"""Attacks on what the guard takes for usual: familiarity takes weeks, and volume buys none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftguard import behaviour
from driftguard.guardrails import judge
from driftguard.model import Autonomy, Document, stamp
from driftguard.policy.bounds import DAY, Habits
from driftguard.state import habits_key
from tests.guardrails.circumstances import (
    ACCOUNT,
    ALICE,
    CONTROL,
    NOW,
    allowing,
    circumstances,
    remembered,
    user,
)

TERMS = Habits()
MALLORY = user("mallory", source="198.51.100.7", agent="curl/8")
# One day more makes a trait at most this much more familiar.
ONE_DAY = 100 * (1 - 0.5 ** (1 / 3)) + 1


def learned(note: Document, traits: Mapping[str, str], at: datetime) -> Document:
    return behaviour.learned(note, traits, TERMS, at) or note


def of_mallory(at: datetime) -> dict[str, str]:
    return behaviour.traits_of(MALLORY, stamp(at))


def score(note: Document, traits: Mapping[str, str], at: datetime = NOW) -> int:
    return behaviour.novelty(note, traits, TERMS, at).score


@pytest.fixture
def usual() -> Document:
    """Alice made such changes by night on each of thirty days."""
    note: Document = {}
    for day in range(30, 0, -1):
        at = NOW.replace(hour=2) - timedelta(days=day)
        note = learned(note, behaviour.traits_of(ALICE, stamp(at)), at)
    return note


def test_a_thousand_repetitions_in_a_day_are_one(usual: Document) -> None:
    once = learned(usual, of_mallory(NOW), NOW)
    note = usual
    for number in range(1000):
        note = learned(note, of_mallory(NOW), NOW + timedelta(seconds=number))
    assert note == once
    assert score(usual, of_mallory(NOW)) == 100
    assert score(note, of_mallory(NOW)) >= 100 - ONE_DAY


traits = st.fixed_dictionaries(
    {
        "actor": st.sampled_from([MALLORY.principal, "a", "b", ""]),
        "network": st.sampled_from(["198.51.100.0/24", "c", ""]),
        "client": st.sampled_from(["curl", "d"]),
        "hour": st.sampled_from(["12-15 UTC", "00-03 UTC", ""]),
    }
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(traits, st.integers(0, DAY - 1)), max_size=60))
def test_whatever_is_done_within_a_day_buys_at_most_a_days_worth(
    changes: list[tuple[dict[str, str], int]],
) -> None:
    """In any order, with any mixture of actors, networks, clients and hours."""
    before: Document = {}
    for day in range(10, 0, -1):
        before = learned(before, {"actor": "a", "client": "d"}, NOW - timedelta(days=day))
    midnight = NOW.replace(hour=0)
    note = before
    for one, seconds in sorted(changes, key=lambda each: each[1]):
        note = learned(note, one, midnight + timedelta(seconds=seconds))
    end = midnight + timedelta(days=1) - timedelta(seconds=1)
    assert score(note, of_mallory(NOW), end) >= score(before, of_mallory(NOW), end) - ONE_DAY


@pytest.mark.parametrize(("wanted", "days"), [(80, 1), (50, 3), (20, 7), (10, 10)])
def test_how_many_days_of_patience_familiarity_takes(
    usual: Document, wanted: int, days: int
) -> None:
    """However often each day: fifty times here."""
    note, patience = usual, 0
    while score(note, of_mallory(NOW), NOW + timedelta(days=patience)) > wanted:
        at = NOW + timedelta(days=patience)
        for _ in range(50):
            note = learned(note, of_mallory(at), at)
        patience += 1
    assert days <= patience <= days + 2


def test_nobody_becomes_routine_before_a_week_has_gone_by(usual: Document) -> None:
    policy = allowing(habits=Habits(routine=True))
    note, levels = usual, []
    for day in range(10):
        at = NOW + timedelta(days=day)
        memory = remembered({habits_key(ACCOUNT, CONTROL): note})
        case = circumstances(policy=policy, actor=MALLORY, now=at, time=stamp(at), memory=memory)
        levels.append(judge(case).autonomy)
        note = learned(note, of_mallory(at), at)
    assert levels[:7] == [Autonomy.REVERT] * 7
    assert levels[-1] is Autonomy.ASK


def test_familiarity_fades_by_half_in_every_half_life(usual: Document) -> None:
    def unusual(half_lives: int) -> int:
        at = NOW.replace(hour=2) + timedelta(seconds=half_lives * TERMS.half_life)
        return score(usual, behaviour.traits_of(ALICE, stamp(at)), at)

    assert unusual(0) < 5
    assert unusual(0) < unusual(1) < unusual(2)
    long_after = NOW + timedelta(seconds=20 * TERMS.half_life)
    assert not behaviour.novelty(usual, of_mallory(NOW), TERMS, long_after).known


def test_ten_thousand_actors_in_a_day_neither_fill_the_note_nor_push_anybody_out(
    usual: Document,
) -> None:
    note = usual
    path = "/a-long-path-of-an-organisation" * 16
    for number in range(10_000):
        stranger = f"arn:aws:iam::{ACCOUNT}:role{path}/r{number}"
        note = learned(note, {**of_mallory(NOW), "actor": stranger}, NOW)
    assert len(json.dumps(note)) < 200_000  # an item holds 400 KB
    night = NOW.replace(hour=2)
    by_alice = behaviour.traits_of(ALICE, stamp(night))
    assert score(note, by_alice) <= score(usual, by_alice) + 1
    # And whoever was pushed out by the crowd is merely new again.
    gone = {**of_mallory(NOW), "actor": f"arn:aws:iam::{ACCOUNT}:role{path}/r0"}
    assert score(note, gone) > 40


def test_a_day_in_the_future_is_no_more_familiar_than_today() -> None:
    """Of a clock that went wrong, for one."""
    ahead: Document = {
        "days": {"all": {"days": 30, "last": "2026-11-24"}},
        "actor": {ALICE.principal: {"days": 1, "last": "9999-12-31"}},
    }
    today: Document = {**ahead, "actor": {ALICE.principal: {"days": 1, "last": "2026-11-24"}}}
    by_alice = {"actor": ALICE.principal}
    assert score(ahead, by_alice) == score(today, by_alice)
