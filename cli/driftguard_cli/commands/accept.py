"""`driftguard accept`: votes to accept a change, and exempts its resource for a while."""

from __future__ import annotations

from typing import Annotated

import typer

from driftguard.model import Choice

from ..aws_options import on_aws
from ..decisions import DecisionArgument
from ..errors import Misuse
from ..policy_file.schema.values import seconds_in
from ..stack import JsonOption, StackOption
from ..votes import ReasonOption, YesOption, vote


@on_aws
def accept(
    decision: DecisionArgument,
    length: Annotated[
        str, typer.Option("--for", help="For how long: 12h, 7d. Nobody is asked meanwhile.")
    ],
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Accept the change for a while: the resource is exempted from this control until then.

    Exits 1 if the vote does not count, with the reason.

    Example: driftguard accept dg-91ab… --for 7d --reason "a launch"
    """
    try:
        seconds = seconds_in(length)
    except ValueError as error:
        raise Misuse(f"--for: {error}.") from error
    vote(
        stack,
        decision,
        Choice.ACCEPT,
        f"Let the change STAND, and this resource be EXEMPT from the control for {length}?",
        reason=reason,
        yes=yes,
        as_json=as_json,
        accept_for_seconds=seconds,
    )
