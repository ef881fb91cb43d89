"""Prints what a stack costs a month, or writes it to docs/cost.md.

make cost              the tables
make cost PAGE=1       … into docs/cost.md
make cost MEASURE=1    counts anew what changes cost, into benchmarks/cost/measured.json
"""

from __future__ import annotations

import argparse
import json
import os

from rich.console import Console

from driftguard_cli.commands.lab.environment import credentials

console = Console(highlight=False)


def main() -> None:
    """Runs the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="write docs/cost.md")
    parser.add_argument("--measure", action="store_true", help="count anew")
    arguments = parser.parse_args()
    if arguments.measure:
        os.environ |= {**credentials(), "AWS_DEFAULT_REGION": "us-east-1"}
        from .bill import HERE
        from .counting import KINDS, counted

        path = HERE / "measured.json"
        path.write_text(json.dumps({kind: counted(kind) for kind in KINDS}, indent=1) + "\n")
        console.print(f"{path.name} written")
        return
    from . import page

    if arguments.page:
        page.PAGE.write_text(page.with_blocks(page.PAGE.read_text()))
        console.print(f"{page.PAGE.name} written")
        return
    for name in ("sizes", "counted", "lines", "bill"):
        console.print(page.block(name), markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
