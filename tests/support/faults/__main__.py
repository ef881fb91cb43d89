"""Runs the fault matrix.

make faults                       36 controls of all mechanisms, every call, every fault
make faults ONLY=CONTROL:CALL:FAULT
                                  one trial, as the matrix names it
python -m tests.support.faults --help
"""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console
from rich.progress import Progress

from .matrix import Wanted, faults, prepared, rows, show, tell


def main() -> None:
    """Runs, tells, and exits 1 if a trial ended wrong."""
    prepared()
    from tests.scenarios import SCENARIOS

    from .choosing import chosen

    given = _arguments()
    if given.only:
        names = [given.only.partition(":")[0]]
    elif given.controls == "all":
        names = [str(scenario) for scenario in SCENARIOS]
    elif given.controls.isdigit():
        names = [str(scenario) for scenario in chosen(int(given.controls))]
    else:
        names = given.controls.split(",")
    wanted = Wanted(given.pairs, given.seed, given.only, given.step)
    console = Console(highlight=False, width=80)
    began, found = time.monotonic(), []
    with Progress(console=Console(stderr=True, highlight=False), transient=True) as progress:
        task = progress.add_task("controls", total=len(names))
        for row in rows(names, wanted, 1 if given.only else given.processes):
            found.append(row)
            progress.update(task, advance=1, description=row.scenario)
            tell(row, progress.console)
    show(found, console)
    for row in found if given.only else ():
        console.print(*(f"{trial}: {verdict.end}: {verdict.why}" for trial, verdict in row.ends))
    wrong = faults(found)
    console.print(f"{wrong} wrong; {time.monotonic() - began:,.0f} s; seed {given.seed}.")
    sys.exit(1 if wrong else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.support.faults", description=__doc__)
    parser.add_argument(
        "--controls", default="36", help="how many, `all`, or scenarios by name with commas"
    )
    parser.add_argument("--pairs", type=int, default=20, help="random pairs a control")
    parser.add_argument("--step", type=int, default=1, help="only every so many trials")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", default="", metavar="CONTROL:CALL:FAULT")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
