"""What comes to the changes queue beside changes: an undo, an approval to carry out, an expiry.

Only an undo carries anybody's word, and SQS vouches for its sender. The others merely say which
decision to look at: what may be done with it stands in the audit table.
"""

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


@dataclass(frozen=True, slots=True)
class CarryOut:
    """A decision was approved; the table says whether that is so."""

    decision: str


@dataclass(frozen=True, slots=True)
class Expire:
    """A question's time may be up; the table and the clock say whether that is so."""

    decision: str


def is_verdict(body: Json) -> bool:
    """Whether a queue message is a person's verdict rather than an event."""
    return isinstance(body, Mapping) and MARK in body


def undo_message(decision: str, *, by: str, reason: str) -> dict[str, str]:
    """The message that asks the guard to undo a decision."""
    return {MARK: "undo", "decision": decision, "by": by, "reason": reason}


def carry_out_message(decision: str) -> dict[str, str]:
    """The message that an approved decision waits to be carried out."""
    return {MARK: "carry-out", "decision": decision}


def expire_message(decision: str) -> dict[str, str]:
    """The message that a question's time is up."""
    return {MARK: "expire", "decision": decision}


def verdict_of(body: Document, sender: str) -> Undo | CarryOut | Expire:
    """The verdict in a message. `sender` is the IAM id that SQS vouches for.

    Raises `Unparsable` when it names no decision, or asks for something unknown.
    """
    kind, decision = body.get(MARK), text(body, "decision")
    if kind not in ("undo", "carry-out", "expire"):
        raise Unparsable(f"unknown verdict `{kind}`; known are `undo`, `carry-out` and `expire`")
    if not decision:
        raise Unparsable("the verdict names no `decision`")
    if kind == "carry-out":
        return CarryOut(decision)
    if kind == "expire":
        return Expire(decision)
    claimed = text(body, "by")
    return Undo(decision, f"{claimed} ({sender})" if claimed else sender, text(body, "reason"))
