"""Asks people about a state: anew, or for the first time where a revert may no longer go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from driftguard.model import Autonomy, Decision, Status
from driftguard.policy.model import Terms
from driftguard.state import learning

from . import recording, standing
from .case import Case
from .comparing import Assessment


def ask_anew(case: Case, decision: Decision, assessment: Assessment, why: str) -> Decision:
    """Asks about the state as it is now: whatever votes there were, they were about another."""
    observation = assessment.observation
    terms = case.context.policy.terms(decision.control, decision.severity)
    anew = replace(
        decision,
        status=Status.ASKED,
        autonomy=min(decision.autonomy, Autonomy.ASK),
        summary=assessment.finding.summary,
        reason=why if decision.autonomy is Autonomy.REVERT else decision.reason,
        plan=assessment.plan,
        state=observation.state,
        before=case.fingerprint(observation),
        votes=(),
        lease_until="",
        settles_by="",
        expires=deadline(case, terms),
        updated=case.now(),
    )
    now, seen = case.moment(), case.seen(observation)
    parts = standing.parts_of(assessment.finding)
    return recording.append(
        case,
        anew,
        "asked-anew",
        why,
        taught=lambda remembered: (
            learning.of_state(anew, remembered, now, seen=seen, parts=parts),
        ),
    )


def deadline(case: Case, terms: Terms) -> str:
    """The time until which an approval request stays open."""
    return case.now(timedelta(seconds=terms.seconds))
