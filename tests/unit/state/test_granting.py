"""First grants: the stake of the bet, how seldom luck grants one, and many controls at once."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.documents import Document
from driftguard.policy.bounds import Earning
from driftguard.state.granting import Answers, answered, answers_of, needed, stake
from tests.support.properties import thoroughly

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TERMS = Earning(grant=0.1, false_grants=0.1)


def told(
    right: int, wrong: int = 0, control: str = "a", shared: Document | None = None
) -> Document:
    stored: Document = shared or {}
    for number in range(right + wrong):
        stored = answered(stored, control, TERMS, NOW, right=number >= wrong)
    return stored


# ------------------------------------------------------------------------------------- the bet


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
@pytest.mark.parametrize(("right", "wrong"), [(0, 0), (7, 0), (30, 2), (400, 11)])
def test_the_stake_is_the_average_over_all_bets(right: int, wrong: int, share: float) -> None:
    """By the midpoint rule, over what each bet's stake has become."""
    panels = 20_000
    bets = ((panel + 0.5) / panels * share for panel in range(panels))
    average = sum(
        (bet / share) ** wrong * ((1 - bet) / (1 - share)) ** right for bet in bets
    ) / panels  # fmt: skip
    assert stake(right, wrong, share) == pytest.approx(average, rel=1e-3)


@thoroughly
@given(st.integers(0, 300), st.integers(0, 60), st.floats(0.01, 0.5))
def test_if_the_claim_is_just_true_no_answer_is_expected_to_win(
    right: int, wrong: int, share: float
) -> None:
    """What makes it a test at any time: with the share wrong, the stake stays the same on average;
    with more wrong it falls."""
    before = stake(right, wrong, share)
    grown, lost = stake(right + 1, wrong, share), stake(right, wrong + 1, share)
    assert (1 - share) * grown + share * lost == pytest.approx(before, rel=1e-6)
    assert lost <= before * (1 + 1e-9) <= grown * (1 + 1e-6)


def test_an_overwhelming_stake_is_no_error() -> None:
    assert stake(1e9, 0, 0.5) > 1e300
    assert stake(0, 1e9, 0.5) == 0.0


@pytest.mark.parametrize(("grant", "many"), [(0.1, 500), (0.5, 200), (0.7, 150)])
def test_at_a_share_of_wrong_answers_just_above_the_claim_few_are_granted(
    grant: float, many: int
) -> None:
    """False grants of at most one in ten, at a planted share of 1.02 times the claim's."""
    dice, runs, lucky = Random(11), 300, 0
    for _ in range(runs):
        right = wrong = 0
        for _ in range(many):
            err = dice.random() < 1.02 * grant
            right, wrong = right + (not err), wrong + err
            # Only a right answer lets the stake grow.
            if not err and stake(right, wrong, grant) >= needed([1e9], TERMS.false_grants):
                lucky += 1
                break
    assert lucky / runs <= TERMS.false_grants


def test_a_control_without_a_mistake_is_granted_after_so_many_answers() -> None:
    wanted = {}
    for grant in (0.7, 0.5, 0.2, 0.1, 0.05):
        right = next(right for right in range(1_000) if stake(right, 0, grant) >= 10)
        wanted[grant] = right
    assert wanted == {0.7: 3, 0.5: 5, 0.2: 16, 0.1: 34, 0.05: 71}


# ------------------------------------------------------------------------------- many controls


def test_many_controls_must_bring_more_together_than_one_alone() -> None:
    assert needed([12.0], 0.1) == 10
    assert needed([12.0, 1.0], 0.1) == 20
    assert needed([12.0, 11.0], 0.1) == 10
    assert needed([25.0, 11.0, 1.0, 1.0], 0.1) == 40
    assert needed([25.0, 21.0, 1.0, 1.0], 0.1) == 20
    assert needed([], 0.1) == 10


@thoroughly
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.floats(0.01, 0.5))
def test_it_grants_as_many_as_the_e_bh_procedure_says(
    stakes: list[float], false_grants: float
) -> None:
    enough = needed(stakes, false_grants)
    granted = sum(grown >= enough for grown in stakes)
    ranks = range(1, len(stakes) + 1)
    ordered = sorted(stakes, reverse=True)
    sure = [rank for rank in ranks if rank * ordered[rank - 1] * false_grants >= len(stakes)]
    assert granted >= max(sure, default=0)
    assert all(grown >= len(stakes) / (granted * false_grants) * 0.999999
               for grown in stakes if grown >= enough)  # fmt: skip


def test_of_what_is_granted_together_one_in_ten_at_most_was_luck() -> None:
    """Sixteen controls, half of which err a little more often than the claim says."""
    dice, shares = Random(5), []
    for _ in range(10):
        shared: Document = {}
        for _ in range(80):
            for control in range(16):
                rate = 0.102 if control % 2 else 0.02
                right = dice.random() >= rate
                shared = answered(shared, str(control), TERMS, NOW, right=right)
        granted = [control for control in range(16) if answers_of(shared, str(control)).granted]
        shares.append(sum(control % 2 for control in granted) / max(1, len(granted)))
    assert sum(shares) / len(shares) <= 0.1


# -------------------------------------------------------------------------------- the record


def test_a_grant_is_given_once_and_its_answers_are_closed() -> None:
    stored = told(60)
    known = answers_of(stored, "a")
    assert (known.right, known.granted) == (34, "2026-11-24T12:00:00.000Z")
    assert answered(stored, "a", TERMS, NOW, right=False) is stored


def test_a_grant_of_one_control_may_bring_another_with_it() -> None:
    """Two of three with a stake of 15 are enough together, and one of three is not."""
    waiting = told(40, control="b", shared=told(0, 5))
    waiting = told(40, control="c", shared=waiting)
    assert 15 <= stake(40, 0, 0.1) < 20
    assert [bool(answers_of(waiting, control).granted) for control in "abc"] == [False, True, True]
    alone = told(1, control="d", shared=told(40, control="b", shared=told(0, 5)))
    assert not answers_of(alone, "b").granted


@pytest.mark.parametrize(
    "spoiled",
    [{"answers": None}, {"answers": {"a": 3}}, {"answers": {"a": {"right": "x", "granted": "y"}}}],
)
def test_what_cannot_be_read_grants_nothing(spoiled: Document) -> None:
    assert answers_of(spoiled, "a") == Answers()
    assert answers_of(told(1, shared=spoiled), "a").right == 1
