"""`driftguard baseline`: the recorded states that later changes are compared with.

A baseline is recorded by the sweep and after every clean change; `accept` is a person's word, and
what later states are measured against from then on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftguard import differences
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.aws import Reader
from driftguard.baseline import Baseline, baseline_of
from driftguard.controls import every
from driftguard.controls.control import AnyControl
from driftguard.controls.mechanisms import TOLD
from driftguard.model import Autonomy, Certainty, Document, Resource, Suspect
from driftguard.pipeline import Guard
from driftguard.policy import Policy
from driftguard.state import baseline_key, baseline_log_key
from driftguard.sweep import OUTCOMES, Swept, sweep

from .acts import ControlArgument, ReasonOption, act, known_control
from .stack import JsonOption, Stack, StackOption
from .trouble import Trouble

app = typer.Typer(help="The recorded states that changes are compared with.", no_args_is_help=True)
console = Console(highlight=False)

ResourceArgument = Annotated[str, typer.Argument(help="The resource's ARN.")]


@app.command()
def record(as_json: JsonOption = False, stack: StackOption = "driftguard") -> None:
    """Read what controls keep baselines of, now and with your own rights, and record what is clean.

    The deployed stack does the same once a day.

    Exits 1 if anything could not be read; the others are recorded.
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
        for one in sweep(guard, region, only=[one for one in every() if one.baselined]):
            found.append(one)
            status.update(f"sweeping: {one.control}, {len(found)} looked at")
    if as_json:
        typer.echo(json.dumps([_told(one) for one in found], indent=2))
    else:
        _show(found)
    if any(one.outcome in ("unread", "failed") for one in found):
        raise typer.Exit(1)


