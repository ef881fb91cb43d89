"""`driftguard confirm`: agrees to an act that somebody proposed and others must confirm."""

from __future__ import annotations

import json

import typer

from driftguard.channels.wording import said as call_in_words
from driftguard.documents import text
from driftguard.model import Status

from ..aws_options import on_aws
from ..decisions import DecisionArgument
from ..errors import Trouble
from ..stack import JsonOption, Stack, StackOption
from ..terminal import Console
from ..votes import ReasonOption, YesOption, confirmed


@on_aws
def confirm(
    decision: DecisionArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Agree to an exemption, freeze, undo or other act that somebody proposed, as it is shown.

    An act that accepts changes needs as many people as approving such a change
    would. Of an undo, the calls are shown that put the resource back.
    `driftguard audit list --status proposed` names those that wait.

    Exits 1 if it does not count, with the reason.

    Example: driftguard confirm dg-77aa… --reason "the vendor is expected"
    """
    deployed = Stack.to_change(stack)
    found = deployed.audit.get(decision)
    if found is None or found.status is not Status.PROPOSED:
        raise Trouble(
            f"{decision} is no proposed act. `driftguard audit list --status proposed` names them."
        )
    if not yes:
        by, said = found.actor.session, json.dumps(found.state["said"], indent=2)
        shown = f"{found.title}\n{found.summary}\nproposed by {by}: {found.reason}\n{said}"
        for step in found.plan.steps:
            shown += f"\nwould do: {call_in_words(step.call)}"
        Console(stderr=True, highlight=False).print(shown, markup=False)
        if not typer.confirm(f"\nAgree to this {text(found.state, 'kind')}?", err=True):
            raise Trouble("Nothing was confirmed.")
    reply = confirmed(deployed, decision, found.before, reason)
    if as_json:
        typer.echo(json.dumps({"decision": decision, **reply}, indent=2))
    else:
        Console(highlight=False).print(str(reply["text"]), markup=False)
    if not reply["counted"]:
        raise typer.Exit(1)
