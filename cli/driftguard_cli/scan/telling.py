"""A verdict, told to people: a table of what is minded, what was let pass, and one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftguard.advisories.severity import Severity
from driftguard.inventory.troubles import printable
from driftguard.model import Document
from driftguard.trail import text

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
    """All that a person wants to know; `policy` is where the terms are from."""
    if verdict.minded:
        console.print(_minded(verdict.minded))
    if verdict.exposures and verdict.exposures.found:
        console.print(_exposed(verdict))
    if verdict.accepted:
        console.print(_accepted(verdict.accepted))
    _lines(console, "could not be checked", "yellow", verdict.unknown)
    oddities = (one for one in verdict.subject.inventory.oddities if one not in verdict.unknown)
    _lines(console, "odd", "dim", oddities)
    line = Text(verdict.outcome.value, style=_OUTCOMES[verdict.outcome])
    console.print(
        line.append(f": {summary(verdict, policy)}", style="not bold default"), soft_wrap=True
    )


def summary(verdict: Verdict, policy: str) -> str:
    """The closing line, without the outcome."""
    packages = {(text(one, "package"), text(one, "version")) for one in verdict.minded}
    count = len(verdict.subject.inventory.items)
    said = [
        f"{printable(verdict.subject.name)} holds {_number(count, 'package')}",
        f"{len(packages):,} of them insecure by {_number(len(verdict.minded), 'advisory')}"
        if verdict.minded
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
    terms = f"minded from severity {settings.min_severity} on{fixed}; policy: {policy}"
    return f"{', '.join(said)} ({terms})"


def _number(count: int, thing: str) -> str:
    things = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{count:,} {thing if count == 1 else things}"


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _minded(minded: Iterable[Document]) -> Table:
    """One row an advisory, those of a package together; the worst package first."""
    table = _table("package", "version", "severity", "advisory", "fixed in", "where")
    for package, version, ones in _by_package(minded):
        for number, one in enumerate(ones):
            table.add_row(
                _plain("" if number else package),
                _plain("" if number else version),
                _severity(one),
                _plain(_few(_strings(one, "ids"), _IDS)),
                _plain(_few(_strings(one, "fixed_in"), _IDS)),
                _plain("" if number else _few(_strings(one, "places"), 1)),
            )
    return table


def _by_package(found: Iterable[Document]) -> Iterator[tuple[str, str, list[Document]]]:
    ranks: dict[tuple[str, str], int] = {}
    every = list(found)
    for one in every:
        ranks.setdefault((text(one, "package"), text(one, "version")), len(ranks))
    every.sort(key=lambda one: ranks[text(one, "package"), text(one, "version")])
    for (package, version), ones in groupby(
        every, key=lambda one: (text(one, "package"), text(one, "version"))
    ):
        yield package, version, list(ones)


def _exposed(verdict: Verdict) -> Table:
    table = _table("secret", "where")
    for one in verdict.exposures.found if verdict.exposures else ():
        named = f"{one.kind} of {one.key_id}" if one.key_id else one.kind
        table.add_row(Text(named, "red"), _plain(one.place))
    return table


def _accepted(accepted: Iterable[Accepted]) -> Table:
    table = _table("allowed", "package", "version", "until", "because")
    for one in accepted:
        table.add_row(
            _plain(one.by["id"]),
            _plain(text(one.finding, "package")),
            _plain(text(one.finding, "version")),
            _plain(str(one.by["until"])),
            _plain(one.by["reason"]),
        )
    return table


def _severity(one: Document) -> Text:
    severity = points(one)
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


def _strings(one: Document, name: str) -> list[str]:
    value = one.get(name)
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []


def _plain(words: str) -> Text:
    """A text of others', as it can be shown."""
    return Text(printable(words))
