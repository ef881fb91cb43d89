"""A year of changes in three made-up organisations, lived through under several policies.

    make simulate             a table; exits 1 if a target is missed
    make simulate JSON=1      one JSON object
    make simulate SEEDS=5     fewer years (20 by default)
    make simulate PAGE=1      writes docs/autonomy-simulation.md and its picture, too

What decides is the real code (`guardrails.judge`, and `lessons` for what it learns), on notes in a
dictionary instead of a table and by a virtual clock. `organisation/` has the years, with the truth
about every change, and the people in them, who err. The terms of `earned` were chosen on the years
1000 and later; what is reported are the years from 1 on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from statistics import mean

from organisation import page, shapes, simulation, strategies, year
from organisation.measures import Measures
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

Results = Mapping[str, Mapping[str, Sequence[Measures]]]

FEWER_ASKS, WRONG, AT_RISK, BAD = 0.8, 0.01, 0.05, 3


def main() -> int:
    arguments = argparse.ArgumentParser(description="A year of changes under several policies.")
    arguments.add_argument("--seeds", type=int, default=20, help="how many years of each")
    arguments.add_argument("--first", type=int, default=1, help="the first year's seed")
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--json", action="store_true", help="one JSON object")
    arguments.add_argument("--page", type=Path, help="the folder to write the page into")
    given = arguments.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    results = _lived(seeds, given.workers)
    found = {name: judged(by_strategy) for name, by_strategy in results.items()}
    if given.page:
        page.write(given.page, results, seeds)
    if given.json:
        print(json.dumps(as_document(results, seeds, found)))  # noqa: T201
    else:
        console = Console()
        for of in shapes.ORGANISATIONS:
            console.print(_table(of, results[of.name]))
            for target, (reached, words) in found[of.name].items():
                console.print(f"{'reached' if reached else 'MISSED '}  {target}: {words}")
            console.print()
    return 0 if all(reached for one in found.values() for reached, _ in one.values()) else 1


def _lived(seeds: Sequence[int], workers: int) -> Results:
    """Every year under every strategy, the long ones first."""
    jobs = [(of, seed) for of in shapes.ORGANISATIONS for seed in seeds]
    jobs.sort(key=lambda job: -job[0].accounts)
    results: dict[str, dict[str, list[Measures]]] = {of.name: {} for of in shapes.ORGANISATIONS}
    progress = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
    with ProcessPoolExecutor(workers) as many, progress:
        task = progress.add_task("years", total=len(jobs))
        for name, lived in many.map(_year, jobs):
            progress.advance(task)
            for strategy, measures in lived.items():
                results[name].setdefault(strategy, []).append(measures)
    return results


def _year(job: tuple[shapes.Organisation, int]) -> tuple[str, dict[str, Measures]]:
    of, seed = job
    what = year.year(of, seed)
    return of.name, {
        one.name: simulation.lived(of, seed, what, one.policy)
        for one in strategies.strategies(what.listed)
    }


# ------------------------------------------------------------------------------ the targets


def judged(of: Mapping[str, Sequence[Measures]]) -> dict[str, tuple[bool, str]]:
    """Each target, whether it is reached in the mean over the years, and by how much."""
    ours, asking = of[strategies.OURS], of[strategies.ASK]
    fewer = 1 - _mean(ours, "asks_per_day") / _mean(asking, "asks_per_day")
    wrong = _mean(ours, "wrong_revert_rate")
    at_risk = _mean(ours, "median_time_at_risk_s") / _mean(asking, "median_time_at_risk_s")
    bad = max(one.bad_control for one in ours)
    name, nearest = at_equal_asks(of)
    fixed = _mean(nearest, "wrong_revert_rate")
    return {
        "at least 80 % fewer asks than always-ask": (fewer >= FEWER_ASKS, f"{fewer:.1%}"),
        "at most 1 % wrong reverts": (wrong <= WRONG, f"{wrong:.2%}"),
        "fewer wrong reverts than a fixed threshold at equal asks": (
            wrong < fixed,
            f"{wrong:.2%} against {fixed:.2%} of {name} "
            f"({_mean(nearest, 'asks_per_day'):.2f} asks a day)",
        ),
        "median time at risk under 5 % of always-ask's": (at_risk < AT_RISK, f"{at_risk:.2%}"),
        "a control that turns bad is demoted within 3 wrong reverts": (
            bad <= BAD,
            f"at most {bad} in any year",
        ),
    }


def at_equal_asks(of: Mapping[str, Sequence[Measures]]) -> tuple[str, Sequence[Measures]]:
    """The fixed threshold whose asks are nearest to ours."""
    wanted = _mean(of[strategies.OURS], "asks_per_day")
    fixed = {name: years for name, years in of.items() if name.startswith("severity-")}
    name = min(fixed, key=lambda one: abs(_mean(fixed[one], "asks_per_day") - wanted))
    return name, fixed[name]


def _mean(years: Sequence[Measures], name: str) -> float:
    return mean(getattr(one, name) for one in years)


# ------------------------------------------------------------------------------ what is told


def as_document(
    results: Results, seeds: Sequence[int], found: Mapping[str, Mapping[str, tuple[bool, str]]]
) -> dict[str, object]:
    """All of it for machines: per distribution and strategy the means, and what each year was."""
    return {
        "seeds": list(seeds),
        "distributions": {
            name: {
                strategy: {
                    **{
                        measure: _mean(years, measure)
                        for measure in (
                            "asks_per_day",
                            "wrong_revert_rate",
                            "missed",
                            "median_time_at_risk_s",
                            "wrong_by_itself",
                        )
                    },
                    "years": [asdict(one) for one in years],
                }
                for strategy, years in by_strategy.items()
            }
            for name, by_strategy in results.items()
        },
        "targets": {
            name: {
                target: {"reached": reached, "measured": words}
                for target, (reached, words) in of.items()
            }
            for name, of in found.items()
        },
    }


def _table(of: shapes.Organisation, by_strategy: Mapping[str, Sequence[Measures]]) -> Table:
    table = Table(
        title=f"{of.name}: {of.what}", box=None, header_style="bold", title_justify="left"
    )
    table.add_column("strategy")
    for name in ("asks a day", "wrong reverts", "missed", "median at risk", "bad control"):
        table.add_column(name, justify="right")
    for strategy, cells in rows(by_strategy):
        table.add_row(strategy, *cells, style="bold" if strategy == strategies.OURS else "")
    return table


def rows(by_strategy: Mapping[str, Sequence[Measures]]) -> Iterator[tuple[str, list[str]]]:
    """Each strategy's means, with the range over the years."""
    for strategy, years in by_strategy.items():
        yield (
            strategy,
            [
                page.ranged([one.asks_per_day for one in years], "{:.2f}"),
                page.ranged([100 * one.wrong_revert_rate for one in years], "{:.2f} %"),
                page.ranged([100 * one.missed for one in years], "{:.1f} %"),
                page.ranged([one.median_time_at_risk_s for one in years], "{:,.0f} s"),
                page.ranged([float(one.bad_control) for one in years], "{:.1f}"),
            ],
        )


if __name__ == "__main__":
    sys.exit(main())
