"""Reads a history's options: the window, the policy; shows how far the reading is."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from driftguard.policy.compiled import from_compiled
from driftguard.policy.model import Policy

from ... import checkout
from ...errors import Trouble
from ...policy_file import loader
from ...terminal import Console
from .origins import size_of
from .window import Window

_POLICY = Path("policies/guard.yaml")


def window_of(since: str, until: str) -> Window:
    """The window of two options. Raises `Trouble` for what is no date or time."""
    try:
        return Window.between(since, until)
    except ValueError as error:
        raise Trouble(
            f"{error}: write a day (2026-11-24) or a time (2026-11-24T18:00:00Z), ISO 8601."
        ) from error


def policy_of(given: Path | None) -> Policy:
    """The policy of a file; else of the folder we are in, or of the checkout this runs from."""
    path = given or (_POLICY if _POLICY.exists() else checkout.OWN / _POLICY)
    try:
        return from_compiled(loader.read(path))
    except loader.PolicyError as error:
        raise Trouble(str(error)) from error


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
