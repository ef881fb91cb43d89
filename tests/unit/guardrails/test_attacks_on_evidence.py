"""Attacks on what outcomes are worth: many at once, makers who undo, and single denials."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.approvals.rules import quorum, weigh
from driftguard.documents import Document
from driftguard.model import Autonomy, Choice, Decision, Ruling, Status, Vote
from driftguard.policy.bounds import DAY, Bounds, Earning
from driftguard.policy.model import Person, Policy
from driftguard.state import outcomes, trust, trust_record
from driftguard.state.granting import answers_of
from driftguard.state.keys import StateRecords, grants_key, trust_key
from driftguard.state.standing import standing
from driftguard.state.threshold import threshold_of
from driftguard.state.trust import Case, Outcome
from tests.support.audit import a_decision
from tests.support.guardrails.circumstances import (
    ALICE,
    CONTROL,
    GRANTED,
    HERE,
    NOW,
    REVOKE,
    WEB,
    remembered,
    trusting,
)
from tests.support.properties import thoroughly

TERMS = Earning(threshold=0.6, outcomes=5, confidence=0.8, settles=7 * DAY)
KIND = trust.case_of(REVOKE, ALICE)
BOB = Person("bob", iam=("arn:aws:iam::123456789012:user/bob",))
CAROL = Person("carol", iam=("arn:aws:iam::123456789012:user/carol",))
MAKER = Person("alice", iam=(ALICE.principal,))
POLICY = Policy(
    default=Autonomy.REVERT,
    earned_by_default=True,
    people=(BOB, CAROL, MAKER),
    bounds=Bounds(earning=TERMS),
)


def case(who: str, kind: str = "user") -> Case:
    return Case(KIND.remediation, kind, who)


def learned(
    stored: Document,
    whose: Case,
    outcome: Outcome,
    *,
    by: str = "bob",
    days: float = 0,
    by_maker: bool = False,
) -> Document:
    at = NOW + timedelta(days=days)
    return trust.learned(
        stored, whose, outcome, TERMS, at, decision="dg-1", by=by, by_maker=by_maker
    )


def approved(count: int, kind: str = "user") -> Document:
    """The record after so many approvals, each of another actor's change."""
    stored: Document = {}
    for number in range(count):
        stored = learned(stored, case(f"{kind}{number}", kind), Outcome.APPROVED)
    return stored


def earned(stored: Document, whose: Case) -> bool:
    return standing(stored, GRANTED, CONTROL, whose, TERMS, NOW).earned


# ------------------------------------------------------------------- many outcomes in one instant


def test_twenty_approvals_of_one_actor_in_one_instant_earn_no_more_than_one() -> None:
    """It earned 0.95 before: a script's twenty mistakes, approved by one click each."""
    one = twenty = learned({}, KIND, Outcome.APPROVED)
    for _ in range(19):
        twenty = learned(twenty, KIND, Outcome.APPROVED)
    assert trust.record_of(twenty, KIND) == trust.record_of(one, KIND)
    assert len(trust_record.history(twenty)) == 20


@thoroughly
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]), st.integers(0, 3), st.sampled_from(["bob", "carol"])
        ),
        max_size=40,
    )
)
def test_of_right_outcomes_one_counts_for_an_actor_a_day_and_an_approver(
    approvals: list[tuple[str, int, str]],
) -> None:
    stored: Document = {}
    for who, day, by in sorted(approvals, key=lambda approval: approval[1]):
        stored = learned(stored, case(who), Outcome.APPROVED, by=by, days=day)
    alone: Document = {}
    for who, day, by in sorted(set(approvals), key=lambda approval: approval[1]):
        alone = learned(alone, case(who), Outcome.APPROVED, by=by, days=day)
    at = NOW + timedelta(days=9)
    worth, once = (trust.worth(record, KIND, TERMS, at) for record in (stored, alone))
    assert worth.good == pytest.approx(once.good, abs=0.3)
    assert sum(
        trust_record.own_of(worth, who, TERMS, at).good for who in ("a", "b")
    ) <= len(set(approvals))  # fmt: skip


def test_wrong_outcomes_all_count_however_close_they_are() -> None:
    once = learned({}, KIND, Outcome.DENIED)
    assert trust_record.own_of(
        trust.record_of(learned(once, KIND, Outcome.DENIED), KIND), KIND.who, TERMS, NOW
    ).bad == 2.0  # fmt: skip


