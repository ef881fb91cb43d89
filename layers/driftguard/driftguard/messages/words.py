"""The words that every message about a decision shares, whatever carries it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from ..model import Actor, Answer, Call, Decision, Status
from ..policy import Terms

_STANDS = "the change stands"

_VERB = {
    Status.OBSERVED: "seen, nothing done",
    Status.EXEMPTED: "exempted",
    Status.ASKED: "waits for a person",
    Status.APPROVED: "approved, being reverted",
    Status.DENIED: "kept",
    Status.EXPIRED: "kept, nobody answered",
    Status.REVERTED: "reverted",
    Status.FAILED: "FAILED to revert",
    Status.UNDONE: "revert undone",
    Status.NOTED: "done by an operator",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What who is asked must know beside the decision: what silence means, and ways to answer.

    A link, or a topic for replies, is empty where the stack has none.
    """

    silence: str
    revert_link: str = ""
    replies_topic: str = ""

    @property
    def token(self) -> str:
        """What the link carries: whoever replies by SNS sends it along."""
        return self.revert_link.partition("?t=")[2]


def told(status: Status) -> str:
    """How a decision's status is said to people."""
    return _VERB.get(status, status.value)


def by(actor: Actor) -> str:
    """Who made a change and from where, as far as that is known."""
    if actor.is_nobody:
        return "nobody knows whom, or when"
    return f"{actor.session or 'unknown'} from {actor.source or 'unknown'}"


def silence(decision: Decision, terms: Terms) -> str:
    """What happens when nobody answers, and when; "" where nobody is asked."""
    if decision.status is not Status.ASKED or not decision.expires:
        return ""
    found = any(one.guardrail == "swept" for one in decision.rulings)
    if terms.on_expiry == "revert" and decision.plan.steps and not found:
        what = "it is reverted"
    elif terms.on_expiry == "escalate" and not decision.escalated:
        what = f"people are asked once more; if nobody answers then, {_STANDS}"
    else:
        what = _STANDS
    return f"If nobody answers until {moment(decision.expires)}, {what}."


def voices(decision: Decision) -> Iterator[str]:
    """Who has answered what, one line each; then how many are still wanted."""
    for one in decision.answers:
        yield voice(one)
    if decision.status is Status.ASKED and decision.required > 1:
        yield f"{decision.required} people must agree."


def voice(answer: Answer) -> str:
    """Who answered what, how and when: `bob: keep until 2027-01-01 09:00 UTC, via slack, …`."""
    until = f" until {moment(answer.until)}" if answer.until else ""
    return f"{answer.person}: {answer.verdict.value}{until}, via {answer.via}, {moment(answer.at)}"


def moment(iso: str) -> str:
    """A time as people read it: `2026-11-24 12:00:05 UTC`."""
    return f"{iso[:19].replace('T', ' ')} UTC" if iso.endswith("Z") else iso


def said(call: Call) -> str:
    """A call on one line: `ec2:RevokeSecurityGroupIngress(GroupId=sg-1, …)`."""
    given = ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in call.parameters.items()
    )
    return f"{call.service}:{call.operation}({given})"


def clipped(text: str, longest: int) -> str:
    """The text, or as much of its beginning as is allowed, with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
