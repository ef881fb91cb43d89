"""The map of the library's rooms in docs/architecture.md, from the import contract.

The contract (`[tool.importlinter]` in pyproject.toml) says which rooms there are and in which
order; the first line of a room's docstring says what the room is for.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

_LIBRARY = Path("layers/driftguard/driftguard")
_ROOMS_A_LINE = 8


def rooms(root: Path) -> str:
    """Return the table of the rooms, top floor first, and the picture of their floors."""
    floors = floors_in(root / "pyproject.toml")
    table = ["| room | purpose |", "|---|---|"]
    for floor in floors:
        table += (f"| `{room}` | {purpose(root / _LIBRARY, room)} |" for room in floor)
    return "\n".join([*table, "", *_picture(floors)])


def floors_in(configuration: Path) -> list[tuple[str, ...]]:
    """Return the contract's floors, the top one first, each with its rooms."""
    contracts = tomllib.loads(configuration.read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (rule["layers"] for rule in contracts if rule["type"] == "layers")
    # `a | b` and `a : b` are rooms of one floor.
    return [tuple(re.split(r"\s*[|:]\s*", floor)) for floor in layers]


def purpose(library: Path, room: str) -> str:
    """Return the first line of a room's docstring. Raises `ValueError` if it has none."""
    package = library / room / "__init__.py"
    source = package if package.exists() else library / f"{room}.py"
    docstring = ast.get_docstring(ast.parse(source.read_text()))
    if not docstring:
        raise ValueError(f"{source} has no docstring that says what the room is for")
    return docstring.partition("\n")[0].replace("|", "\\|")


def _picture(floors: Sequence[tuple[str, ...]]) -> list[str]:
    """A flowchart in which every floor points at the one below it."""
    names = [" & ".join(floor) for floor in floors]
    # A line begins with the name that ended the line before: the arrow between them is drawn once.
    starts = range(0, max(len(names) - 1, 1), _ROOMS_A_LINE - 1)
    lines = ("    " + " --> ".join(names[start : start + _ROOMS_A_LINE]) for start in starts)
    return ["```mermaid", "flowchart TD", *lines, "```"]