def test_reverts_that_stood_on_one_day_are_one_look_as_well() -> None:
    stored: Document = {}
    for number in range(10):
        stored = trust.acted(stored, KIND, TERMS, NOW, decision=f"dg-{number}")
    later = NOW + timedelta(days=8)
    assert trust.worth(stored, KIND, TERMS, later).good == pytest.approx(0.5)


def test_both_sides_of_since_weigh_an_actors_later_outcomes_alike() -> None:
    stored = learned(approved(5), case("undone"), Outcome.UNDONE)
    for number in range(6):
        stored = learned(stored, KIND, Outcome.APPROVED, by=f"b{number}")
        stored = learned(stored, case("other"), Outcome.DENIED, by=f"b{number}")
    record = trust.record_of(stored, KIND)
    assert record.since == pytest.approx(record.against)


def test_a_record_of_the_format_before_grants_nothing_that_it_would_not_have_granted() -> None:
    """It knows no grants and no days: its evidence stays, and the control has to be granted."""
    old: Document = {"good": 60.0, "bad": 0.0, "at": "2026-11-20T12:00:00.000Z"}
    entry: Document = {
        **old, "since": 60.0, "against": 0.0, "demoted": "", "pending": [], "own": {KIND.who: old},
    }  # fmt: skip
    stored: Document = {"records": {KIND.name: entry}}
    assert not standing(stored, {}, CONTROL, KIND, TERMS, NOW).earned
    assert earned(stored, KIND)
    after = learned(stored, KIND, Outcome.APPROVED)
    assert trust.record_of(after, KIND).good > trust.record_of(stored, KIND).good * 0.97


# --------------------------------------------------------------------- whoever undoes their own


def both_kinds() -> Document:
    stored = approved(10)
    for number in range(10):
        stored = learned(stored, case(f"role{number}", "role"), Outcome.APPROVED)
    return stored


def test_a_makers_own_undo_demotes_only_their_own_kind() -> None:
    stored = learned(both_kinds(), KIND, Outcome.UNDONE, by="alice", by_maker=True)
    assert not earned(stored, case("stranger"))
    assert earned(stored, case("stranger", "role"))


@pytest.mark.parametrize("outcome", [Outcome.UNDONE, Outcome.DENIED, Outcome.ACCEPTED])
def test_a_second_person_who_speaks_against_it_too_demotes_every_kind(outcome: Outcome) -> None:
    stored = learned(both_kinds(), KIND, Outcome.UNDONE, by="alice", by_maker=True)
    stored = learned(stored, KIND, outcome, by="bob", days=3)
    assert not earned(stored, case("stranger", "role"))


def test_who_undid_it_cannot_confirm_it_and_nobody_can_after_a_week() -> None:
    stored = learned(both_kinds(), KIND, Outcome.UNDONE, by="alice", by_maker=True)
    again = learned(stored, KIND, Outcome.UNDONE, by="arn:another-session", by_maker=True)
    assert earned(again, case("stranger", "role"))
    # What others did is another matter.
    other = learned(stored, case("another"), Outcome.DENIED, by="bob")
    assert earned(other, case("stranger", "role"))
    late = learned(stored, KIND, Outcome.DENIED, by="bob", days=8)
    assert trust.record_of(late, case("", "role")).demoted == ""


def undone(by: str, stored: Document) -> StateRecords:
    """The memory after somebody undid the revert of Alice's change."""
    decision: Decision = a_decision(resource=WEB, plan=REVOKE, actor=ALICE)
    taught = outcomes.of_undo(decision, by, trusting(stored), POLICY, NOW)
    return remembered(
        {trust_key(HERE, CONTROL): stored, grants_key(HERE): GRANTED}
        | {record.key: record.document for record in taught}
    )


@pytest.mark.parametrize(
    ("by", "is_maker"),
    [
        ("bob", False),
        ("bob (arn:aws:iam::123456789012:user/bob)", False),
        ("alice", True),
        (f"alice ({ALICE.principal})", True),
        (ALICE.principal, True),
        (f"somebody ({ALICE.principal})", True),
    ],
)
def test_a_maker_is_known_by_name_and_by_identity(by: str, is_maker: bool) -> None:
    after = undone(by, both_kinds())
    assert earned(after[trust_key(HERE, CONTROL)].document, case("new", "role")) is is_maker
    # What only its maker calls wrong does not raise the threshold for all either.
    raised = threshold_of(after[grants_key(HERE)].document, TERMS).value > TERMS.threshold
    assert raised is not is_maker


