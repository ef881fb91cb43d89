"""Freezes on the command line: their scope, and the way around the stack's signed API.

The commands `freeze` and `unfreeze` share this.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from driftguard.documents import Document
from driftguard.state.keys import ALL

from .errors import Misuse
from .operator_requests import known_control
from .terminal import Console

OneControl = Annotated[str, typer.Option("--control", help="Only this control.")]
OneAccount = Annotated[str, typer.Option("--account", help="Only in this account.")]
DirectOption = Annotated[
    bool, typer.Option("--direct", help="Bypass the signed API: write to the state table directly.")
]


def freeze_scope(control: str, account: str) -> str:
    """Return the sort key of a freeze's state record. Raises `Trouble` for an invalid scope."""
    if control and account:
        raise Misuse("Freeze a control or an account; each is a freeze of its own.")
    if control:
        return f"control#{known_control(control).id}"
    if account and not (len(account) == 12 and account.isdigit()):
        raise Misuse(f"`{account}` is not an account's id, which has twelve digits.")
    return f"account#{account}" if account else ALL


def say_direct(kind: str, words: str, as_json: bool) -> None:
    """Says what was done around the signed API, in the shape of the signed API's own answers."""
    text = f"{words} The guard records it when it first meets it."
    if as_json:
        document: Document = {"act": kind, "counted": True, "text": text, "decision": None}
        typer.echo(json.dumps(document, indent=2))
    else:
        Console(highlight=False).print(text, markup=False)
