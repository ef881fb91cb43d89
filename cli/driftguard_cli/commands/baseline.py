"""`driftguard baseline`: the recorded states that later changes are compared with.

The sweep and every clean change record a baseline. With `accept` a person makes the current state
the one that later states are compared with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.aws.client import Reader
from driftguard.controls import every
from driftguard.controls.control import AnyControl
from driftguard.controls.mechanisms.weakened import TOLD
from driftguard.documents import Document, Json
from driftguard.engine import differences
from driftguard.engine.accepting import ACCEPTED, REFUSED
from driftguard.engine.guard import Guard
from driftguard.model import Autonomy, Candidate, Certainty, Observation, Status
from driftguard.policy.model import Policy
from driftguard.state.baseline import Baseline, baseline_of
from driftguard.state.keys import baseline_key, baseline_log_key, named_by
from driftguard.sweep.look import OUTCOMES, Swept, sweep

from ..aws_options import on_aws
from ..errors import Misuse, Trouble
from ..operator_requests import ControlArgument, ReasonOption, known_control
from ..rows import Rows
from ..signed_request import ask
from ..stack import JsonOption, Stack, StackOption
from ..terminal import Console

app = typer.Typer(help="The recorded states that changes are compared with.", no_args_is_help=True)
console = Console(highlight=False)

ResourceArgument = Annotated[str, typer.Argument(help="The resource's ARN.")]


@app.command()
@on_aws
def record(as_json: JsonOption = False, stack: StackOption = "driftguard") -> None:
    """Read the resources that need baselines, with your own rights, and record clean states.

    The deployed stack does the same once a day.

    Exits 1 if anything could not be read; the others are recorded.
    """
    deployed = Stack.to_change(stack)
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
    found: list[Swept] = []
    with Console(stderr=True).status("sweeping") as status:
        for looked_at in sweep(
            guard, deployed.region, only=[control for control in every() if control.baselined]
        ):
            found.append(looked_at)
            status.update(f"sweeping: {looked_at.control}, {len(found)} looked at")
    if as_json:
        typer.echo(json.dumps([_told(swept) for swept in found], indent=2))
    else:
        _show(found)
    if any(swept.outcome in ("unread", "failed") for swept in found):
        raise typer.Exit(1)


@app.command()
@on_aws
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
        ("Last seen unchanged", known.checked),
    ):
        facts.add_row(name, Text(value))
    console.print(facts)
    typer.echo(json.dumps(known.state, indent=2))


@app.command()
@on_aws
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
        typer.echo(json.dumps([asdict(version) for version in found], indent=2))
        return
    rows = Rows(
        *("version", "recorded", "by", "why", "what changed"),
        heading=("version", "recorded"),
        whole=("version", "recorded"),
    )
    before = None
    for version in found:
        changed = (
            "the first" if before is None else _differences(before.state, version.state, ignored)
        )
        cells = (version.by, version.why, changed or "nothing that counts")
        at = version.recorded[:19].replace("T", " ")
        rows.add(str(version.version), at, *cells)
        before = version
    console.print(rows)


@app.command()
@on_aws
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
    candidate = _candidate(deployed, looking, resource)
    state = _live(deployed, looking, candidate)
    ignored = looking.volatile | frozenset(candidate.hint)
    differs = "it is gone" if state is None else _differences(known.state, state, ignored)
    if as_json:
        document: Document = {
            "control": control,
            "resource": resource,
            "version": known.version,
            "differs": bool(differs),
            "differences": differs,
            "baseline": known.state,
            "state": state,
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        console.print(differs or f"as in version {known.version}", markup=False)
    if differs:
        raise typer.Exit(1)


@app.command()
@on_aws
def accept(
    control: ControlArgument,
    resource: ResourceArgument,
    reason: ReasonOption,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the guard.")] = 120,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Make the current state the baseline, in your name, once the guard has read the same state.

    You read it with your own rights and send its fingerprint; the guard reads the resource too, and
    refuses another state. Where approving would need others, they must first `driftguard confirm`.

    Exits 1 if it is refused, or not yet answered, with the reason.

    Example: driftguard baseline accept s3.versioning-suspended arn:aws:s3:::cache --reason "ours"
    """
    looking = known_control(control)
    deployed = Stack.to_change(stack)
    candidate = _candidate(deployed, looking, resource)
    state = _live(deployed, looking, candidate)
    if state is None:
        raise Trouble(f"{resource} is gone: there is no state to accept.")
    said: dict[str, Json] = {
        "act": "accept-baseline",
        "control": control,
        "resource": resource,
        "fingerprint": Observation(state, "").fingerprint(
            looking.volatile | looking.momentary | frozenset(candidate.hint)
        ),
        "reason": reason,
    }
    reply = ask(deployed, "/act", said)
    accepted, told = bool(reply["counted"]), str(reply["text"])
    if accepted and reply["status"] == Status.NOTED.value:
        accepted, told = _answer(deployed, str(reply["decision"]), timeout)
    if as_json:
        answer = {"act": "accept-baseline", **reply, "counted": accepted, "text": told}
        typer.echo(json.dumps(answer, indent=2))
    else:
        console.print(told, markup=False)
    if not accepted:
        raise typer.Exit(1)


