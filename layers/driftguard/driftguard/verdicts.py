"""What people send to the changes queue: in this version, `undo`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .model import Document, Json
from .trail import Unparsable, text

# The key that tells a verdict from an EventBridge event.
MARK = "driftguard"


@dataclass(frozen=True, slots=True)
class Undo:
    """Somebody wants a decision's revert taken back. `by` is who the queue says sent it."""

    decision: str
    by: str
    reason: str


def is_verdict(body: Json) -> bool:
    """Whether a queue message is a person's verdict rather than an event."""
    return isinstance(body, Mapping) and MARK in body


def undo_message(decision: str, *, by: str, reason: str) -> dict[str, str]:
    """The message that asks the guard to undo a decision."""
    return {MARK: "undo", "decision": decision, "by": by, "reason": reason}


def undo_of(body: Document, sender: str) -> Undo:
    """The verdict in a message. `sender` is the IAM id that SQS vouches for.

    Raises `Unparsable` when it names no decision, or asks for something unknown.
    """
    if body.get(MARK) != "undo":
        raise Unparsable(f"unknown verdict `{body.get(MARK)}`; known is `undo`")
    decision = text(body, "decision")
    if not decision:
        raise Unparsable("the verdict names no `decision`")
    claimed = text(body, "by")
    return Undo(decision, f"{claimed} ({sender})" if claimed else sender, text(body, "reason"))
