"""What people do about one decision: each act is shown first, then sent as the commands send it.

A vote and a confirmation are bound to the fingerprint that was shown, and an undo to the version of
the record: what has changed meanwhile is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.responses import Response

from driftguard.approvals.rules import inverse, shown, why_not_undoable
from driftguard.aws.calls import AwsError
from driftguard.channels.message.telling import message
from driftguard.channels.wording import presentable, said
from driftguard.model import Choice, Decision, Status

from ...decisions import known
from ...errors import Misuse, Trouble
from ...policy_file.schema.values import seconds_in
from ...stack import Stack
from ...votes import cast, confirmed, undo_requested
from .rendering import page, redirected
from .site import Visit, counted

Sending: TypeAlias = "Callable[[Stack, Decision, Visit], str]"


@dataclass(frozen=True, slots=True)
class Act:
    """An act: the question before it, what its button says, and how it is sent.

    `puts_back` of an undo, whose calls are shown in place of the plan's. `length`: for how long.
    """

    question: str
    button: str
    send: Sending
    puts_back: bool = False
    length: bool = False


def confirmation(visit: Visit) -> Response:
    """Shows what an act does, and asks."""
    return _asked(visit, _decision(visit))


def carried_out(visit: Visit) -> Response:
    """Sends an act on what was shown; shows why where it does not count."""
    act, found = _act(visit), _decision(visit)
    try:
        words = act.send(visit.site.stack, found, visit)
    except (Trouble, AwsError) as error:
        return _asked(visit, found, str(error))
    return redirected(visit, f"decisions/{found.id}", words)


def _asked(visit: Visit, found: Decision, complaint: str = "") -> Response:
    act, decision = _act(visit), presentable(found)
    proposed = found.status is Status.PROPOSED
    plan = inverse(decision.plan, decision.done) if act.puts_back else decision.plan
    return page(
        visit,
        "act",
        {
            "title": act.question,
            "here": "decisions",
            "act": act,
            "decision": decision,
            "message": message(found),
            "calls": [said(step.call) for step in plan.steps] if act.puts_back or proposed else [],
            "state": decision.state if proposed else {},
            # After a refusal, too, this is of what is shown now.
            "fingerprint": found.before if proposed else shown(found),
            "reason": visit.given("reason"),
            "length": visit.given("length") or "7d",
            "complaint": complaint,
        },
        409 if complaint else 200,
    )


def _decision(visit: Visit) -> Decision:
    id_ = visit.path["decision"]
    return known(visit.site.stack.audit.get(id_), id_)


def _act(visit: Visit) -> Act:
    if found := _ACTS.get(visit.path["act"]):
        return found
    raise Misuse(f"There is no act `{visit.path['act']}`.")


def _vote(choice: Choice) -> Sending:
    def send(stack: Stack, found: Decision, visit: Visit) -> str:
        fingerprint, reason = visit.given("fingerprint"), visit.given("reason")
        return counted(cast(stack, found.id, choice, fingerprint, reason=reason))

    return send


def _accept(stack: Stack, found: Decision, visit: Visit) -> str:
    try:
        seconds = seconds_in(visit.given("length"))
    except ValueError as error:
        raise Misuse(f"For how long: {error}.") from error
    reply = cast(
        stack,
        found.id,
        Choice.ACCEPT,
        visit.given("fingerprint"),
        reason=visit.given("reason"),
        accept_for_seconds=seconds,
    )
    return counted(reply)


def _undo(stack: Stack, found: Decision, visit: Visit) -> str:
    if why := why_not_undoable(found):
        raise Trouble(f"{why[:1].upper()}{why[1:]}.")
    if visit.given("version") != str(found.version):
        raise Trouble("The decision has moved since it was shown to you: look at it again.")
    return counted(undo_requested(stack, found.id, visit.given("reason")))


def _confirm(stack: Stack, found: Decision, visit: Visit) -> str:
    if found.status is not Status.PROPOSED:
        raise Trouble(f"{found.id} is no proposed act.")
    return counted(confirmed(stack, found.id, visit.given("fingerprint"), visit.given("reason")))


_ACTS = {
    "approve": Act(
        "Approve the remediation, so that the change is reverted?",
        "Approve: revert the change",
        _vote(Choice.REVERT),
    ),
    "deny": Act(
        "Deny the remediation, so that the change stands?",
        "Deny: the change stands",
        _vote(Choice.ACCEPT),
    ),
    "accept": Act(
        "Accept the change for a while, and exempt this resource from the control until then?",
        "Accept until then",
        _accept,
        length=True,
    ),
    "undo": Act(
        "Undo the revert, so that the risk stands again?",
        "Undo: the risk stands again",
        _undo,
        puts_back=True,
    ),
    "confirm": Act("Agree to this act as it is shown?", "Agree", _confirm),
}
