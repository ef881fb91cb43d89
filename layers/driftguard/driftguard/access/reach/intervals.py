"""Sets of numbers as ordered intervals that do not touch, and of the addresses they stand for."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from ipaddress import ip_network
from math import inf, isnan, nextafter

Interval = tuple[float, float]  # first and last number
Intervals = tuple[Interval, ...]

EVERY_NUMBER: Intervals = ((-inf, inf),)
# Addresses of both versions stand on one line: those of version 6 after those of version 4.
SIX = 2**32
EVERY_ADDRESS: Intervals = ((0, SIX + 2**128 - 1),)


def joined(intervals: Iterable[Interval]) -> Intervals:
    found: list[Interval] = []
    for first, last in sorted(intervals):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        elif first <= last:
            found.append((first, last))
    return tuple(found)


def both(these: Intervals, those: Intervals) -> Intervals:
    """What is in both sets."""
    found: list[Interval] = []
    here = there = 0
    while here < len(these) and there < len(those):
        first = max(these[here][0], those[there][0])
        last = min(these[here][1], those[there][1])
        if first <= last:
            found.append((first, last))
        if these[here][1] < those[there][1]:
            here += 1
        else:
            there += 1
    return tuple(found)


def outside(
    intervals: Intervals, whole: Intervals, step: Callable[[float, int], float]
) -> Intervals:
    """What of the whole, one interval, is in none of these. `step` gives the next number."""
    ((start, end),) = whole
    found: list[Interval] = []
    for first, last in intervals:
        if start < first:
            found.append((start, step(first, -1)))
        if last >= end:
            return tuple(found)
        start = step(last, 1)
    return (*found, (start, end))


def next_number(number: float, direction: int) -> float:
    return nextafter(number, direction * inf)


def next_address(number: float, direction: int) -> float:
    return number + direction


def addresses(text: str) -> Interval | None:
    """The first and last address of a range; None if it cannot be read."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    start = 0 if network.version == 4 else SIX
    return start + int(network.network_address), start + int(network.broadcast_address)


def amount(text: str, *, date: bool) -> float | None:
    """A number, or a time as seconds since 1970; None if it cannot be read."""
    try:
        number = float(text)
        return None if isnan(number) else number
    except ValueError:
        pass
    if not date:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def compared(relation: str, point: float) -> Interval:
    """The numbers that stand in a relation (`lessthan`, …) to a point."""
    return {
        "equals": (point, point),
        "lessthan": (-inf, nextafter(point, -inf)),
        "lessthanequals": (-inf, point),
        "greaterthan": (nextafter(point, inf), inf),
        "greaterthanequals": (point, inf),
    }[relation]
