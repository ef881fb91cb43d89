"""`driftguard audit list`: lists decisions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice
from typing import Annotated

import typer
from rich.text import Text

from driftguard.approvals.contained import contained
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.model import Decision

from ...aws_options import on_aws
from ...decisions import as_json_whole, status_in_words
from ...errors import Misuse
from ...rows import Rows, severity_in_words
from ...stack import JsonOption, Stack, StackOption
from .shared import (
    COLOR,
    AccountOption,
    ActorOption,
    ControlOption,
    RegionOption,
    ResourceOption,
    SeverityOption,
    SinceOption,
    StatusOption,
    UntilOption,
    console,
    filters_of,
)


@on_aws
def list_decisions(
    since: SinceOption = "",
    until: UntilOption = "",
    days: Annotated[
        int, typer.Option(help="How many days back, today included; 7 where nothing is filtered.")
    ] = 0,
    account: AccountOption = "",
    region: RegionOption = "",
    resource: ResourceOption = "",
    actor: ActorOption = "",
    control: ControlOption = "",
    status: StatusOption = "",
    min_severity: SeverityOption = 0,
    limit: Annotated[int, typer.Option(min=1, help="How many decisions at most.")] = 50,
    only_contained: Annotated[
        bool,
        typer.Option("--contained", help="Only what is contained and not released yet."),
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the query plan.")] = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """List decisions, newest first. Every filter is an index query, never a scan.

    Exits 0 also where nothing is found.

    Example: driftguard audit list --days 30 --status reverted --control ec2.open-ingress
    """
    filters = filters_of(
        since=since,
        until=until,
        account=account,
        region=region,
        resource=resource,
        actor=actor,
        control=control,
        status=status,
        min_severity=min_severity,
        days=days,
    )
    if only_contained and (status or explain):
        other = "--status" if status else "--explain"
        raise Misuse(f"--contained picks the status and the indexes itself: leave {other} out.")
    how, usage = plan(filters), Usage()
    finder = Finder(Stack.named(stack).audit, usage)
    if only_contained:
        # What was contained long ago and never released is what nobody may overlook.
        anytime = filters if since or until or days else replace(filters, since="", until="")
        found = contained(finder, anytime)
    else:
        # One more than is shown tells whether there are more.
        found = list(islice(finder.decisions(filters, how, page=limit + 1), limit + 1))
    shown = found[:limit]
    if as_json:
        document: object = [as_json_whole(decision) for decision in shown]
        if explain:
            document = {"plan": asdict(how), "usage": asdict(usage), "decisions": document}
        typer.echo(json.dumps(document, indent=2))
        return
    if shown:
        console.print(_rows(shown))
    else:
        said = "Nothing is contained." if only_contained else f"No decisions{_from(filters)}."
        console.print(said)
    if len(found) > limit:
        console.print(f"There are more: --limit, or --until {shown[-1].decided}.")
    if explain:
        console.print()
        for line in [*how.as_lines(), f"read      {usage}"]:
            console.print(line, markup=False)


def _rows(shown: Sequence[Decision]) -> Rows:
    rows = Rows(
        *("decided", "severity", "status", "control", "what", "resource", "by", "decision"),
        heading=("severity", "status", "control"),
        whole=("decided", "severity", "status", "control", "decision"),
    )
    for decision in shown:
        rows.add(
            decision.decided[:16].replace("T", " "),
            severity_in_words(decision.severity),
            Text(status_in_words(decision), COLOR.get(decision.status, "")),
            decision.control,
            decision.summary,
            decision.candidate.resource.id,
            decision.actor.name,
            decision.id,
        )
    return rows


def _from(filters: Filters) -> str:
    return f" since {filters.since}" if filters.since else ""
