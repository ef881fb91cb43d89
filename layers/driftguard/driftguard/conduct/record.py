"""Keeps what is remembered of one principal's conduct: its memory, and what this day has shown.

Pure: documents in, documents out. A day is learned from when it is over, and only if it was clean
(`pending`, `folded`). Whatever others choose is bounded: values of a day, windows, reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from driftguard.documents import Document, Json, digest, mapping, moment, stamp
from driftguard.events.sighting import Sighting

from .memory import DENIED, FADED, MOST, READS, Memory, Seen, day_of, known, learned, level, worth
from .score import ASKED, NOTED, Score, Signal, heaviest, score_of
from .unusual import Unusual, keeping, unusual_on, was_asked

# A burst is what one session does in this many seconds, in windows that begin with the clock.
WINDOW = 600
# Of a day as many values of a kind are kept; as many windows, and of each as many sessions, and as
# many calls of all of them.
_OF_A_DAY, _WINDOWS, _SESSIONS, _CALLS = 40, 2, 50, 1_200
# For how many days what was unusual is kept.
_KEPT = 3
# What weighs as much is a reason of its own to ask.
_HEAVY = 0.15
_BY_KIND = frozenset({"client", "network"})
# How many days one is worth that people accepted.
_ACCEPTED = 7.0
# How many reasons are told.
_REASONS = 6


class Pending(NamedTuple):
    """A day that is over and was not learned from yet; `score` is how unusual it was."""

    day: int
    seen: Seen
    score: int


# ------------------------------------------------------------------------- a day that is over


def memory_of(document: Document) -> Memory:
    """What is remembered of the principal, or of the account, that a record is about."""
    return mapping(document, "memory")


def pending(document: Document, day: int) -> Pending | None:
    """The day that the record still holds and that is over by now; None if there is none."""
    held = mapping(document, "today")
    its = held.get("day")
    if not isinstance(its, int) or its >= day:
        return None
    return Pending(its, _seen(held), _whole(held, "score"))


def folded(
    document: Document, everybody: Document, over: Pending, *, clean: bool
) -> tuple[Document, Document]:
    """The principal's and the account's records after a day; it taught nothing if not `clean`."""
    after = {name: held for name, held in document.items() if name not in ("today", "windows")}
    if not clean:
        return after, everybody
    memory = memory_of(document)
    fresh = ("principal",) if known(memory, over.day) < FADED else ()
    # A day like that is clean only by somebody's word, which is worth more than a day's habit.
    days = _ACCEPTED if over.score >= ASKED else 1.0
    after["memory"] = learned(memory, over.seen, over.day, worth_of=days)
    shared = learned(memory_of(everybody), over.seen, over.day, also=fresh)
    return after, {**everybody, "memory": shared}


# ----------------------------------------------------------------------------------- this day


def taken(
    document: Document, everybody: Document, sightings: Sequence[Sighting], now: datetime
) -> tuple[Document, Unusual | None]:
    """The principal's record with what was just seen, and the day if people are to be asked.

    What the record holds of an earlier day is to be folded before.
    """
    day = day_of(now)
    windows = _windows(document, sightings, now)
    own, others = memory_of(document), memory_of(everybody)

    def kept(kind: str, values: Iterable[str]) -> frozenset[str]:
        return heaviest(kind, values, _OF_A_DAY, own, others, day)

    seen = _merged(mapping(document, "today"), sightings, windows, day, kept)
    score = score_of(seen, own, others, day)
    first = sightings[0]
    after: dict[str, Json] = {
        **document,
        "who": first.actor.principal,
        "today": {
            "day": day,
            **{kind: sorted(values) for kind, values in seen.values.items()},
            "reads": seen.reads,
            "denied": seen.denied,
            "score": max(score.score, _whole(mapping(document, "today"), "score")),
        },
        "windows": windows,
    }
    if score.score < NOTED:
        return after, None
    unusual = unusual_on(document, day)
    if unusual is None or unusual.score < score.score:
        noted = _noted(score, _leading(sightings, own, day), now)
        unusual = noted._replace(sent=unusual.sent if unusual is not None else ())
        after = {**keeping(after, unusual, _KEPT)}
    asks = unusual.score >= ASKED and not was_asked(after, unusual)
    return after, unusual if asks else None


def _noted(score: Score, leading: Sighting, now: datetime) -> Unusual:
    """What is kept of an unusual day.

    What weighs little differs from day to day: it is no key. Which network or client it is differs,
    too, for whoever has another one each day: only that there is a new one is a key.
    """
    most = score.signals[:_REASONS]
    return Unusual(
        day=day_of(now),
        at=stamp(now),
        score=score.score,
        reasons=score.reasons[:_REASONS],
        actor=leading.actor,
        id=leading.id,
        keys=tuple(_key(one) for one in most if one.weight >= _HEAVY),
    )


def _key(signal: Signal) -> str:
    kind = signal.key.partition(":")[0]
    return kind if kind in _BY_KIND else signal.key[:100]


def _leading(sightings: Sequence[Sighting], memory: Memory, day: int) -> Sighting:
    """A sighting of the session that shows most of what is unusual in this batch."""
    shown: dict[str, set[str]] = {}
    for one in sightings:
        of_session = shown.setdefault(one.actor.session, set())
        of_session.update(filter(None, (one.read, one.denied)))
        for kind, value in _values(one).items():
            if worth(memory, kind, value, day) < FADED:
                of_session.add(f"{kind}:{value}")
    most = max(shown, key=lambda session: (len(shown[session]), session))
    return next(one for one in sightings if one.actor.session == most)


def _whole(document: Document, name: str) -> int:
    value = document.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _seen(held: Document) -> Seen:
    def values(kind: str) -> frozenset[str]:
        listed = held.get(kind)
        return frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()

    return Seen(
        {kind: values(kind) for kind in MOST}, _whole(held, "reads"), _whole(held, "denied")
    )


def _values(sighting: Sighting) -> dict[str, str]:
    return {
        "service": sighting.service,
        "network": sighting.network,
        "client": sighting.client,
    }


def _merged(
    held: Document,
    sightings: Iterable[Sighting],
    windows: Document,
    day: int,
    kept: Callable[[str, Iterable[str]], frozenset[str]],
) -> Seen:
    """What this day has shown so far; of each kind the values that are `kept`."""
    before = _seen(held) if held.get("day") == day else Seen({})
    values = {kind: set(before.values.get(kind, ())) for kind in MOST}
    for one in sightings:
        for kind, value in _values(one).items():
            values[kind].add(value)
    bursts = [mapping(by, session) for by in _inner(windows) for session in by]
    reads = max((len(_listed(burst, "reads")) for burst in bursts), default=0)
    denied = max((len(_listed(burst, "denied")) for burst in bursts), default=0)
    return Seen(
        {kind: kept(kind, found) for kind, found in values.items()},
        max(before.reads, level(reads, READS)),
        max(before.denied, level(denied, DENIED)),
    )


def _windows(
    document: Document, sightings: Iterable[Sighting], now: datetime
) -> Mapping[str, Document]:
    """The bursts of the last windows: window → session → digests of different calls."""
    made: dict[str, dict[str, tuple[set[str], set[str]]]] = {}
    for window, by in mapping(document, "windows").items():
        for session in by if isinstance(by, Mapping) else ():
            burst = mapping(mapping(mapping(document, "windows"), window), session)
            found = (set(_listed(burst, "reads")), set(_listed(burst, "denied")))
            made.setdefault(window, {})[session] = found
    for one in sightings:
        if one.read or one.denied:
            at = min(moment(one.time) or now, now)
            by_session = made.setdefault(str(int(at.timestamp() // WINDOW)), {})
            reads, denied = by_session.setdefault(digest(one.actor.session)[:8], (set(), set()))
            reads.update(filter(None, (one.read,)))
            denied.update(filter(None, (one.denied,)))
    newest = sorted(made, key=lambda window: (len(window), window))[-_WINDOWS:]
    return {window: bursts for window in newest if (bursts := _bursts(made[window]))}


def _bursts(by_session: Mapping[str, tuple[set[str], set[str]]]) -> Document:
    """What is kept of a window: all sessions, also small ones, which may grow with each batch.

    Where there is no room for all, the largest.
    """

    def size(session: str) -> tuple[int, str]:
        reads, denied = by_session[session]
        return -max(len(reads), 2 * len(denied)), session

    kept: dict[str, Document] = {}
    room = _CALLS
    for session in sorted(by_session, key=size)[:_SESSIONS]:
        reads = sorted(by_session[session][0])[: READS[-1]]
        denied = sorted(by_session[session][1])[: DENIED[-1]]
        room -= len(reads) + len(denied)
        if room < 0:
            break
        kept[session] = {"reads": list(reads), "denied": list(denied)}
    return kept


def _inner(windows: Document) -> list[Document]:
    return [by for by in windows.values() if isinstance(by, Mapping)]


def _listed(burst: Document, name: str) -> list[str]:
    held = burst.get(name)
    return [str(one) for one in held] if isinstance(held, list) else []
