"""Attacks on earned autonomy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.documents import Document, stamp
from driftguard.guardrails.judgment import judge
from driftguard.model import Autonomy, Choice, Decision, Status, Vote
from driftguard.policy.bounds import DAY, Earning
from driftguard.policy.model import Person, Policy
from driftguard.state import learning, trust, trust_record
from driftguard.state.keys import StateRecords, trust_key
from driftguard.state.standing import is_sampled, standing
from driftguard.state.trust import Outcome
from tests.support.audit import a_decision
from tests.support.guardrails.circumstances import (
    ALICE,
    CONTROL,
    GRANTED,
    HERE,
    NOW,
    REVOKE,
    WEB,
    circumstances,
    earning,
    trusting,
)
from tests.support.properties import thoroughly

CASE = replace(trust.case_of(REVOKE, ALICE), who="")
TERMS = Earning(threshold=0.9, outcomes=20, confidence=0.8, half_life=90 * DAY, settles=7 * DAY)
OUTCOMES = st.lists(st.sampled_from([*Outcome, Outcome.APPROVED, Outcome.APPROVED]), max_size=80)


def told(
    stored: Document, outcomes: Iterable[Outcome], at: datetime = NOW, first: int = 0
) -> Document:
    """The record after these outcomes, each of another actor's change."""
    for number, outcome in enumerate(outcomes, first):
        case = replace(CASE, who=f"user{number}")
        stored = trust.learned(stored, case, outcome, TERMS, at, decision=f"dg-{number}", by="bob")
    return stored


def earned(stored: Document, at: datetime = NOW, terms: Earning = TERMS) -> bool:
    return standing(stored, GRANTED, CONTROL, CASE, terms, at).earned


APPROVED = [Outcome.APPROVED] * 40


# ------------------------------------------------------------------------- the size of the note


def test_many_actors_of_long_names_never_make_a_note_that_cannot_be_written() -> None:
    """DynamoDB takes 400 KB: with one more, no decision of the control could be recorded."""
    stored: Document = {}
    for number in range(600):
        kind, remediation = ("user", "role", "service")[number % 3], "Put" * (number % 5 + 1)
        who = f"arn:aws:iam::123456789012:role/{'p' * 500}/{number}"
        case = trust.Case(remediation, kind, who)
        id_ = f"dg-{number:024d}"
        stored = trust.acted(stored, case, TERMS, NOW, decision=id_)
        stored = trust.learned(stored, case, Outcome.REDRIFTED, TERMS, NOW, decision="dg-0", by=who)
    assert len(json.dumps(stored).encode()) < 300_000
    assert len(trust.cases(stored)) == 15


def test_who_has_the_most_against_them_is_forgotten_last() -> None:
    def named(number: int) -> trust.Case:
        return replace(CASE, who=f"{'p' * 5_000}{number}")

    stored = trust.learned({}, named(0), Outcome.UNDONE, TERMS, NOW, decision="dg-0", by="bob")
    for number in range(1, 90):
        stored = trust.learned(
            stored, named(number), Outcome.REDRIFTED, TERMS, NOW, decision="dg-0", by="bob"
        )
    record = trust.record_of(stored, CASE)
    assert len(record.own) < 50
    assert trust_record.own_of(record, named(0).who, TERMS, NOW).bad == 2


# -------------------------------------------------------------------------------- the demotion


@thoroughly
@given(OUTCOMES, st.integers(0, 400), st.integers(1, 40), st.sampled_from([0.5, 0.9]))
def test_one_undo_demotes_at_once_whatever_came_before(
    outcomes: list[Outcome], approvals: int, wanted: int, threshold: float
) -> None:
    terms = TERMS._replace(outcomes=wanted, threshold=threshold)
    stored = told({}, [*outcomes, *APPROVED[:1] * approvals])
    undone = told(stored, [Outcome.UNDONE], first=1000)
    assert not earned(undone, terms=terms)
    # It takes as many outcomes as policy wants again, and not one less.
    assert not earned(told(undone, APPROVED[:1] * (wanted - 1), first=2000), terms=terms)


def test_autonomy_is_earned_lost_and_earned_again() -> None:
    stored = told({}, APPROVED)
    assert earned(stored)
    undone = told(stored, [Outcome.UNDONE])
    assert not earned(undone)
    assert not earned(told(undone, APPROVED[:19], first=100))
    again = told(undone, APPROVED, first=100)
    assert earned(again)
    assert "outcomes since the undo at 2026-11-24T12:00:00.000Z" in (
        standing(again, GRANTED, CONTROL, CASE, TERMS, NOW).line
    )


def test_a_demotion_is_of_its_own_case_only() -> None:
    other = trust.Case("PutBucketAcl", "role")
    stored = trust.learned(
        told({}, APPROVED), other, Outcome.UNDONE, TERMS, NOW, decision="dg-1", by="bob"
    )
    assert earned(stored)


# -------------------------------------------------------------------------------- forgetting


def test_a_record_has_to_be_kept_up() -> None:
    stored = told({}, APPROVED)
    assert earned(stored)
    assert not earned(stored, NOW + timedelta(seconds=TERMS.half_life * 1.5))


def test_what_is_forgotten_is_half_of_it_in_every_half_life() -> None:
    stored = told({}, APPROVED)
    for halves in range(5):
        at = NOW + timedelta(seconds=TERMS.half_life * halves)
        assert trust.worth(stored, CASE, TERMS, at).good == pytest.approx(40 * 0.5**halves)


