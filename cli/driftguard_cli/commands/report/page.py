"""Writes a report as one HTML page that loads nothing, runs nothing, prints, and fits a phone.

Names in an account are chosen by others: the template escapes every text, and `plain` takes out
what would turn text around. Charts are drawn beside the figures that they show, so that whoever
does not see them misses nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from driftguard.documents import moment, plain

from ...decisions import status_in_words
from ..audit.shared import counted
from ..exempt import Listed
from . import figures
from .compliance import in_order
from .figures import Bar, Times, duration, name_of
from .model import Report

# What is shown of long lists; CSV and JSON have all.
_DECISIONS, _UNREAD, _CONTROLS = 500, 200, 12
_HERE = Path(__file__).parent


def as_html(report: Report) -> str:
    """Return the page."""
    style = (_HERE / "style.css").read_text("utf-8").replace("\n", "")
    template = _environment().get_template("page.html.jinja")
    return (
        template.render(
            title="Driftguard report",
            style=style,
            policy_of_content=content_policy(style),
            version=version("driftguard"),
            facts=_facts(report),
            sections=_sections(report),
            tiles=_tiles(report),
            policy=report.policy,
            why_no_record=report.why_no_record,
            compliance=_compliance(report),
            exemptions=_exemptions(report),
            **_now(report),
            **_decided(report),
        )
        + "\n"
    )


def content_policy(style: str) -> str:
    """The page's own style by its hash, and nothing else; not even a form."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'none'; base-uri 'none'"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_as_shown,
        trim_blocks=False,
    )
    made.filters |= {
        "slug": lambda name: name.replace(" ", "-"),
        "named": name_of,
        "minute": _minute,
        "stands": status_in_words,
        "share": lambda part: f"{part:.0%}",
        "of_hundred": lambda part: round(100 * min(1.0, max(0.0, part)), 1),
    }
    return made


def _as_shown(value: object) -> object:
    """A text that others may have chosen as it may be shown; markup of the template as it is."""
    return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


# ---------------------------------------------------------------------------------- charts


