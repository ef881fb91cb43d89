"""Each actor's own record within their kind's, and what a demotion leaves of a record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from driftguard.documents import Document
from driftguard.policy.bounds import DAY, Earning
from driftguard.state import trust
from driftguard.state.standing import Standing, standing
from driftguard.state.trust import Case, Outcome
from tests.support.guardrails.circumstances import CONTROL, GRANTED, NOW
from tests.support.properties import thoroughly

TERMS = Earning(threshold=0.65, outcomes=5, confidence=0.8, half_life=90 * DAY, settles=7 * DAY)
REMEDIATION, KIND = "RevokeSecurityGroupIngress", "user"
STRANGER = Case(REMEDIATION, KIND, "arn:aws:iam::123456789012:user/stranger")


def case(who: str, kind: str = KIND) -> Case:
    return Case(REMEDIATION, kind, f"arn:aws:iam::123456789012:user/{who}")


def told(stored: Document, outcomes: Iterable[tuple[Case, Outcome]], first: int = 0) -> Document:
    """The record after these outcomes, each by another approver, so that all of them count."""
    for number, (whose, outcome) in enumerate(outcomes, first):
        stored = trust.learned(
            stored, whose, outcome, TERMS, NOW, decision=f"dg-{number}", by=f"bob{number}"
        )
    return stored


def approved(count: int, kind: str = KIND, name: str = "user") -> list[tuple[Case, Outcome]]:
    """As many approvals, each of another actor's change."""
    return [(case(f"{name}{number}", kind), Outcome.APPROVED) for number in range(count)]


def stands(stored: Document, whose: Case, terms: Earning = TERMS, at: datetime = NOW) -> Standing:
    return standing(stored, GRANTED, CONTROL, whose, terms, at)


def earned(stored: Document, whose: Case, terms: Earning = TERMS) -> bool:
    return stands(stored, whose, terms).earned


# ------------------------------------------------------------------- one actor within their kind


def test_what_is_known_of_a_kind_stands_in_for_who_is_not_known() -> None:
    assert not earned({}, STRANGER)
    assert earned(told({}, approved(20)), STRANGER)


def test_two_denials_of_ones_own_outweigh_what_all_others_earned() -> None:
    stored = told({}, approved(50))
    denied = told(stored, [(STRANGER, Outcome.DENIED)] * 2, first=100)
    assert not earned(denied, STRANGER)
    assert earned(denied, case("user1"))
    assert "0 right and 2 wrong of their own" in stands(denied, STRANGER).line


def test_one_busy_person_does_not_earn_it_for_all() -> None:
    alone = told({}, [(case("user1"), Outcome.APPROVED)] * 40)
    assert earned(alone, case("user1"))
    assert not earned(alone, STRANGER)


def test_one_person_whose_changes_are_meant_does_not_lose_it_for_all() -> None:
    stored = told({}, [*approved(30), *[(case("deployer"), Outcome.DENIED)] * 40])
    assert not earned(stored, case("deployer"))
    assert earned(stored, STRANGER)


def test_a_name_of_ones_own_making_is_worth_what_the_kind_is_worth_and_no_more() -> None:
    """Who is denied under one name and comes under another meets one revert at a time."""
    stored = told({}, approved(20))
    assert stands(stored, STRANGER).bound <= max(
        stands(stored, case(f"user{number}")).bound for number in range(20)
    )


def test_whoever_cannot_be_read_has_all_of_it_against_them() -> None:
    stored: Any = told({}, [*approved(20), (STRANGER, Outcome.APPROVED)])
    assert earned(stored, STRANGER)
    stored["records"][STRANGER.name]["own"][STRANGER.who] = {"good": "much"}
    assert not earned(stored, STRANGER)
    again = told(stored, [(STRANGER, Outcome.APPROVED)], first=100)
    assert not earned(again, STRANGER)
    assert earned(again, case("user1"))


def test_those_with_the_most_against_them_are_remembered_longest() -> None:
    stored = told({}, [(STRANGER, Outcome.DENIED)] * 3)
    stored = told(stored, approved(300), first=100)
    record = trust.record_of(stored, STRANGER)
    assert len(record.own) == 100
    assert not earned(stored, STRANGER)
    assert earned(stored, case("user299"))


