"""`driftguard exempt`: resources that a control leaves alone, until a day and for a reason.

An exemption that lasts belongs in the policy file, where it is reviewed; this command is for a
while, at run time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from driftguard import controls
from driftguard.documents import Document, stamp
from driftguard.policy.bounds import Exemption
from driftguard.state.exemptions import given_exemptions
from driftguard.state.keys import exemptions_key
from driftguard.state.table import StateTable

from ..aws_options import on_aws
from ..errors import Misuse
from ..operator_requests import ControlArgument, ReasonOption, act, known_control
from ..policy_file.at_hand import PolicyAtHand, PolicyOption
from ..policy_file.schema.values import seconds_in
from ..rows import Rows
from ..stack import JsonOption, Stack, StackOption
from ..terminal import Console

app = typer.Typer(help="Resources that a control leaves alone, until a day.", no_args_is_help=True)
console = Console(highlight=False)


@app.command()
@on_aws
def add(
    control: ControlArgument,
    resource: Annotated[
        str, typer.Argument(help="An ARN, or the resource's own id; * and ? match.")
    ],
    length: Annotated[str, typer.Option("--for", help="For how long: 12h, 7d. A year at most.")],
    reason: ReasonOption,
    actor: Annotated[
        str,
        typer.Option("--actor", metavar="ARN", help="Only changes by this actor; * and ? match."),
    ] = "*",
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="Only where the resource has this tag."),
    ] = None,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Exempt resources from one control for a while. Everything that is given must match.

    Exits 1 if it is refused, with the reason.

    Example: driftguard exempt add s3.public-acl my-bucket --for 7d --reason "a launch"
    """
    known_control(control)
    try:
        seconds = seconds_in(length)
    except ValueError as error:
        raise Misuse(f"--for: {error}.") from error
    act(
        Stack.to_change(stack),
        "exempt",
        as_json,
        control=control,
        resource=resource,
        for_seconds=seconds,
        reason=reason,
        actor=actor,
        tags=tags_of(tag or []),
    )


@app.command()
@on_aws
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
    act(Stack.to_change(stack), "unexempt", as_json, control=control, id=exemption, reason=reason)


@app.command("list")
@on_aws
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
    wanted = [control] if control else [known.id for known in controls.every()]
    found = [*given_in(Stack.named(stack).state, wanted), *written_in(at_hand, wanted)]
    now = stamp(datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps([as_document(exemption, now) for exemption in found], indent=2))
        return
    if found:
        console.print(_rows(found, now))
    console.print(f"{len(found)} exemptions; policy: {at_hand.origin}.", markup=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """An exemption and where it stands: `run time`, or the policy's origin."""

    exemption: Exemption
    source: str


def given_in(state: StateTable, wanted: list[str]) -> Iterator[Listed]:
    """The exemptions of these controls that people gave at run time."""
    remembered = state.recall(*(exemptions_key(state.place, control) for control in wanted))
    for control in wanted:
        yield from (
            Listed(exemption, "run time") for exemption in given_exemptions(control, remembered)
        )


def written_in(at_hand: PolicyAtHand, wanted: list[str]) -> Iterator[Listed]:
    """The exemptions of these controls that stand in the policy at hand."""
    for exemption in at_hand.policy.exemptions:
        if exemption.control in wanted:
            yield Listed(exemption, at_hand.origin)


def tags_of(given: list[str]) -> dict[str, str]:
    """The tags that are written as KEY=VALUE. Raises `Misuse`."""
    tags = {}
    for tag in given:
        name, equals, value = tag.partition("=")
        if not name or not equals:
            raise Misuse(f"--tag: write a tag as KEY=VALUE, not `{tag}`.")
        tags[name] = value
    return tags


def as_document(found: Listed, now: str) -> Document:
    """Return an exemption for programs, as it stands at a time (ISO 8601)."""
    exemption = found.exemption
    return {
        "id": exemption.id,
        "control": exemption.control,
        "resource": exemption.resource,
        "actor": exemption.actor,
        "tags": dict(exemption.tags),
        "until": exemption.until,
        "expired": exemption.until <= now,
        "reason": exemption.reason,
        "by": exemption.by,
        "identity": exemption.identity,
        "source": found.source,
    }


def _rows(found: list[Listed], now: str) -> Rows:
    rows = Rows(
        *("id", "control", "resource", "only for", "until", "by", "why"),
        heading=("control", "until"),
        whole=("id", "control", "until"),
    )
    for listed in found:
        exemption = listed.exemption
        narrowed = [exemption.actor] * (exemption.actor != "*")
        narrowed += [f"{name}={value}" for name, value in exemption.tags.items()]
        over = exemption.until <= now
        rows.add(
            exemption.id or "-",
            exemption.control,
            exemption.resource,
            ", ".join(narrowed),
            exemption.until[:16].replace("T", " ") + (" expired" if over else ""),
            exemption.by or listed.source,
            exemption.reason,
            style="dim" if over else "",
        )
    return rows
