"""Simulates a year of changes in three made-up organizations, under several policies.

    make simulate             a table; exits 1 if a target is missed
    make simulate JSON=1      one JSON object
    make simulate SEEDS=5     fewer years (20 by default)
    make simulate PAGE=1      writes docs/autonomy-simulation.md and its picture, too

It lives 20 years of each organization under `earned`, and three under each policy that this is
compared with. With PAGE=1 also the drafts of the organizations, and the worlds that are hard on a
guard which learns.

The code that decides (`guardrails`) and learns (`state/learning.py`) is the real code, on state
records in a dictionary instead of a table, and by a virtual clock. `organization/` has the years,
with the truth about every change, and the people in them, who make mistakes. The terms of `earned`
were chosen on the years 1000 and later; the page reports the years from 1 on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from organization import page, simulation, strategies, year
from organization.measures import Measures
from organization.shapes import DRAFTS, ORGANIZATIONS, WORLDS, Organization
from organization.targets import ByStrategy, Target, over, targets
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

_TOLD = ("asks_per_day", "wrong_revert_rate", "missed", "median_time_at_risk_s")
_ALSO = ("changes_per_day", "needed_per_day", "wrong_by_itself", "bad_control")


def main() -> int:
    """Simulates the years, prints the results, and returns 1 if a target is missed."""
    arguments = argparse.ArgumentParser(description="A year of changes under several policies.")
    arguments.add_argument("--seeds", type=int, default=20, help="how many years of each")
    arguments.add_argument("--first", type=int, default=1, help="the first year's seed")
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--json", action="store_true", help="one JSON object")
    arguments.add_argument("--page", type=Path, help="the folder to write the page into")
    given = arguments.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    results = lived(ORGANIZATIONS, seeds, given.workers)
    found = {name: targets(of) for name, of in results.items()}
    if given.page:
        harder = lived(DRAFTS, seeds, given.workers), lived(WORLDS, seeds, given.workers)
        page.write(given.page, results, *harder, found)
    if given.json:
        sys.stdout.write(json.dumps(as_document(results, seeds, found), indent=2) + "\n")
    else:
        _tell(results, found)
    return 0 if all(target.reached for listed in found.values() for target in listed) else 1


def lived(
    organizations: Sequence[Organization], seeds: Sequence[int], workers: int
) -> dict[str, dict[str, list[Measures]]]:
    """Return the measures of every year of every organization, under every strategy.

    The first `page.COMPARED` years are lived under all strategies, the others under `earned` alone.
    """
    # The long ones first, so that no worker is left with one at the end.
    jobs = [
        (of, seed, number < page.COMPARED)
        for of in sorted(organizations, key=lambda of: -of.accounts)
        for number, seed in enumerate(seeds)
    ]
    results: dict[str, dict[str, list[Measures]]] = {of.name: {} for of in organizations}
    progress = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
    with ProcessPoolExecutor(workers) as many, progress:
        task = progress.add_task("years", total=len(jobs))
        for name, by_strategy in many.map(a_year, jobs):
            progress.advance(task)
            for strategy, measures in by_strategy.items():
                results[name].setdefault(strategy, []).append(measures)
    return results


def a_year(job: tuple[Organization, int, bool]) -> tuple[str, dict[str, Measures]]:
    """Lives one year: of an organization, by its seed, and whether under all strategies."""
    of, seed, compared = job
    what = year.year(of, seed)
    # Fixed severities only show what the organizations are like.
    those = strategies.strategies if of in ORGANIZATIONS else strategies.learning
    return of.name, {
        strategy.name: simulation.lived(of, seed, what, strategy.policy)
        for strategy in those(what.listed)
        if compared or strategy.name == strategies.OURS
    }


def as_document(
    results: Mapping[str, ByStrategy], seeds: Sequence[int], found: Mapping[str, list[Target]]
) -> dict[str, object]:
    """All of it for machines: per distribution and strategy the means, and what each year was."""
    return {
        "seeds": list(seeds),
        "distributions": {
            name: {
                strategy: {
                    **{measure: over(years, measure) for measure in (*_TOLD, *_ALSO)},
                    "years": [asdict(measures) for measures in years],
                }
                for strategy, years in of.items()
            }
            for name, of in results.items()
        },
        "targets": {name: [asdict(target) for target in listed] for name, listed in found.items()},
    }


def _tell(results: Mapping[str, ByStrategy], found: Mapping[str, list[Target]]) -> None:
    console = Console(highlight=False)
    for of in ORGANIZATIONS:
        table = Table(title=f"{of.name}: {of.what}", box=None, title_justify="left")
        for column in page.COLUMNS:
            table.add_column(column, justify="left" if column == "policy" else "right")
        for strategy, *cells in page.rows(results[of.name]):
            table.add_row(strategy, *cells, style="bold" if strategy == strategies.OURS else "")
        console.print(table)
        for target in found[of.name]:
            verdict = "[green]reached[/]" if target.reached else "[red]missed [/]"
            console.print(
                f"{verdict}  {target.name}: {target.measured}; "
                f"in {target.years} of {target.of} years"
            )
        console.print()


if __name__ == "__main__":
    sys.exit(main())
