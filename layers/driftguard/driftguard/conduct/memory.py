"""Remembers on how many days a principal, or anybody of an account, did what.

Pure. It counts days and not events: what repeats within a day becomes familiar only once, and
familiarity fades by half in every half-life. So nothing becomes usual in less than weeks, and what
happens once in a while never does. A memory has room for so many values of a kind. Who makes values
up (an agent is whatever its caller says) pushes nothing out that is known: a new value takes the
place of one that has faded, or is not remembered.

A memory is a document: kind → value → [days, last day]. Days are counted since 1970, in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias

from driftguard.documents import Document, Json, mapping

# What a day may show of a kind, and how many values of that kind are remembered.
MOST: Mapping[str, int] = {"service": 120, "network": 60, "client": 40}
# How many values of a kind become known in one day, at most.
_NEW_A_DAY: Mapping[str, int] = {"service": 12, "network": 6, "client": 4}
# In days: the half-life of the anomaly record.
HALF_LIFE = 30.0
# With fewer days than that of any memory of an account, everything would be new.
ENOUGH = 14.0
# With less than that a value is as good as new, and may be forgotten.
FADED = 0.5
# So many different reads, or different denied calls, within a window are one more level.
READS = (8, 16, 32, 64, 128)
DENIED = (4, 8, 16, 32, 64)

Memory: TypeAlias = "Document"


class Seen(NamedTuple):
    """What a day showed: values by kind, and the highest levels that any window reached (or 0)."""

    values: Mapping[str, frozenset[str]]
    reads: int = 0
    denied: int = 0


def day_of(at: datetime) -> int:
    """The day of a time: how many there were since 1970, in UTC."""
    return int(at.timestamp() // 86_400)


def level(count: int, levels: tuple[int, ...]) -> int:
    """The highest of the levels that a count reaches; 0 for none."""
    return max((one for one in levels if one <= count), default=0)


def worth(memory: Memory, kind: str, value: str, day: int) -> float:
    """On how many days a value was seen, faded to this day."""
    days, last = _counted(mapping(memory, kind), value)
    return float(days * 0.5 ** (max(0, day - last) / HALF_LIFE))


def known(memory: Memory, day: int) -> float:
    """How many days of a principal, or of an account, are remembered, faded to this day."""
    return worth(memory, "days", "all", day)


def watched(memory: Memory, day: int) -> Memory:
    """The memory with one more day on which anything at all was seen."""
    return {**memory, "days": _with(mapping(memory, "days"), "all", day, most=1)}


def learned(
    memory: Memory,
    seen: Seen,
    day: int,
    *,
    also: tuple[str, ...] = (),
    worth_of: float = 1.0,
) -> Memory:
    """The memory with a day that showed this. A day that is not after the last one adds nothing.

    `also` names further kinds of news that the day brought, beside new values; `worth_of` is as how
    many days it counts.
    """
    after: dict[str, Json] = dict(watched(memory, day))
    news = [*also]
    for kind, most in MOST.items():
        values = mapping(memory, kind)
        fresh = sorted(one for one in seen.values.get(kind, ()) if _is_new(memory, kind, one, day))
        if fresh:
            news.append(kind)
        skipped = frozenset(fresh[_NEW_A_DAY[kind] :])
        for value in sorted(seen.values.get(kind, frozenset()) - skipped):
            values = _with(values, value, day, most=most, times=worth_of)
        after[kind] = values
    for kind, reached, levels in (("reads", seen.reads, READS), ("denied", seen.denied, DENIED)):
        values = mapping(memory, kind)
        for one in levels:
            if one <= reached:
                values = _with(values, str(one), day, most=len(levels), times=worth_of)
        after[kind] = values
    values = mapping(memory, "new")
    for kind in news:
        values = _with(values, kind, day, most=8)
    after["new"] = values
    return {kind: held for kind, held in after.items() if held}


def _is_new(memory: Memory, kind: str, value: str, day: int) -> bool:
    return worth(memory, kind, value, day) < FADED


def _with(values: Document, value: str, day: int, *, most: int, times: float = 1.0) -> Document:
    """The values of a kind with a day on which one was seen, if there is room for it."""
    days, last = _counted(values, value)
    if days and last >= day:
        return values
    kept = dict(values)
    if value not in kept and len(kept) >= most:
        least, faded = min(_faded(values, day), key=lambda pair: (pair[1], pair[0]))
        if faded >= FADED:
            return values
        del kept[least]
    kept[value] = [round(times + days * 0.5 ** (max(0, day - last) / HALF_LIFE), 3), day]
    return kept


def _faded(values: Document, day: int) -> Iterator[tuple[str, float]]:
    for value in values:
        days, last = _counted(values, value)
        yield value, days * 0.5 ** (max(0, day - last) / HALF_LIFE)


def _counted(values: Document, value: str) -> tuple[float, int]:
    held = values.get(value)
    if isinstance(held, (list, tuple)) and len(held) == 2:
        days, last = held
        if isinstance(days, (int, float)) and isinstance(last, int):
            return float(days), last
    return 0.0, 0
