"""The frozen values that everything in Driftguard speaks in.

Nothing here imports anything else of ours, reads a clock or talks to AWS. `Json` is the type of a
parsed JSON value; a facet, a call's parameters and a record are all of it, so that each can be
stored, shown and compared as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Document: TypeAlias = Mapping[str, Json]


class Autonomy(IntEnum):
    """How far a control may go, in rising order. A guardrail can only lower it."""

    OBSERVE = 0
    ASK = 1
    REVERT = 2

    @classmethod
    def named(cls, name: str) -> Autonomy:
        """The level that a policy file or a stack parameter spells in lower case."""
        return cls[name.upper()]

    @property
    def label(self) -> str:
        """As policy files and messages spell it: `observe`, `ask` or `revert`."""
        return self.name.lower()


class Certainty(StrEnum):
    """What a record alone says: it proves the risk, or the resource is worth a look."""

    EVIDENT = "evident"
    POSSIBLE = "possible"


class Status(StrEnum):
    """Where a decision stands."""

    OBSERVED = "observed"
    EXEMPTED = "exempted"
    ASKED = "asked"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    REVERTING = "reverting"
    REVERTED = "reverted"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"
    # Not about a change: what a person did to the guard itself.
    NOTED = "noted"


# The kind of an actor who is not known to have made anything: CloudTrail has no such type.
_NOBODY = "Nobody"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who made a change, as CloudTrail saw them. Any field may be empty: records vary.

    `principal` is the lasting identity: a role's own ARN for its sessions, else the caller's ARN or
    the service's host name. `session` is the caller's ARN exactly as logged.
    """

    principal: str = ""
    session: str = ""
    kind: str = ""
    account: str = ""
    source: str = ""
    agent: str = ""

    @property
    def name(self) -> str:
        """A short name for people: `alice`, `deployer/session`, `guardduty.amazonaws.com`."""
        return (
            (self.session or self.principal or "unknown").rpartition(":")[2].removeprefix("user/")
        )

    @classmethod
    def nobody(cls) -> Actor:
        """Who stands for the maker of what the sweep found: there is no record of any."""
        return cls(kind=_NOBODY)

    @property
    def is_nobody(self) -> bool:
        """Whether it stands for a maker of whom there is no record."""
        return self.kind == _NOBODY

    def is_principal(self, arn: str) -> bool:
        """Whether it is this principal, by the lasting identity that AWS itself writes."""
        return bool(arn) and self.principal == arn


