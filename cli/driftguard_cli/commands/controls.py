"""`driftguard controls`: lists the controls."""

from __future__ import annotations

import json

import typer

from driftguard import controls as catalogue
from driftguard.controls.control import AnyControl

from ..generate.catalogue import revert_in_words
from ..rows import Rows, severity_in_words
from ..stack import JsonOption
from ..terminal import Console

console = Console(highlight=False)


def controls(as_json: JsonOption = False) -> None:
    """List the controls: what wakes them, what they read and write, where others speak of them.

    Exits 0; no AWS call is made.

    Example: driftguard controls --json
    """
    every = catalogue.every()
    if as_json:
        typer.echo(json.dumps([told(control) for control in every], indent=2))
        return
    rows = Rows(
        *("control", "severity", "what", "revert", "proven"),
        heading=("severity", "control"),
        whole=("control", "severity"),
    )
    for control in every:
        rows.add(
            control.id,
            severity_in_words(control.severity),
            control.title,
            revert_in_words(control),
            control.proven,
        )
    console.print(rows)
    console.print(f"{len(every)} controls.")


def told(control: AnyControl) -> dict[str, object]:
    """A control's metadata, for programs."""
    return {
        "id": control.id,
        "title": control.title,
        "severity": control.severity,
        "triggers": [{"source": t.source, "name": t.name} for t in control.triggers],
        "reads": [*control.reads, *control.reads_use],
        "writes": {action: list(arns) for action, arns in control.writes.items()},
        "references": {
            "security_hub": list(control.references.security_hub),
            "attack": list(control.references.attack),
            "stratus": list(control.references.stratus),
        },
        "revert": {"possible": not control.revert, "why_not": control.revert},
        "cuts": control.cuts._asdict(),
        "settling": control.settling._asdict(),
        "busy": [answer._asdict() for answer in control.busy],
        "baseline": control.baselined,
        "swept": control.swept,
        "proven": control.proven,
    }
