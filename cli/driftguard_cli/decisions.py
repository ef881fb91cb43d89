"""`driftguard audit list|show` and `driftguard undo`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftguard.audit import Entry, broken_link
from driftguard.aws import told_apart
from driftguard.messages.sns import as_json, as_text, said
from driftguard.model import Decision, Status
from driftguard.remedy import inverse
from driftguard.verdicts import undo_message

from .stack import JsonOption, Stack, StackOption
from .trouble import Trouble

app = typer.Typer(help="What was decided, and why.", no_args_is_help=True)
console = Console(highlight=False)

DecisionArgument = Annotated[str, typer.Argument(help="The decision's id: dg-…")]

_COLOUR = {
    Status.REVERTED: "green",
    Status.FAILED: "red",
    Status.ASKED: "yellow",
    Status.UNDONE: "cyan",
}


@app.command("list")
def list_decisions(
    days: Annotated[int, typer.Option(help="How many days back, today included.")] = 7,
    limit: Annotated[int, typer.Option(help="How many decisions at most.")] = 50,
    control: Annotated[str, typer.Option(help="Only this control's.")] = "",
    status: Annotated[str, typer.Option(help="Only those that stand so.")] = "",
    resource: Annotated[str, typer.Option(help="Only those whose ARN contains this.")] = "",
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """List decisions, newest first."""
    if status and status not in set(Status):
        raise Trouble(f"There is no status `{status}`. Known: {', '.join(Status)}.")
    audit = Stack.named(stack).audit
    today = datetime.now(UTC).date()
    found: Iterator[Decision] = (
        decision
        for back in range(days)
        for decision in audit.of_day((today - timedelta(days=back)).isoformat())
        if control in ("", decision.control)
        and status in ("", decision.status.value)
        and resource in decision.suspect.resource.arn
    )
    shown = list(islice(found, limit))
    if as_json:
        typer.echo(json.dumps([as_json_whole(one) for one in shown], indent=2))
        return
    if not shown:
        console.print(f"No decisions in the last {days} days.")
        return
    table = Table(box=None, header_style="bold")
    for column in ("decided", "status", "control", "resource", "by", "decision"):
        table.add_column(column, overflow="fold")
    for one in shown:
        table.add_row(
            one.decided[:19].replace("T", " "),
            Text(one.status.value, _COLOUR.get(one.status, "")),
            one.control,
            one.suspect.resource.id,
            one.actor.name,
            one.id,
        )
    console.print(table)


@app.command("show")
def show(
    decision: DecisionArgument, as_json: JsonOption = False, stack: StackOption = "driftguard"
) -> None:
    """Tell one decision as a story: what, who, why, what was done, and its log."""
    audit = Stack.named(stack).audit
    found = _known(audit.get(decision), decision)
    log = list(audit.log(decision))
    if as_json:
        whole = {**as_json_whole(found), "log": [asdict(entry) for entry in log]}
        typer.echo(json.dumps(whole, indent=2))
        return
    console.print(as_text(found), markup=False)
    console.print()
    for entry in log:
        console.print(_line(entry), markup=False)
    broken = broken_link(found, log)
    console.print(f"The log does not hold together: {broken}." if broken else "The log is whole.")


def undo(
    decision: DecisionArgument,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the calls.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the guard.")] = 120,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Take a revert back: put the resource into exactly the state it was reverted from."""
    deployed = Stack.named(stack)
    before = _known(deployed.audit.get(decision), decision)
    calls = [step.call for step in inverse(before.plan, before.done).steps]
    if dry_run:
        told = [said(call) for call in calls]
        typer.echo(
            json.dumps({"decision": decision, "calls": told}, indent=2)
            if as_json
            else "\n".join(told)
        )
        return
    message = undo_message(decision, by=deployed.caller(), reason=reason)
    with told_apart("sqs", "SendMessage"):
        deployed.aws.client("sqs").send_message(
            QueueUrl=deployed.output("ChangesQueue"), MessageBody=json.dumps(message)
        )
    after, entry = _answer(deployed, before, timeout)
    if as_json:
        told_whole = {**as_json_whole(after), "answer": asdict(entry)}
        typer.echo(json.dumps(told_whole, indent=2))
    else:
        console.print(f"{after.status.value}: {entry.note}", markup=False)
    if after.status is not Status.UNDONE:
        raise typer.Exit(1)


def _answer(deployed: Stack, before: Decision, timeout: float) -> tuple[Decision, Entry]:
    """What the guard made of the undo: waits for the log entry that says so."""
    ends = {Status.UNDONE.value, Status.FAILED.value, "undo-refused"}
    until = time.monotonic() + timeout
    with Console(stderr=True).status("waiting for the guard"):
        while time.monotonic() < until:
            news = [e for e in deployed.audit.log(before.id) if e.number > before.version]
            if news and news[-1].event in ends:
                return _known(deployed.audit.get(before.id), before.id), news[-1]
            time.sleep(0.5)
    raise Trouble(
        f"The guard has not answered in {timeout:.0f} s. The undo is in the changes queue and may "
        f"still happen: see `driftguard audit show {before.id}` and the dead-letter queue."
    )


def as_json_whole(decision: Decision) -> dict[str, object]:
    """All that is recorded of a decision, for programs."""
    return {
        **as_json(decision),
        "certainty": decision.suspect.certainty.value,
        "done": decision.done,
        "attempt": decision.attempt,
        "state": decision.state,
        "undo": [said(step.call) for step in inverse(decision.plan, decision.done).steps],
        "before": decision.before,
        "after": decision.after,
        "head": decision.head,
    }


def _known(found: Decision | None, decision: str) -> Decision:
    if found is None:
        raise Trouble(
            f"There is no decision {decision}. `driftguard audit list` names those there are."
        )
    return found


def _line(entry: Entry) -> str:
    note = f"  {entry.note}" if entry.note else ""
    return f"{entry.at[:19].replace('T', ' ')}  {entry.event:<12} by {entry.by}{note}"
