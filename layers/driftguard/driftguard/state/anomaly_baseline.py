"""Learns who usually makes a control's changes, from where, when and how, and scores the unusual.

Pure. It counts days, not changes: what repeats within a day becomes familiar only once. So nobody
becomes familiar in less than weeks, and familiarity fades by half in every half-life. Only changes
that turned out clean, or that a person accepted, are learned from: a risky change that was taken
back teaches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address

from driftguard.documents import Document, Json, amount, mapping, moment, text, whole_number
from driftguard.model import Actor
from driftguard.policy.bounds import Anomalies

# How much each kind of trait weighs in what is unusual.
WEIGHT: Mapping[str, float] = {"actor": 0.4, "network": 0.3, "client": 0.15, "hour": 0.15}
# So many familiar days halve what is unusual about a trait.
_HALVES = 3.0
# With less than so many days of any memory at all, everything would be new: that says nothing.
_ENOUGH = 5.0
# How many values of one kind are remembered.
_MOST = 200


@dataclass(frozen=True, slots=True)
class AnomalyScore:
    """How unusual a change is, 0 (as every day) to 100, and why; not `known` without a record."""

    score: int
    reasons: tuple[str, ...] = ()
    known: bool = True

    @property
    def line(self) -> str:
        """In words: `anomaly score 72: first time by alice, first time from 198.51.100.0/24`."""
        if not self.known:
            return "too little is remembered to say what is usual here"
        return f"anomaly score {self.score}" + (
            f": {', '.join(self.reasons)}" if self.reasons else ""
        )


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


def anomaly_score(
    stored: Document, traits: Mapping[str, str], terms: Anomalies, now: datetime
) -> AnomalyScore:
    """How unusual a change with these traits is."""
    days = _worth(mapping(stored, "days"), "all", terms, now)
    if days < _ENOUGH:
        return AnomalyScore(50, known=False)
    unusual, reasons = 0.0, []
    for kind, weight in WEIGHT.items():
        value = traits.get(kind, "")
        worth = _worth(mapping(stored, kind), value, terms, now)
        unusual += weight * 0.5 ** (worth / _HALVES)
        if worth < 0.5:
            reasons.append(_first(kind, value))
    return AnomalyScore(round(100 * unusual), tuple(reasons))


def learned(
    stored: Document, traits: Mapping[str, str], terms: Anomalies, now: datetime
) -> Document | None:
    """The state record with what this change adds; None where today was counted already."""
    today = f"{now.astimezone(UTC):%Y-%m-%d}"
    pairs = [("days", "all"), *((kind, traits.get(kind, "")) for kind in WEIGHT)]
    new = [
        (kind, value)
        for kind, value in pairs
        if text(mapping(mapping(stored, kind), value), "last") != today
    ]
    if not new:
        return None
    after: dict[str, Json] = dict(stored)
    for kind, value in new:
        worth = 1.0 + _worth(mapping(stored, kind), value, terms, now)
        counted: Document = {"days": round(worth, 4), "last": today}
        after[kind] = _bounded({**mapping(stored, kind), value: counted}, terms, now)
    return after


def _bounded(values: Document, terms: Anomalies, now: datetime) -> Document:
    """The values, cut to the most that are kept: the least familiar are forgotten first."""
    if len(values) <= _MOST:
        return values
    by_worth = sorted(values, key=lambda value: _worth(values, value, terms, now), reverse=True)
    return {name: values[name] for name in by_worth[:_MOST]}


def _worth(values: Document, value: str, terms: Anomalies, now: datetime) -> float:
    """On how many days a value was seen, faded to now."""
    counted = mapping(values, value)
    days, last = amount(text(counted, "days")), moment(f"{text(counted, 'last')}T00:00:00+00:00")
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
    hour = whole_number(time[11:13])
    if hour is None:
        return ""
    begins = hour // 3 * 3
    return f"{begins:02d}-{begins + 3:02d} UTC"
