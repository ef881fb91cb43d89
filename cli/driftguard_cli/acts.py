"""What people do to the guard itself: asked of the stack's console, which records who did it.

The console checks who is calling and writes the act and its effect in one transaction: as a
decision of `driftguard.operator`, which `driftguard audit list` shows like any other.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from driftguard import controls
from driftguard.controls.control import AnyControl
from driftguard.model import Json

from .console import ask
from .stack import Stack
from .trouble import Trouble

ControlArgument = Annotated[str, typer.Argument(help="The control's id.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


def act(deployed: Stack, kind: str, as_json: bool, **said: Json) -> None:
    """Does it, and says what came of it; exit code 1 if it was refused."""
    told = ask(deployed, "/act", {"act": kind, **said})
    if as_json:
        typer.echo(json.dumps({"act": kind, **told}, indent=2))
    else:
        Console(highlight=False).print(str(told["text"]), markup=False)
    if not told["counted"]:
        raise typer.Exit(1)


def known_control(control: str) -> AnyControl:
    """The control of this id, or trouble for who named one that there is not."""
    try:
        return controls.control(control)
    except controls.UnknownControl as error:
        raise Trouble(f"{error}. `driftguard controls` lists them.") from error
