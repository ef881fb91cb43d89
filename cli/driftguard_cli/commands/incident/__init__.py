"""`driftguard incident`: what one actor did within minutes, answered and undone as one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated

import typer

from driftguard.approvals import incidents
from driftguard.approvals.incident_order import phase_of
from driftguard.approvals.incidents import Incident
from driftguard.approvals.owed import standing_undo
from driftguard.approvals.releasing import said_of, why_not
from driftguard.approvals.rules import inverse, why_not_undoable
from driftguard.audit import Entry
from driftguard.channels.wording import presentable, said
from driftguard.documents import Document
from driftguard.model import Decision, Status
from driftguard.state.incidents import members_of
from driftguard.state.keys import incidents_of

from ...aws_options import on_aws
from ...decisions import as_json_whole
from ...errors import Trouble
from ...operator_requests import ReasonOption as ReleaseReason
from ...operator_requests import requested
from ...stack import JsonOption, Stack, StackOption
from ...terminal import Console
from ...votes import ReasonOption, YesOption, contained
from ..audit.shared import counted
from .shown import Listed, brief, list_rows, rows, title, what_next, whole

app = typer.Typer(
    help="What one actor did within minutes: shown, contained and released as one.",
    no_args_is_help=True,
)
console = Console(highlight=False)

IncidentArgument = Annotated[
    str, typer.Argument(metavar="INCIDENT", help="Its id, or that of any decision in it: dg-…")
]


# --------------------------------------------------------------------------------------- looking


@app.command("list")
@on_aws
def list_incidents(
    days: Annotated[int, typer.Option(min=1, help="How many days back, today included.")] = 7,
    limit: Annotated[int, typer.Option(min=1, help="How many incidents at most.")] = 50,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """List the incidents of more than one decision, newest first.

    Exits 0 also where there are none.

    Example: driftguard incident list --days 30
    """
    deployed = Stack.named(stack)
    found = list(islice(_listed(deployed, days), limit + 1))
    shown = found[:limit]
    if as_json:
        typer.echo(json.dumps([brief(one) for one in shown], indent=2))
        return
    if not shown:
        console.print(f"No incidents in the last {counted(days, 'day')}.")
        return
    console.print(list_rows(shown))
    if len(found) > limit:
        console.print(f"There are more: --limit {2 * limit}.")


@app.command()
@on_aws
def show(
    incident: IncidentArgument, as_json: JsonOption = False, stack: StackOption = "driftguard"
) -> None:
    """Show an incident: its decisions in the order of their making, and what can be done.

    Exits 1 if there is no such decision.

    Example: driftguard incident show dg-2f0c…
    """
    found = _known(Stack.named(stack), incident)
    if as_json:
        typer.echo(json.dumps(whole(found), indent=2))
        return
    console.print(title(found), markup=False)
    console.print(rows(found))
    for line in what_next(found):
        console.print(line, markup=False)


# --------------------------------------------------------------------------------------- acting


@app.command()
@on_aws
def contain(
    incident: IncidentArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Approve all that waits in an incident, in one answer: it is reverted in order.

    Keys, trusts and policies come first, then logging, then what runs, then
    data. Each decision takes the votes that it would take by itself. It counts
    only for the incident as it is shown: if a decision comes to it or changes
    before you answer, look at it again.

    Exits 1 if your vote does not count on one of them, with the reason.

    Example: driftguard incident contain dg-2f0c… --reason "a stolen session"
    """
    deployed = Stack.to_change(stack)
    found = _known(deployed, incident)
    if not found.waiting:
        raise Trouble(f"Nothing waits in the incident {found.id}.")
    if not yes:
        _show_waiting(found)
        if not typer.confirm("\nApprove these, so that they are REVERTED in this order?", err=True):
            raise Trouble("No vote was sent.")
    reply = contained(deployed, found.id, found.fingerprint, reason)
    of_each = _replies(reply)
    if as_json:
        typer.echo(json.dumps({"incident": found.id, **reply}, indent=2))
    else:
        console.print(str(reply["text"]), markup=False)
        for one in of_each:
            if not one["counted"]:
                console.print(f"{one['decision']}: {one['text']}", markup=False)
    if not reply["counted"] or not all(one["counted"] for one in of_each):
        raise typer.Exit(1)


