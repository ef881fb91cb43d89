"""What people would be asked and told in an ordinary month: figures of `driftguard noise`.

    make bench            tables a control and the sums, for two policies
    make bench JSON=1     one JSON object; with --along, under `noise` in the one on stdin

The policies are the shipped one, and the same as people have it after their first week
(docs/how-to/first-week.md). `organization/history.py` has the month. The history of an account is
measured by the command itself.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from organization import history
from rich.console import Console

from driftguard_cli.commands.noise.counts import Counts
from driftguard_cli.commands.noise.labels import Labels
from driftguard_cli.commands.noise.report import document, table, words


def _measured() -> Iterator[tuple[str, Counts, Labels]]:
    with tempfile.TemporaryDirectory() as folder:
        after = history.after_a_week(Path(folder))
        for name, policy in (("shipped", history.shipped()), ("after a week", after)):
            yield name, *history.measured(Path(folder), policy)


def main() -> None:
    """Measures and tells; exits 1 if a risk of the month would not even be told of."""
    along = json.load(sys.stdin) if "--along" in sys.argv[1:] else {}
    found = list(_measured())
    recalls = [counts.recall_with_possible(labels) for _, counts, labels in found]
    met = all(recall.part == recall.whole for recall in recalls)
    if "--json" in sys.argv[1:]:
        (_, shipped, known), (_, later, labels) = found
        after = document(later, labels)
        told = {**document(shipped, known), "after_a_week": after, "met": met}
        sys.stdout.write(json.dumps({**along, "noise": told}, indent=2) + "\n")
    else:
        console = Console(highlight=False, width=100)
        for name, counts, labels in found:
            console.print(f"policy: {name}")
            console.print(table(counts))
            for line in words(counts, labels):
                console.print(line)
            console.print()
    others = [other for other in along.values() if isinstance(other, dict)]
    if not met or any(other.get("missed") or not other.get("met", True) for other in others):
        sys.exit(1)


if __name__ == "__main__":
    main()
