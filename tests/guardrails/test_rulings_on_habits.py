"""What a guardrail rules by what is usual, and what else that moves: severity, and questions.

A test names the complaint of another tool's users that the ruling answers.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from driftguard import behaviour, guardrails
from driftguard.guardrails import Circumstances, judge
from driftguard.model import Actor, Autonomy, Document, stamp
from driftguard.policy.bounds import Habits
from driftguard.state import Memory, habits_key
from tests.guardrails.circumstances import (
    ACCOUNT,
    ALICE,
    CONTROL,
    NOW,
    allowing,
    circumstances,
    of,
    remembered,
    user,
)


def habit(actor: Actor, days: int) -> Memory:
    """A memory of somebody who made such a change on each of the last days."""
    note: Document = {}
    for day in range(days, 0, -1):
        at = NOW - timedelta(days=day)
        traits = behaviour.traits_of(actor, stamp(at))
        note = behaviour.learned(note, traits, Habits(), at) or note
    return remembered({habits_key(ACCOUNT, CONTROL): note})


def usual(**changes: Any) -> Circumstances:
    policy = allowing(habits=Habits(routine=True, routine_under=20))
    return replace(circumstances(policy=policy, memory=habit(ALICE, 30)), **changes)


@of(guardrails.routine)
def test_what_somebody_does_every_day_is_asked_about() -> None:
    """Cloud Custodian #7244: what is public on purpose is taken away again and again."""
    ruling = guardrails.routine(usual())
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason.startswith("routine for alice: novelty ")


@of(guardrails.routine)
@pytest.mark.parametrize(
    "changes",
    [
        {"actor": user("mallory")},
        {"actor": user("alice", source="198.51.100.7", agent="curl/8")},
        {"memory": habit(ALICE, 3)},
        {"memory": Memory()},
        {"policy": allowing(habits=Habits(routine=False))},
        {"policy": allowing(habits=None)},
    ],
    ids=["another", "from elsewhere", "too short a memory", "none", "off", "unset"],
)
def test_what_is_not_usual_enough_is_no_routine(changes: Any) -> None:
    assert guardrails.routine(usual(**changes)) is None


@pytest.mark.parametrize(
    ("actor", "autonomy", "line"),
    [
        (ALICE, Autonomy.OBSERVE, "policy grants observe; novelty"),
        (
            user("mallory", source="198.51.100.7", agent="curl/8"),
            Autonomy.ASK,
            "policy asks about what is unusual: novelty 85: first time by user/mallory",
        ),
    ],
)
def test_policy_may_have_what_is_unusual_asked_about_instead_of_only_observed(
    actor: Actor, autonomy: Autonomy, line: str
) -> None:
    policy = allowing(Autonomy.OBSERVE, habits=Habits(novel=True))
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
    policy = allowing(habits=Habits(lower_by=10, raise_by=10))
    assert judge(usual(policy=policy, actor=actor)).severity == severity
    assert judge(usual(policy=policy, actor=actor, memory=Memory())).severity == 70
