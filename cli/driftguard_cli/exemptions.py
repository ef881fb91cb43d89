"""`driftguard exempt add|list|remove`: what a control passes over, until a day and for a reason.

What is for long belongs into the policy file, where it is reviewed; this is for now, at run time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftguard import controls
from driftguard.guardrails import given_exemptions
from driftguard.model import Document, stamp
from driftguard.policy.bounds import Exemption
from driftguard.policy.source import seconds_in
from driftguard.state import StateTable, exemptions_key

from .acts import ControlArgument, ReasonOption, act, known_control
from .policy_at_hand import PolicyAtHand, PolicyOption
from .stack import JsonOption, Stack, StackOption
from .trouble import Trouble

app = typer.Typer(help="What a control passes over, until a day.", no_args_is_help=True)
console = Console(highlight=False)


@app.command()
def add(
    control: ControlArgument,
    resource: Annotated[
        str, typer.Argument(help="An ARN, or what the service calls it; * and ? match.")
    ],
    length: Annotated[str, typer.Option("--for", help="For how long: 12h, 7d. A year at most.")],
    reason: ReasonOption,
    actor: Annotated[
        str, typer.Option("--actor", metavar="ARN", help="Only changes of this one; * and ? match.")
    ] = "*",
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="Only where the resource carries it."),
    ] = None,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Let one control pass over resources for a while. All that is named must hold.

    Exits 1 if it is refused, with the reason.

    Example: driftguard exempt add s3.public-acl my-bucket --for 7d --reason "a launch"
    """
    known_control(control)
    try:
        seconds = seconds_in(length)
    except ValueError as error:
        raise Trouble(f"--for: {error}.") from error
    act(
        Stack.named(stack),
        "exempt",
        as_json,
        control=control,
        resource=resource,
        for_seconds=seconds,
        reason=reason,
        actor=actor,
        tags=_tags(tag or []),
    )


@app.command()
def remove(
    control: ControlArgument,
    exemption: Annotated[str, typer.Argument(help="The exemption's id: ex-… or dg-…")],
    reason: ReasonOption,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """End an exemption that was given at run time; those of the policy file are removed there.

    Exits 1 if it is refused, with the reason.

    Example: driftguard exempt remove s3.public-acl ex-5e1c… --reason "it is over"
    """
    act(Stack.named(stack), "unexempt", as_json, control=control, id=exemption, reason=reason)


@app.command("list")
def list_exemptions(
    control: Annotated[str, typer.Argument(help="Only this control's.")] = "",
    policy: PolicyOption = None,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """List exemptions: those given at run time, and those of the policy at hand.

    Exits 0 also where there are none.
    """
    if control:
        known_control(control)
    at_hand = PolicyAtHand.found(policy)
    wanted = [control] if control else [one.id for one in controls.every()]
    found = [*_given(Stack.named(stack).state, wanted), *_written(at_hand, wanted)]
    now = stamp(datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps([_told(one, now) for one in found], indent=2))
        return
    if found:
        console.print(_table(found, now))
    console.print(f"{len(found)} exemptions; policy: {at_hand.origin}.", markup=False)


@dataclass(frozen=True, slots=True)
class _Found:
    """An exemption and where it stands: `run time`, or the policy's origin."""

    exemption: Exemption
    source: str


def _given(state: StateTable, wanted: list[str]) -> Iterator[_Found]:
    memory = state.recall(*(exemptions_key(one) for one in wanted))
    for control in wanted:
        yield from (_Found(one, "run time") for one in given_exemptions(control, memory))


def _written(at_hand: PolicyAtHand, wanted: list[str]) -> Iterator[_Found]:
    for one in at_hand.policy.exemptions:
        if one.control in wanted:
            yield _Found(one, at_hand.origin)


def _tags(given: list[str]) -> dict[str, str]:
    tags = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not name or not equals:
            raise Trouble(f"--tag: write a tag as KEY=VALUE, not `{one}`.")
        tags[name] = value
    return tags


def _told(found: _Found, now: str) -> Document:
    one = found.exemption
    return {
        "id": one.id,
        "control": one.control,
        "resource": one.resource,
        "actor": one.actor,
        "tags": dict(one.tags),
        "until": one.until,
        "expired": one.until <= now,
        "reason": one.reason,
        "by": one.by,
        "identity": one.identity,
        "source": found.source,
    }


def _table(found: list[_Found], now: str) -> Table:
    table = Table(box=None, header_style="bold")
    # What is copied to the next command stays whole, however narrow the terminal.
    for column in ("id", "control", "resource", "only for", "until", "by", "why"):
        table.add_column(column, overflow="fold", no_wrap=column in ("id", "control"))
    for each in found:
        one = each.exemption
        narrowed = [one.actor] * (one.actor != "*")
        narrowed += [f"{name}={value}" for name, value in one.tags.items()]
        over = one.until <= now
        table.add_row(
            one.id or "-",
            one.control,
            Text(one.resource),
            Text(", ".join(narrowed)),
            one.until[:16].replace("T", " ") + (" expired" if over else ""),
            Text(one.by or each.source),
            Text(one.reason),
            style="dim" if over else "",
        )
    return table
