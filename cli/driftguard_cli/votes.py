"""Votes, undos and confirmations, sent under the caller's own IAM identity.

The commands `approve`, `deny`, `accept`, `undo`, `confirm`, `incident` and `console` share this.
People vote on the remediation that was proposed, not on the change.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from driftguard.approvals.rules import is_open, shown
from driftguard.aws.calls import AwsError
from driftguard.channels.message.text import as_text
from driftguard.documents import Document, Json
from driftguard.model import Choice

from .errors import Trouble
from .signed_request import ask
from .stack import Stack
from .terminal import Console

ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


def cast(
    deployed: Stack,
    decision: str,
    choice: Choice,
    fingerprint: str,
    *,
    reason: str,
    accept_for_seconds: int | None = None,
) -> Document:
    """Sends a vote on the state of this fingerprint; returns the signed API's answer."""
    said: dict[str, Json] = {
        "decision": decision,
        "choice": choice.value,
        "fingerprint": fingerprint,
        "reason": reason,
    }
    if accept_for_seconds is not None:
        said["accept_for_seconds"] = accept_for_seconds
    return ask(deployed, "/answer", said)


def confirmed(deployed: Stack, decision: str, fingerprint: str, reason: str) -> Document:
    """Agrees to a proposed act as this fingerprint shows it; returns the signed API's answer."""
    said: Document = {"decision": decision, "fingerprint": fingerprint, "reason": reason}
    return ask(deployed, "/confirm", said)


def contained(deployed: Stack, incident: str, fingerprint: str, reason: str) -> Document:
    """Answers an incident as this fingerprint shows it; returns the signed API's answer."""
    said: Document = {"incident": incident, "fingerprint": fingerprint, "reason": reason}
    return ask(deployed, "/contain", said)


def undo_requested(deployed: Stack, decision: str, reason: str) -> Document:
    """Asks for an undo under the caller's verified identity; returns the signed API's answer."""
    return ask(deployed, "/undo", {"decision": decision, "reason": reason})


def vote_on_all(
    stack: str,
    decisions: list[str],
    choice: Choice,
    confirmation: str,
    *,
    reason: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Votes on each of these decisions, on the state of each that was shown.

    A vote that was not sent or does not count keeps none of the others from being sent; then it
    exits 1.
    """
    named, refused = list(dict.fromkeys(decisions)), False
    for decision in named:
        try:
            vote(stack, decision, choice, confirmation, reason=reason, yes=yes, as_json=as_json)
        except typer.Exit:
            refused = True
        except (Trouble, AwsError) as error:
            if len(named) == 1:
                raise
            Console(stderr=True, highlight=False).print(f"{decision}: {error}", markup=False)
            refused = True
    if refused:
        raise typer.Exit(1)


def vote(
    stack: str,
    decision: str,
    choice: Choice,
    confirmation: str,
    *,
    reason: str,
    yes: bool,
    as_json: bool,
    accept_for_seconds: int | None = None,
) -> None:
    """Shows the decision, asks for confirmation, and votes on the state that was shown.

    Exits 1 if the vote does not count.
    """
    deployed = Stack.to_change(stack)
    found = deployed.audit.get(decision)
    if found is None:
        raise Trouble(
            f"There is no decision {decision}. `driftguard audit list --status asked` names those "
            "that wait for votes."
        )
    if not yes:
        Console(stderr=True, highlight=False).print(as_text(found), markup=False)
        if is_open(found) and not typer.confirm(f"\n{confirmation}", err=True):
            raise Trouble("No vote was sent.")
    reply = cast(
        deployed,
        decision,
        choice,
        shown(found),
        reason=reason,
        accept_for_seconds=accept_for_seconds,
    )
    if as_json:
        typer.echo(json.dumps({"decision": decision, "choice": choice.value, **reply}, indent=2))
    else:
        Console(highlight=False).print(str(reply["text"]), markup=False)
    if not reply["counted"]:
        raise typer.Exit(1)
