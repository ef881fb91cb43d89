"""Reports a replay: findings, a summary a control, problems and counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rich.table import Table
from rich.text import Text

from driftguard.model import Autonomy, Certainty

from .judge import PROBLEMS_TOLD, Problem, Sighting, Skip, Tally

_ACTORS = 3
# As many columns, and each row is a line.
_WIDE = 120
# Of so many findings it is remembered that they were told.
_REMEMBERED = 1_000_000


@dataclass(slots=True)
class OfControl:
    """All findings of one control, and by autonomy."""

    certainties: Counter[Certainty] = field(default_factory=Counter)
    autonomies: Counter[Autonomy] = field(default_factory=Counter)
    actors: Counter[str] = field(default_factory=Counter)
    first: str = ""
    last: str = ""
    asked_later: bool = False

    def add(self, finding: Sighting) -> None:
        """One more."""
        self.certainties[finding.certainty] += 1
        self.autonomies[finding.autonomy] += 1
        self.asked_later |= bool(finding.asks_at)
        self.actors[finding.actor] += 1
        if finding.event_time:
            self.first = min(self.first or finding.event_time, finding.event_time)
            self.last = max(self.last, finding.event_time)

    def would(self) -> Iterator[str]:
        """What the guard would do, the most first; `ask later`: if a preparation still stands."""
        for autonomy in sorted(self.autonomies, reverse=True):
            if autonomy is Autonomy.OBSERVE and self.asked_later:
                yield "ask later"
            yield autonomy.label


@dataclass(slots=True)
class Summary:
    """The summary of a running replay; its size depends on the findings, not on the history."""

    controls: dict[str, OfControl] = field(default_factory=dict)
    read: int = 0
    skipped: Counter[Skip] = field(default_factory=Counter)
    unreadable: int = 0
    findings: int = 0
    repeated: int = 0
    exempted: int = 0
    _told: dict[int, None] = field(default_factory=dict)
    _file: str = ""
    _lines: int = 0

    def add(self, name: str, tally: Tally) -> tuple[list[Sighting], list[str]]:
        """Adds the tally of a portion of a file. Returns new findings, and problems."""
        if name != self._file:
            self._file, self._lines = name, 0
        problems = [said(name, problem, self._lines) for problem in tally.problems]
        if tally.unreadable > PROBLEMS_TOLD:
            problems.append(f"{name}: and {tally.unreadable - PROBLEMS_TOLD} more like these")
        self._lines += tally.lines
        self.read += tally.read
        self.skipped.update(tally.skipped)
        self.unreadable += tally.unreadable
        fresh = [finding for finding in tally.findings if self._is_new(finding)]
        for finding in fresh:
            self.findings += 1
            self.exempted += finding.exempted
            self.controls.setdefault(finding.control, OfControl()).add(finding)
        return fresh, problems

    def _is_new(self, finding: Sighting) -> bool:
        """Whether this is the first delivery: two trails log the same event, and so do copies."""
        key = hash((finding.event_id, finding.control, finding.resource))
        if key in self._told:
            self.repeated += 1
            return False
        if len(self._told) >= _REMEMBERED:
            del self._told[next(iter(self._told))]
        self._told[key] = None
        return True

    def table(self, width: int) -> Table:
        """One row a control, those with most evident findings first: a line, or two if narrow."""
        wide = width >= _WIDE
        table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
        table.add_column("control", min_width=max(map(len, self.controls), default=0))
        table.add_column("would")
        table.add_column("evident", justify="right", no_wrap=True)
        table.add_column("possible", justify="right", no_wrap=True)
        for column in ("first", "last", "by") if wide else ("first, last",):
            table.add_column(column, min_width=2 if column == "by" else 16)
        for control, found in sorted(self.controls.items(), key=_rank):
            evident, possible = (
                found.certainties[certainty]
                for certainty in (Certainty.EVIDENT, Certainty.POSSIBLE)
            )
            who, first, last = _top(found.actors), _minute(found.first), _minute(found.last)
            table.add_row(
                Text(control if wide else f"{control}\n  by {who}"),
                Text(", ".join(found.would())),
                Text(str(evident), "red" if evident else ""),
                Text(str(possible)),
                *map(Text, (first, last, who) if wide else (f"{first}\n{last}",)),
            )
        return table

    def counts(self) -> str:
        """What was read and what was not looked at, in one line."""
        why = ", ".join(
            f"{self.skipped[reason]:,} {reason}" for reason in Skip if self.skipped[reason]
        )
        skipped = f"{self.skipped.total():,} skipped" + (f" ({why})" if why else "")
        more = ""
        if self.repeated:
            more += f"; {self.repeated:,} delivered again and told once"
        if self.exempted:
            more += f"; {self.exempted:,} exempted by the policy"
        return (
            f"{self.read:,} records read, {skipped}, {self.unreadable:,} unreadable; "
            f"{self.findings:,} findings{more}"
        )


def line(finding: Sighting) -> str:
    """A finding as a line of JSON."""
    return json.dumps(
        {
            "event_id": finding.event_id,
            "event_time": finding.event_time,
            "event_name": finding.event_name,
            "control": finding.control,
            "resource": finding.resource,
            "certainty": finding.certainty.value,
            "autonomy": finding.autonomy.label,
            **({"asks_at": finding.asks_at} if finding.asks_at else {}),
        }
    )


def said(name: str, problem: Problem, lines_before: int) -> str:
    """A problem with its place: `trail.jsonl: line 7, record 2: what is wrong`."""
    place = [name]
    if problem.line:
        inner = f"line {lines_before + problem.line}"
        place.append(f"{inner}, record {problem.record}" if problem.record else inner)
    return ": ".join((*place, problem.what))


def _rank(item: tuple[str, OfControl]) -> tuple[int, int, str]:
    control, found = item
    evident, possible = found.certainties[Certainty.EVIDENT], found.certainties[Certainty.POSSIBLE]
    return -evident, -possible, control


def _top(actors: Counter[str]) -> str:
    ranked = sorted(actors.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{name} ({count})" if count > 1 else name for name, count in ranked[:_ACTORS]]
    more = len(ranked) - _ACTORS
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def together(parts: Iterable[str]) -> str:
    """Lines, as one text."""
    return "".join(f"{part}\n" for part in parts)
