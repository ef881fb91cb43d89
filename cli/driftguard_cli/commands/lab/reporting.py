"""Reports to a person what the lab is doing and what stopped it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.status import Status

from ...terminal import Console
from .house import Tell
from .interruptions import Interrupted, interruptible


@contextmanager
def interruptions_told() -> Iterator[None]:
    """A signal ends the command with a word, and with the exit code that shells expect."""
    try:
        with interruptible():
            yield
    except Interrupted as interrupted:
        Console(stderr=True).print(f"Stopped by {interrupted}; everything is taken down again.")
        raise typer.Exit(interrupted.exit_code) from interrupted


@contextmanager
def progress(console: Console) -> Iterator[Tell]:
    """Shows what is being done, and how long each thing took. Saying "" ends the last one."""
    began = time.monotonic()
    doing = ""

    with Status("", console=console) as status:

        def tell(now: str) -> None:
            nonlocal began, doing
            if doing:
                console.print(f"[green]✓[/] {doing} [dim]{time.monotonic() - began:.1f} s[/]")
            began, doing = time.monotonic(), now
            status.update(f"{now} …")
            (status.start if now else status.stop)()

        yield tell
