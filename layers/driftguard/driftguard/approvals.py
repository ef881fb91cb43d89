"""Who may answer a question, how many must agree, until when. Pure: values in, a ruling out.

An answer counts when it comes in time, from somebody who may give it, for the state that was shown,
and once. Who made a change cannot approve keeping it, under any of their identities. A channel that
proves nobody (a shared link) is one voice, `link`: it can ask for a revert, but keeping needs a
person, and a quorum needs people beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import Answer, Decision, Status, Verdict
from .policy import Person, Policy

LINK = "link"


@dataclass(frozen=True, slots=True)
class Weighed:
    """What an answer leads to: refused with a reason, or counted; and whether it decides.

    `outcome` is `asked` while more voices are needed, else `approved` (revert) or `denied` (keep).
    """

    outcome: Status
    refusal: str = ""


def weigh(decision: Decision, answer: Answer, policy: Policy, now: str) -> Weighed:
    """Whether an answer counts, and what the decision becomes with it."""
    refusal = _refusal(decision, answer, policy, now)
    if refusal:
        return Weighed(decision.status, refusal)
    voices = {one.person for one in decision.answers if one.verdict is answer.verdict}
    voices.add(answer.person)
    if len(voices) < decision.required:
        return Weighed(Status.ASKED)
    return Weighed(Status.APPROVED if answer.verdict is Verdict.REVERT else Status.DENIED)


def _refusal(decision: Decision, answer: Answer, policy: Policy, now: str) -> str:
    """Why an answer does not count, in words for who gave it; "" if it does."""
    if decision.status is not Status.ASKED:
        return already(decision)
    if decision.expires and now >= decision.expires:
        return f"the question closed at {decision.expires}"
    if answer.fingerprint != decision.before:
        return "the resource has changed since you were asked; look at the newer message"
    if any(answer.token and answer.token == one.token for one in decision.answers):
        return "this link or button was used before"
    if any(answer.person == one.person for one in decision.answers):
        return f"{answer.person} has answered before"
    if answer.verdict is Verdict.REVERT and not decision.plan.steps:
        return f"there is nothing that could be reverted by itself: {decision.plan.advice}"
    terms = policy.terms(decision.control, decision.severity)
    if answer.person == LINK:
        if answer.verdict is Verdict.KEEP:
            return "a shared link cannot prove who you are, and keeping the change needs a person"
        if terms.approvers:
            return "a shared link cannot prove who you are, and only some people may answer this"
        return ""
    if answer.person not in {one.name for one in policy.people}:
        return f"{answer.identity or answer.person} is nobody in the policy's people"
    if terms.approvers and answer.person not in terms.approvers:
        return f"{answer.person} may not answer for {decision.control}"
    if answer.verdict is Verdict.KEEP and policy.made_by(
        decision.makers, answer.person, answer.identity
    ):
        return "who made a change cannot approve keeping it"
    return ""


def undo_refusal(decision: Decision, person: Person | None, identity: str, policy: Policy) -> str:
    """Why somebody may not have a revert undone, in words for them; "" if they may.

    To undo a revert is to keep the change, so it is for whoever may approve that. A policy that
    names no people leaves it to whom the channel lets in.
    """
    if decision.status is Status.NOTED:
        return f"{decision.id} is what an operator did to the guard: do the opposite instead"
    if identity and identity in decision.makers:
        return "who made a change cannot undo its revert"
    if not policy.people:
        return ""
    if person is None:
        return f"{identity} is nobody in the policy's people"
    terms = policy.terms(decision.control, decision.severity)
    if terms.approvers and person.name not in terms.approvers:
        return f"{person.name} may not answer for {decision.control}"
    if policy.made_by(decision.makers, person.name, identity):
        return "who made a change cannot undo its revert"
    return ""


def already(decision: Decision) -> str:
    """What was decided, by whom and when: for who comes second."""
    deciding = [
        one
        for one in decision.answers
        if (one.verdict is Verdict.KEEP) == (decision.status is Status.DENIED)
    ]
    by = ", ".join(f"{one.person} via {one.via}" for one in deciding) or "the guard"
    at = deciding[-1].at if deciding else decision.updated
    return f"already {decision.status.value}, by {by} at {at}"
