"""What people would be asked and told in an ordinary month: figures of `driftguard noise`.

    make bench            a table a control and the sums
    make bench JSON=1     one JSON object; with --along, under `noise` in the one on stdin

`organization/history.py` has the month. The history of an account is measured by the command
itself.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from organization.history import measured
from rich.console import Console

from driftguard_cli.commands.noise.report import document, table, words


def main() -> None:
    """Measures and tells; exits 1 if a risk of the month would not even be told of."""
    along = json.load(sys.stdin) if "--along" in sys.argv[1:] else {}
    with tempfile.TemporaryDirectory() as folder:
        counts, labels = measured(Path(folder))
    recall = counts.recall_with_possible(labels)
    met = recall.part == recall.whole
    if "--json" in sys.argv[1:]:
        told = {**document(counts, labels), "met": met}
        sys.stdout.write(json.dumps({**along, "noise": told}, indent=2) + "\n")
    else:
        console = Console(highlight=False, width=100)
        console.print(table(counts))
        for line in words(counts, labels):
            console.print(line)
    others = [other for other in along.values() if isinstance(other, dict)]
    if not met or any(other.get("missed") or not other.get("met", True) for other in others):
        sys.exit(1)


if __name__ == "__main__":
    main()
