"""Votes on an approval request, sent under the caller's own IAM identity.

The commands `approve`, `deny` and `accept` share this. People vote on the remediation that was
proposed, not on the change.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from driftguard.approvals.rules import is_open, shown
from driftguard.channels.message.text import as_text
from driftguard.documents import Json
from driftguard.model import Choice

from .errors import Trouble
from .signed_request import ask
from .stack import Stack
from .terminal import Console

ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


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
        except Trouble as error:
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
    said: dict[str, Json] = {
        "decision": decision,
        "choice": choice.value,
        "fingerprint": shown(found),
        "reason": reason,
    }
    if accept_for_seconds is not None:
        said["accept_for_seconds"] = accept_for_seconds
    reply = ask(deployed, "/answer", said)
    if as_json:
        typer.echo(json.dumps({"decision": decision, "choice": choice.value, **reply}, indent=2))
    else:
        Console(highlight=False).print(str(reply["text"]), markup=False)
    if not reply["counted"]:
        raise typer.Exit(1)
