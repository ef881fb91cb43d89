"""`driftguard baseline record|show`: the states that later changes are compared with."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from driftguard import controls
from driftguard.baseline import baseline_of
from driftguard.model import Autonomy, Resource
from driftguard.pipeline import Guard
from driftguard.policy import Policy
from driftguard.state import baseline_key
from driftguard.sweep import Swept, sweep

from .stack import JsonOption, Stack, StackOption
from .trouble import Trouble

app = typer.Typer(help="The recorded states that changes are compared with.", no_args_is_help=True)
console = Console(highlight=False)


@app.command()
def record(as_json: JsonOption = False, stack: StackOption = "driftguard") -> None:
    """Read what controls keep baselines of, now and with your own rights, and record what is clean.

    The deployed stack does the same once a day.
    """
    deployed = Stack.named(stack)
    account = deployed.caller().split(":")[4]
    guard = Guard(
        aws=deployed.aws,
        audit=deployed.audit,
        state=deployed.state,
        policy=Policy(),
        ceiling=Autonomy.OBSERVE,
        account=account,
        remediator_role_arn="",
    )
    region = os.environ.get("AWS_REGION") or os.environ["AWS_DEFAULT_REGION"]
    found: list[Swept] = []
    with Console(stderr=True).status("sweeping") as status:
        for one in sweep(guard, region):
            found.append(one)
            status.update(f"sweeping: {one.control}, {len(found)} looked at")
    if as_json:
        typer.echo(json.dumps([_told(one) for one in found], indent=2))
    else:
        _show(found)
    if any(one.outcome == "failed" for one in found):
        raise typer.Exit(1)


@app.command()
def show(
    control: Annotated[str, typer.Argument(help="The control's id.")],
    resource: Annotated[str, typer.Argument(help="The resource's ARN.")],
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Show the recorded state of one resource, as one control sees it."""
    try:
        controls.control(control)
    except controls.UnknownControl as error:
        raise Trouble(f"{error}. `driftguard controls` lists them.") from error
    named = Resource("", "", "", "", resource)
    known = baseline_of(Stack.named(stack).state.note(baseline_key(control, named)))
    if known is None:
        raise Trouble(f"{control} has no baseline of {resource}. `driftguard baseline record`?")
    typer.echo(json.dumps(known.state, indent=None if as_json else 2))


def _told(one: Swept) -> dict[str, str]:
    resource = one.resource.arn if one.resource else ""
    return {
        "control": one.control,
        "resource": resource,
        "outcome": one.outcome,
        "note": one.note,
    }


def _show(found: list[Swept]) -> None:
    counts: dict[str, dict[str, int]] = {}
    for one in found:
        per = counts.setdefault(one.control, {})
        per[one.outcome] = per.get(one.outcome, 0) + 1
    outcomes = ("recorded", "unchanged", "risky", "gone", "failed")
    table = Table(box=None, header_style="bold")
    table.add_column("control")
    for outcome in outcomes:
        table.add_column(outcome, justify="right")
    for control, per in sorted(counts.items()):
        table.add_row(control, *(str(per.get(outcome, "")) for outcome in outcomes))
    console.print(table)
    for one in found:
        if one.outcome in ("risky", "failed"):
            where = one.resource.arn if one.resource else ""
            console.print(f"{one.outcome}: {one.control} {where} {one.note}", markup=False)
