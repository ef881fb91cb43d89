"""`driftguard approve|deny|keep`: answering a question under one's own IAM identity.

What is approved or denied is the remedy that was proposed, not the change: `approve` reverts the
change, `deny` lets it stand, `keep` lets it stand for a while without asking again.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from driftguard.messages.sns import as_text
from driftguard.model import Json, Status, Verdict
from driftguard.policy.source import seconds_in

from .console import ask
from .stack import JsonOption, Stack, StackOption
from .trouble import Trouble

DecisionArgument = Annotated[str, typer.Argument(help="The decision's id: dg-…")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


def approve(
    decision: DecisionArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Approve the remedy: the change is reverted.

    Exits 1 if the answer does not count, with the reason.

    Example: driftguard approve dg-91ab… --reason "nobody ordered this"
    """
    question = "Approve the remedy, so that the change is REVERTED?"
    _answer(stack, decision, Verdict.REVERT, question, reason=reason, yes=yes, as_json=as_json)


def deny(
    decision: DecisionArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Deny the remedy: the change stands. Another change of the resource is asked about again.

    Exits 1 if the answer does not count, with the reason.

    Example: driftguard deny dg-91ab… --reason "the vendor's address"
    """
    question = "Deny the remedy, so that the change STANDS?"
    _answer(stack, decision, Verdict.KEEP, question, reason=reason, yes=yes, as_json=as_json)


def keep(
    decision: DecisionArgument,
    length: Annotated[
        str, typer.Option("--for", help="For how long: 12h, 7d. Nothing is asked meanwhile.")
    ],
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Deny the remedy and exempt the resource from this control for a while: the change stands.

    Exits 1 if the answer does not count, with the reason.

    Example: driftguard keep dg-91ab… --for 7d --reason "a launch"
    """
    try:
        seconds = seconds_in(length)
    except ValueError as error:
        raise Trouble(f"--for: {error}.") from error
    question = f"Let the change STAND, and this resource be EXEMPT from the control for {length}?"
    _answer(
        stack,
        decision,
        Verdict.KEEP,
        question,
        reason=reason,
        yes=yes,
        as_json=as_json,
        more={"keep_for_seconds": seconds},
    )


def _answer(
    stack: str,
    decision: str,
    verdict: Verdict,
    question: str,
    *,
    reason: str,
    yes: bool,
    as_json: bool,
    more: dict[str, Json] | None = None,
) -> None:
    """Shows the decision, asks, and answers for the state that was shown."""
    deployed = Stack.named(stack)
    found = deployed.audit.get(decision)
    if found is None:
        raise Trouble(
            f"There is no decision {decision}. `driftguard audit list --status asked` names those "
            "that wait for an answer."
        )
    if not yes:
        Console(stderr=True, highlight=False).print(as_text(found), markup=False)
        if found.status is Status.ASKED and not typer.confirm(f"\n{question}", err=True):
            raise Trouble("Nothing was answered.")
    said: dict[str, Json] = {
        "decision": decision,
        "verdict": verdict.value,
        "fingerprint": found.before,
        "reason": reason,
        **(more or {}),
    }
    told = ask(deployed, "/answer", said)
    if as_json:
        typer.echo(json.dumps({"decision": decision, "verdict": verdict.value, **told}, indent=2))
    else:
        Console(highlight=False).print(str(told["text"]), markup=False)
    if not told["counted"]:
        raise typer.Exit(1)
