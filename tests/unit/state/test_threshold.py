"""The adaptive threshold: its moves, and the bound on wrong reverts that holds whatever happens."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.documents import Document
from driftguard.policy.bounds import Earning
from driftguard.state import threshold
from driftguard.state.threshold import Threshold, found_share, threshold_of
from tests.support.properties import thoroughly

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TERMS = Earning(threshold=0.7, lowest=0.6, wrong=0.01, step=0.05, confidence=0.9)


def now(stored: Document, terms: Earning = TERMS) -> Threshold:
    return threshold_of(stored, terms)


def erred(stored: Document, terms: Earning = TERMS) -> Document:
    return threshold.erred(stored, terms, "undone", "dg-1", NOW)


def sampled(stored: Document, *, denied: bool, terms: Earning = TERMS) -> Document:
    return threshold.sampled(stored, terms, denied=denied, decision="dg-1", now=NOW)


# ---------------------------------------------------------------------------------- each move


def test_it_starts_where_the_policy_says() -> None:
    assert now({}) == Threshold(0.7)


def test_a_revert_lowers_it_by_little_and_a_wrong_one_raises_it_by_much() -> None:
    lower = threshold.reverted({}, TERMS)
    assert now(lower).value == pytest.approx(0.7 - 0.05 * 0.01)
    assert now(erred(lower)).value == pytest.approx(0.7 + 0.05 * 0.99)


def test_it_never_falls_below_what_the_policy_says() -> None:
    stored: Document = {}
    for _ in range(1_000):
        stored = threshold.reverted(stored, TERMS)
    assert now(stored).value == 0.6
    # A policy that was made stricter counts at once, for what was learned before as well.
    assert now(stored, TERMS._replace(lowest=0.65)).value == 0.65


def test_it_has_no_upper_limit_because_that_would_forget_wrong_reverts() -> None:
    stored: Document = {}
    for _ in range(20):
        stored = erred(stored)
    assert now(stored).value == pytest.approx(1.7)


def test_out_of_reach_it_comes_back_by_approvals_but_not_below_its_start() -> None:
    stored = erred({})
    for number in range(1, 101):
        stored = threshold.approved(stored, TERMS)
        assert now(stored).value == pytest.approx(max(0.7, 0.75 - number * 0.05 * 0.01))
    assert threshold.approved(stored, TERMS) is stored
    assert now(stored).approvals == 100


def test_the_last_moves_say_when_by_what_and_to_where() -> None:
    stored = erred({})
    assert now(stored).moves == (
        {"at": "2026-11-24T12:00:00.000Z", "by": "undone", "decision": "dg-1", "to": 0.75},
    )
    for _ in range(50):
        stored = erred(stored)
    assert len(now(stored).moves) == 20


@pytest.mark.parametrize(
    "spoiled",
    [
        {"threshold": None},
        {"threshold": {}},
        {"threshold": {"value": "low"}},
        {"threshold": {"value": -1, "reverts": 0, "wrong": 0}},
        {"threshold": {"value": 0.7, "reverts": 1, "approvals": 0, "wrong": 0, "samples": 0}},
    ],
)
def test_what_cannot_be_read_is_out_of_reach(spoiled: Document) -> None:
    assert now(spoiled).value > 1
    assert now(threshold.reverted(spoiled, TERMS)).value > 1


# --------------------------------------------------------------------------------- the samples


def test_a_denied_sample_raises_it_at_least_like_a_wrong_revert() -> None:
    assert now(sampled({}, denied=True)).value == pytest.approx(0.75)


def test_an_approved_sample_moves_nothing_by_itself() -> None:
    stored = sampled(erred({}), denied=False)
    assert now(stored).value == 0.75
    assert (now(stored).samples, now(stored).denied) == (1, 0)


def test_samples_tell_of_wrong_reverts_that_nobody_noticed() -> None:
    """Ten of a hundred samples denied, of five thousand reverts: hundreds were wrong, unnoticed."""
    stored: Document = {}
    for _ in range(5_000):
        stored = threshold.reverted(stored, TERMS)
    assert found_share(now(stored)) == 1.0
    for number in range(100):
        stored = sampled(stored, denied=number % 10 == 9)
    assert found_share(now(stored)) == 0.5
    # So one more that is found raises it like two.
    before = now(stored).value
    assert now(erred(stored)).value == pytest.approx(before + 2 * 0.05)


@thoroughly
@given(st.integers(0, 3_000), st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
def test_what_samples_say_beyond_doubt_is_less_than_what_they_say_on_average(
    reverts: int, samples: int, denied: int, wrong: int
) -> None:
    denied = min(denied, samples)
    known = Threshold(0.7, reverts, 0, wrong + denied, samples, denied)
    on_average = (reverts + samples) * denied / samples
    share = found_share(known)
    assert 0.5 <= share <= 1.0
    assert share >= min(1.0, (wrong + denied) / on_average if on_average else 1.0) - 1e-9


# ---------------------------------------------------------------------- whatever the world does

# What an adversary may do next: make a change of this score, or call one of the reverts that are
# not judged yet wrong, or approve, or answer a sample.
MOVES = st.one_of(
    st.floats(0.0, 1.0),
    st.sampled_from(["top", "top", "wrong", "wrong", "approve", "deny sample", "approve sample"]),
)
EARNINGS = st.builds(
    lambda start, below, wrong, step: TERMS._replace(
        threshold=start, lowest=start * below, wrong=wrong, step=step
    ),
    st.floats(0.5, 0.99),
    st.floats(0.0, 1.0),
    st.sampled_from([0.001, 0.01, 0.1]),
    st.sampled_from([0.01, 0.05, 0.3]),
)


def bound(terms: Earning, carried_out: int, in_flight: int) -> float:
    """The largest share of wrong reverts, of so many that were carried out."""
    reach = 1.0 - terms.threshold + terms.step * in_flight
    return terms.wrong + reach / (terms.step * max(1, carried_out))


@thoroughly
@given(st.lists(MOVES, max_size=300), EARNINGS, st.integers(1, 5))
def test_the_share_of_wrong_reverts_is_bounded_whatever_the_world_does(
    moves: list[float | str], terms: Earning, most_in_flight: int
) -> None:
    """`most_in_flight`: so many reverts may wait to be judged, as the circuit breaker allows."""
    stored: Document = {}
    reverts = wrong = approvals = waiting = 0
    for move in moves:
        if move == "wrong":
            if waiting:
                stored, waiting, wrong = erred(stored, terms), waiting - 1, wrong + 1
        elif move == "approve":
            before = now(stored, terms).approvals
            stored = threshold.approved(stored, terms)
            approvals += int(now(stored, terms).approvals - before)
        elif move in ("deny sample", "approve sample"):
            stored = sampled(stored, denied=move == "deny sample", terms=terms)
        else:
            score = 1.0 if move == "top" else float(move)
            if score >= now(stored, terms).value and waiting < most_in_flight:
                stored = threshold.reverted(stored, terms)
                reverts, waiting = reverts + 1, waiting + 1
        carried_out = reverts + approvals
        assert wrong <= carried_out * bound(terms, carried_out, most_in_flight) + 1e-6


def test_who_errs_whenever_they_can_is_held_to_the_bound() -> None:
    """The worst world: every revert is wrong, and approvals pay back as fast as they can."""
    stored: Document = {}
    reverts = approvals = 0
    for _ in range(20_000):
        if now(stored).value <= 1.0:
            stored, reverts = erred(threshold.reverted(stored, TERMS)), reverts + 1
        else:
            stored, approvals = threshold.approved(stored, TERMS), approvals + 1
    assert reverts / (reverts + approvals) == pytest.approx(0.01, abs=0.001)
    assert reverts <= (reverts + approvals) * bound(TERMS, reverts + approvals, 1)


def test_a_long_run_of_errors_at_the_planted_rate_moves_it_nowhere() -> None:
    stored: Document = {}
    for number in range(10_000):
        stored = threshold.reverted(stored, TERMS._replace(lowest=0.0))
        if number % 100 == 99:
            stored = erred(stored, TERMS._replace(lowest=0.0))
    assert now(stored).value == pytest.approx(0.7)
