"""`driftguard unfreeze`: lifts a freeze."""

from __future__ import annotations

from datetime import UTC, datetime

from driftguard.aws.dynamodb import Moved
from driftguard.state import freezes
from driftguard.state.keys import freeze_key

from ..errors import Trouble
from ..freezing import DirectOption, OneAccount, OneControl, freeze_scope, say_direct
from ..operator_requests import ReasonOption, act
from ..stack import JsonOption, Stack, StackOption


def unfreeze(
    reason: ReasonOption,
    control: OneControl = "",
    account: OneAccount = "",
    direct: DirectOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Lift the freeze of the whole guard, or the one of a control or an account.

    The signed API lifts and records it in your name.

    Exits 1 if there is none to lift.

    Example: driftguard unfreeze --reason "the migration is over"
    """
    scope, deployed = freeze_scope(control, account), Stack.named(stack)
    if not direct:
        act(deployed, "unfreeze", as_json, control=control, account=account, reason=reason)
        return
    now, before = datetime.now(UTC), deployed.state.record(freeze_key(deployed.state.place, scope))
    if not freezes.holds(before, now):
        raise Trouble(f"There is no freeze of {freezes.scope(before)} to lift.")
    lifted = freezes.lifted(before, by=deployed.caller(), reason=reason, at=now)
    try:
        deployed.state.write(lifted)
    except Moved:
        raise Trouble("Somebody has just frozen it again: look again before you lift it.") from None
    say_direct("unfreeze", f"Lifted directly: the freeze of {freezes.scope(before)}.", as_json)
