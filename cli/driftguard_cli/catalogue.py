"""The controls, told to people and to programs: `driftguard controls` and docs/controls.md."""

from __future__ import annotations

import json
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from driftguard import controls as catalogue
from driftguard.controls.control import AnyControl

from .stack import JsonOption

console = Console(highlight=False)

_INTRODUCTION = """\
# The controls

Made from the controls themselves by `make generate`; edit them, not this page.

*Revert* says whether a control can take the risk back by itself; where it cannot, people are told
and asked. *Swept* are those whose resources can be listed: the daily sweep finds what is risky of
them, or departs from a pinned baseline, though no event told of it. *Proven* says how the round
trip (risky change, revert, undo, exactly the state before) was run: against an emulator of the
service, or, where no emulator has the API, with its calls only checked against the service's model
(**not yet proven against a service**). None has been run against AWS itself by this project's
tests.

"""

_COLUMNS = (
    *("control", "what", "severity", "woken by", "revert", "baseline", "swept"),
    *("proven", "see"),
)


def controls(as_json: JsonOption = False) -> None:
    """List the controls: what wakes them, what they read and write, where others speak of them.

    Exits 0; no AWS call is made.

    Example: driftguard controls --json
    """
    every = catalogue.every()
    if as_json:
        typer.echo(json.dumps([told(one) for one in every], indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("control", "severity", "what", "revert", "proven"):
        # An id that is copied to the next command stays whole, however narrow the terminal.
        table.add_column(column, overflow="fold", no_wrap=column == "control")
    for one in every:
        table.add_row(one.id, str(one.severity), one.title, _revert(one), one.proven)
    console.print(table)
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
        "baseline": control.baselined,
        "swept": control.swept,
        "proven": control.proven,
    }


def as_markdown(every: Sequence[AnyControl]) -> str:
    """The page docs/controls.md: one line a control, a table a service."""
    services: dict[str, list[AnyControl]] = {}
    for one in every:
        services.setdefault(one.id.partition(".")[0], []).append(one)
    stubbed = sum(one.proven == "stub" for one in every)
    page = _INTRODUCTION + f"{len(every)} controls in {len(services)} services; "
    page += f"{stubbed} not yet proven against a service.\n"
    for service, found in services.items():
        page += f"\n## {service}\n\n"
        page += (
            "| control | what | severity | woken by | revert | baseline | swept | proven | see |\n"
        )
        page += "|---|---|---|---|---|---|---|---|---|\n"
        page += "".join(_row(one) for one in found)
    return page


def _row(one: AnyControl) -> str:
    references = one.references
    names = dict.fromkeys(trigger.name for trigger in one.triggers)
    cells = (
        f"`{one.id}`",
        one.title,
        str(one.severity),
        ", ".join(names),
        _revert(one),
        "needed" if one.baselined else "",
        "yes" if one.swept else "",
        one.proven if one.proven == "emulator" else "**stub**",
        ", ".join((*references.security_hub, *references.attack, *references.stratus)),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _revert(one: AnyControl) -> str:
    return f"no: {one.revert}" if one.revert else "yes"
