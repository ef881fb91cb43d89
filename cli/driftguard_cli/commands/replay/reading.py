"""What commands on a history share: their options, the window, how far the reading is."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ...errors import Misuse
from ...terminal import Console
from .origins import size_of
from .window import Window

SinceOption = Annotated[str, typer.Option(help="Only events from this day or time on (UTC).")]
UntilOption = Annotated[
    str, typer.Option(help="Only events up to this day or time, included (UTC).")
]
OwnRoleOption = Annotated[
    list[str] | None,
    typer.Option(metavar="ARN", help="The remediator's role, whose calls are skipped."),
]
ProcessesOption = Annotated[
    int, typer.Option(min=0, help="How many processes judge; 0: one per processor.")
]


def window_of(since: str, until: str) -> Window:
    """The window of two options. Raises `Misuse` for what is no date or time."""
    try:
        return Window.between(since, until)
    except ValueError as error:
        raise Misuse(
            f"{error}: write a day (2026-11-24) or a time (2026-11-24T18:00:00Z), ISO 8601."
        ) from error


@contextlib.contextmanager
def progress(history: list[str], window: Window) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while somebody watches; nothing otherwise."""
    if not sys.stderr.isatty():
        yield lambda size: None
        return
    sizes = [size_of(source, window) for source in history]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    columns = (TextColumn("replaying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)
