"""Keeps the record of outcomes of a control's remediations, and fades it over time.

Pure. A case is a control, a kind of remediation (its calls) and a kind of actor. Every outcome is
evidence that the remediation was right, or that it was not, with a weight. Evidence fades, so that
a record has to be kept up. One undo sets the right outcomes of every kind of actor to nothing, and
with them the autonomy, whatever came before. (`standing` says what a record amounts to.)

An actor whose changes people accept tends to make more of them. So each actor has a record of their
own within that of the kind, and the tenth outcome of one actor tells less about the others of their
kind than the first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf
from typing import NamedTuple

from driftguard.documents import Document, Json, amount, documents, mapping, moment, stamp, text
from driftguard.model import Actor, Plan
from driftguard.policy.bounds import Earning

_COUNTS = ("good", "bad", "since", "against")
# How many undecided reverts, outcomes and actors the state record keeps.
_PENDING = 200
_HISTORY = 100
_ACTORS = 100
# How large a state record may become: DynamoDB takes 400 KB, and others are read with it.
_BYTES = 200_000
# What a kind's record says of an actor counts like so many outcomes of their own.
OF_THEIR_KIND = 1.0


class Outcome(StrEnum):
    """What came of a remediation that was asked about, or that was carried out."""

    APPROVED = "approved"
    DENIED = "denied"
    ACCEPTED = "accepted"
    UNDONE = "undone"
    REDRIFTED = "re-drifted"
    FAILED = "verification failed"
    UNCHALLENGED = "unchallenged"


# How much each says that the remediation was right, and that it was wrong. An approval is a
# considered word; a revert that stood is weaker, for perhaps nobody noticed. A resource that
# drifts back may be somebody's need or an attacker's loop. An approval request that nobody votes
# on says nothing, so it is not here.
WEIGHT: dict[Outcome, tuple[float, float]] = {
    Outcome.APPROVED: (1.0, 0.0),
    Outcome.DENIED: (0.0, 1.0),
    Outcome.ACCEPTED: (0.0, 1.0),
    Outcome.UNDONE: (0.0, 2.0),
    Outcome.REDRIFTED: (0.0, 0.25),
    Outcome.FAILED: (0.0, 1.0),
    Outcome.UNCHALLENGED: (0.5, 0.0),
}


@dataclass(frozen=True, slots=True)
class Case:
    """What a record is kept for: the kind of remediation and the kind of actor.

    `who` is the actor within the kind; "" for the kind as a whole.
    """

    remediation: str
    kind: str
    who: str = ""

    @property
    def name(self) -> str:
        """As the state record and people name it: `RevokeSecurityGroupIngress by user`."""
        return f"{self.remediation} by {self.kind}"


class Own(NamedTuple):
    """The outcomes of one actor's own changes, faded to now."""

    good: float = 0.0
    bad: float = 0.0


class Pending(NamedTuple):
    """A revert by earned autonomy that is yet to be judged, and the actor it reverted."""

    decision: str
    at: str
    who: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """The outcomes of one kind of case, faded to the time `at`.

    `since` and `against` count the right and the wrong outcomes since the undo at `demoted`. `own`
    holds the outcomes of each actor as they are stored; `own_of` reads them.
    """

    good: float = 0.0
    bad: float = 0.0
    since: float = 0.0
    against: float = 0.0
    at: str = ""
    demoted: str = ""
    pending: tuple[Pending, ...] = ()
    own: Document = field(default_factory=dict)


def kind_of(actor: Actor) -> str:
    """The kind of an actor: root, user, sso, role, service, federated, unattributed, or other."""
    if actor.is_unattributed:
        return "unattributed"
    if actor.kind == "Root":
        return "root"
    if actor.kind == "IAMUser":
        return "user"
    if actor.kind == "AssumedRole":
        return "sso" if "/AWSReservedSSO_" in actor.principal else "role"
    if actor.kind in ("AWSService", "AWSAccount"):
        return "service"
    if actor.kind in ("FederatedUser", "SAMLUser", "WebIdentityUser", "IdentityCenterUser"):
        return "federated"
    return "other"


def who_of(actor: Actor) -> str:
    """The actor behind a change, the same name in all accounts where AWS vouches for it.

    The caller names a role's session; AWS names the sessions of single sign-on. Unattributed
    changes count as one actor: what the sweep finds is reverted one by one, until people have
    judged that.
    """
    if actor.is_unattributed:
        return kind_of(actor)
    if kind_of(actor) == "sso":
        return actor.session.rpartition("/")[2]
    return actor.principal or actor.session


