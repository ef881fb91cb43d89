"""Which kinds of secret are found in which place, how often ordinary values alarm, and the costs.

    python benchmarks/secret_kinds.py           tables; exits 1 if an aim is missed
    python benchmarks/secret_kinds.py --json    one JSON object; with --along, under `secret_kinds`
                                                in the one on stdin
    SEEDS=20 python benchmarks/secret_kinds.py tries twenty examples of each kind, not three

Examples are made by seed from the detectors' table of forms, and from a list of kinds that have no
form of their own. Every figure but time and memory is the same for the same seeds.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from driftguard.analysis.secrets import exposed_in  # noqa: E402
from tests.support.secrets.four_places import (  # noqa: E402
    AIMS,
    MOST_FALSE_ALARMS,
    SALT,
    false_alarms,
    recall,
)
from tests.support.secrets.kinds import every_kind  # noqa: E402

# A megabyte is the most that is read of one text.
LARGEST = 1 << 20
LINES = "#!/bin/bash\nset -eu\nexport LEVEL=info REGION=eu-central-1 # as everywhere\n"


def measure(seeds: int) -> dict[str, Any]:
    """Everything, and which aims were missed."""
    kinds = every_kind()
    places: dict[str, Any] = {}
    missed = []
    for place, aim in AIMS.items():
        started = time.process_time()
        found = recall(place, kinds, range(seeds))
        spent = time.process_time() - started
        places[place] = {
            "looked_for": found.looked_for,
            "recall": round(found.share, 4),
            "aim": aim,
            "microseconds_each": round(spent / found.looked_for * 1e6),
            "missed": sorted(set(found.missed)),
        }
        if found.share < aim:
            missed.append(f"recall ({place})")
    tried, alarms = false_alarms()
    if len(alarms) >= MOST_FALSE_ALARMS * tried:
        missed.append("false alarms")
    looked_for = sum(place["looked_for"] for place in places.values())
    right = sum(place["looked_for"] * place["recall"] for place in places.values())
    return {
        "kinds": len(kinds),
        "variables": len({kind.variable for kind in kinds}),
        "places": places,
        "looked_for": looked_for,
        "ordinary": tried,
        "false_alarms": len(alarms),
        "false_alarm_rate": round(len(alarms) / tried, 4),
        "precision": round(right / (right + len(alarms)), 4),
        "seconds_for_a_megabyte": round(_seconds(LINES * (LARGEST // len(LINES))), 2),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "missed": missed,
    }


def _seconds(text: str) -> float:
    started = time.process_time()
    exposed_in([("UserData", text)], SALT)
    return time.process_time() - started


def show(told: dict[str, Any], console: Console) -> None:
    """The figures as tables."""
    title = f"{told['kinds']} kinds of secret under {told['variables']} names"
    table = Table(box=None, header_style="bold", title=title)
    table.add_column("place")
    for column in ("looked for", "recall", "aim", "µs each"):
        table.add_column(column, justify="right")
    for name, place in told["places"].items():
        figures = (f"{place['recall']:.2%}", f"{place['aim']:.0%}", f"{place['microseconds_each']}")
        table.add_row(name, f"{place['looked_for']:,}", *figures)
    console.print(table)
    console.print(
        f"{told['false_alarms']} false alarms in {told['ordinary']} ordinary values"
        f" ({told['false_alarm_rate']:.1%}), precision {told['precision']:.2%}."
        f" A megabyte of script takes {told['seconds_for_a_megabyte']} s;"
        f" at most {told['peak_megabytes']} MB were in use."
    )
    if told["missed"]:
        console.print(f"[bold red]Missed:[/] {'; '.join(told['missed'])}.")


def main() -> None:
    """Measures, tells, and exits 1 if an aim is missed, or one of those told along is."""
    along = json.load(sys.stdin) if "--along" in sys.argv[1:] else {}
    with Console(stderr=True).status("making secrets and looking for them"):
        told = measure(int(os.environ.get("SEEDS", "3")))
    if "--json" in sys.argv[1:]:
        sys.stdout.write(json.dumps({**along, "secret_kinds": told}, indent=2) + "\n")
    else:
        show(told, Console(highlight=False, soft_wrap=True))
    others = [other for other in along.values() if isinstance(other, dict)]
    if told["missed"] or any(other.get("missed") or not other.get("met", True) for other in others):
        sys.exit(1)


if __name__ == "__main__":
    main()
