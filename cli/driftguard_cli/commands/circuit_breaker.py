"""`driftguard circuit-breaker show|rearm`: reverts against their limits, and what tripped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from driftguard.documents import Document, mapping, text
from driftguard.policy.bounds import CircuitBreaker
from driftguard.state import circuit_breaker
from driftguard.state.keys import circuit_breaker_key

from ..aws_options import on_aws
from ..operator_requests import ReasonOption, act
from ..policy_file.at_hand import PolicyAtHand, PolicyOption
from ..rows import Rows
from ..stack import JsonOption, Stack, StackOption
from ..terminal import Console

app = typer.Typer(
    help="The circuit breaker, which limits the reverts in a window.", no_args_is_help=True
)
console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """One circuit breaker: its reverts in the window, how many it allows now, what tripped it."""

    scope: str
    reverts: int
    limit: int
    tripped: str = ""
    decision: str = ""


@app.command()
@on_aws
def show(
    policy: PolicyOption = None, as_json: JsonOption = False, stack: StackOption = "driftguard"
) -> None:
    """Show every circuit breaker that has counted a revert in its window, or has tripped.

    Exits 0, whether or not one has tripped.
    """
    at_hand = PolicyAtHand.found(policy)
    limits = at_hand.policy.bounds.circuit_breaker
    state = Stack.named(stack).state
    record = state.record(circuit_breaker_key(state.place)).document
    found = list(standings(record, limits, datetime.now(UTC)))
    if as_json:
        document = {
            "window": limits.window,
            "circuit_breakers": [asdict(standing) for standing in found],
        }
        typer.echo(json.dumps(document, indent=2))
        return
    rows = Rows(*("circuit-breaker", "reverts", "at most", "stands"), heading=("circuit-breaker",))
    for standing in found:
        stands = Text("armed", "green")
        if standing.tripped:
            stands = Text(f"tripped at {standing.tripped} by {standing.decision}", "red")
        rows.add(standing.scope, str(standing.reverts), str(standing.limit), stands)
    console.print(rows)
    console.print(
        f"Reverts within {limits.window} s; limits by policy: {at_hand.origin}.", markup=False
    )


@app.command()
@on_aws
def rearm(
    scope: Annotated[
        str,
        typer.Argument(
            help="`whole`, `account ID`, `control ID` or `actor ARN`, as `show` names it."
        ),
    ],
    reason: ReasonOption,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Arm a circuit breaker that has tripped: what it has counted is forgotten.

    Exits 1 if it is refused, with the reason.

    Example: driftguard circuit-breaker rearm "control ec2.open-ingress" --reason "script stopped"
    """
    act(Stack.to_change(stack), "rearm", as_json, scope=scope, reason=reason)


def standings(record: Document, limits: CircuitBreaker, now: datetime) -> Iterator[Standing]:
    """The whole guard's circuit breaker first, then all others that have something to show."""
    counts = Counter(circuit_breaker.counts(record, limits, now))
    tripped = mapping(record, "tripped")
    others = sorted({*counts, *tripped} - {circuit_breaker.WHOLE})
    for scope in (circuit_breaker.WHOLE, *others):
        what = mapping(tripped, scope)
        yield Standing(
            scope,
            counts[scope],
            circuit_breaker.room(record, limits, scope, now),
            text(what, "at"),
            text(what, "decision"),
        )
