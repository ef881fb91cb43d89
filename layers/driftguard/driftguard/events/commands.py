"""Reads and writes the queue's commands: undo, carry out, expire, and look at a sweep's finding.

Only an undo carries a person's request, and SQS vouches for its sender. The other commands only say
what to look at: a decision, and the audit table says what may be done with it; or a resource, which
the guard reads and judges itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from driftguard.documents import Document, Json, mapping, text
from driftguard.frozen import dataclass
from driftguard.model import Resource

from .cloudtrail import Unparsable

# The key that tells a command from an EventBridge event.
MARK = "driftguard"


@dataclass(frozen=True, slots=True)
class Undo:
    """Somebody wants a decision's revert taken back. `by` is the sender that SQS vouches for."""

    decision: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class CarryOut:
    """A decision was approved; the table says whether that is so."""

    decision: str


@dataclass(frozen=True, slots=True)
class Expire:
    """An approval request's time may be up; the table and the clock say whether it is."""

    decision: str


@dataclass(frozen=True, slots=True)
class LookAt:
    """The sweep found a resource that this control may have to decide on."""

    control: str
    resource: Resource


Command = Undo | CarryOut | Expire | LookAt


def is_command(body: Json) -> TypeGuard[Mapping[str, Json]]:
    """Whether a queue message is one of these rather than an event."""
    return isinstance(body, Mapping) and MARK in body


def undo_message(decision: str, *, by: str, reason: str) -> dict[str, str]:
    """The message that asks the guard to undo a decision."""
    return {MARK: "undo", "decision": decision, "by": by, "reason": reason}


def carry_out_message(decision: str) -> dict[str, str]:
    """The message that an approved decision waits to be carried out."""
    return {MARK: "carry-out", "decision": decision}


def expire_message(decision: str) -> dict[str, str]:
    """The message that an approval request's time is up."""
    return {MARK: "expire", "decision": decision}


def look_message(control: str, resource: Resource) -> dict[str, Json]:
    """The message that asks the guard to look at a resource, for one control."""
    named = {name: getattr(resource, name) for name in _RESOURCE}
    return {MARK: "look", "control": control, "resource": named}


_RESOURCE = ("kind", "id", "account", "region", "arn")


def command_of(body: Document, sender: str) -> Command:
    """The command in a message. `sender` is the IAM id that SQS vouches for.

    Raises `Unparsable` when it names nothing to look at, or asks for something unknown.
    """
    kind, decision = body.get(MARK), text(body, "decision")
    if kind == "look":
        return _look_at(body)
    if kind not in ("undo", "carry-out", "expire"):
        raise Unparsable(
            f"unknown command `{kind}`; known are `undo`, `carry-out`, `expire` and `look`"
        )
    if not decision:
        raise Unparsable("the command names no `decision`")
    if kind == "carry-out":
        return CarryOut(decision)
    if kind == "expire":
        return Expire(decision)
    claimed = text(body, "by")
    return Undo(decision, f"{claimed} ({sender})" if claimed else sender, text(body, "reason"))


def _look_at(body: Document) -> LookAt:
    control, named = text(body, "control"), mapping(body, "resource")
    resource = Resource(*(text(named, name) for name in _RESOURCE))
    missing = [name for name in _RESOURCE if not getattr(resource, name)]
    if not control or missing:
        raise Unparsable(f"the look names no {'control' if not control else ', '.join(missing)}")
    return LookAt(control, resource)
