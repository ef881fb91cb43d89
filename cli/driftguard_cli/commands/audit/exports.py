"""`driftguard audit export`: writes decisions as JSON Lines, CSV or OCSF."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from driftguard.audit.queries import Finder, Usage, plan
from driftguard.documents import plain
from driftguard.model import Decision

from ...aws_options import on_aws
from ...decisions import as_json_whole
from ...stack import Stack, StackOption
from ...terminal import Console
from .ocsf import detection_finding
from .shared import (
    AccountOption,
    ActorOption,
    ControlOption,
    RegionOption,
    ResourceOption,
    SeverityOption,
    SinceOption,
    StatusOption,
    UntilOption,
    counted,
    filters_of,
)

_COLUMNS = (
    *("decision", "decided", "updated", "status", "severity", "control", "title", "summary"),
    *("reason", "account", "region", "resource", "actor", "actor_session", "source"),
    *("change_name", "change_time", "calls", "version", "head"),
)
# A spreadsheet takes a cell that starts so for a formula, and an attacker chooses names.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


class Format(StrEnum):
    """The formats of the export."""

    JSONL = "jsonl"
    CSV = "csv"
    OCSF = "ocsf"


@on_aws
def export(
    format_: Annotated[
        Format, typer.Option("--format", help="JSON Lines, CSV, or OCSF detection findings.")
    ] = Format.JSONL,
    since: SinceOption = "",
    until: UntilOption = "",
    days: Annotated[
        int, typer.Option(help="How many days back, today included; 7 where nothing is filtered.")
    ] = 0,
    account: AccountOption = "",
    region: RegionOption = "",
    resource: ResourceOption = "",
    actor: ActorOption = "",
    control: ControlOption = "",
    status: StatusOption = "",
    min_severity: SeverityOption = 0,
    to: Annotated[Path | None, typer.Option(help="The file to write; standard output if none.")] = (
        None
    ),
    stack: StackOption = "driftguard",
) -> None:
    """Write decisions for other tools, oldest first, each as soon as it is read.

    Exits 1 if the record could not be read to its end; what was written so far is valid.

    Example: driftguard audit export --format ocsf --since 2026-11-01 --to findings.jsonl
    """
    filters = filters_of(
        since=since,
        until=until,
        account=account,
        region=region,
        resource=resource,
        actor=actor,
        control=control,
        status=status,
        min_severity=min_severity,
        days=days,
    )
    finder = Finder(Stack.named(stack).audit, Usage())
    found = finder.decisions(filters, plan(filters, newest_first=False))
    opened = to.open("w", encoding="utf-8", newline="") if to else nullcontext(sys.stdout)
    with opened as out:
        count = _WRITERS[format_](found, out)
    if to:
        Console(stderr=True, highlight=False).print(
            f"{counted(count, 'decision')} written to {to}", markup=False
        )


def _jsonl(decisions: Iterable[Decision], out: TextIO) -> int:
    return _lines((as_json_whole(decision) for decision in decisions), out)


def _ocsf(decisions: Iterable[Decision], out: TextIO) -> int:
    return _lines((detection_finding(decision) for decision in decisions), out)


def _lines(values: Iterable[object], out: TextIO) -> int:
    count = 0
    for value in values:
        out.write(json.dumps(value, separators=(",", ":")) + "\n")
        count += 1
    return count


def _csv(decisions: Iterable[Decision], out: TextIO) -> int:
    writer = csv.DictWriter(out, _COLUMNS, extrasaction="ignore")
    writer.writeheader()
    count = 0
    for decision in decisions:
        document = as_json_whole(decision)
        calls = document["calls"]
        assert isinstance(calls, list)
        row = document | {
            "change_name": decision.change_name,
            "change_time": decision.change_time,
            "calls": "; ".join(calls),
        }
        writer.writerow({name: cell(row[name]) for name in _COLUMNS})
        count += 1
    return count


def cell(value: object) -> object:
    """Return a value as a spreadsheet shows it: a text never acts as a formula."""
    if not isinstance(value, str):
        return value
    shown = plain(value)
    return "'" + shown if shown.lstrip().startswith(_FORMULA) else shown


_WRITERS: dict[Format, Callable[[Iterable[Decision], TextIO], int]] = {
    Format.JSONL: _jsonl,
    Format.CSV: _csv,
    Format.OCSF: _ocsf,
}
