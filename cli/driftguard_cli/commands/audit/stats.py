"""`driftguard audit stats`: draws in the terminal what was decided per day and control."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated

import typer
from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from driftguard.audit.queries import Finder, Usage, outcomes
from driftguard.model import Status

from ...aws_options import on_aws
from ...stack import JsonOption, Stack, StackOption
from .shared import COLOR, console, now

_WIDTH = 40


@on_aws
def stats(
    days: Annotated[int, typer.Option(min=1, max=400, help="How many days, today included.")] = 14,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Draw what was decided per day and per control. Reads the index by day alone.

    Exits 0 also where nothing was decided.

    Example: driftguard audit stats --days 30
    """
    today = now().date()
    wanted = [(today - timedelta(days=back)).isoformat() for back in reversed(range(days))]
    per_day: dict[str, Counter[str]] = {day: Counter() for day in wanted}
    per_control: dict[str, Counter[str]] = {}
    finder = Finder(Stack.named(stack).audit, Usage())
    for day, control, status in outcomes(finder, wanted):
        per_day[day][status] += 1
        per_control.setdefault(control, Counter())[status] += 1
    ranked = dict(sorted(per_control.items(), key=lambda pair: (-pair[1].total(), pair[0])))
    if as_json:
        document = {
            "days": [{"day": day, "statuses": counts} for day, counts in per_day.items()],
            "controls": [
                {"control": control, "statuses": counts} for control, counts in ranked.items()
            ],
        }
        typer.echo(json.dumps(document, indent=2))
        return
    if not ranked:
        console.print(f"No decisions in the last {days} days.")
        return
    console.print(_chart("day", per_day))
    console.print()
    console.print(_chart("control", ranked))


def _chart(what: str, rows: Mapping[str, Counter[str]]) -> Table:
    most = max(counts.total() for counts in rows.values())
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(what, no_wrap=True)
    table.add_column("", width=_WIDTH)
    table.add_column("all", justify="right")
    table.add_column("of these", overflow="fold")
    for name, counts in rows.items():
        bar = Bar(most, 0, counts.total(), width=_WIDTH, color="blue")
        table.add_row(Text(name), bar, str(counts.total()), _said(counts.most_common()))
    return table


def _said(counts: Iterable[tuple[str, int]]) -> Text:
    text = Text()
    for status, count in counts:
        text.append(f"{count} {status}  ", COLOR.get(Status(status), ""))
    return text