@thoroughly
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from([*Outcome])), max_size=30),
    st.sampled_from([Outcome.DENIED, Outcome.ACCEPTED, Outcome.FAILED, Outcome.REDRIFTED]),
)
def test_nothing_that_speaks_against_somebody_earns_them_anything(
    outcomes: list[tuple[str, Outcome]], against: Outcome
) -> None:
    stored = told({}, [(case(who), outcome) for who, outcome in outcomes])
    worse = told(stored, [(case("a"), against)], first=100)
    before, after = (stands(one, case("a")) for one in (stored, worse))
    assert after.bound <= before.bound + 1e-9
    assert after.outcomes <= before.outcomes + 1e-9
    assert before.earned or not after.earned


# ------------------------------------------------------------------------------- one at a time


def reverted(stored: Document, whose: Case, decision: str) -> Document:
    return trust.acted(stored, whose, TERMS, NOW, decision=decision)


def test_of_somebody_unknown_one_revert_waits_to_be_judged() -> None:
    stored = told({}, approved(20))
    assert stands(stored, STRANGER).unjudged == 0
    once = reverted(stored, STRANGER, "dg-100")
    assert stands(once, STRANGER).unjudged == 1
    # Nobody else waits for that, nor do they once people have had their day.
    assert stands(once, case("somebody else")).unjudged == 0
    assert stands(once, STRANGER, at=NOW + timedelta(days=1)).unjudged == 0


def test_who_is_known_to_err_is_not_waited_for() -> None:
    stored = told({}, [*approved(20), *[(STRANGER, Outcome.APPROVED)] * 2])
    for number in range(2):
        stored = reverted(stored, STRANGER, f"dg-{100 + number}")
        assert stands(stored, STRANGER).unjudged == 0
    assert stands(reverted(stored, STRANGER, "dg-102"), STRANGER).unjudged == 3


# --------------------------------------------------------------------------------- other kinds


def test_an_undo_demotes_every_kind_of_actor_of_that_remediation() -> None:
    stored = told({}, [*approved(30), *approved(30, kind="role")])
    assert earned(stored, STRANGER)
    assert earned(stored, case("stranger", kind="role"))
    undone = told(stored, [(case("user1"), Outcome.UNDONE)], first=100)
    assert not earned(undone, STRANGER)
    assert not earned(undone, case("stranger", kind="role"))


def test_what_other_kinds_earned_is_worth_twenty_outcomes_at_most() -> None:
    """However many they are, as many denials of this kind's own outweigh them."""
    many = told({}, approved(300, kind="role"))
    assert earned(many, STRANGER)
    denied = [(case(f"other{number}"), Outcome.DENIED) for number in range(20)]
    assert stands(told(many, denied, first=400), STRANGER).bound < 0.5


# -------------------------------------------------------------------------- after a demotion


def demoted() -> Document:
    stored = told({}, approved(60))
    assert earned(stored, STRANGER)
    return told(stored, [(case("user1"), Outcome.UNDONE)], first=100)


def test_after_an_undo_a_long_good_record_does_not_outvote_what_is_wrong_now() -> None:
    """A remediation turned bad is mostly denied; the few that are right must not add up."""
    denied = [(case(f"other{number}"), Outcome.DENIED) for number in range(12)]
    stored = told(demoted(), [*denied, *approved(8, name="new")], first=200)
    found = stands(stored, STRANGER)
    assert found.outcomes >= TERMS.outcomes
    assert found.bound >= TERMS.threshold
    assert not found.earned
    assert "since the undo only 40% were right" in found.line


def test_after_an_undo_what_policy_wants_without_a_mistake_is_enough() -> None:
    assert not earned(told(demoted(), approved(4, name="new"), first=200), STRANGER)
    assert earned(told(demoted(), approved(5, name="new"), first=200), STRANGER)


def test_after_an_undo_one_person_whose_changes_are_meant_does_not_block_it() -> None:
    denied = [(case("deployer"), Outcome.DENIED)] * 30
    stored = told(demoted(), [*denied, *approved(20, name="new")], first=200)
    assert earned(stored, STRANGER)
    assert not earned(stored, case("deployer"))


def test_a_record_without_its_counts_has_earned_nothing() -> None:
    for missing in ("good", "bad", "since", "against"):
        stored: Any = told({}, approved(60))
        del stored["records"][STRANGER.name][missing]
        assert not earned(stored, STRANGER)
