"""Reads and writes the commands queue's messages: undo, carry out, expire, look at a find, …

No command is obeyed for what it says. It names what authorizes it, and the guard reads that in the
audit table: the request for an undo, the approval, the deadline, the operator's act. A look only
says which resource the guard is to read and judge itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from driftguard.documents import Document, Json, mapping, text
from driftguard.frozen import dataclass
from driftguard.model import GLOBAL, Resource

from .cloudtrail import Unparsable

# The key that says which command it is.
MARK = "driftguard"


@dataclass(frozen=True, slots=True)
class Undo:
    """Somebody wants a decision's revert taken back: `by` and `reason` as the record has them."""

    decision: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class UndoRequested:
    """Somebody asked for an undo: entry `request` of the decision's log says who, and why."""

    decision: str
    request: int


@dataclass(frozen=True, slots=True)
class CarryOut:
    """A decision was approved; the table says whether that is so."""

    decision: str


@dataclass(frozen=True, slots=True)
class Contain:
    """Decisions of an incident were approved in one answer: each one's record says whether so.

    `decision` is the incident's first.
    """

    decision: str


@dataclass(frozen=True, slots=True)
class Release:
    """Somebody asked to undo an incident's decisions: each one's log says whether, and who.

    `decision` is the incident's first.
    """

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


@dataclass(frozen=True, slots=True)
class AcceptBaseline:
    """An operator accepts a state as a baseline: entry `request` of the decision's log says so."""

    decision: str
    request: int


@dataclass(frozen=True, slots=True)
class Thaw:
    """A freeze ended: the decision records who set or lifted it. `since`: where to go on (UTC)."""

    decision: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class JudgeAnew:
    """A decision only observed because of a freeze; its record says whether that is so."""

    decision: str


@dataclass(frozen=True, slots=True)
class AskAbout:
    """Somebody wants to see reverted what a decision is about; the record says how it stands."""

    decision: str


@dataclass(frozen=True, slots=True)
class LookFor:
    """Somebody wants to see reverted what a control may find at a resource of this ARN."""

    control: str
    arn: str
    region: str


Command = (
    UndoRequested
    | CarryOut
    | Contain
    | Release
    | Expire
    | LookAt
    | AcceptBaseline
    | Thaw
    | JudgeAnew
    | AskAbout
    | LookFor
)


def undo_message(decision: str, request: int) -> dict[str, Json]:
    """The message that an undo was requested by an entry of the decision's log."""
    return {MARK: "undo", "decision": decision, "request": request}


def carry_out_message(decision: str) -> dict[str, Json]:
    """The message that an approved decision waits to be carried out."""
    return {MARK: "carry-out", "decision": decision}


def contain_message(incident: str) -> dict[str, Json]:
    """The message that approved decisions of an incident wait to be carried out, in its order."""
    return {MARK: "contain", "decision": incident}


def release_message(incident: str) -> dict[str, Json]:
    """The message that decisions of an incident wait to be undone, in the inverse order."""
    return {MARK: "release", "decision": incident}


def expire_message(decision: str) -> dict[str, Json]:
    """The message that an approval request's time is up."""
    return {MARK: "expire", "decision": decision}


def accept_message(decision: str, request: int) -> dict[str, Json]:
    """The message that an operator's acceptance of a baseline is in the decision's log."""
    return {MARK: "accept-baseline", "decision": decision, "request": request}


def thaw_message(decision: str, since: str = "") -> dict[str, Json]:
    """The message that a freeze has ended which this decision records."""
    return {MARK: "thaw", "decision": decision, "since": since}


def judge_message(decision: str) -> dict[str, Json]:
    """The message that what a freeze held back is to be judged anew."""
    return {MARK: "judge-anew", "decision": decision}


def look_message(control: str, resource: Resource) -> dict[str, Json]:
    """The message that asks the guard to look at a resource, for one control."""
    named = {name: getattr(resource, name) for name in _RESOURCE}
    return {MARK: "look", "control": control, "resource": named}


_RESOURCE = ("kind", "id", "account", "region", "arn")


def ask_about_message(decision: str) -> dict[str, Json]:
    """The message that people are to be asked, or told again, about what a decision is about."""
    return {MARK: "ask-about", "decision": decision}


def look_for_message(control: str, arn: str, region: str) -> dict[str, Json]:
    """The message that people are to be asked about a resource, if a control finds it risky."""
    return {MARK: "look-for", "control": control, "arn": arn, "region": region}


def command_of(body: Json) -> Command:
    """The command in a message.

    Raises `Unparsable` when it names nothing to look at, or asks for something unknown.
    """
    if not isinstance(body, Mapping):
        raise Unparsable(f"expected a command (a JSON object), got a {type(body).__name__}")
    kind, decision = body.get(MARK), text(body, "decision")
    if kind == "look":
        return _look_at(body)
    if kind == "look-for":
        return _look_for(body)
    if kind not in _KINDS:
        known = ", ".join((*_KINDS, "look-for"))
        raise Unparsable(f"unknown command `{kind}`; known are {known} and look")
    if not decision:
        raise Unparsable("the command names no `decision`")
    if kind == "carry-out":
        return CarryOut(decision)
    if kind == "contain":
        return Contain(decision)
    if kind == "release":
        return Release(decision)
    if kind == "expire":
        return Expire(decision)
    if kind == "judge-anew":
        return JudgeAnew(decision)
    if kind == "ask-about":
        return AskAbout(decision)
    if kind == "thaw":
        return Thaw(decision, text(body, "since"))
    request = body.get("request")
    if type(request) is not int:
        raise Unparsable(f"the command {kind} names no `request` of the decision's log")
    return (UndoRequested if kind == "undo" else AcceptBaseline)(decision, request)


_KINDS = (
    *("undo", "carry-out", "contain", "release", "expire", "accept-baseline", "thaw"),
    *("judge-anew", "ask-about"),
)


def _look_at(body: Document) -> LookAt:
    control, named = text(body, "control"), mapping(body, "resource")
    resource = Resource(*(text(named, name) for name in _RESOURCE))
    missing = [name for name in _RESOURCE if not getattr(resource, name)]
    if not control or missing:
        raise Unparsable(f"the look names no {'control' if not control else ', '.join(missing)}")
    _must_be_a_region(resource.region)
    return LookAt(control, resource)


def _look_for(body: Document) -> LookFor:
    named = {name: text(body, name) for name in ("control", "arn", "region")}
    missing = [name for name, said in named.items() if not said]
    if missing:
        raise Unparsable(f"the look names no {', '.join(missing)}")
    _must_be_a_region(named["region"])
    return LookFor(**named)


# What a region is called: `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`.
_REGION = re.compile(rf"[a-z]{{2,4}}(-[a-z]+)+-\d{{1,2}}|{GLOBAL}")


def _must_be_a_region(name: str) -> None:
    if not _REGION.fullmatch(name):
        raise Unparsable(f"`{name[:40]}` is no region of AWS")