def test_forgetting_does_not_depend_on_how_often_the_record_is_written() -> None:
    rarely, often = told({}, APPROVED), told({}, APPROVED)
    for day in range(1, 91):
        at = NOW + timedelta(days=day)
        often = trust.acted(often, trust.Case("other", "user"), TERMS, at, decision=f"x-{day}")
        other = replace(CASE, who=f"other{day}")
        often = trust.learned(
            often, other, Outcome.UNCHALLENGED, TERMS, at, decision=f"y-{day}", by="guard"
        )
    silent = sum(0.5 * 0.5 ** ((90 - day) / 90) for day in range(1, 91))
    later = NOW + timedelta(days=90)
    worth = trust.worth(rarely, CASE, TERMS, later).good
    assert trust.worth(often, CASE, TERMS, later).good == pytest.approx(worth + silent, abs=1e-3)


# ------------------------------------------------------------------------------------ silence


def reverted(stored: Document, decision: str, at: datetime = NOW) -> Document:
    """A revert more, of an actor of its own."""
    return trust.acted(stored, replace(CASE, who=decision), TERMS, at, decision=decision)


def test_a_revert_speaks_for_itself_only_when_it_has_stood_long_enough() -> None:
    stored = reverted({}, "dg-1")
    settles = NOW + timedelta(seconds=TERMS.settles)
    before = trust.worth(stored, CASE, TERMS, settles - timedelta(milliseconds=1))
    assert (before.good, before.since) == (0.0, 0.0)
    after = trust.worth(stored, CASE, TERMS, settles)
    assert (after.good, after.since, after.pending) == (0.5, 0.5, ())
    much_later = trust.worth(stored, CASE, TERMS, settles + timedelta(days=1))
    assert much_later.good == 0.5


def test_a_revert_of_an_unreadable_time_never_speaks_for_itself() -> None:
    sound = reverted({}, "dg-1")
    record: Any = sound["records"]
    waiting = [{"decision": "dg-2"}, {"decision": "dg-3", "at": "0"}, {"at": "2026-01-01"}]
    spoiled: Document = {"records": {CASE.name: {**record[CASE.name], "pending": waiting}}}
    assert trust.worth(spoiled, CASE, TERMS, NOW + timedelta(days=30)).good == 0.0


def test_a_revert_that_was_undone_never_speaks_for_itself() -> None:
    stored = told(reverted({}, "dg-0"), [Outcome.UNDONE])
    assert trust.worth(stored, CASE, TERMS, NOW + timedelta(days=30)).good == 0.0


def test_a_revert_counts_once_however_often_it_is_looked_at() -> None:
    stored = reverted({}, "dg-1")
    for day in range(8, 20):
        stored = reverted(stored, f"dg-{day}", NOW + timedelta(days=day))
    at = NOW + timedelta(days=12, seconds=TERMS.settles)
    # The first, and those of days 8 to 12.
    assert trust.worth(stored, CASE, TERMS, at).good == pytest.approx(0.5 * 6, rel=0.1)


# ---------------------------------------------------------------------------------- who answers

BOB = Person("bob", iam=("arn:aws:iam::123456789012:user/bob",))


def answered(*people: str, choice: Choice = Choice.REVERT) -> dict[Any, Any]:
    """The notes that a question's answers lead to."""
    given_ = tuple(Vote(one, choice, "link", stamp(NOW), "before") for one in people)
    status = Status.APPROVED if choice is Choice.REVERT else Status.DENIED
    decision: Decision = a_decision(
        resource=WEB, status=status, plan=REVOKE, actor=ALICE, votes=given_
    )
    policy = Policy(people=(BOB,))
    records = learning.of_vote(
        decision,
        given_[-1],
        StateRecords(HERE),
        policy,
        NOW,
        keeps_baseline=False,
        momentary=frozenset(),
    )
    return {stored.key: stored.document for stored in records}


def test_a_persons_approval_teaches_and_a_shared_links_does_not() -> None:
    assert trust_key(HERE, CONTROL) in answered("bob")
    assert answered("link") == {}
    assert answered("bob", "link") == {}
    assert answered("link", "bob") == {}
    assert answered("mallory") == {}


# -------------------------------------------------------------------------------------- probes


@pytest.mark.parametrize("share", [0.0, 0.02, 0.25, 1.0])
def test_the_share_that_is_probed_is_the_share_that_policy_wants(share: float) -> None:
    ids = ["dg-" + hashlib.sha256(str(one).encode()).hexdigest()[:24] for one in range(20_000)]
    sampled = [one for one in ids if is_sampled(one, share)]
    assert len(sampled) / len(ids) == pytest.approx(share, abs=0.005)
    assert [one for one in ids if is_sampled(one, share)] == sampled
    assert set(sampled) <= {one for one in ids if is_sampled(one, min(1.0, share + 0.1))}


def test_a_probe_asks_about_what_is_earned_at_every_delivery() -> None:
    known = trusting(told({}, APPROVED))
    asked = circumstances(
        decision="dg-000000000000000000000001", policy=earning(earning=TERMS), remembered=known
    )
    for _ in range(3):
        assert judge(asked).autonomy is Autonomy.ASK
