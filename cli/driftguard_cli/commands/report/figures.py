"""Counts what a report says in figures. Pure: a report becomes numbers, in a fixed order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from driftguard.documents import moment
from driftguard.model import Choice, Status

from ...rows import INFORMATIONAL, SEVERITIES, severity_in_words
from .compliance import Requirement
from .model import Decided, Report, Risk

# Up to so many seconds, in words; the last is open.
_TIMES = (
    (10, "up to 10 s"),
    (30, "up to 30 s"),
    (60, "up to 1 min"),
    (300, "up to 5 min"),
    (900, "up to 15 min"),
    (3600, "up to 1 h"),
    (14400, "up to 4 h"),
    (86400, "up to 1 d"),
    (math.inf, "more than 1 d"),
)
_HOURS = 3600


@dataclass(frozen=True, slots=True)
class Bar:
    """A named row of a chart: parts that follow one another, by name."""

    name: str
    parts: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(count for _, count in self.parts)


def by_severity(risks: Iterable[Risk]) -> list[Bar]:
    """How many risks there are of each severity, the worst first; a severity without any too."""
    counts = Counter(name_of(risk.severity) for risk in risks)
    return [Bar(name, ((name, counts[name]),)) for name in SEVERITIES if _shown(name, counts)]


def by_service(risks: Iterable[Risk]) -> list[Bar]:
    """How many risks each service has, by severity; the service with most of the worst first."""
    counts: dict[str, Counter[str]] = {}
    for risk in risks:
        counts.setdefault(risk.service, Counter())[name_of(risk.severity)] += 1
    names = [name for name in SEVERITIES if _shown(name, sum(counts.values(), Counter()))]
    bars = [
        Bar(service, tuple((name, of_service[name]) for name in names))
        for service, of_service in counts.items()
    ]
    return sorted(bars, key=lambda bar: ([-count for _, count in bar.parts], bar.name))


def name_of(severity: int) -> str:
    """The name of a severity: `critical` to `informational`."""
    return severity_in_words(severity).plain


def _shown(name: str, counts: Counter[str]) -> bool:
    return name != INFORMATIONAL or bool(counts[name])


# ------------------------------------------------------------------------ what was decided


def by_status(decided: Iterable[Decided]) -> list[tuple[Status, int]]:
    """How many decisions stand where, in the order of `Status`; only those that there are."""
    counts = Counter(one.decision.status for one in decided)
    return [(status, counts[status]) for status in Status if counts[status]]


def most_controls(decided: Iterable[Decided]) -> list[tuple[str, int]]:
    """How many decisions each control made, the most first."""
    counts = Counter(one.decision.control for one in decided)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


@dataclass(frozen=True, slots=True)
class Times:
    """How long it took from a change until its revert was verified, in seconds, ascending.

    `by_itself` are reverts that nobody was asked about, `after_votes` the others. `unknown`: so
    many reverts are of changes whose time nobody knows, because the sweep found them. `already`: so
    many decisions ended because the resource was safe already.
    """

    by_itself: tuple[float, ...] = ()
    after_votes: tuple[float, ...] = ()
    unknown: int = 0
    already: int = 0

    @property
    def all(self) -> tuple[float, ...]:
        """All that is known, ascending."""
        return tuple(sorted((*self.by_itself, *self.after_votes)))

    def distribution(self) -> list[Bar]:
        """How many reverts took so long, in rising steps, without the empty ones at both ends."""
        counts = [Counter(map(_step, some)) for some in (self.by_itself, self.after_votes)]
        used = [number for count in counts for number in count]
        return (
            [
                Bar(
                    _TIMES[number][1],
                    (("by itself", counts[0][number]), ("after votes", counts[1][number])),
                )
                for number in range(min(used), max(used) + 1)
            ]
            if used
            else []
        )


def times(decided: Iterable[Decided]) -> Times:
    """How long the reverts of these decisions took; undone ones count too: they were reverted."""
    by_itself: list[float] = []
    after_votes: list[float] = []
    unknown = already = 0
    for one in decided:
        if not one.reverted:
            continue
        began, ended = moment(one.decision.change_time), moment(one.reverted)
        if not one.decision.done:
            already += 1
        elif began is None or ended is None or one.decision.actor.is_unattributed:
            unknown += 1
        else:
            # CloudTrail's times are whole seconds of other clocks.
            took = max(0.0, (ended - began).total_seconds())
            (after_votes if one.asked else by_itself).append(took)
    return Times(tuple(sorted(by_itself)), tuple(sorted(after_votes)), unknown, already)


def percentile(ascending: Sequence[float], share: float) -> float | None:
    """The least of the values that so large a share (0 to 1) of them does not exceed.

    None where there are no values. Source: NIST/SEMATECH e-Handbook of Statistical Methods has
    several definitions; this is the nearest rank, which is always a value that was measured.
    """
    if not ascending:
        return None
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


def _step(seconds: float) -> int:
    return next(number for number, (most, _) in enumerate(_TIMES) if seconds <= most)


# --------------------------------------------------------------------------------- asking


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of the approval requests of a period; all of them together are the requests."""

    reverted: int = 0
    accepted: int = 0
    nobody_voted: int = 0
    open: int = 0
    otherwise: int = 0

    @property
    def total(self) -> int:
        """How many requests there were."""
        return sum(count for _, count in self.as_rows())

    def as_rows(self) -> list[tuple[str, int]]:
        """Each outcome in words."""
        return [
            ("people voted to revert", self.reverted),
            ("people accepted the change", self.accepted),
            ("nobody voted in time", self.nobody_voted),
            ("still open", self.open),
            ("ended without a vote", self.otherwise),
        ]


