"""Asks people about a state: anew, or for the first time where a revert may no longer go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from driftguard.aws.calls import AwsError
from driftguard.model import Autonomy, Decision, Observation, Status
from driftguard.policy.model import Terms
from driftguard.state import learning

from . import recording, standing
from .case import Case
from .comparing import Assessment


def ask_again(case: Case, decision: Decision, assessment: Assessment) -> Decision:
    """Asks once more about what nobody has voted on, for twice as long as the last time."""
    why = f"asked again, because nobody voted until {decision.expires} and the risk still stands"
    again = replace(
        decision, retries=decision.retries + 1, reason=f"{decision.reason}; {why}", escalated=False
    )
    return ask_anew(case, again, assessment, why, times=2**again.retries)


def keep_open(case: Case, decision: Decision, error: AwsError) -> Decision:
    """Keeps a request open whose state cannot be read: nothing says that its risk is gone."""
    why = f"asked again, because nobody voted until {decision.expires}, and it cannot be read"
    terms = case.context.policy.terms(decision.control, decision.severity)
    retries = decision.retries + 1
    longer = replace(
        decision,
        retries=retries,
        reason=f"{decision.reason}; {why}: {error}",
        escalated=False,
        expires=deadline(case, terms, 2**retries),
        updated=case.now(),
    )
    return recording.append(case, longer, "asked-anew", f"{why}: {error}")


def close(case: Case, decision: Decision, observation: Observation | None) -> Decision:
    """Closes an approval request whose state is gone: there is nothing left to vote on."""
    why = "the state that people were asked about is gone: nothing is left to revert"
    return recording.end(case, replace(decision, reason=why), Status.REVERTED, why, observation)


def ask_anew(
    case: Case, decision: Decision, assessment: Assessment, why: str, *, times: int = 1
) -> Decision:
    """Asks about the state as it is now: whatever votes there were, they were about another.

    The request stays open so many `times` as long as the policy's terms say. Where the state leaves
    nothing to approve, people are told of it, and are not asked.
    """
    if not assessment.plan.steps:
        return _tell(case, decision, assessment, why)
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
        apart=None,
        before=case.fingerprint(observation),
        votes=(),
        lease_until="",
        settles_by="",
        expires=deadline(case, terms, times),
        updated=case.now(),
    )
    return _record(case, anew, assessment, "asked-anew", why)


def _tell(case: Case, decision: Decision, assessment: Assessment, why: str) -> Decision:
    """Ends a decision whose risk stands, and can no longer be taken back by any plan."""
    observation = assessment.observation
    said = f"{why}; there is no safe remediation now: {assessment.plan.advice}"
    told = replace(
        decision,
        status=Status.OBSERVED,
        autonomy=Autonomy.OBSERVE,
        summary=assessment.finding.summary,
        reason=said,
        plan=assessment.plan,
        state=observation.state,
        apart=None,
        before=case.fingerprint(observation),
        votes=(),
        lease_until="",
        settles_by="",
        expires="",
        updated=case.now(),
    )
    return _record(case, told, assessment, "observed", said)


def _record(
    case: Case, decision: Decision, assessment: Assessment, event: str, note: str
) -> Decision:
    """Records what a state has come to, and that this decision is about it."""
    now, seen = case.moment(), case.seen(assessment.observation)
    parts = standing.parts_of(assessment.finding)
    return recording.append(
        case,
        decision,
        event,
        note,
        taught=lambda remembered: (
            learning.of_state(decision, remembered, now, seen=seen, parts=parts),
        ),
    )


def deadline(case: Case, terms: Terms, times: int = 1) -> str:
    """The time until which an approval request stays open."""
    return case.now(timedelta(seconds=terms.seconds * times))
