"""`driftguard audit verify`: proves that the record is whole."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import Annotated

import typer

from driftguard.audit.verify import Proof, Unknown, Verifier

from ...aws_options import on_aws
from ...decisions import known
from ...errors import Misuse
from ...stack import JsonOption, Stack, StackOption
from ...terminal import Console
from .shared import console, counted, now, stamp

# How many faults are shown to people; JSON has them all.
_SHOWN = 20


@on_aws
def verify(
    day: Annotated[str, typer.Option(help="Only what was sealed on this day: 2026-11-24.")] = "",
    decision: Annotated[str, typer.Option(help="Only this decision: dg-…")] = "",
    published: Annotated[
        str, typer.Option(help="The seal of --day as it was published: proves the table's copy.")
    ] = "",
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Prove that the record is whole, or name where it was edited, cut, reordered or added to.

    Exits 1 if it is not whole.

    Example: driftguard audit verify --day 2026-11-24
    """
    if day and decision:
        raise Misuse("Give --day or --decision, not both.")
    if published and not day:
        raise Misuse("--published is the seal of one day: give --day too.")
    if day:
        _is_day(day)
    verifier = Verifier(Stack.named(stack).audit)
    with Console(stderr=True).status("verifying"):
        if decision:
            try:
                proof = verifier.decision(decision)
            except Unknown:
                known(None, decision)
                raise
        else:
            today = stamp(now())[:10]
            proof = verifier.day(day, published) if day else verifier.everything(today)
    if as_json:
        typer.echo(json.dumps({"whole": proof.whole, **asdict(proof)}, indent=2))
    else:
        for line in _lines(proof):
            console.print(line, markup=False, soft_wrap=True)
    if not proof.whole:
        raise typer.Exit(1)


def _is_day(day: str) -> None:
    try:
        date.fromisoformat(day)
    except ValueError:
        raise Misuse(f"`{day}` is not a day. Write 2026-11-24.") from None


def _lines(proof: Proof) -> list[str]:
    days = f"{proof.days[0]} to {proof.days[-1]}" if len(proof.days) > 1 else "".join(proof.days)
    sealed = f"sealed on {counted(len(proof.days), 'day')} ({days})"
    looked_at = (
        f"{counted(proof.decisions, 'decision')} with {proof.entries:,} log entries, "
        f"{sealed if proof.days else 'none of them sealed'}"
    )
    if proof.whole:
        lines = [f"The record is whole: {looked_at}."]
        if proof.unsealed:
            lines.append(
                f"Nothing is sealed yet since {proof.unsealed[0]}: of these days only the logs "
                "themselves were checked."
            )
        return lines
    first, *others = proof.faults
    lines = [f"The record is broken: {first}."]
    lines += [f"Also {fault}." for fault in others[: _SHOWN - 1]]
    if len(proof.faults) > _SHOWN:
        lines.append(f"And {len(proof.faults) - _SHOWN} more: --json names them all.")
    return [*lines, f"Looked at {looked_at}."]
