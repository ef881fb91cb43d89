"""Shows the demo in a terminal."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import JustifyMethod
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table

from driftguard.audit import broken_link

from ...terminal import Console
from ..lab.house import Tell
from ..lab.reporting import progress
from .account import PARTNER
from .scenarios import Scenario, Staged
from .story import Outcome, Undo

_LINE = Rule(style="dim")


class Screen:
    """Tells the story on one console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def opening(self) -> None:
        self._console.rule("[bold]Driftguard, from a real deployment to a reverted change")
        self._console.print(
            "The template of this checkout is built and deployed into emulators on this machine. "
            "No AWS account is touched.\n"
        )

    @contextmanager
    def preparing(self) -> Iterator[Tell]:
        with progress(self._console) as tell:
            yield tell

    def staged(self, staged: Sequence[Staged]) -> None:
        self._console.print("\n[bold]A small web shop, in good order[/]")
        for part in staged:
            self._console.print(f"  • {part.what}: [dim]{part.why}[/]")
        self._console.print(
            "\n[bold]Its policy[/] [dim](cli/driftguard_cli/commands/demo/policy.yaml)[/]\n"
            "  • every control with a safe revert reverts at once\n"
            f"  • the partner, account {PARTNER}, is trusted\n"
        )

    def watch(self, scenarios: Sequence[Scenario], coming: Iterator[Outcome]) -> list[Outcome]:
        """Shows each scenario as it begins and its outcome as it comes; returns the outcomes."""
        seen: list[Outcome] = []
        heads = ("An intruder …", "Driftguard, and why", "Left alone", "Seconds")
        self._console.print(_row(*(f"[bold]{head}[/]" for head in heads)), _LINE)
        with Live(console=self._console, transient=True, refresh_per_second=8) as live:
            for scenario in scenarios:
                live.update(_row(_titled(scenario), "[dim]…[/]", "", ""))
                outcome = next(coming)
                seen.append(outcome)
                seconds = f"{outcome.seconds:.1f}" if outcome.reverted else "–"
                cells = (_titled(scenario), _decided(outcome), _left_alone(outcome), seconds)
                self._console.print(_row(*cells), _LINE)
        return seen

    def told(self, outcomes: Sequence[Outcome]) -> None:
        self._console.print("\n[bold]What people were told[/] [dim](messages on the SNS topic)[/]")
        first, *others = [outcome.message for outcome in outcomes if outcome.message] or [""]
        self._console.print(Panel(escape(first or "no message came"), border_style="dim"))
        for message in others:
            self._console.print(f"  • {escape(message.splitlines()[0])}")

    def recorded(self, outcome: Outcome) -> None:
        if outcome.decision is None:
            return
        self._console.print(f"\n[bold]What is on record[/] [dim]({outcome.decision.id})[/]")
        for entry in outcome.log:
            self._console.print(
                f"  {entry.number}. [dim]{entry.at}[/] {escape(entry.by)} "
                f"[bold]{escape(entry.event)}[/] {escape(entry.note)} [dim]#{entry.hash[:8]}[/]"
            )
        broken = broken_link(outcome.decision, outcome.log)
        self._console.print(
            f"  [red]✗[/] the log does not hold together: {escape(broken)}"
            if broken
            else "  [green]✓[/] each entry holds the hash of the one before it"
        )

    def undone(self, undo: Undo) -> None:
        self._console.print(f"\n[bold]Undo[/] [dim]driftguard undo {undo.decision}[/]")
        self._console.print(f"  {escape(undo.told)}", style="dim")
        for line in _difference(undo.reverted, undo.undone):
            color = {"+": "green", "-": "red"}.get(line[0], "dim")
            self._console.print(f"  [{color}]{escape(line)}[/]")
        self._console.print(
            "  [green]✓[/] to the byte what it was before Driftguard acted"
            if undo.exact
            else "  [red]✗[/] not what it was before Driftguard acted"
        )

    def went_wrong(self, log: str) -> None:
        """What the pipeline itself said, before all of it is taken down."""
        self._console.print(f"\n[bold]What the pipeline said[/]\n[dim]{escape(log)}[/]")

    def verdict(self, *, passed: bool, seconds: float) -> None:
        self._console.print()
        self._console.rule(
            f"[bold green]Every change reverted, all else left alone, undo exact[/] "
            f"[dim]{seconds:.0f} s[/]"
            if passed
            else "[bold red]Not everything went as it should"
        )


def _row(*cells: str) -> Table:
    """A row of the table that grows line by line; as wide as every other, however high it is."""
    table = Table(box=None, expand=True, show_header=False, padding=(0, 1))
    for ratio, width in ((3, None), (4, None), (3, None), (None, 7)):
        justify: JustifyMethod = "right" if width else "left"
        table.add_column(ratio=ratio, width=width, justify=justify, overflow="fold")
    table.add_row(*cells)
    return table


def _titled(scenario: Scenario) -> str:
    return f"{scenario.title}\n[dim]{scenario.control}[/]"


def _decided(outcome: Outcome) -> str:
    if outcome.decision is None:
        return "[red]✗ no decision was recorded[/]"
    decision = outcome.decision
    mark = "[green]✓[/]" if outcome.reverted else "[red]✗[/]"
    lines = [f"{mark} [bold]{decision.status.value}[/]: {escape(decision.summary)}"]
    if decision.reason:
        lines.append(f"[dim]{escape(decision.reason)}[/]")
    return "\n".join(lines)


def _left_alone(outcome: Outcome) -> str:
    untouched = outcome.decision.plan.untouched if outcome.decision else ()
    lines = [escape(resource) for resource in untouched]
    if not outcome.siblings_intact:
        lines.append("[red]✗ something else was changed[/]")
    return "\n".join(lines) or "[green]✓[/] all else"


def _difference(before: str, after: str) -> list[str]:
    old, new = (_readable(text).splitlines() for text in (before, after))
    lines = difflib.unified_diff(old, new, lineterm="", n=1)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def _readable(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2)
    except ValueError:
        return text