def case_of(plan: Plan, actor: Actor) -> Case:
    """The kind of case that a plan against an actor's change is."""
    calls = dict.fromkeys(step.call.operation for step in plan.steps)
    return Case("+".join(calls), kind_of(actor), who_of(actor))


def worth(stored: Document, case: Case, terms: Earning, now: datetime) -> Record:
    """The record of a case as it is worth now: faded, and with the reverts that have stood."""
    return _settled(record_of(stored, case), terms, now)


def own_of(record: Record, who: str, terms: Earning, now: datetime) -> Own:
    """An actor's own outcomes, faded to now; if unreadable, all count against the actor."""
    if who not in record.own:
        return Own()
    stored = mapping(record.own, who)
    good, bad = (amount(text(stored, name)) for name in ("good", "bad"))
    at = moment(text(stored, "at"))
    if good is None or bad is None or at is None:
        return Own(0.0, inf)
    fade = _fade(at, terms, now)
    return Own(good * fade, bad * fade)


def other_kinds(stored: Document, case: Case) -> list[Case]:
    """The cases of the same remediation and other kinds of actor."""
    return [
        other
        for other in cases(stored)
        if other.remediation == case.remediation and other.kind != case.kind
    ]


# --------------------------------------------------------------------------------- learning


def learned(
    stored: Document,
    case: Case,
    outcome: Outcome,
    terms: Earning,
    now: datetime,
    *,
    decision: str,
    by: str,
) -> Document:
    """The state record with one outcome more."""
    record = _counted(worth(stored, case, terms, now), case.who, outcome, terms, now)
    waiting = tuple(pending for pending in record.pending if pending.decision != decision)
    stored = _with(stored, case, replace(record, pending=waiting))
    if outcome is Outcome.UNDONE:
        # What went wrong may be the remediation itself: so no kind of actor meets it unasked.
        for kind in (case, *other_kinds(stored, case)):
            demoted = replace(
                worth(stored, kind, terms, now), since=0.0, against=0.0, demoted=stamp(now)
            )
            stored = _with(stored, kind, demoted)
    return _fitting(_logged(stored, case.name, outcome.value, decision, by, now))


def acted(
    stored: Document, case: Case, terms: Earning, now: datetime, *, decision: str
) -> Document:
    """The state record with one revert more that is yet to be judged."""
    record = worth(stored, case, terms, now)
    waiting = (*record.pending, Pending(decision, stamp(now), case.who))[-_PENDING:]
    return _fitting(_with(stored, case, replace(record, pending=waiting)))


def reset(stored: Document, case_name: str, by: str, now: datetime) -> Document:
    """The state record without what it knew of a case: a person wants it earned anew."""
    records = {
        name: other for name, other in mapping(stored, "records").items() if name != case_name
    }
    return _logged({**stored, "records": records}, case_name, "reset", "", by, now)


def cases(stored: Document) -> list[Case]:
    """The cases that a state record tells of."""
    parted = [name.rsplit(" by ", 1) for name in sorted(mapping(stored, "records"))]
    return [Case(*parts) for parts in parted if len(parts) == 2]


def record_of(stored: Document, case: Case) -> Record:
    """The record of a case as it was last written; an empty one where it cannot be read."""
    entry = mapping(mapping(stored, "records"), case.name)
    counts = [count for name in _COUNTS if (count := amount(text(entry, name))) is not None]
    if len(counts) < len(_COUNTS) or moment(text(entry, "at")) is None:
        return Record()
    good, bad, since, against = counts
    return Record(
        good,
        bad,
        since,
        against,
        at=text(entry, "at"),
        demoted=text(entry, "demoted"),
        pending=tuple(
            Pending(text(waiting, "decision"), at, text(waiting, "who"))
            for waiting in documents(entry, "pending")
            if moment(at := text(waiting, "at")) is not None
        ),
        own=mapping(entry, "own"),
    )


def history(stored: Document) -> Sequence[Document]:
    """The last outcomes, oldest first: `at`, `case`, `outcome`, `decision`, `by`."""
    return documents(stored, "history")


def was_undone(stored: Document, decision: str) -> bool:
    """Whether an undo of this decision is among the last outcomes."""
    undone = {"decision": decision, "outcome": Outcome.UNDONE.value}
    return any(undone.items() <= line.items() for line in history(stored))


