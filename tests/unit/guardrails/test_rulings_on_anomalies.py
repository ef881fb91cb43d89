"""What a guardrail rules by what is usual, and what else that moves: severity, and questions.

A test names the complaint of another tool's users that the ruling answers.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from driftguard.conduct.memory import day_of
from driftguard.documents import Document, stamp
from driftguard.guardrails import track_record
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.judgment import judge
from driftguard.model import Actor, Autonomy
from driftguard.policy.bounds import Anomalies
from driftguard.state import anomaly_baseline
from driftguard.state.keys import StateRecords, anomaly_baseline_key, conduct_key
from tests.support.guardrails.circumstances import (
    ACCOUNT,
    ALICE,
    CONTROL,
    HERE,
    NOW,
    allowing,
    circumstances,
    of,
    remembered,
    user,
)


def anomaly(actor: Actor, days: int) -> StateRecords:
    """A memory of somebody who made such a change on each of the last days."""
    stored: Document = {}
    for day in range(days, 0, -1):
        at = NOW - timedelta(days=day)
        traits = anomaly_baseline.traits_of(actor, stamp(at))
        stored = anomaly_baseline.learned(stored, traits, Anomalies(), at) or stored
    return remembered({anomaly_baseline_key(HERE, ACCOUNT, CONTROL): stored})


def usual(**changes: Any) -> Circumstances:
    policy = allowing(anomalies=Anomalies(routine=True, routine_under=20))
    return replace(circumstances(policy=policy, remembered=anomaly(ALICE, 30)), **changes)


@of(track_record.routine)
def test_what_somebody_does_every_day_is_asked_about() -> None:
    """Cloud Custodian #7244: what is public on purpose is taken away again and again."""
    ruling = track_record.routine(usual())
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason.startswith("routine for alice: anomaly score ")


@of(track_record.routine)
@pytest.mark.parametrize(
    "changes",
    [
        {"actor": user("mallory")},
        {"actor": user("alice", source="198.51.100.7", agent="curl/8")},
        {"remembered": anomaly(ALICE, 3)},
        {"remembered": StateRecords(HERE)},
        {"policy": allowing(anomalies=Anomalies(routine=False))},
        {"policy": allowing(anomalies=None)},
    ],
    ids=["another", "from elsewhere", "too short a memory", "none", "off", "unset"],
)
def test_what_is_not_usual_enough_is_no_routine(changes: Any) -> None:
    assert track_record.routine(usual(**changes)) is None


@pytest.mark.parametrize(
    ("actor", "autonomy", "line"),
    [
        (ALICE, Autonomy.OBSERVE, "policy grants observe; anomaly score"),
        (
            user("mallory", source="198.51.100.7", agent="curl/8"),
            Autonomy.ASK,
            "policy asks about what is unusual: anomaly score 85: first time by user/mallory",
        ),
    ],
)
def test_policy_may_have_what_is_unusual_asked_about_instead_of_only_observed(
    actor: Actor, autonomy: Autonomy, line: str
) -> None:
    policy = allowing(Autonomy.OBSERVE, anomalies=Anomalies(unusual=True))
    judged = judge(usual(policy=policy, actor=actor))
    assert judged.autonomy is autonomy
    assert judged.reason.startswith(line)


@pytest.mark.parametrize(
    ("actor", "severity"),
    [(ALICE, 60), (user("mallory", source="198.51.100.7", agent="curl/8"), 77)],
)
def test_what_is_usual_moves_severity_within_the_bounds_of_policy(
    actor: Actor, severity: int
) -> None:
    policy = allowing(anomalies=Anomalies(lower_by=10, raise_by=10))
    assert judge(usual(policy=policy, actor=actor)).severity == severity
    assert judge(usual(policy=policy, actor=actor, remembered=StateRecords(HERE))).severity == 70


# -------------------------------------------------------------------------------- conduct


def behaving(score: int, hours: int = 1) -> StateRecords:
    """What is remembered where alice's conduct was so unusual some hours ago."""
    at = NOW - timedelta(hours=hours)
    day = day_of(at)
    shown = {
        "day": day,
        "at": stamp(at),
        "score": score,
        "reasons": ["first use of iam"],
        "keys": ["service:iam"],
        "id": "AIDAEXAMPLE",
        "actor": {"principal": ALICE.principal, "session": ALICE.session},
        "asked": score >= 60,
    }
    key = conduct_key(HERE, ACCOUNT, ALICE.principal)
    return remembered({key: {"who": ALICE.principal, "unusual": [shown]}})


@pytest.mark.parametrize(
    ("score", "hours", "more"), [(100, 1, 10), (75, 1, 5), (50, 1, 0), (45, 1, 0), (100, 30, 0)]
)
def test_unusual_conduct_raises_the_severity_of_what_somebody_does_meanwhile(
    score: int, hours: int, more: int
) -> None:
    policy = allowing(anomalies=Anomalies(raise_by=10))
    case = circumstances(policy=policy, remembered=behaving(score, hours))
    judged = judge(case)
    assert judged.severity == case.severity + more
    assert ("alice behaves unusually (conduct score" in judged.basis) == bool(more)


def test_a_question_about_conduct_raises_no_severity_of_its_own_and_says_it_once() -> None:
    about = circumstances(
        policy=allowing(anomalies=Anomalies()),
        remembered=behaving(100),
        control="containment.unusual-conduct",
    )
    judged = judge(about)
    assert judged.severity == about.severity
    assert "conduct score" not in judged.basis


def test_unusual_conduct_lowers_no_autonomy_and_counts_only_where_policy_has_anomalies() -> None:
    """Else a noisy attacker would have their own changes asked about instead of reverted."""
    policy = allowing(anomalies=Anomalies())
    case = circumstances(policy=policy, remembered=behaving(100))
    quiet = circumstances(policy=policy, remembered=StateRecords(HERE))
    assert judge(case).autonomy is judge(quiet).autonomy is Autonomy.REVERT
    without = circumstances(policy=allowing(anomalies=None), remembered=behaving(100))
    assert judge(without).severity == without.severity