def test_the_message_says_what_a_makers_undo_takes_away_and_what_not_yet() -> None:
    decision: Decision = a_decision(resource=WEB, plan=REVOKE, actor=ALICE)
    known = trusting(both_kinds())
    said = outcomes.demotes(decision, ALICE.principal, known, POLICY, NOW)
    assert "by user) and is demoted" in said
    assert "by role" not in said
    assert "once a second person speaks against it" in said
    assert "by role" in outcomes.demotes(decision, "bob", known, POLICY, NOW)


# ------------------------------------------------------------- a denial of what had been granted


def sample(guardrail: str = "sampling") -> Decision:
    """A question about what the control had earned to revert."""
    ruling = Ruling(guardrail, Autonomy.ASK, "earned, but 2% are asked about nevertheless")
    decision: Decision = a_decision(
        resource=WEB, plan=REVOKE, actor=ALICE, status=Status.ASKED, rulings=(ruling,)
    )
    return decision


def vote(person: str, choice: Choice = Choice.ACCEPT) -> Vote:
    return Vote(person, choice, "slack", "now", sample().before)


@pytest.mark.parametrize("guardrail", ["sampling", "unseen"])
def test_to_deny_what_had_been_granted_takes_a_second_person(guardrail: str) -> None:
    first = weigh(sample(guardrail), vote("bob"), POLICY, "2026")
    assert (first.outcome, first.refusal) == (Status.ASKED, "")
    voted = replace(sample(guardrail), votes=(vote("bob"),))
    assert weigh(voted, vote("carol"), POLICY, "2026").outcome is Status.DENIED
    assert weigh(voted, vote("bob"), POLICY, "2026").refusal == "bob has voted before"


def test_to_approve_it_or_to_deny_what_was_not_granted_takes_one() -> None:
    assert weigh(sample(), vote("bob", Choice.REVERT), POLICY, "2026").outcome is Status.APPROVED
    other = sample("insufficient-record")
    assert weigh(other, vote("bob"), POLICY, "2026").outcome is Status.DENIED


def test_where_there_is_no_second_person_one_is_enough() -> None:
    """Whoever made the change does not count: they may not accept it."""
    alone = replace(POLICY, people=(BOB, MAKER))
    assert quorum(sample(), Choice.ACCEPT, alone) == 1
    assert quorum(sample(), Choice.ACCEPT, POLICY) == 2
    assert quorum(replace(sample(), quorum=3), Choice.ACCEPT, POLICY) == 3


def test_a_denied_sample_raises_the_threshold_and_an_approved_one_does_not() -> None:
    for choice, status, value in (
        (Choice.ACCEPT, Status.DENIED, TERMS.threshold + TERMS.step),
        (Choice.REVERT, Status.APPROVED, TERMS.threshold),
    ):
        votes = (vote("bob", choice), vote("carol", choice))
        decision = replace(sample(), status=status, votes=votes)
        taught = outcomes.of_choice(
            decision, votes[-1], trusting(approved(9)), POLICY, NOW, is_sample=True
        )
        after = {record.key: record.document for record in taught}
        assert threshold_of(after.get(grants_key(HERE), {}), TERMS).value == pytest.approx(value)


# -------------------------------------------------------------------------- the first grant


def test_votes_are_the_answers_that_grant_a_control_and_are_counted_like_all_evidence() -> None:
    """Once for an actor, a day and an approver, where they are right."""
    records = StateRecords(HERE)
    for _ in range(3):
        decision = a_decision(
            resource=WEB,
            plan=REVOKE,
            actor=ALICE,
            status=Status.APPROVED,
            votes=(vote("bob", Choice.REVERT),),
        )
        taught = outcomes.of_choice(
            decision, decision.votes[0], records, POLICY, NOW, is_sample=False
        )
        records = remembered(
            {key: record.document for key, record in records.records.items()}
            | {record.key: record.document for record in taught}
        )
    answers = answers_of(records[grants_key(HERE)].document, CONTROL)
    assert (answers.right, answers.wrong, answers.granted) == (1, 0, "")


def test_where_nothing_is_to_be_earned_no_shared_record_is_written() -> None:
    decision = a_decision(
        resource=WEB,
        plan=REVOKE,
        actor=ALICE,
        status=Status.APPROVED,
        votes=(vote("bob", Choice.REVERT),),
    )
    asking = replace(POLICY, earned_by_default=False)
    taught = outcomes.of_choice(
        decision, decision.votes[0], StateRecords(HERE), asking, NOW, is_sample=False
    )
    assert [record.key for record in taught] == [trust_key(HERE, CONTROL)]
