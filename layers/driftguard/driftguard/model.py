"""The frozen values that every room speaks in: change, finding, plan, vote, decision.

Nothing here imports anything else of ours, reads a clock or talks to AWS. An observation, a call's
parameters and a record are all `Json`, so that each can be stored, shown and compared as it is.
"""

from __future__ import annotations

from dataclasses import field
from enum import IntEnum, StrEnum
from typing import NamedTuple

from driftguard.documents import Document, Json, _without, digest, text
from driftguard.frozen import dataclass


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
    """How much a record alone proves: the risk itself, or that the resource is worth a look."""

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
    # Not about a change: what a person did to the guard itself, or proposes to others.
    NOTED = "noted"
    PROPOSED = "proposed"


# The kind of an actor who is not known to have made anything: CloudTrail has no such type.
_UNATTRIBUTED = "Unattributed"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who made a change, as CloudTrail saw them. Any field may be empty: records vary.

    `principal` is the lasting identity: a role's own ARN for its sessions, else the caller's ARN or
    the service's host name. `session` is the caller's ARN exactly as logged. `source_identity` is
    what was set when the first role was assumed, and cannot be changed since; `access_key` is the
    id of the credentials' key, and `instance` the EC2 instance that they were handed out to.
    """

    principal: str = ""
    session: str = ""
    kind: str = ""
    account: str = ""
    source: str = ""
    agent: str = ""
    source_identity: str = ""
    access_key: str = ""
    instance: str = ""

    @property
    def name(self) -> str:
        """A short name for people: `alice`, `deployer/session`, `guardduty.amazonaws.com`."""
        return (
            (self.session or self.principal or "unknown").rpartition(":")[2].removeprefix("user/")
        )

    @classmethod
    def unattributed(cls) -> Actor:
        """The actor that stands for the unknown maker of what the sweep found."""
        return cls(kind=_UNATTRIBUTED)

    @property
    def is_unattributed(self) -> bool:
        """Whether this actor stands for an unknown maker."""
        return self.kind == _UNATTRIBUTED

    def is_any_of(self, arns: tuple[str, ...]) -> bool:
        """Whether the actor is one of these principals, by the lasting identity that AWS writes."""
        return bool(self.principal) and self.principal in arns


@dataclass(frozen=True, slots=True)
class Change:
    """One configuration change, or one finding about the account, as it reached us.

    `name` is the API call without Lambda's version suffix (`AddPermission20150331v2` is
    `AddPermission`), or the finding's type for events that are no API call. `request` and
    `response` are CloudTrail's own shapes, without the wrapper of the newer EC2 calls. `resources`
    are the ARNs that the record names beside them.
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
    resources: tuple[str, ...] = ()


# The region of what has none.
GLOBAL = "global"


