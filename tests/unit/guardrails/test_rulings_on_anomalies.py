"""What a guardrail rules by what is usual, and what else that moves: severity, and questions.

A test names the complaint of another tool's users that the ruling answers.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from driftguard.documents import Document, stamp
from driftguard.guardrails import track_record
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.judgment import judge
from driftguard.model import Actor, Autonomy
from driftguard.policy.bounds import Anomalies
from driftguard.state import anomaly_baseline
from driftguard.state.keys import StateRecords, anomaly_baseline_key
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