@app.command()
def show(
    control: ControlArgument,
    resource: ResourceArgument,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Show the recorded state of one resource, as one control sees it: who, why, since when.

    Exits 1 if there is none.

    Example: driftguard baseline show s3.versioning-suspended arn:aws:s3:::my-bucket
    """
    known_control(control)
    known = _recorded(Stack.named(stack), control, resource)
    if as_json:
        typer.echo(
            json.dumps({"control": control, "resource": resource, **asdict(known)}, indent=2)
        )
        return
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    for name, value in (
        ("Version", str(known.version)),
        ("Recorded", f"{known.recorded} by {known.by}"),
        ("Why", known.why),
        ("Last seen so", known.checked),
    ):
        facts.add_row(name, Text(value))
    console.print(facts)
    typer.echo(json.dumps(known.state, indent=2))


@app.command()
def history(
    control: ControlArgument,
    resource: ResourceArgument,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Show every version of a baseline, oldest first, each with what it changed.

    Exits 1 if there is none.

    Example: driftguard baseline history s3.versioning-suspended arn:aws:s3:::my-bucket
    """
    ignored = known_control(control).volatile
    found = list(_versions(Stack.named(stack), control, resource))
    if not found:
        raise _none(control, resource)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("version", "recorded", "by", "why", "what changed"):
        table.add_column(column, overflow="fold")
    before = None
    for one in found:
        changed = "the first" if before is None else _differences(before.state, one.state, ignored)
        cells = (one.by, one.why, changed or "nothing that counts")
        at = one.recorded[:19].replace("T", " ")
        table.add_row(str(one.version), at, *(Text(cell) for cell in cells))
        before = one
    console.print(table)


@app.command()
def diff(
    control: ControlArgument,
    resource: ResourceArgument,
    version: Annotated[
        int, typer.Option("--version", min=0, help="An earlier version; 0: the one in force.")
    ] = 0,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Compare a baseline with the resource, read with your own rights; exits 1 if it differs.

    Example: driftguard baseline diff s3.versioning-suspended arn:aws:s3:::my-bucket --version 3
    """
    looking = known_control(control)
    deployed = Stack.named(stack)
    known = _recorded(deployed, control, resource, version)
    suspect = _suspect(deployed, looking, resource)
    state = _live(deployed, looking, suspect)
    ignored = looking.volatile | frozenset(suspect.hint)
    differs = "it is gone" if state is None else _differences(known.state, state, ignored)
    if as_json:
        told: Document = {
            "control": control,
            "resource": resource,
            "version": known.version,
            "differs": bool(differs),
            "differences": differs,
            "baseline": known.state,
            "state": state,
        }
        typer.echo(json.dumps(told, indent=2))
    else:
        console.print(differs or f"as in version {known.version}", markup=False)
    if differs:
        raise typer.Exit(1)


@app.command()
def accept(
    control: ControlArgument,
    resource: ResourceArgument,
    reason: ReasonOption,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Make the state as it is now the baseline, in your name; read with your own rights.

    Exits 1 if it is refused, with the reason.

    Example: driftguard baseline accept s3.versioning-suspended arn:aws:s3:::cache --reason "ours"
    """
    looking = known_control(control)
    deployed = Stack.named(stack)
    suspect = _suspect(deployed, looking, resource)
    state = _live(deployed, looking, suspect)
    if state is None:
        raise Trouble(f"{resource} is gone: there is no state to accept.")
    act(
        deployed,
        "accept-baseline",
        as_json,
        control=control,
        resource=resource,
        state={name: one for name, one in state.items() if name not in suspect.hint},
        reason=reason,
    )


def _recorded(deployed: Stack, control: str, resource: str, version: int = 0) -> Baseline:
    """The baseline in force, or as it was in an earlier version."""
    known = baseline_of(deployed.state.note(baseline_key(control, _named(resource))))
    if known is None:
        raise _none(control, resource)
    if not version:
        return known
    # A look that found it unchanged moves the version on, and is not kept as one.
    earlier = [one for one in _versions(deployed, control, resource) if one.version <= version]
    if not earlier or version > known.version:
        raise Trouble(f"There is no version {version} of this baseline; it is at {known.version}.")
    return earlier[-1]


def _versions(deployed: Stack, control: str, resource: str) -> Iterator[Baseline]:
    """All versions, the oldest first. A version is kept once, so the key has its number."""
    partition, _ = baseline_log_key(control, _named(resource), 0)
    for note in deployed.state.under(partition):
        known = baseline_of(note)
        if known is not None:
            yield replace(known, version=int(note.key[1]))


def _none(control: str, resource: str) -> Trouble:
    return Trouble(f"{control} has no baseline of {resource}. `driftguard baseline record`?")


def _named(resource: str) -> Resource:
    return Resource("", "", "", "", resource)


def _suspect(deployed: Stack, control: AnyControl, resource: str) -> Suspect:
    """The resource of this ARN, with what its service calls it.

    Only the control knows how to make the one from the other: it lists what there is. What is no
    more is known from its last decision.
    """
    reader = _reader(deployed, resource)
    for one in control.inventory(reader):
        if one.arn == resource:
            return Suspect(one, Certainty.POSSIBLE)
    filters = Filters(resource=resource, control=control.id)
    for decision in Finder(deployed.audit, Usage()).decisions(filters, plan(filters), page=1):
        return decision.suspect
    raise Trouble(
        f"{control.id} finds no {resource} in account {reader.account}, {reader.region}, and never "
        "decided on it."
    )


def _live(deployed: Stack, control: AnyControl, suspect: Suspect) -> Document | None:
    """The state as the control sees it now; None when the resource is gone."""
    return control.observe(suspect, _reader(deployed, suspect.resource.arn))


def _reader(deployed: Stack, resource: str) -> Reader:
    """Reads with the caller's rights, where the ARN says that the resource is."""
    parts = resource.split(":")
    if len(parts) < 6 or parts[0] != "arn":
        raise Trouble(f"`{resource}` is no ARN.")
    account = deployed.caller().split(":")[4]
    return deployed.aws.reader(account, parts[3] or deployed.region)


def _differences(before: Document, after: Document, ignored: frozenset[str]) -> str:
    return differences.in_words(before, after, leaving_out=ignored | {TOLD})


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
    outcomes = [one for one in OUTCOMES if one != "clean"]
    table = Table(box=None, header_style="bold")
    table.add_column("control")
    for outcome in outcomes:
        table.add_column(outcome, justify="right")
    for control, per in sorted(counts.items()):
        table.add_row(control, *(str(per.get(outcome, "")) for outcome in outcomes))
    console.print(table)
    for one in found:
        if one.outcome in ("risky", "standing", "unread", "failed"):
            where = one.resource.arn if one.resource else ""
            console.print(f"{one.outcome}: {one.control} {where} {one.note}", markup=False)
