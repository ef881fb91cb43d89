"""What belongs together: decisions about one proven actor within minutes. Pure.

A script that goes wrong, or an attacker, makes many changes at once, and ten questions about them
are one to whoever answers. Decisions are joined by identities that nobody can choose: credentials'
access key, a user, the instance that credentials were handed out to, a person of IAM Identity
Center, a source identity. Never by a role, a session's name, a client or a network: those many
share, and whoever assumes a role can call their session like somebody else's. Each decision is in
one incident at most, and two incidents are never made one. Why: docs/decisions/0029.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from driftguard.aws.dynamodb import Key
from driftguard.documents import Document, Json, documents, mapping, moment, stamp, text
from driftguard.frozen import dataclass
from driftguard.model import Actor, Decision, Place, Status

from .keys import StateRecord, StateRecords, incident_key, incident_members_key

# What one actor does in one account no further apart than this belongs together.
WINDOW = timedelta(minutes=15)
# As many decisions of an incident that people may answer or release are remembered, and as many
# that only tell. What comes later is decided, asked and told by itself.
MOST = MOST_TOLD = 20
# A finding tells of a deed hours later; what was done in that time is known for so long.
_KNOWN = timedelta(days=1)
# How long an incident is remembered.
KEPT = timedelta(days=90)
# As many incidents are known by an identity, the latest ones: a finding may tell of an earlier one.
_POINTED = 2
# As many identities of a finding count.
_MOST_IDENTITIES = 8
# The key of a state that holds what a service, asked, says of its finding; there, who it is about.
_FINDING, WHO = "finding", "who"
_ADDRESS = "address"
# What may be an address; no service's host name is one.
_LIKE_AN_ADDRESS = re.compile(r"[0-9a-fA-F.:]{3,45}")
# The roles that IAM Identity Center makes: only it can begin their sessions, and it names them.
_SSO_PATH, _SSO_ROLE = ":role/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_"


# ------------------------------------------------------------------------------- who it was


def of_user(account: str, name: str) -> str:
    """The identity of an IAM user, whose name is unique in an account."""
    return f"user {account} {name}"


def of_access_key(id_: str) -> str:
    """The identity of whoever holds these credentials of a session."""
    return f"access-key {id_}"


def of_instance(id_: str) -> str:
    """The identity of an EC2 instance and of the credentials that were handed out to it."""
    return f"instance {id_}"


def of_sso_session(role: str, name: str) -> str:
    """The identity of a person of IAM Identity Center, "" for a session of another role."""
    return f"sso {role} {name}" if role.startswith(_SSO_ROLE) and name else ""


def of_address(address: str) -> str:
    """The identity of whoever calls from an address; "" where it is no public one.

    Weak: it joins to a finding that says that the address itself is an attacker's, and never more.
    """
    # Only here: an actor's address is compared as it stands.
    from ipaddress import ip_address

    try:
        is_public = ip_address(address).is_global
    except ValueError:
        return ""
    return f"{_ADDRESS} {address}" if is_public else ""


def identities(actor: Actor) -> tuple[str, ...]:
    """What an actor is joined by, what proves most first; nothing where it is not known."""
    return tuple(dict.fromkeys(filter(None, _identities(actor))))


def _identities(actor: Actor) -> Iterator[str]:
    if actor.kind == "IAMUser" and ":user/" in actor.principal:
        yield of_user(actor.account, actor.principal.rpartition("/")[2])
    elif actor.access_key:
        yield of_access_key(actor.access_key)
    if actor.instance:
        yield of_instance(actor.instance)
    if _SSO_PATH in actor.principal and ":assumed-role/" in actor.session:
        yield of_sso_session(*actor.session.split("/")[-2:])
    if actor.source_identity:
        yield f"source-identity {actor.account} {actor.source_identity}"
    if _LIKE_AN_ADDRESS.fullmatch(actor.source):
        yield f"{_ADDRESS} {actor.source}"


def who(actor: Actor) -> str:
    """What proves most of an actor, by which callers are told apart; "" where nothing does."""
    return next((one for one in identities(actor) if not is_weak(one)), "")


def is_weak(identity: str) -> bool:
    """Whether an identity only joins to a finding, and is none that others are joined by."""
    return identity.startswith(f"{_ADDRESS} ")


def reported(state: Document) -> tuple[str, ...]:
    """Whom a finding is about, as its service said when it was asked: none of it is a claim."""
    who = mapping(state, _FINDING).get(WHO)
    listed = who if isinstance(who, (list, tuple)) else ()
    return tuple(one for one in listed if isinstance(one, str))[:_MOST_IDENTITIES]


# -------------------------------------------------------------------------------- incidents


@dataclass(frozen=True, slots=True)
class Member:
    """One decision of an incident: when it joined (ISO 8601, UTC), and about what.

    `told`: when it joined, there was nothing to answer or to release.
    """

    decision: str
    at: str
    title: str
    resource: str
    told: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """What is remembered of an incident: the first decision, when that was made, the members."""

    id: str
    since: str
    members: tuple[Member, ...]

    def is_near(self, at: datetime) -> bool:
        """Whether something at that time is close enough to what is known."""
        times = [known for one in self.members if (known := moment(one.at)) is not None]
        return bool(times) and min(times) - WINDOW < at < max(times) + WINDOW

    def has_room(self, *, told: bool) -> bool:
        """Whether one more decision can be remembered, that is only told or not."""
        return sum(one.told is told for one in self.members) < (MOST_TOLD if told else MOST)


class Joining(NamedTuple):
    """The incident of a decision: its id, those that were in it before, and what to write."""

    incident: str = ""
    others: tuple[Member, ...] = ()
    records: tuple[StateRecord, ...] = ()


Read = Callable[[Key], StateRecord]


def keys_of(place: Place, account: str, who: Sequence[str]) -> tuple[Key, ...]:
    """Where it is kept which incident these identities belong to."""
    return tuple(incident_key(place, account, one) for one in who)


def joining(place: Place, decision: Decision, now: datetime, read: Read) -> Joining:
    """Which incident a new decision belongs to. `read` gives the state record of a key.

    Of what its actor, or its finding, is known by, the first that has an incident of these minutes
    decides. Nothing is joined where nobody is known. What no incident has room for is one by
    itself, and others do not join it: so a flood of changes by one caller does not have every
    worker write the same item.
    """
    account, told_of = decision.candidate.resource.account, reported(decision.state)
    who = told_of or identities(decision.actor)
    if not who:
        return Joining(decision.id)
    at = _deed(decision.state, now) if told_of else now
    pointers = dict(zip(who, map(read, keys_of(place, account, who)), strict=True))
    entry = Member(
        decision.id,
        stamp(at),
        decision.title,
        decision.candidate.resource.id[:200],
        told=decision.status in (Status.OBSERVED, Status.EXEMPTED),
    )
    for identity in who:
        for incident, record in _found(place, account, pointers[identity].document, read):
            # What an address alone joins is known by that from there, and by nothing else.
            lasting = () if is_weak(identity) else _lasting(who, told_of)
            also = tuple(_pointing(pointers, incident, lasting, decision, now))
            if any(one.decision == decision.id for one in incident.members):
                return Joining(incident.id, _without(incident, decision), also)
            if incident.is_near(at):
                if not incident.has_room(told=entry.told):
                    return Joining(decision.id)
                grown = (*incident.members, entry)
                kept = record.saying(_document(grown), expires=_until(now, KEPT))
                return Joining(incident.id, incident.members, (kept, *also))
    begun = Incident(decision.id, decision.decided, (entry,))
    records = _pointing(pointers, begun, _lasting(who, told_of), decision, now)
    return Joining(begun.id, (), tuple(records))


def _lasting(who: Sequence[str], told_of: Sequence[str]) -> Iterator[str]:
    """The identities by which others are to be joined: an address only where a finding names it."""
    return (one for one in who if told_of or not is_weak(one))


def _pointing(
    pointers: dict[str, StateRecord],
    incident: Incident,
    who: Iterable[str],
    decision: Decision,
    now: datetime,
) -> Iterator[StateRecord]:
    """The records that say which incident identities belong to, and when people were last asked."""
    first: Document = {
        "incident": incident.id,
        "since": incident.since,
        "first": _json(incident.members[0]),
    }
    for identity in who:
        known = pointers[identity]
        said = _pointing_at(known.document, first)
        if decision.status is Status.ASKED:
            said = {**said, "asked": stamp(now)}
        if said is not known.document:
            yield known.saying(said, expires=_until(now, _KNOWN))


def _pointing_at(known: Document, incident: Document) -> Document:
    """What says which incidents an identity belongs to, with this one; the later of two is first.

    A finding tells of earlier deeds: what it begins must not take the place of what is underway.
    """
    pointed = [*_pointed(known)]
    if any(text(one, "incident") == text(incident, "incident") for one in pointed):
        return known
    later, *earlier = sorted([incident, *pointed], key=_began, reverse=True)[:_POINTED]
    said = {**later, "earlier": earlier[0]} if earlier else later
    asked = text(known, "asked")
    return {**said, "asked": asked} if asked else said


def _pointed(pointer: Document) -> Iterator[Document]:
    """What a record says of each incident that it points at, the later one first."""
    for one in (pointer, mapping(pointer, "earlier")):
        if text(one, "incident") and text(one, "since"):
            yield {name: one[name] for name in ("incident", "since", "first") if name in one}


def _began(pointed: Document) -> str:
    return text(mapping(pointed, "first"), "at")


def is_asked_about(remembered: StateRecords, account: str, actor: Actor, now: datetime) -> bool:
    """Whether people were asked within minutes about something else that the actor did."""
    lasting = [one for one in identities(actor) if not is_weak(one)]
    for key in keys_of(remembered.place, account, lasting):
        asked = moment(text(remembered[key].document, "asked"))
        if asked is not None and now - asked < WINDOW:
            return True
    return False


def _found(
    place: Place, account: str, pointer: Document, read: Read
) -> Iterator[tuple[Incident, StateRecord]]:
    """The incidents that a record points at, each with the record of its members."""
    for one in _pointed(pointer):
        id_, since = text(one, "incident"), text(one, "since")
        record = read(incident_members_key(place, account, since, id_))
        alone: Document = {"members": [mapping(one, "first")]}
        if members := members_of(record.document) or members_of(alone):
            yield Incident(id_, since, members), record


def _deed(state: Document, now: datetime) -> datetime:
    """When a finding's deed was last seen, within the last day; now where that is not told."""
    seen = moment(text(mapping(state, _FINDING), "seen"))
    return seen if seen is not None and now - _KNOWN < seen < now else now


def members_of(stored: Document) -> tuple[Member, ...]:
    """The members in a state record, in the order in which they joined; what is none is left out.

    So junk in its place keeps nobody from being asked.
    """
    return tuple(_members(stored))


def _members(stored: Document) -> Iterator[Member]:
    for one in documents(stored, "members"):
        id_, at = text(one, "decision"), text(one, "at")
        if id_ and moment(at) is not None:
            told = one.get("told") is True
            yield Member(id_, at, text(one, "title"), text(one, "resource"), told)


def _without(incident: Incident, decision: Decision) -> tuple[Member, ...]:
    return tuple(one for one in incident.members if one.decision != decision.id)


def _document(members: Sequence[Member]) -> Document:
    return {"members": [_json(one) for one in members]}


def _json(member: Member) -> Document:
    said: dict[str, Json] = {
        "decision": member.decision,
        "at": member.at,
        "title": member.title,
        "resource": member.resource,
        "told": member.told,
    }
    return said


def _until(now: datetime, kept: timedelta) -> int:
    return int((now + kept).timestamp())
