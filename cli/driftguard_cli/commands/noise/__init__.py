"""`driftguard noise`: says what people would be asked and told over a recorded history.

It shares the reading and judging of `driftguard replay`. `counts` is pure: what was found becomes
figures; `labels` reads what is known of the records; `report` prints the result.
"""

from __future__ import annotations

import contextlib
import json
import sys
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from ...aws_options import on_aws
from ...policy_file.at_hand import PolicyAtHand, PolicyOption
from ...stack import JsonOption
from ...terminal import Console
from ..replay.crew import Bench, outcomes, processors, tasks
from ..replay.origins import origins_at
from ..replay.reading import (
    OwnRoleOption,
    ProcessesOption,
    SinceOption,
    UntilOption,
    progress,
    window_of,
)
from ..replay.report import Summary
from .counts import Counts
from .labels import Labels, read
from .report import document, table, words

_WIDE = 100


@on_aws
def noise(
    history: Annotated[
        list[str],
        typer.Option(metavar="FILE|DIR|s3://BUCKET/PREFIX", help="CloudTrail's records."),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(help="What is known of the records: a CSV with eventID and risky (yes, no)."),
    ] = None,
    since: SinceOption = "",
    until: UntilOption = "",
    policy: PolicyOption = None,
    own_role: OwnRoleOption = None,
    processes: ProcessesOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Say what people would be asked and told over a CloudTrail history, by control.

    Reads what `driftguard replay` reads, and judges each record as it does, by
    the record alone: what is evident would be asked about or told of; what is
    possible only if the guard finds the resource risky. What the policy has as
    `earned` counts as earned already: until then people are asked about it. A
    preparation counts as asked unless the history has the deletion in time.
    Figures a day are of the days that the history has records of. Changes of
    one caller within 15 minutes are one incident.

    With --labels it says how much of what would be asked is a risk (precision),
    and how many of the risks people would at least be told of (recall). A record
    without a label is left out of both.

    If anything could not be read, the exit code is 1.

    Example: driftguard noise --history s3://my-trail/AWSLogs/ --since 2026-11-01
    """
    window = window_of(since, until)
    known = read(labels) if labels else Labels()
    bench = Bench(PolicyAtHand.found(policy).policy, window, tuple(own_role or ()))
    work = tasks(chain.from_iterable(origins_at(source, window) for source in history))
    summary, counts = Summary(), Counts()
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    results = outcomes(work, bench, processes or processors())
    with contextlib.closing(results), progress(history, window) as advance:
        for outcome in results:
            for name, tally in outcome.tallies:
                fresh, problems = summary.add(name, tally)
                counts.add(fresh, {day for day in tally.days if window.holds(day)})
                for problem in problems:
                    stderr.print(problem, markup=False)
            advance(outcome.size)
    counts.finish()
    if as_json:
        sys.stdout.write(json.dumps(document(counts, known), indent=2) + "\n")
    else:
        console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
        if counts.controls:
            console.print(table(counts))
        for line in words(counts, known):
            console.print(line, markup=False)
    stderr.print(summary.counts(), markup=False)
    if summary.unreadable:
        raise typer.Exit(1)