def answers(decided: Iterable[Decided]) -> Answers:
    """What became of the approval requests among these decisions."""
    counts = Counter(_answer(one) for one in decided if one.asked)
    return Answers(**{name: counts[name] for name in Answers.__dataclass_fields__})


def _answer(one: Decided) -> str:
    decision = one.decision
    for_revert = {vote.person for vote in decision.votes if vote.choice is Choice.REVERT}
    if decision.status is Status.ASKED:
        return "open"
    if decision.status is Status.DENIED:
        return "accepted"
    if decision.status is Status.EXPIRED:
        return "nobody_voted"
    # A timeout action can revert without any vote; a state that is gone ends a request.
    return "reverted" if len(for_revert) >= decision.quorum else "otherwise"


def asks_a_day(decided: Iterable[Decided], since: str, until: str) -> list[tuple[str, int]]:
    """How many approval requests began on each day of a period, both days included."""
    counts = Counter(one.decision.decided[:10] for one in decided if one.asked)
    first, last = date.fromisoformat(since[:10]), date.fromisoformat(until[:10])
    days = ((first + timedelta(number)).isoformat() for number in range((last - first).days + 1))
    return [(day, counts[day]) for day in days]


# ----------------------------------------------------------------------------- compliance


@dataclass(frozen=True, slots=True)
class Standing:
    """What the report knows of one Security Hub control.

    `swept` says whether the sweep looked at any of our controls for it, or None without a sweep;
    `unread` counts what it could not read; `reverted` counts decisions of the period whose change
    was reverted and not undone since.
    """

    requirement: Requirement
    swept: bool | None
    unread: int
    risky: int
    exempted: int
    decided: int
    reverted: int

    @property
    def in_words(self) -> str:
        """What the sweep says of it."""
        if self.risky:
            return f"{self.risky} risky"
        if not self.swept:
            return "not looked at"
        if self.unread:
            return f"unknown: {self.unread} not read"
        return f"{self.exempted} exempted" if self.exempted else "nothing found"


def standings(report: Report) -> list[Standing]:
    """What the report knows of each requirement, in their order."""
    risky = Counter(risk.control for risk in report.risks)
    exempted = Counter(risk.control for risk in report.exempted)
    decided = Counter(one.decision.control for one in report.decisions)
    reverted = Counter(
        one.decision.control for one in report.decisions if one.decision.status is Status.REVERTED
    )
    unread = Counter(one.control for one in report.swept.unread) if report.swept else Counter()
    swept = set(report.swept.controls) if report.swept else set()
    counts = {
        "unread": unread,
        "risky": risky,
        "exempted": exempted,
        "decided": decided,
        "reverted": reverted,
    }
    return [
        Standing(
            requirement,
            bool(swept & set(requirement.controls)) if report.swept else None,
            **{
                name: sum(count[one] for one in requirement.controls)
                for name, count in counts.items()
            },
        )
        for requirement in report.requirements
    ]


# --------------------------------------------------------------------------------- in words


def duration(seconds: float | None) -> str:
    """A time for people: `0.8 s`, `12 min`, `3.2 h`, `2.1 d`; `none` where there is none."""
    if seconds is None:
        return "none"
    if seconds < 1:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOURS:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * _HOURS:
        return f"{seconds / _HOURS:.1f} h"
    return f"{seconds / (24 * _HOURS):.1f} d"
