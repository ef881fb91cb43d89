"""Works out an undo that several people must agree to, as an operator's act. Pure."""

from __future__ import annotations

from datetime import datetime

from driftguard.audit.plan_items import plan_json
from driftguard.documents import Document, digest, text
from driftguard.model import Choice, Decision
from driftguard.policy.model import Policy

from .act import UNDO, Act, Done, Unfit
from .breadth import Need
from .requester import Requester
from .rules import inverse, quorum, undo_refusal, why_not_undoable


def asked_for(decision: Decision, requester: Requester, reason: str, at: datetime) -> Act:
    """The act that has a decision undone, as the record has it now."""
    said: Document = {
        "decision": decision.id,
        "outcome": outcome(decision),
        "reason": reason or "no reason is given",
    }
    name = requester.person.name if requester.person else ""
    return Act(UNDO, said, name, requester.identity, at)


def outcome(decision: Decision) -> str:
    """A fingerprint of what an undo is about: what was done, what it left, and what would undo it.

    What else comes into the record, that people were reminded for example, changes nothing of it.
    """
    calls = plan_json(inverse(decision.plan, decision.done))
    return digest([decision.status.value, decision.done, decision.after, calls])[:16]


def need(decision: Decision, policy: Policy) -> Need:
    """Who must agree to an undo: whoever must agree to accepting the change."""
    terms = policy.terms(decision.control, decision.severity)
    return Need(quorum(decision, Choice.ACCEPT, policy), terms.approvers, terms.seconds)


def refusal(decision: Decision, name: str, identity: str, policy: Policy) -> str:
    """Why somebody, by name and identity, may not agree to an undo; "" if they may."""
    person = next((person for person in policy.people if person.name == name), None)
    return undo_refusal(decision, person, identity, policy)


def done(act: Act, decision: Decision) -> Done:
    """The effects of an undo. Raises `Unfit` where it is not as shown, or cannot be undone."""
    if outcome(decision) != act.said.get("outcome"):
        raise Unfit("What it is about has changed since: ask for the undo anew.")
    if why := why_not_undoable(decision):
        raise Unfit(why)
    arn = decision.candidate.resource.arn
    summary = (
        f"the undo of {decision.id} puts {arn} back as it was before the revert, so that this "
        f"stands again: {decision.summary}"
    )
    shown: Document = {
        "decision": decision.id,
        "outcome": outcome(decision),
        "fingerprint": decision.after,
    }
    plan = inverse(decision.plan, decision.done)
    return Done("Undo of a revert", summary, (), arn, shown, plan=plan)


def subject(act: Act) -> str:
    """The id of the decision that an undo is about."""
    return text(act.said, "decision")