class Part(NamedTuple):
    """A part of a bar, 0 to 100 from its start."""

    name: str
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A row of a chart: its name, its figures, and its bar."""

    name: str
    counts: tuple[int, ...]
    drawn: tuple[Part, ...]


def drawn(bars: Iterable[Bar]) -> list[Drawn]:
    """Return the bars to one scale, on which the longest is 100."""
    bars = list(bars)
    most = max((bar.total for bar in bars), default=0) or 1
    return [
        Drawn(bar.name, tuple(count for _, count in bar.parts), tuple(_parts(bar, most)))
        for bar in bars
    ]


def _parts(bar: Bar, most: int) -> Iterable[Part]:
    begun = 0
    for name, count in bar.parts:
        if count:
            yield Part(name, round(100 * begun / most, 2), round(100 * count / most, 2))
        begun += count


def _bars(rows: Iterable[tuple[str, int]]) -> list[Drawn]:
    return drawn(Bar(name, (("all", count),)) for name, count in rows)


# --------------------------------------------------------------------------------- the parts


class Tile(NamedTuple):
    """A figure and what it says."""

    figure: str
    says: str
    bad: bool = False


def _facts(report: Report) -> list[tuple[str, str]]:
    facts = [("Made", f"{_minute(report.made)} UTC"), ("Policy", report.policy)]
    if report.swept:
        accounts = sorted({account for account, _ in report.swept.places})
        regions = sorted({region for _, region in report.swept.places})
        facts += [("Accounts", ", ".join(accounts)), ("Regions", ", ".join(regions))]
    if report.recorded:
        facts += [("Decided", f"{report.recorded.since[:10]} to {report.recorded.until[:10]}")]
    return facts


def _sections(report: Report) -> list[tuple[str, str]]:
    sections = [("now", "Risky now")] if report.swept else []
    sections += [("decided", "What was decided")]
    if report.recorded and report.recorded.contained:
        sections += [("contained", "Contained now")]
    sections += [("trust", "Trust")] if report.recorded else []
    sections += [("accepted", "Accepted risks"), ("compliance", "Compliance")]
    if report.swept and report.swept.unread:
        sections += [("unread", "What could not be read")]
    return sections


def _tiles(report: Report) -> list[Tile]:
    tiles = []
    if report.swept:
        severe = sum(name_of(risk.severity) in ("critical", "high") for risk in report.risks)
        tiles += [
            Tile(f"{len(report.risks):,}", "risks now"),
            Tile(f"{severe:,}", "of them critical or high", severe > 0),
        ]
    tiles += [Tile(f"{len(report.exemptions):,}", "exemptions in force")]
    if report.recorded:
        took = figures.times(report.decisions).all
        requests = figures.answers(report.decisions).total
        days = len(figures.asks_a_day((), report.recorded.since, report.recorded.until))
        tiles += [
            Tile(f"{len(report.decisions):,}", "decisions"),
            Tile(f"{len(took):,}", "reverts of known time"),
            Tile(duration(figures.percentile(took, 0.5)), "from change to revert, half of them"),
            Tile(duration(figures.percentile(took, 0.95)), "from change to revert, 95 of 100"),
            Tile(f"{requests / days:.1f}", "approval requests a day"),
        ]
    return tiles


def _now(report: Report) -> dict[str, object]:
    services = figures.by_service(report.risks)
    unread = report.swept.unread if report.swept else ()
    return {
        "swept": report.swept,
        "risks": report.risks,
        "exempted": report.exempted,
        "severities": drawn(figures.by_severity(report.risks)),
        "services": drawn(services),
        "service_parts": [name for name, _ in services[0].parts] if services else [],
        "unread": unread[:_UNREAD],
        "failed_reads": counted(len(unread), "read"),
        "unread_caption": _capped("Reads that failed", len(unread), _UNREAD, "JSON has all"),
    }


def _decided(report: Report) -> dict[str, object]:
    recorded, decisions = report.recorded, report.decisions
    took, answers = figures.times(decisions), figures.answers(decisions)
    of_days = figures.asks_a_day(decisions, recorded.since, recorded.until) if recorded else []
    most = max((count for _, count in of_days), default=0)
    by_control = figures.most_controls(decisions)
    more = len(by_control) - _CONTROLS
    return {
        "recorded": recorded,
        "decisions": decisions[:_DECISIONS],
        "decisions_caption": _capped("Decisions, newest first", len(decisions), _DECISIONS),
        "acts": report.acts,
        "statuses": _bars((status.value, count) for status, count in figures.by_status(decisions)),
        "control_bars": _bars(by_control[:_CONTROLS]),
        "more_controls": f", the {_CONTROLS} with the most of {len(by_control)}" * (more > 0),
        "times": took,
        "left_out": _left_out(took),
        "time_bars": drawn(took.distribution()),
        "percentiles": [
            _percentiles("all", took.all),
            _percentiles("by itself", took.by_itself),
            _percentiles("after votes", took.after_votes),
        ],
        "answers": answers,
        "answer_bars": _bars(answers.as_rows()),
        "asks": [
            {"day": day, "count": count, "height": round(96 * count / (most or 1), 1)}
            for day, count in of_days
        ],
        "most_asks": most,
        "asks_in_words": (
            f"{answers.total} approval requests in {len(of_days)} days, at most {most} on one day."
        ),
        "trust": recorded.trust if recorded else (),
    }


def _left_out(took: Times) -> str:
    """What the figures on times leave out, and why; "" for nothing."""
    parts = []
    if took.unknown:
        parts.append(
            f"{counted(took.unknown, 'revert')} of what a sweep found, changed at an unknown time"
        )
    if took.already:
        parts.append(f"{counted(took.already, 'resource')} that had become safe by other means")
    return "; ".join(parts)


def _capped(caption: str, there_are: int, shown: int, all_in: str = "CSV and JSON have all") -> str:
    return f"{caption}: {shown} of {there_are:,}; {all_in}" if there_are > shown else caption


def _percentiles(name: str, some: Sequence[float]) -> dict[str, object]:
    return {
        "name": name,
        "number": len(some),
        "p50": duration(figures.percentile(some, 0.5)),
        "p95": duration(figures.percentile(some, 0.95)),
    }


def _exemptions(report: Report) -> list[dict[str, object]]:
    listed = sorted(report.exemptions, key=lambda one: (one.exemption.until, one.exemption.control))
    return [_exemption(one, report.made) for one in listed]


def _exemption(listed: Listed, made: str) -> dict[str, object]:
    exemption = listed.exemption
    ends, now = moment(exemption.until), moment(made)
    narrowed = [exemption.actor] * (exemption.actor != "*")
    narrowed += [f"{name}={value}" for name, value in exemption.tags.items()]
    return {
        "until": exemption.until,
        "days": (ends - now) // timedelta(days=1) if ends and now else "",
        "control": exemption.control,
        "resource": exemption.resource,
        "only_for": ", ".join(narrowed),
        "reason": exemption.reason,
        "by": exemption.by or listed.source,
    }


def _compliance(report: Report) -> list[dict[str, object]]:
    every = figures.standings(report)
    cis = sorted(
        (one for one in every if one.requirement.cis.v5),
        key=lambda one: in_order(one.requirement.cis.v5[0]),
    )
    touched = [
        one
        for one in every
        if one not in cis and (one.risky or one.exempted or one.decided or one.unread)
    ]
    groups: list[dict[str, object]] = [
        {
            "id": "cis",
            "caption": "Requirements of the CIS AWS Foundations Benchmark",
            "cis": True,
            "rows": cis,
        }
    ]
    if touched:
        groups.append(
            {
                "id": "hub",
                "caption": f"Other controls of Security Hub with something to tell, of "
                f"{len(every) - len(cis)} that Driftguard's controls name",
                "cis": False,
                "rows": touched,
            }
        )
    return groups