class Place(NamedTuple):
    """An account and a region: where a resource is, or where a guard stands."""

    account: str
    region: str


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
        """`aws`, `aws-cn`, `aws-us-gov`, or another that AWS runs apart."""
        return self.arn.split(":", 2)[1]

    @property
    def place(self) -> Place:
        """Where it is; in region `global` if it has none."""
        return Place(self.account, self.region or GLOBAL)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A resource that a change made worth looking at, and how sure the record alone makes us.

    `hint` is what only the record can tell (an exposed key's id): it becomes part of what is
    observed.
    """

    resource: Resource
    certainty: Certainty
    hint: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """The part of a resource's configuration that one control cares about, as read at `read_at`."""

    state: Document
    read_at: str

    def fingerprint(self, volatile: frozenset[str] = frozenset()) -> str:
        """A short digest of the state without volatile keys: approval and undo are bound to it."""
        return digest(_without(self.state, volatile))[:16]


@dataclass(frozen=True, slots=True)
class Finding:
    """Why an observation is risky: a line for people, and the parts of the state that make it so.

    `unknown` says why it could not be told whether there is a risk: then it is looked at again, and
    what is still not known in the end is decided with `at_most` this much autonomy; other reasons
    for going no further stand in `at_most_why`. `severity` is its own, if less than the control's.
    `preparation` says why it does no harm yet, "" where it may; `ends` is from when on nobody can
    take it back (ISO 8601, UTC), "" where its harm takes another call.
    """

    summary: str
    offending: tuple[Json, ...] = ()
    unknown: str = ""
    at_most: Autonomy = Autonomy.REVERT
    at_most_why: str = ""
    severity: int | None = None
    preparation: str = ""
    ends: str = ""


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
    unless the step is `additive`: it only adds something harmless (a version of a function) that
    the undo of later steps needs.
    """

    call: Call
    undo: tuple[Call, ...]
    additive: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, in order, what stays untouched, and what people can do by hand.

    A plan without steps is advice only: the control has no safe remediation here. `drastic` says
    what a plan would cost that must never be paid without a person's word.
    """

    steps: tuple[Step, ...]
    untouched: tuple[str, ...] = ()
    advice: str = ""
    drastic: str = ""


class Use(NamedTuple):
    """What uses what a revert would cut; or what people must answer, where that is unknown."""

    by: str = ""
    unknown: str = ""


NOT_IN_USE = Use()


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one guardrail says: at most this much autonomy, and why."""

    guardrail: str
    limit: Autonomy
    reason: str


class Choice(StrEnum):
    """The choice of a voter: revert the change, or accept it."""

    REVERT = "revert"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's vote on an approval request.

    `person` is a name from the policy's `people`, or `link` where the channel proves nobody. `via`
    is the channel; `token` makes the vote single-use. `until` is when an acceptance for a
    while ends (ISO 8601, UTC). `reason` is in the voter's words. `fingerprint` is of the state that
    was shown, `incident` that of the whole incident, where all of it was answered as one.
    """

    person: str
    choice: Choice
    via: str
    at: str
    fingerprint: str
    token: str = ""
    until: str = ""
    identity: str = ""
    reason: str = ""
    incident: str = ""


class Apart(NamedTuple):
    """What of a decision is held in items beside its record, because it is large.

    `digest` is the SHA-256 of its JSON text, `size` its bytes, `items` how many items hold it.
    `lost` says why it could not be read back, "" where it was.
    """

    digest: str
    size: int
    items: int
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, as it stands now: its projection in the audit table.

    `version` counts its log entries. `done`: how many leading steps of the plan were carried out.
    One worker holds it until `lease_until`. `resumable` marks a failure that a later delivery may
    take up again (AWS throttled us; nothing was refused). `before` and `after` fingerprint the
    state around our own change; `left` is the one after it, which may be `unread`. `head` is the
    hash of the last entry in its log. While it is `asked`: the `votes` so far, the `quorum` that
    must agree, when it `expires`, whether it was `escalated`, when it was `told_again`.
    `settles_by`: its calls are made, and AWS works on them until then. `remade_by`: the ARNs of
    others who made the same state meanwhile. At `next_try` a failed revert that left its risk is
    tried again (`retries`: how often), and a preparation is looked at again; at `remind` people are
    reminded of what it contains. Times are ISO 8601, UTC. `apart`: hint, state, left and plan are
    too large for the record itself; where they are lost, the plan is an outline, the rest empty.
    `incident`: the first decision about what one actor did; `beside`: lines that help to answer.
    """

    id: str
    control: str
    title: str
    severity: int
    candidate: Candidate
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
    votes: tuple[Vote, ...] = ()
    quorum: int = 1
    expires: str = ""
    escalated: bool = False
    remade_by: tuple[str, ...] = ()
    settles_by: str = ""
    next_try: str = ""
    retries: int = 0
    apart: Apart | None = None
    incident: str = ""
    beside: tuple[str, ...] = ()
    told_again: str = ""
    remind: str = ""

    @property
    def lost(self) -> str:
        """Why what the record holds apart could not be read back; "" where nothing is missing."""
        return self.apart.lost if self.apart else ""

    @property
    def makers(self) -> tuple[str, ...]:
        """The ARNs of everybody who made what this decision is about, and of whom it contains."""
        whom = (self.candidate.resource.arn, *text(self.state, "arn").split())
        contained = whom if "principal" in self.candidate.hint else ()
        return tuple(arn for arn in (*arns_of(self.actor), *self.remade_by, *contained) if arn)

    @property
    def settled(self) -> bool:
        """Whether nothing more happens by itself: there is an outcome, or people are asked."""
        underway = (Status.APPROVED, Status.REVERTING, Status.UNDOING)
        return self.status not in underway and not self.resumable


# What stands before a source identity among the ARNs of makers.
SOURCE_IDENTITY = "source identity "


def arns_of(actor: Actor) -> tuple[str, ...]:
    """The ARNs of an actor: the lasting identity, the session's, the marked source identity."""
    borne = (SOURCE_IDENTITY + actor.source_identity,) if actor.source_identity else ()
    return tuple(dict.fromkeys((actor.principal, actor.session, *borne)))
