"""`driftguard breaker show|rearm`: how near the guard is to its blast radius, and what tripped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftguard import breaker
from driftguard.model import Document, documents, stamp
from driftguard.policy.bounds import Breaker
from driftguard.state import BREAKER
from driftguard.trail import mapping, text

from .acts import ReasonOption, act
from .policy_at_hand import PolicyAtHand, PolicyOption
from .stack import JsonOption, Stack, StackOption

app = typer.Typer(help="The breaker: at most so many reverts in a window.", no_args_is_help=True)
console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """One breaker: its reverts in the window, the most there may be, and what tripped it."""

    scope: str
    reverts: int
    limit: int
    tripped: str = ""
    decision: str = ""


@app.command()
def show(
    policy: PolicyOption = None, as_json: JsonOption = False, stack: StackOption = "driftguard"
) -> None:
    """Show every breaker that has counted a revert in its window, or has tripped.

    Exits 0, whether or not one has tripped.
    """
    at_hand = PolicyAtHand.found(policy)
    limits = at_hand.policy.bounds.breaker
    note = Stack.named(stack).state.note(BREAKER).document
    found = list(standings(note, limits, datetime.now(UTC)))
    if as_json:
        told = {"window": limits.window, "breakers": [asdict(one) for one in found]}
        typer.echo(json.dumps(told, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("breaker", "reverts", "at most", "stands"):
        table.add_column(column, overflow="fold")
    for one in found:
        stands = Text("armed", "green")
        if one.tripped:
            stands = Text(f"tripped at {one.tripped} by {one.decision}", "red")
        table.add_row(Text(one.scope), str(one.reverts), str(one.limit), stands)
    console.print(table)
    console.print(
        f"Reverts within {limits.window} s; limits by policy: {at_hand.origin}.", markup=False
    )


@app.command()
def rearm(
    scope: Annotated[
        str, typer.Argument(help="`whole`, `account ID` or `control ID`, as `show` names it.")
    ],
    reason: ReasonOption,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Arm a breaker that has tripped: what it has counted is forgotten.

    Exits 1 if it is refused, with the reason.

    Example: driftguard breaker rearm "control ec2.open-ingress" --reason "the script is stopped"
    """
    act(Stack.named(stack), "rearm", as_json, scope=scope, reason=reason)


def standings(note: Document, limits: Breaker, now: datetime) -> Iterator[Standing]:
    """The whole guard's breaker first, then all others that have something to show."""
    since = stamp(now - timedelta(seconds=limits.window))
    counts = Counter(
        scope
        for one in documents(note, "reverts")
        if text(one, "at") > since
        for scope in breaker.scopes(text(one, "c"), text(one, "a"))
    )
    tripped = mapping(note, "tripped")
    most = {"account": limits.account, "control": limits.control}
    others = sorted({*counts, *tripped} - {breaker.WHOLE})
    for scope in (breaker.WHOLE, *others):
        what = mapping(tripped, scope)
        yield Standing(
            scope,
            counts[scope],
            most.get(scope.partition(" ")[0], limits.whole),
            text(what, "at"),
            text(what, "decision"),
        )