@app.command()
@on_aws
def release(
    incident: IncidentArgument,
    reason: ReleaseReason,
    yes: YesOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the calls.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the guard.")] = 300,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Undo all that was reverted in an incident, the last carried out first.

    Each is put into exactly the state it was reverted from, if it is still as
    the revert left it. All the risks stand again then, so it needs whoever
    accepting each of these changes would need; others may have to `driftguard
    confirm` it. What cannot be undone is said, and holds back what was done
    before to the same resource; the others are undone. What failed is tried
    no more. While the guard still carries out a part of it, nothing is
    released.

    Exits 1 unless all that can be undone are.

    Example: driftguard incident release dg-2f0c… --reason "a drill" --dry-run
    """
    deployed = Stack.named(stack) if dry_run else Stack.to_change(stack)
    found = _known(deployed, incident)
    shown = found.releasable
    if why := why_not(found):
        raise Trouble(why)
    last_first = incidents.last_first(shown, lambda one: deployed.audit.log(one.id))
    if dry_run:
        lines = [
            (one.id, said(step.call))
            for one in last_first
            for step in inverse(one.plan, one.done).steps
        ]
        calls = [{"decision": id_, "call": line} for id_, line in lines]
        told = json.dumps({"incident": found.id, "calls": calls}, indent=2)
        typer.echo(told if as_json else "\n".join(f"{id_}  {line}" for id_, line in lines))
        return
    if not yes:
        _confirm_release(last_first, found)
    said_now = said_of(found.to_release, found.id, reason)
    reply = requested(deployed, "release", **said_now)
    if not reply["counted"]:
        raise Trouble(f"It is not undone: {reply['text']}")
    if reply["status"] == Status.PROPOSED.value:
        if as_json:
            typer.echo(json.dumps(reply, indent=2))
        else:
            console.print(str(reply["text"]), markup=False)
        raise typer.Exit(1)
    _tell_release(deployed, last_first, timeout, as_json)


# ------------------------------------------------------------------------------------- the pieces


def _listed(deployed: Stack, days: int) -> Iterator[Listed]:
    since = (datetime.now(UTC) - timedelta(days=days - 1)).date().isoformat()
    partition = incidents_of(deployed.state.place, deployed.account)
    for record in deployed.state.newest(partition, since):
        began, _, id_ = record.key[1].partition("#")
        ids = [one.decision for one in members_of(record.document)]
        # An id of what others wrote there names nothing, or nothing of this incident.
        named = tuple(one for one in deployed.audit.many(ids) if one.incident == id_)
        if named:
            yield Listed(id_, began, named)


def _known(deployed: Stack, decision: str) -> Incident:
    found = incidents.found(deployed.audit, deployed.state, decision)
    if found is None:
        raise Trouble(
            f"There is no incident or decision {decision}. `driftguard incident list` names those "
            "there are."
        )
    return found


def _show_waiting(found: Incident) -> None:
    stderr = Console(stderr=True, highlight=False)
    for number, one in enumerate(found.waiting, 1):
        shown, phase = presentable(one), phase_of(one.control)
        why = f" ({phase.name}: {phase.why})" if phase else ""
        stderr.print(f"{number}. {shown.title}: {shown.candidate.resource.arn}{why}", markup=False)
        stderr.print(f"   {shown.summary} ({shown.id})", markup=False)
        for step in shown.plan.steps:
            stderr.print(f"   {said(step.call)}", markup=False)


def _replies(reply: Document) -> list[Document]:
    listed = reply.get("decisions")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _confirm_release(last_first: Iterable[Decision], found: Incident) -> None:
    stderr = Console(stderr=True, highlight=False)
    for number, one in enumerate(last_first, 1):
        shown = presentable(one)
        stderr.print(f"{number}. This comes back: {shown.summary} ({shown.id}).", markup=False)
        for step in inverse(one.plan, one.done).steps:
            stderr.print(f"   {said(step.call)}", markup=False)
    for one in found.not_undoable:
        what, why = presentable(one).summary, why_not_undoable(one)
        stderr.print(f"This stays: {what} ({one.id}): {why}.", markup=False)
    for one in found.tried_again:
        what = presentable(one).summary
        stderr.print(f"This failed, and is tried no more: {what} ({one.id}).", markup=False)
    question = "\nUndo these in this order, so that the risks stand AGAIN?"
    if not typer.confirm(question, err=True):
        raise Trouble("Nothing was undone.")


def _tell_release(
    deployed: Stack, last_first: Sequence[Decision], timeout: float, as_json: bool
) -> None:
    """Waits until the guard has answered all, and says how each ended. Exits 1 unless all did."""
    ended = _ended(deployed, last_first, timeout)
    undone = [one.status is Status.UNDONE for one, _ in ended]
    if as_json:
        told = [{**as_json_whole(one), "answer": asdict(entry)} for one, entry in ended]
        typer.echo(json.dumps(told, indent=2))
    else:
        for one, entry in ended:
            console.print(f"{one.id}  {one.status.value}: {entry.note}", markup=False)
        console.print(f"{sum(undone)} of {len(undone)} are undone.")
    if not all(undone):
        raise typer.Exit(1)


def _ended(
    deployed: Stack, last_first: Sequence[Decision], timeout: float
) -> list[tuple[Decision, Entry]]:
    until = time.monotonic() + timeout
    with Console(stderr=True).status("waiting for the guard"):
        while True:
            found = []
            for one in deployed.audit.many(one.id for one in last_first):
                log = deployed.audit.log(one.id)
                if standing_undo(one, log) is None and one.status is not Status.UNDOING:
                    found.append((one, log[-1]))
            if len(found) == len(last_first):
                return found
            if time.monotonic() >= until:
                raise Trouble(
                    f"The guard has answered {len(found)} of {len(last_first)} in {timeout:.0f} s. "
                    "The others may still be undone: see `driftguard incident show "
                    f"{last_first[0].incident or last_first[0].id}` and the dead-letter queue."
                )
            time.sleep(0.5)
