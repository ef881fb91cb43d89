"""Says whether conditions that compare numbers and times can all hold at once."""

from collections.abc import Iterable
from datetime import UTC, datetime
from math import inf, nextafter

from .document import Condition

# A statement that ended before this code was written has ended for good; no clock is needed to say
# so.
LONG_PAST = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
CLOCKS = frozenset({"aws:currenttime", "aws:epochtime", "aws:tokenissuetime"})


def contradict(key: str, conditions: Iterable[Condition], *, dates_count: bool) -> bool:
    """Whether no number or time satisfies every one of these conditions on one key.

    With `dates_count`, a time that has long passed counts as one that never comes.
    """
    low, high = -inf, inf
    if dates_count and key in CLOCKS:
        low = LONG_PAST
    asked = False
    for condition in conditions:
        span = _span(condition)
        if span is None:
            continue
        asked = True
        low, high = max(low, span[0]), min(high, span[1])
    return asked and low > high


def _span(condition: Condition) -> tuple[float, float] | None:
    """The widest span that the condition's values leave; None if it compares nothing readable."""
    for kind in ("numeric", "date"):
        relation = condition.operator.removeprefix(kind)
        if relation == condition.operator or not condition.values:
            continue
        points = [_point(value, kind) for value in condition.values]
        known = [point for point in points if point is not None]
        if len(known) != len(points):
            return None
        return {
            "equals": (min(known), max(known)),
            "lessthan": (-inf, nextafter(max(known), -inf)),
            "lessthanequals": (-inf, max(known)),
            "greaterthan": (nextafter(min(known), inf), inf),
            "greaterthanequals": (min(known), inf),
        }.get(relation)
    return None


def _point(text: str, kind: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    if kind != "date":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