@dataclass(frozen=True, slots=True)
class Change:
    """One configuration change, or one finding about the account, as it reached us.

    `name` is the API call without Lambda's version suffix (`AddPermission20150331v2` is
    `AddPermission`), or the finding's type for events that are no API call. `request` and
    `response` are CloudTrail's own shapes, without the wrapper of the newer EC2 calls.
    """

    id: str
    source: str
    name: str
    account: str
    region: str
    time: str
    actor: Actor = Actor()
    request: Document = field(default_factory=dict)
    response: Document = field(default_factory=dict)
    error: str = ""
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """Something in an account that a control looks at. `id` is what its service's API calls it."""

    kind: str
    id: str
    account: str
    region: str
    arn: str

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`."""
        return self.arn.split(":", 2)[1]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A resource that a change made worth looking at, and how sure the record alone makes us.

    `hint` is what only the record can tell (an exposed key's id): it becomes part of what is
    observed.
    """

    resource: Resource
    certainty: Certainty
    hint: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facet:
    """The part of a resource's configuration that one control cares about, as read at `read_at`."""

    state: Document
    read_at: str

    def fingerprint(self, volatile: frozenset[str] = frozenset()) -> str:
        """A short digest of the state without its volatile keys.

        An approval and an undo are bound to it.
        """
        return digest(_without(self.state, volatile))[:16]


@dataclass(frozen=True, slots=True)
class Risk:
    """Why a facet is risky: a line for people, and the parts of the state that make it so.

    `unknown` says why it could not be told whether there is a risk: then it is looked at again,
    and what is still not known in the end is decided with `at_most` this much autonomy; other
    reasons for going no further stand in `at_most_why`.
    """

    summary: str
    offending: tuple[Json, ...] = ()
    unknown: str = ""
    at_most: Autonomy = Autonomy.REVERT
    at_most_why: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS API call as data: boto3's service name, the API's operation, its parameters.

    `on` are the ARNs it touches: the session that makes the call is narrowed to them. An error code
    in `settled_by` means that what the call wants already holds.
    """

    service: str
    operation: str
    parameters: Document
    on: tuple[str, ...]
    settled_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A call, and the calls that put back exactly what was there before it.

    An empty undo says that the undo of an earlier step takes this one back too (what was started is
    gone once what was made is unmade). A plan that begins with an empty undo cannot be undone;
    unless the step is `additive`: it only adds something that changes nothing by being there (a
    version of a function), and is needed to undo what follows.
    """

    call: Call
    undo: tuple[Call, ...]
    additive: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, in order; and, for people, what is left alone and what to do by hand.

    A plan without steps is advice only: the control has no safe remedy here. `drastic` says what a
    plan would cost that must never be paid without a person's word (a function stands still).
    """

    steps: tuple[Step, ...]
    kept: tuple[str, ...] = ()
    advice: str = ""
    drastic: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one guardrail says: at most this much autonomy, and why."""

    guardrail: str
    limit: Autonomy
    reason: str


class Verdict(StrEnum):
    """What a person answers: take the change back, or let it stand."""

    REVERT = "revert"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Answer:
    """One voice on a decision that was asked about.

    `person` is a name from the policy's `people`, or `link` where the channel proves nobody. `via`
    is the channel; `token` what makes the answer single-use. `until` makes a keep an exemption
    (ISO 8601, UTC). `fingerprint` is of the state that was shown. `reason` is what they said of it.
    """

    person: str
    verdict: Verdict
    via: str
    at: str
    fingerprint: str
    token: str = ""
    until: str = ""
    identity: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, as it stands now: its projection in the audit table.

    `version` counts its log entries. `done` is how many leading steps of the plan were carried out.
    While it is `reverting` or `undoing`, one worker holds it until `lease_until`. `resumable` marks
    a failure that a later delivery may take up again (AWS throttled us; nothing was refused).
    `before` and `after` fingerprint the state around our own change; `left` is the one after it.
    `head` is the hash of the last entry in its log. While it is `asked`, `answers` are the voices
    so far, `required` how many must agree, and `expires` until when (ISO 8601, UTC); `escalated`
    once nobody had answered in time. `remade_by` are the ARNs of others who made the very same
    state while it was asked about.
    """

    id: str
    control: str
    title: str
    severity: int
    suspect: Suspect
    change_id: str
    change_name: str
    change_time: str
    actor: Actor
    status: Status
    summary: str
    granted: Autonomy
    autonomy: Autonomy
    rulings: tuple[Ruling, ...]
    plan: Plan
    state: Document
    before: str
    decided: str
    updated: str
    after: str = ""
    left: Document = field(default_factory=dict)
    reason: str = ""
    done: int = 0
    attempt: int = 0
    lease_until: str = ""
    resumable: bool = False
    version: int = 0
    head: str = ""
    answers: tuple[Answer, ...] = ()
    required: int = 1
    expires: str = ""
    escalated: bool = False
    remade_by: tuple[str, ...] = ()

    @property
    def makers(self) -> tuple[str, ...]:
        """The ARNs of everybody who made what this decision is about."""
        return tuple(one for one in (*arns_of(self.actor), *self.remade_by) if one)

    @property
    def settled(self) -> bool:
        """Whether nothing more happens of itself: an outcome, or a question put to people."""
        underway = (Status.APPROVED, Status.REVERTING, Status.UNDOING)
        return self.status not in underway and not self.resumable


def arns_of(actor: Actor) -> tuple[str, ...]:
    """The ARNs that an actor goes by: the lasting identity, and the session's."""
    return tuple(dict.fromkeys((actor.principal, actor.session)))


def stamp(at: datetime) -> str:
    """A time as everything here keeps it: ISO 8601 in UTC, to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(written: str) -> datetime | None:
    """The time that a stamp says; None for what is no time, or of no time zone."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return None
    return at if at.tzinfo else None


def amount(written: str) -> float | None:
    """What can be a count, perhaps faded: from 0 to a thousand million; None for anything else."""
    try:
        value = float(written)
    except ValueError:
        return None
    return value if 0 <= value <= 1e9 else None


def documents(container: Document, name: str) -> list[Document]:
    """The objects of a list of ours under this key; none where there is no list."""
    found = container.get(name)
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [one for one in found if isinstance(one, Mapping)]


def digest(value: Json) -> str:
    """The SHA-256 of a JSON value in its one canonical spelling, as 64 hex digits."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _without(value: Json, keys: frozenset[str]) -> Json:
    if isinstance(value, Mapping):
        return {k: _without(v, keys) for k, v in value.items() if k not in keys}
    if isinstance(value, (list, tuple)):
        return [_without(one, keys) for one in value]
    return value


def decision_id(change: Change, control: str, resource: Resource) -> str:
    """The one id that every delivery of this change, for this control and resource, arrives at."""
    parts = [change.account, change.id, control, resource.arn]
    return "dg-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
