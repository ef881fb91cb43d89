"""Prints a verdict for people: tables of flagged and accepted findings, and one closing line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.text import Text

from driftguard.analysis.advisories.severity import Severity
from driftguard.analysis.inventory.troubles import printable
from driftguard.documents import Document, text

from ...rows import Rows
from ...terminal import Console
from .verdict import Accepted, Outcome, Verdict, points

_STYLES = {
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "",
    "none": "",
    "unrated": "red",
}
_OUTCOMES = {Outcome.CLEAN: "green", Outcome.INSECURE: "bold red", Outcome.UNKNOWN: "yellow"}
# In full they are in the other formats.
_IDS = 3


def tell(verdict: Verdict, policy: str, console: Console) -> None:
    """Print a verdict; `policy` says where the settings are from."""
    if verdict.flagged:
        console.print(_flagged(verdict))
    if verdict.exposures and verdict.exposures.found:
        console.print(_exposed(verdict))
    if verdict.accepted:
        console.print(_accepted(verdict.accepted))
    _lines(console, "could not be checked", "yellow", verdict.unknown)
    oddities = (
        oddity for oddity in verdict.subject.inventory.oddities if oddity not in verdict.unknown
    )
    _lines(console, "odd", "dim", oddities)
    line = Text(verdict.outcome.value, style=_OUTCOMES[verdict.outcome])
    console.print(
        line.append(f": {summary(verdict, policy)}", style="not bold default"), soft_wrap=True
    )


def summary(verdict: Verdict, policy: str) -> str:
    """The closing line, without the outcome."""
    packages = {(text(finding, "package"), text(finding, "version")) for finding in verdict.flagged}
    count = len(verdict.subject.inventory.items)
    said = [
        f"{printable(verdict.subject.name)} holds {_number(count, 'package')}",
        f"{len(packages):,} of them insecure by {_number(len(verdict.flagged), 'advisory')}"
        if verdict.flagged
        else "none of them known to be insecure",
    ]
    if verdict.exposures:
        said.append(f"{_number(len(verdict.exposures.found), 'secret')} in the open")
        if verdict.exposures.allowed:
            said.append(f"{verdict.exposures.allowed:,} more allowed by a comment")
    if verdict.accepted:
        said.append(f"{len(verdict.accepted):,} allowed by name")
    if verdict.passed:
        said.append(f"{len(verdict.passed):,} let pass")
    if verdict.unknown:
        said.append(f"{_number(len(verdict.unknown), 'thing')} could not be checked")
    settings = verdict.judge.settings
    fixed = ", if fixed" if settings.fix_available else ""
    terms = f"flagged from severity {settings.min_severity} up{fixed}; policy: {policy}"
    return f"{', '.join(said)} ({terms})"


def _number(count: int, thing: str) -> str:
    things = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{count:,} {thing if count == 1 else things}"


def _flagged(verdict: Verdict) -> Rows:
    """One row an advisory, those of a package together; the worst package first."""
    rows = Rows(
        *("package", "version", "severity", "advisory", "fixed in", "where"),
        heading=("package", "version"),
        whole=("version", "severity"),
    )
    for package, version, ones in _by_package(verdict.flagged):
        for number, finding in enumerate(ones):
            rows.add(
                _plain("" if number else f"{package}{verdict.guess(finding)}"),
                _plain("" if number else version),
                _severity(finding),
                _plain(_few(_strings(finding, "ids"), _IDS)),
                _plain(_few(_strings(finding, "fixed_in"), _IDS)),
                _plain("" if number else _few(_strings(finding, "places"), 1)),
            )
    return rows


def _by_package(found: Iterable[Document]) -> Iterator[tuple[str, str, list[Document]]]:
    ranks: dict[tuple[str, str], int] = {}
    every = list(found)
    for finding in every:
        ranks.setdefault((text(finding, "package"), text(finding, "version")), len(ranks))
    every.sort(key=lambda finding: ranks[text(finding, "package"), text(finding, "version")])
    for (package, version), ones in groupby(
        every, key=lambda finding: (text(finding, "package"), text(finding, "version"))
    ):
        yield package, version, list(ones)


def _exposed(verdict: Verdict) -> Rows:
    rows = Rows("secret", "where", heading=("secret",))
    for exposed in verdict.exposures.found if verdict.exposures else ():
        named = f"{exposed.kind} of {exposed.key_id}" if exposed.key_id else exposed.kind
        rows.add(Text(named, "red"), _plain(exposed.place))
    return rows


def _accepted(accepted: Iterable[Accepted]) -> Rows:
    rows = Rows(
        *("allowed", "package", "version", "until", "because"),
        heading=("package", "version", "until"),
        whole=("version", "until"),
    )
    for entry in accepted:
        rows.add(
            _plain(entry.by["id"]),
            _plain(text(entry.finding, "package")),
            _plain(text(entry.finding, "version")),
            _plain(str(entry.by["until"])),
            _plain(entry.by["reason"]),
        )
    return rows


def _severity(finding: Document) -> Text:
    severity = points(finding)
    if severity is None:
        return Text("unrated", _STYLES["unrated"])
    label = Severity(severity, "").label
    return Text(f"{severity} {label}", _STYLES[label])


def _lines(console: Console, heading: str, style: str, lines: Iterable[str]) -> None:
    for line in lines:
        said = Text(f"{heading}: ", style).append(printable(line), style="default")
        console.print(said, soft_wrap=True)


def _few(words: list[str], most: int) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def _strings(finding: Document, name: str) -> list[str]:
    value = finding.get(name)
    return [str(member) for member in value] if isinstance(value, (list, tuple)) else []


def _plain(words: str) -> Text:
    """A text of others', as it can be shown."""
    return Text(printable(words))
