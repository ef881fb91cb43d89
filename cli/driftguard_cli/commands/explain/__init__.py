"""`driftguard explain`: explains what the guard would do about a change, or why it did it.

`reasons` judges by the record and the policy alone, `looking` reads the resource and the stack as
well. `telling` prints both for people and for programs. `recorded` explains a decision from the
audit table.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from driftguard.documents import Json
from driftguard.events.cloudtrail import Unparsable, change_from_event, change_from_record
from driftguard.model import Change

from ...aws_options import on_aws
from ...errors import Misuse
from ...policy_file.at_hand import PolicyAtHand, PolicyOption
from ...stack import JsonOption, Stack, StackOption
from ...terminal import Console
from . import looking, reasons, recorded, telling

_DECISION = re.compile(r"dg-[0-9a-f]{24}")
console = Console(highlight=False)


@on_aws
def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|DECISION",
            help="An EventBridge event or a CloudTrail record as JSON, or a decision's id: dg-…",
        ),
    ],
    live: Annotated[
        bool,
        typer.Option("--live", help="Read the resource and the stack, with your own rights."),
    ] = False,
    advisories: Annotated[
        str,
        typer.Option(
            metavar="URL|s3://BUCKET/PREFIX",
            help="Where --live looks vulnerabilities up; else where the stack does.",
        ),
    ] = "",
    policy: PolicyOption = None,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Explain what the guard would do about a change, guardrail by guardrail; or why it did.

    For a file it shows which controls watch the change, how each judges the
    record, what the policy grants and what every guardrail says. Without --live
    it makes no AWS call, and names what only the resource or the stack can
    tell. With --live it reads the resource, judges it and plans as the guard
    would; it changes and records nothing.

    For a decision it shows the recorded reasoning.

    Exits 1 if something could not be read.

    Example: driftguard explain events/ec2.open-ingress/risky.json
    """
    if _DECISION.fullmatch(what):
        if live:
            raise Misuse("--live is for a file: a decision says what was seen when it was made.")
        recorded.tell(Stack.named(stack).audit, what, as_json, console)
        return
    if advisories and not live:
        raise Misuse("--advisories is for --live: without it nothing is looked up.")
    if advisories and not advisories.startswith(("s3://", "https://", "http://")):
        raise Misuse(f"`{advisories}` is neither an address nor s3://BUCKET/PREFIX.")
    change = _change_in(Path(what))
    at_hand = PolicyAtHand.found(policy)
    if live:
        found = looking.explanation(Stack.named(stack), change, at_hand, advisories)
    else:
        found = reasons.explanation(change, at_hand)
    if as_json:
        typer.echo(json.dumps(telling.as_json(found), indent=2))
    else:
        console.print(telling.as_text(found))
    if any(
        watching.trouble or any(reasoning.trouble for reasoning in watching.candidates)
        for watching in found.controls
    ):
        raise typer.Exit(1)


def _change_in(path: Path) -> Change:
    """The change in a file. Raises `Trouble` that says what the file is instead."""
    try:
        written: Json = json.loads(path.read_text())
    except OSError as error:
        raise Misuse(
            f"{path} is neither a file that can be read ({error.strerror}) nor a decision's id."
        ) from error
    except ValueError as error:
        raise Misuse(f"{path} is not JSON: {error}.") from error
    if isinstance(written, dict) and "Records" in written:
        raise Misuse(f"{path} is a trail's log of many records: `driftguard replay` judges those.")
    try:
        if isinstance(written, dict) and "eventName" in written:
            return change_from_record(written)
        return change_from_event(written)
    except Unparsable as error:
        raise Misuse(f"{path}: {error}.") from error
