"""`driftguard replay`: shows what the guard would have done over a CloudTrail history.

`values`, `rows` and `shapes` make records of JSON, however it is wrapped. `origins` and `portions`
cut files, folders and buckets into pieces that can be judged on their own. `judge` makes findings
of a record, by the controls' `screen` alone. `crew` runs all of it on every processor, in order and
in bounded memory. `report` prints the result.
"""

from __future__ import annotations

import contextlib
import sys
from itertools import chain
from typing import Annotated

import typer

from ...aws_options import on_aws
from ...policy_file.at_hand import PolicyAtHand, PolicyOption
from ...stack import JsonOption
from ...terminal import Console
from .crew import Bench, outcomes, processors, tasks
from .origins import origins_at
from .reading import (
    OwnRoleOption,
    ProcessesOption,
    SinceOption,
    UntilOption,
    progress,
    window_of,
)
from .report import Summary, line, together

_WIDE = 160


@on_aws
def replay(
    history: Annotated[
        list[str],
        typer.Argument(metavar="FILE|DIR|s3://BUCKET/PREFIX", help="CloudTrail's records."),
    ],
    since: SinceOption = "",
    until: UntilOption = "",
    policy: PolicyOption = None,
    own_role: OwnRoleOption = None,
    processes: ProcessesOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Show what the guard would have done over a CloudTrail history.

    Reads a trail's log files (.json, .json.gz), JSON Lines of records or of
    EventBridge events, and exports of CloudTrail Lake, CloudWatch Logs Insights
    and `lookup-events` as JSON or CSV; folders and buckets with all that is in
    them. It calls AWS only to read a bucket.

    Each record is judged by itself: `evident` where it proves a risk,
    `possible` where the guard would look at the resource. Failed and read-only
    calls, and the guard's own, are skipped; an event that was logged twice
    counts once. The guard's own are those of --own-role; without it, those of a
    role named …RemediatorRole…, …GrantingRole… or …ContainmentRole… in a session named after a
    decision.

    With --json there is one finding a line: event_id, event_time, event_name,
    control, resource (its ARN), certainty, and autonomy: what the policy
    grants, or `observe` where it exempts, or has people told of a preparation
    first: then `asks_at` is when they are asked if it still stands. Counts and
    unreadable input are reported on stderr; if anything could not be read, the
    exit code is 1.

    Example: driftguard replay s3://my-trail/AWSLogs/ --since 2026-11-01
    """
    window = window_of(since, until)
    bench = Bench(PolicyAtHand.found(policy).policy, window, tuple(own_role or ()))
    work = tasks(chain.from_iterable(origins_at(source, window) for source in history))
    summary = Summary()
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    results = outcomes(work, bench, processes or processors())
    with contextlib.closing(results), progress(history, window) as advance:
        for outcome in results:
            for name, tally in outcome.tallies:
                fresh, problems = summary.add(name, tally)
                if as_json and fresh:
                    sys.stdout.write(together(map(line, fresh)))
                for problem in problems:
                    stderr.print(problem, markup=False)
            advance(outcome.size)
    sys.stdout.flush()
    if not as_json and summary.controls:
        # What goes into a file or a pipe has all the room it wants.
        console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
        console.print(summary.table(console.width))
    stderr.print(summary.counts(), markup=False)
    if summary.unreadable:
        raise typer.Exit(1)
