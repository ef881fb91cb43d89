"""Acts of people on the guard itself, which the stack's signed API carries out.

The signed API checks who is calling. It writes the act and its effect in one transaction, as a
decision of `driftguard.operator`, which `driftguard audit list` shows like any other.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from driftguard import controls
from driftguard.controls.control import AnyControl
from driftguard.documents import Document, Json
from driftguard.model import Status

from .errors import Misuse
from .policy_file.schema.names import control_ids, nearest
from .signed_request import ask
from .stack import Stack
from .terminal import Console

ControlArgument = Annotated[str, typer.Argument(help="The control's id.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


def act(deployed: Stack, kind: str, as_json: bool, **said: Json) -> bool:
    """Sends an act to the signed API and prints the answer; whether it is done, and not proposed.

    Exits 1 if the act was refused.
    """
    reply = requested(deployed, kind, **said)
    if as_json:
        typer.echo(json.dumps({"act": kind, **reply}, indent=2))
    else:
        Console(highlight=False).print(str(reply["text"]), markup=False)
    if not reply["counted"]:
        raise typer.Exit(1)
    return reply["status"] != Status.PROPOSED.value


def requested(deployed: Stack, kind: str, **said: Json) -> Document:
    """Sends an act to the signed API; returns its answer."""
    return ask(deployed, "/act", {"act": kind, **said})


def known_control(control: str) -> AnyControl:
    """Return the control of this id. Raises `Misuse` if there is none."""
    try:
        return controls.control(control)
    except controls.UnknownControl as error:
        near = nearest(control, control_ids())
        end = "" if near.endswith("?") else "."
        raise Misuse(
            f"There is no control `{control}`{near}{end} `driftguard controls` lists them."
        ) from error