def _counted(record: Record, who: str, outcome: Outcome, terms: Earning, now: datetime) -> Record:
    """The record with one outcome more, of this actor's change."""
    good, bad = WEIGHT[outcome]
    share, by_actor = 1.0, record.own
    if who:
        own = own_of(record, who, terms, now)
        share = OF_THEIR_KIND / (OF_THEIR_KIND + own.good + own.bad)
        mine: Document = {
            "good": round(own.good + good, 6),
            "bad": round(own.bad + bad, 6),
            "at": stamp(now),
        }
        # What cannot be read is not written over: it may have been all against them.
        by_actor = by_actor if own.bad == inf else _remembered({**by_actor, who: mine})
    return replace(
        record,
        good=record.good + share * good,
        bad=record.bad + share * bad,
        since=record.since + good,
        against=record.against + share * bad,
        own=by_actor,
    )


def _remembered(own: Document, most: int = _ACTORS) -> Document:
    """The actors that are kept: those with the most against them, then the latest."""
    if len(own) <= most:
        return own

    def weight(who: str) -> tuple[float, str]:
        entry = mapping(own, who)
        return amount(text(entry, "bad")) or 0.0, text(entry, "at")

    return {who: own[who] for who in sorted(own, key=weight, reverse=True)[:most]}


def _settled(record: Record, terms: Earning, now: datetime) -> Record:
    """The record as it is worth now: faded, and with the reverts that stood long enough."""
    due = stamp(now - timedelta(seconds=terms.settles))
    fade = _fade(datetime.fromisoformat(record.at), terms, now) if record.at else 1.0
    faded = replace(
        record,
        good=record.good * fade,
        bad=record.bad * fade,
        since=record.since * fade,
        against=record.against * fade,
        at=stamp(now),
        pending=tuple(pending for pending in record.pending if pending.at > due),
    )
    for pending in record.pending:
        if pending.at <= due:
            stood = _counted(faded, pending.who, Outcome.UNCHALLENGED, terms, now)
            # One that was made before an undo says nothing of what was learned from that.
            faded = stood if pending.at > record.demoted else replace(stood, since=faded.since)
    return faded


def _fade(since: datetime, terms: Earning, now: datetime) -> float:
    """How much evidence of that time still counts."""
    fade: float = 0.5 ** (max(0.0, (now - since).total_seconds()) / terms.half_life)
    return fade


def _with(stored: Document, case: Case, record: Record) -> Document:
    return {**stored, "records": {**mapping(stored, "records"), case.name: _document(record)}}


def _fitting(stored: Document) -> Document:
    """The state record, cut until it can be written; a larger one would block its control.

    The largest record loses half of its actors and of its undecided reverts, until all fit. When
    it has none left to lose, the record that was updated longest ago goes.
    """
    while records := mapping(stored, "records"):
        if len(json.dumps(stored, ensure_ascii=False).encode()) <= _BYTES:
            break
        largest = max(records, key=lambda name: len(json.dumps(records[name])))
        entry = mapping(records, largest)
        own, pending = mapping(entry, "own"), documents(entry, "pending")
        if len(own) <= 1 and len(pending) <= 1:
            stalest = min(records, key=lambda name: text(mapping(records, name), "at"))
            left = {name: known for name, known in records.items() if name != stalest}
        else:
            fewer: Document = {
                **entry,
                "own": _remembered(own, len(own) // 2),
                "pending": pending[len(pending) - len(pending) // 2 :],
            }
            left = {**records, largest: fewer}
        stored = {**stored, "records": left}
    return stored


def _logged(
    stored: Document, case: str, outcome: str, decision: str, by: str, now: datetime
) -> Document:
    line: Document = {
        "at": stamp(now),
        "case": case,
        "outcome": outcome,
        "decision": decision,
        "by": by,
    }
    earlier: list[Json] = [*documents(stored, "history")]
    return {**stored, "history": [*earlier, line][-_HISTORY:]}


def _document(record: Record) -> Document:
    return {
        "good": round(record.good, 6),
        "bad": round(record.bad, 6),
        "since": round(record.since, 6),
        "against": round(record.against, 6),
        "at": record.at,
        "demoted": record.demoted,
        "pending": [pending._asdict() for pending in record.pending],
        "own": record.own,
    }
