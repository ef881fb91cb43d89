"""The record of one kind of case, and how it is kept in a control's state record.

Pure. What cannot be read counts as an empty record, which has earned nothing; of an actor whose
entry cannot be read, everything counts against them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import NamedTuple

from driftguard.documents import Document, Json, amount, documents, mapping, moment, stamp, text
from driftguard.policy.bounds import Earning

_COUNTS = ("good", "bad", "since", "against")
# How many undecided reverts, outcomes and actors the state record keeps.
_PENDING = 200
_HISTORY = 100
_ACTORS = 100
# How many approvers an actor's entry remembers, those with the latest days.
_APPROVERS = 20
# How large a state record may become: DynamoDB takes 400 KB, and others are read with it.
_BYTES = 200_000


class Own(NamedTuple):
    """The outcomes of one actor's own changes, faded to now.

    `since` counts the right ones since the last undo of their kind's. `days` holds the last day on
    which each approver's outcome counted as right.
    """

    good: float = 0.0
    bad: float = 0.0
    since: float = 0.0
    days: Document = {}


class Pending(NamedTuple):
    """A revert by earned autonomy that is yet to be judged, and the actor it reverted."""

    decision: str
    at: str
    who: str = ""


class Doubt(NamedTuple):
    """An undo of a change of `who` by themselves, which a second person has yet to confirm."""

    by: str = ""
    at: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """The outcomes of one kind of case, faded to the time `at`.

    `since` and `against` count the right and the wrong outcomes since the undo at `demoted`. `own`
    holds the outcomes of each actor as they are stored; `own_of` reads them. `unseen` is how many
    reverts the guard made by itself since a person last judged one of this kind.
    """

    good: float = 0.0
    bad: float = 0.0
    since: float = 0.0
    against: float = 0.0
    at: str = ""
    demoted: str = ""
    pending: tuple[Pending, ...] = ()
    own: Document = field(default_factory=dict)
    unseen: float = 0.0
    doubt: Doubt = Doubt()


def record_in(stored: Document, name: str) -> Record:
    """The record of this name as it was last written; an empty one where it cannot be read."""
    entry = mapping(mapping(stored, "records"), name)
    counts = [
        count for count in (amount(text(entry, count)) for count in _COUNTS) if count is not None
    ]
    if len(counts) < len(_COUNTS) or moment(text(entry, "at")) is None:
        return Record()
    good, bad, since, against = counts
    doubt = mapping(entry, "doubt")
    return Record(
        good,
        bad,
        since,
        against,
        at=text(entry, "at"),
        demoted=text(entry, "demoted"),
        pending=tuple(
            Pending(str(waiting.get("decision", "")), at, str(waiting.get("who", "")))
            for waiting in documents(entry, "pending")
            if isinstance(at := waiting.get("at"), str) and moment(at) is not None
        ),
        own=mapping(entry, "own"),
        unseen=amount(text(entry, "unseen")) or 0.0,
        doubt=Doubt(text(doubt, "by"), text(doubt, "at"), text(doubt, "who")),
    )


def with_record(stored: Document, name: str, record: Record) -> Document:
    """The state record with this record under its name."""
    written: Document = {
        **{count: round(getattr(record, count), 6) for count in (*_COUNTS, "unseen")},
        "at": record.at,
        "demoted": record.demoted,
        "pending": [pending._asdict() for pending in record.pending[-_PENDING:]],
        "own": record.own,
        "doubt": record.doubt._asdict() if record.doubt.by else {},
    }
    return {**stored, "records": {**mapping(stored, "records"), name: written}}


def own_of(record: Record, who: str, terms: Earning, now: datetime) -> Own:
    """An actor's own outcomes, faded to now; if unreadable, all count against the actor."""
    if who not in record.own:
        return Own()
    stored = mapping(record.own, who)
    good, bad = (amount(text(stored, name)) for name in ("good", "bad"))
    at = moment(text(stored, "at"))
    if good is None or bad is None or at is None:
        return Own(0.0, inf)
    fade = faded_since(at, terms, now)
    # What was counted before another undo is of no use after it.
    current = "of" in stored and text(stored, "of") == record.demoted
    since = (amount(text(stored, "since")) or 0.0) if current else 0.0
    return Own(good * fade, bad * fade, since * fade, mapping(stored, "days"))


def with_own(record: Record, who: str, outcomes: Own, now: datetime) -> Document:
    """The actors' entries with this actor's; an unreadable one is not written over."""
    if outcomes.bad == inf:
        return record.own
    latest = sorted(outcomes.days, key=lambda by: text(outcomes.days, by))[-_APPROVERS:]
    entry: Document = {
        "good": round(outcomes.good, 6),
        "bad": round(outcomes.bad, 6),
        "since": round(outcomes.since, 6),
        "of": record.demoted,
        "at": stamp(now),
        "days": {by: outcomes.days[by] for by in latest},
    }
    return _remembered({**record.own, who: entry})


def faded_since(since: datetime, terms: Earning, now: datetime) -> float:
    """How much evidence of that time still counts: half of it in every half-life."""
    fade: float = 0.5 ** (max(0.0, (now - since).total_seconds()) / terms.half_life)
    return fade


def fitting(stored: Document) -> Document:
    """The state record, cut until it can be written; a larger one would block its control.

    The largest record loses half of its actors and of its undecided reverts, until all fit. When
    it has none left to lose, the record that was updated longest ago goes.
    """
    while records := mapping(stored, "records"):
        if not _may_be_too_long(stored) or _bytes(stored) <= _BYTES:
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


def _may_be_too_long(stored: Document) -> bool:
    """Whether a state record is near the limit, by a count that is never too low and quickly made.

    No character takes more than six bytes in JSON, and besides names an entry has less than 200.
    """
    letters = entries = 0
    for name, record in mapping(stored, "records").items():
        letters += len(name)
        if isinstance(record, Mapping):
            own, pending = mapping(record, "own"), documents(record, "pending")
            days = [mapping(entry, "days") for entry in own.values() if isinstance(entry, Mapping)]
            letters += sum(map(len, own)) + sum(len("".join(day)) for day in days)
            letters += sum(len(str(wait.get("who"))) for wait in pending)
            entries += len(own) + len(pending) + sum(map(len, days)) + 1
    told = history(stored)
    letters += sum(len(text(line, "case")) + len(text(line, "by")) for line in told)
    return 6 * letters + 200 * (entries + len(told)) > _BYTES


def _bytes(stored: Document) -> int:
    return len(json.dumps(stored, ensure_ascii=False).encode())


def history(stored: Document) -> Sequence[Document]:
    """The last outcomes, oldest first: `at`, `case`, `outcome`, `decision`, `by`."""
    return documents(stored, "history")


def logged(
    stored: Document, case: str, outcome: str, decision: str, by: str, now: datetime
) -> Document:
    """The state record with one line of history more."""
    line: Document = {
        "at": stamp(now),
        "case": case,
        "outcome": outcome,
        "decision": decision,
        "by": by,
    }
    earlier: list[Json] = [*documents(stored, "history")]
    return {**stored, "history": [*earlier, line][-_HISTORY:]}


def _remembered(own: Document, most: int = _ACTORS) -> Document:
    """The actors that are kept: those with the most against them, then the latest."""
    if len(own) <= most:
        return own

    def weight(who: str) -> tuple[float, str]:
        entry = mapping(own, who)
        return amount(text(entry, "bad")) or 0.0, text(entry, "at")

    return {who: own[who] for who in sorted(own, key=weight, reverse=True)[:most]}
