"""Who usually makes a control's changes, from where, at what hour, with what: and what is unusual.

Pure. Counted are days, not changes: however often something repeats within a day, it becomes no
more familiar than by once. So nobody buys familiarity but with weeks of patience, and it fades by
half in every half-life. Only changes that turned out clean, or that a person let stand, are learned
from: a risky change that was taken back teaches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address

from .model import Actor, Document, Json, amount, moment
from .policy.bounds import Habits
from .trail import mapping, text

# How much each kind of trait weighs in what is unusual.
WEIGHT: Mapping[str, float] = {"actor": 0.4, "network": 0.3, "client": 0.15, "hour": 0.15}
# So many familiar days halve what is unusual about a trait.
_HALVES = 3.0
# With less than so many days of any memory at all, everything would be new: that says nothing.
_ENOUGH = 5.0
# How many values of one kind are remembered.
_MOST = 200


@dataclass(frozen=True, slots=True)
class Novelty:
    """How unusual a change is, 0 (as every day) to 100, and why; not `known` without memory."""

    score: int
    reasons: tuple[str, ...] = ()
    known: bool = True

    @property
    def line(self) -> str:
        """In words: `novelty 72: first time by alice, first time from 198.51.100.0/24`."""
        if not self.known:
            return "too little is remembered to say what is usual here"
        return f"novelty {self.score}" + (f": {', '.join(self.reasons)}" if self.reasons else "")


def traits_of(actor: Actor, time: str) -> dict[str, str]:
    """What is remembered of a change: who, from which network, with what client, at what hour.

    Networks are /24 and /48; a service's host name stands for itself. An hour is one of UTC's
    three-hour spans.
    """
    return {
        "actor": actor.principal,
        "network": _network(actor.source),
        "client": actor.agent.partition("/")[0].strip(" [")[:40],
        "hour": _span(time),
    }


def novelty(note: Document, traits: Mapping[str, str], terms: Habits, now: datetime) -> Novelty:
    """How unusual a change with these traits is."""
    days = _worth(mapping(note, "days"), "all", terms, now)
    if days < _ENOUGH:
        return Novelty(50, known=False)
    unusual, reasons = 0.0, []
    for kind, weight in WEIGHT.items():
        value = traits.get(kind, "")
        worth = _worth(mapping(note, kind), value, terms, now)
        unusual += weight * 0.5 ** (worth / _HALVES)
        if worth < 0.5:
            reasons.append(_first(kind, value))
    return Novelty(round(100 * unusual), tuple(reasons))


def learned(
    note: Document, traits: Mapping[str, str], terms: Habits, now: datetime
) -> Document | None:
    """The note with what this change adds to it; None where today has been counted already."""
    today = f"{now.astimezone(UTC):%Y-%m-%d}"
    pairs = [("days", "all"), *((kind, traits.get(kind, "")) for kind in WEIGHT)]
    new = [
        (kind, value)
        for kind, value in pairs
        if text(mapping(mapping(note, kind), value), "last") != today
    ]
    if not new:
        return None
    after: dict[str, Json] = dict(note)
    for kind, value in new:
        worth = 1.0 + _worth(mapping(note, kind), value, terms, now)
        one: Document = {"days": round(worth, 4), "last": today}
        after[kind] = _bounded({**mapping(note, kind), value: one}, terms, now)
    return after


def _bounded(values: Document, terms: Habits, now: datetime) -> Document:
    """At most so many values: the least familiar are forgotten first."""
    if len(values) <= _MOST:
        return values
    by_worth = sorted(values, key=lambda one: _worth(values, one, terms, now), reverse=True)
    return {name: values[name] for name in by_worth[:_MOST]}


def _worth(values: Document, value: str, terms: Habits, now: datetime) -> float:
    """On how many days a value was seen, faded to now."""
    kept = mapping(values, value)
    days, last = amount(text(kept, "days")), moment(f"{text(kept, 'last')}T00:00:00+00:00")
    if days is None or last is None:
        return 0.0
    age = max(0.0, (now - last).total_seconds() - 86_400)
    faded: float = days * 0.5 ** (age / terms.half_life)
    return faded


def _first(kind: str, value: str) -> str:
    return {
        "actor": f"first time by {value.rpartition(':')[2] or 'an unknown actor'}",
        "network": f"first time from {value or 'an unknown network'}",
        "client": f"first time with {value or 'an unknown client'}",
        "hour": f"first time at {value or 'an unknown hour'}",
    }[kind]


def _network(source: str) -> str:
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 80 << 80)}/48"
    return f"{source.rpartition('.')[0]}.0/24"


def _span(time: str) -> str:
    hour = time[11:13]
    if not hour.isdigit():
        return ""
    begins = int(hour) // 3 * 3
    return f"{begins:02d}-{begins + 3:02d} UTC"
