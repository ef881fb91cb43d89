"""`driftguard freeze`: stops the guard from changing anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from driftguard.aws.calls import AwsError
from driftguard.documents import stamp
from driftguard.state import freezes
from driftguard.state.keys import StateRecord, freeze_key

from ..aws_options import on_aws
from ..errors import Trouble
from ..freezing import DirectOption, OneAccount, OneControl, freeze_scope, say_direct
from ..operator_requests import act
from ..stack import JsonOption, Stack, StackOption
from ..terminal import Console


@on_aws
def freeze(
    reason: Annotated[str, typer.Option(help="Why, for whoever finds the guard frozen.")],
    hours: Annotated[
        float, typer.Option(min=0, max=8784, help="Lift the freeze after so many hours; 0: never.")
    ] = 0,
    longer: Annotated[
        bool, typer.Option("--longer", help="Make a freeze that has an end last longer.")
    ] = False,
    control: OneControl = "",
    account: OneAccount = "",
    direct: DirectOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """The kill switch: from the next event on, decide and record, but change nothing.

    The signed API sets the freeze and records it in your name. If the signed
    API does not answer, or IAM does not let you call it, the command writes the
    state table directly; the guard records the freeze when it first reads it.

    A freeze leaves changes as they are, so it needs whoever approving them
    would need; where that is more than one person, others must `driftguard
    confirm` it. What it held back is judged anew when it ends or is lifted.

    Exits 1 if nothing is frozen, with the reason.

    Example: driftguard freeze --reason "migration" --hours 2
    """
    scope, deployed = freeze_scope(control, account), Stack.to_change(stack)
    seconds = round(hours * 3600)
    if not direct:
        try:
            act(
                deployed,
                "freeze",
                as_json,
                control=control,
                account=account,
                for_seconds=seconds or None,
                longer=longer,
                reason=reason,
            )
            return
        except Trouble as error:
            # A broken signed API must not keep people from stopping the guard.
            Console(stderr=True, highlight=False).print(str(error), markup=False)
    now = datetime.now(UTC)
    until = stamp(now + timedelta(seconds=seconds)) if seconds else ""
    by = deployed.caller()
    standing = _standing(deployed, scope)
    if standing and (moved := freezes.moves_end(standing, until, now, longer=longer)):
        raise Trouble(moved)
    anew = freezes.anew(deployed.state.place, scope, now, standing)
    record = freezes.frozen(anew, by=by, reason=reason, at=now, until=until)
    deployed.state.overwrite(record)
    ends = f" until {until}" if until else ""
    say_direct("freeze", f"Frozen directly: {freezes.scope(record)}{ends}.", as_json)


def _standing(deployed: Stack, scope: str) -> StateRecord | None:
    """The freeze that stands; None where the table cannot be read: freezing comes first."""
    try:
        return deployed.state.record(freeze_key(deployed.state.place, scope))
    except AwsError:
        return None
