"""Keeps which days of a principal were unusual, and of which the guard was told.

Pure: documents in, documents out. What is sent to the guard is written here first, and the guard
believes no event that is not: neither that people are to be asked, nor whose session it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from driftguard.documents import Document, Json, digest, documents, mapping, moment, text
from driftguard.model import Actor

from .memory import DENIED, READS, day_of
from .score import ASKED, HIGH

# For how many days the same reasons are not asked about again, and for how many it is known that
# they were asked about.
APART, _LATELY = 7, 28
_LEVELS = {
    kind: tuple(map(str, levels))
    for kind, levels in (("reads", READS), ("denied", DENIED), ("score", (ASKED, HIGH)))
}
# How long a name of somebody may be.
_LONGEST = 1_024


class Sent(NamedTuple):
    """What the guard is told of an unusual day: at which band, and which session the event names.

    `done`: it is in the guard's queue; else it is to be put there.
    """

    band: int
    actor: Actor
    done: bool


class Unusual(NamedTuple):
    """An unusual day of a principal: when it was noticed, how unusual it is, why, and who it was.

    `actor` is the session that showed it; `id` the principal's unique id, "" where it is unknown.
    `keys` are the reasons that are worth a question, `sent` what the guard is told of the day.
    """

    day: int
    at: str
    score: int
    reasons: tuple[str, ...]
    actor: Actor
    id: str
    keys: tuple[str, ...] = ()
    sent: tuple[Sent, ...] = ()

    @property
    def line(self) -> str:
        """In words: `conduct score 72: use of iam, which it has not used; …`."""
        return f"conduct score {self.score}: {'; '.join(self.reasons)}"

    @property
    def band(self) -> int:
        """From which score on it is as unusual: the day is worth one question a band."""
        return HIGH if self.score >= HIGH else ASKED

    def told(self, band: int) -> Sent | None:
        """What the guard is told at a band; None where it is told nothing."""
        return next((one for one in self.sent if one.band == band), None)

    def as_document(self) -> Document:
        """As the principal's record keeps it."""
        sent: list[Json] = [
            {"band": one.band, "actor": _actor_as_document(one.actor), "done": one.done}
            for one in self.sent
        ]
        return {
            "day": self.day,
            "at": self.at,
            "score": self.score,
            "reasons": list(self.reasons),
            "keys": list(self.keys),
            "id": self.id,
            "actor": _actor_as_document(self.actor),
            "sent": sent,
        }


def unusual_on(document: Document, day: int) -> Unusual | None:
    """What was unusual on a day; None if nothing was."""
    for one in documents(document, "unusual"):
        if one.get("day") == day:
            score = one.get("score")
            return Unusual(
                day=day,
                at=text(one, "at"),
                score=min(100, score) if type(score) is int else 0,
                reasons=_texts(one, "reasons"),
                actor=_actor(mapping(one, "actor")),
                id=text(one, "id"),
                keys=_texts(one, "keys"),
                sent=tuple(
                    Sent(band, _actor(mapping(sent, "actor")), sent.get("done") is True)
                    for sent in documents(one, "sent")
                    if type(band := sent.get("band")) is int
                ),
            )
    return None


def lately(document: Document, now: datetime) -> Unusual | None:
    """The most unusual of a principal's conduct within the last 24 hours; None if nothing was."""
    day = day_of(now)
    found = [one for at in (day, day - 1) if (one := unusual_on(document, at)) is not None]
    recent = [
        one for one in found if (at := moment(one.at)) is not None and now - at < timedelta(days=1)
    ]
    return max(recent, key=lambda one: (one.score, one.day), default=None)


def keeping(document: Document, unusual: Unusual, days: int) -> Document:
    """The record with this unusual day, and with those of so many days, it included."""
    others = [
        one
        for one in documents(document, "unusual")
        if type(day := one.get("day")) is int and day != unusual.day and day > unusual.day - days
    ]
    return {**document, "unusual": [*others, unusual.as_document()]}


def sending(document: Document, unusual: Unusual) -> tuple[Document, Unusual]:
    """The record that says that the guard is told of the day at its band, and the day with that.

    Whose session it was stays as it was said first.
    """
    if unusual.told(unusual.band) is not None:
        return document, unusual
    sent = (*unusual.sent, Sent(unusual.band, unusual.actor, done=False))
    sending = unusual._replace(sent=sent)
    return _with(document, sending), sending


def sent(document: Document, unusual: Unusual) -> Document:
    """The record that says that the guard was told; none of its reasons is again for a week."""
    done = [one._replace(done=True) if one.band == unusual.band else one for one in unusual.sent]
    recent = {
        key: on
        for key, on in mapping(document, "asked").items()
        if isinstance(on, int) and on > unusual.day - _LATELY
    }
    fresh = [key for one in _worth_asking(unusual) for key in _with_lower(one)]
    asked = {**recent, **dict.fromkeys(fresh, unusual.day)}
    return {**_with(document, unusual._replace(sent=tuple(done))), "asked": asked}


def was_asked(document: Document, unusual: Unusual) -> bool:
    """Whether the guard was told of the day as unusual as that, or of its reasons within a week."""
    if any(one.done and one.band >= unusual.band for one in unusual.sent):
        return True
    return _each_within(document, unusual, APART)


def is_again(document: Document, unusual: Unusual) -> bool:
    """Whether the guard was told of each of its reasons within four weeks: nothing of it is new."""
    return _each_within(document, unusual, _LATELY)


def _each_within(document: Document, unusual: Unusual, days: int) -> bool:
    before = mapping(document, "asked")
    on = [before.get(key) for key in _worth_asking(unusual)]
    return all(isinstance(one, int) and one > unusual.day - days for one in on)


def last_asked(document: Document, day: int) -> int:
    """The last day that the guard was told of; 0 where that was not within four weeks of a day."""
    on = [on for on in mapping(document, "asked").values() if type(on) is int]
    return max((one for one in on if one > day - _LATELY), default=0)


def _worth_asking(unusual: Unusual) -> tuple[str, ...]:
    """What people were not asked about before is worth a question: reasons, and a higher band."""
    return (*unusual.keys, f"score:{unusual.band}")


def _with_lower(key: str) -> Iterator[str]:
    """The key of a reason, and of the same at lower levels: less of it is no other reason."""
    kind, _, reached = key.partition(":")
    levels = _LEVELS.get(kind, ())
    if reached in levels:
        yield from (f"{kind}:{one}" for one in levels[: levels.index(reached)])
    yield key


def told_apart_by(actor: Actor) -> str:
    """A digest of all that is said of an actor."""
    return digest(_actor_as_document(actor))[:16]


def _with(document: Document, unusual: Unusual) -> Document:
    kept = [
        unusual.as_document() if one.get("day") == unusual.day else one
        for one in documents(document, "unusual")
    ]
    return {**document, "unusual": kept}


def _actor(held: Document) -> Actor:
    return Actor(*(text(held, name) for name in Actor.__dataclass_fields__))


def _actor_as_document(actor: Actor) -> Document:
    return {name: getattr(actor, name)[:_LONGEST] for name in Actor.__dataclass_fields__}


def _texts(held: Document, name: str) -> tuple[str, ...]:
    listed = held.get(name)
    return tuple(map(str, listed)) if isinstance(listed, (list, tuple)) else ()