def _answer(deployed: Stack, decision: str, timeout: float) -> tuple[bool, str]:
    """Waits until the guard has read the state: whether it is the baseline now, in its words."""
    until = time.monotonic() + timeout
    with Console(stderr=True).status("waiting for the guard"):
        while True:
            for entry in deployed.audit.log(decision):
                if entry.event in (ACCEPTED, REFUSED):
                    return entry.event == ACCEPTED, entry.note
            if time.monotonic() >= until:
                break
            time.sleep(0.5)
    raise Trouble(
        f"The guard has not answered in {timeout:.0f} s. It may still do so: see `driftguard audit "
        f"show {decision}` and the dead-letter queue."
    )


def _recorded(deployed: Stack, control: str, resource: str, version: int = 0) -> Baseline:
    """The baseline in force, or as it was in an earlier version."""
    known = baseline_of(
        deployed.state.record(baseline_key(control, named_by(resource, deployed.state.place)))
    )
    if known is None:
        raise _none(control, resource)
    if not version:
        return known
    # A look that found it unchanged moves the version on, and is not kept as one.
    earlier = [past for past in _versions(deployed, control, resource) if past.version <= version]
    if not earlier or version > known.version:
        raise Trouble(f"There is no version {version} of this baseline; it is at {known.version}.")
    return earlier[-1]


def _versions(deployed: Stack, control: str, resource: str) -> Iterator[Baseline]:
    """All versions, the oldest first. The number of a version is in its key."""
    partition, _ = baseline_log_key(control, named_by(resource, deployed.state.place), 0)
    for record in deployed.state.under(partition):
        known = baseline_of(record)
        if known is not None:
            yield replace(known, version=int(record.key[1]))


def _none(control: str, resource: str) -> Trouble:
    return Trouble(f"{control} has no baseline of {resource}. `driftguard baseline record`?")


def _candidate(deployed: Stack, control: AnyControl, resource: str) -> Candidate:
    """Return the resource of this ARN, with the id that its service uses.

    Only the control can tell the id from the ARN: it lists the resources. A resource that is gone
    is known from its last decision.
    """
    reader = _reader(deployed, resource)
    for listed in control.inventory(reader):
        if listed.arn == resource:
            return Candidate(listed, Certainty.POSSIBLE)
    filters = Filters(resource=resource, control=control.id)
    for decision in Finder(deployed.audit, Usage()).decisions(filters, plan(filters), page=1):
        return decision.candidate
    raise Trouble(
        f"{control.id} finds no {resource} in account {reader.account}, {reader.region}, and never "
        "decided on it."
    )


def _live(deployed: Stack, control: AnyControl, candidate: Candidate) -> Document | None:
    """The state as the control sees it now; None when the resource is gone."""
    return control.observe(candidate, _reader(deployed, candidate.resource.arn))


def _reader(deployed: Stack, resource: str) -> Reader:
    """Reads with the caller's rights, where the ARN says that the resource is."""
    parts = resource.split(":")
    if len(parts) < 6 or parts[0] != "arn":
        raise Misuse(f"`{resource}` is not an ARN.")
    account = deployed.caller().split(":")[4]
    return deployed.aws.reader(account, parts[3] or deployed.region)


def _differences(before: Document, after: Document, ignored: frozenset[str]) -> str:
    return differences.in_words(before, after, leaving_out=ignored | {TOLD})


def _told(swept: Swept) -> dict[str, str]:
    resource = swept.resource.arn if swept.resource else ""
    return {
        "control": swept.control,
        "resource": resource,
        "outcome": swept.outcome,
        "detail": swept.detail,
    }


def _show(found: list[Swept]) -> None:
    counts: dict[str, dict[str, int]] = {}
    for swept in found:
        per = counts.setdefault(swept.control, {})
        per[swept.outcome] = per.get(swept.outcome, 0) + 1
    outcomes = [outcome for outcome in OUTCOMES if outcome != "clean"]
    table = Table(box=None, header_style="bold")
    table.add_column("control")
    for outcome in outcomes:
        table.add_column(outcome, justify="right")
    for control, per in sorted(counts.items()):
        table.add_row(control, *(str(per.get(outcome, "")) for outcome in outcomes))
    console.print(table)
    for swept in found:
        if swept.outcome in ("risky", "standing", "unread", "failed"):
            where = swept.resource.arn if swept.resource else ""
            console.print(f"{swept.outcome}: {swept.control} {where} {swept.detail}", markup=False)
