"""`driftguard undo`: takes a revert back."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from driftguard.approvals.rules import inverse
from driftguard.audit import Entry
from driftguard.channels.wording import presentable, said
from driftguard.model import Call, Decision, Status

from ..aws_options import on_aws
from ..decisions import DecisionArgument, as_json_whole, known
from ..errors import Trouble
from ..stack import JsonOption, Stack, StackOption
from ..terminal import Console
from ..votes import YesOption, undo_requested

console = Console(highlight=False)


@on_aws
def undo(
    decision: DecisionArgument,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    yes: YesOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the calls.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the guard.")] = 120,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Undo a revert: put the resource into exactly the state it was reverted from.

    Shows what comes back, and asks before it does so.

    The risk stands again then, so it needs whoever accepting the change would
    need. Where that is more than one person, others must `driftguard confirm`
    it, or undo the same themselves.

    Exits 1 unless that is done: if it was refused, failed, waits for others, or
    is not yet answered.

    Example: driftguard undo dg-2f0c… --dry-run
    """
    deployed = Stack.named(stack) if dry_run else Stack.to_change(stack)
    before = known(deployed.audit.get(decision), decision)
    calls = [step.call for step in inverse(before.plan, before.done).steps]
    if dry_run:
        lines = [said(call) for call in calls]
        typer.echo(
            json.dumps({"decision": decision, "calls": lines}, indent=2)
            if as_json
            else "\n".join(lines)
        )
        return
    if not yes:
        _confirm(before, calls)
    _ask_for_undo(deployed, decision, reason, as_json)
    after, entry = _answer(deployed, before, timeout)
    if as_json:
        told_whole = {**as_json_whole(after), "answer": asdict(entry)}
        typer.echo(json.dumps(told_whole, indent=2))
    else:
        console.print(f"{after.status.value}: {entry.note}", markup=False)
    if after.status is not Status.UNDONE:
        raise typer.Exit(1)


def _confirm(decision: Decision, calls: Sequence[Call]) -> None:
    """Shows what an undo puts back. Raises `Trouble` unless the caller agrees."""
    shown = presentable(decision)
    stderr = Console(stderr=True, highlight=False)
    stderr.print(f"This comes back: {shown.summary}.", markup=False)
    stderr.print(f"It was reverted because {shown.reason}.", markup=False)
    for call in calls:
        stderr.print(f"  {said(call)}", markup=False)
    if not typer.confirm("\nUndo the revert, so that the risk stands AGAIN?", err=True):
        raise Trouble("Nothing was undone.")


def _ask_for_undo(deployed: Stack, decision: str, reason: str, as_json: bool) -> None:
    """Asks under the caller's verified identity: the guard obeys only what is recorded so.

    Ends the command where others must agree first.
    """
    reply = undo_requested(deployed, decision, reason)
    if not reply["counted"]:
        raise Trouble(f"It is not undone: {reply['text']}.")
    if reply["status"] == Status.PROPOSED.value:
        if as_json:
            typer.echo(json.dumps(reply, indent=2))
        else:
            console.print(str(reply["text"]), markup=False)
        raise typer.Exit(1)


def _answer(deployed: Stack, before: Decision, timeout: float) -> tuple[Decision, Entry]:
    """Waits for the log entry that says how the undo ended; returns the decision and the entry."""
    # Reverted: what had failed was made safe while the guard was at it.
    ends = {*(one.value for one in (Status.UNDONE, Status.FAILED, Status.REVERTED)), "undo-refused"}
    until = time.monotonic() + timeout
    with Console(stderr=True).status("waiting for the guard"):
        while time.monotonic() < until:
            news = [e for e in deployed.audit.log(before.id) if e.number > before.version]
            if news and news[-1].event in ends:
                return known(deployed.audit.get(before.id), before.id), news[-1]
            time.sleep(0.5)
    raise Trouble(
        f"The guard has not answered in {timeout:.0f} s. The undo is in the commands queue and may "
        f"still happen: see `driftguard audit show {before.id}` and the dead-letter queue."
    )
