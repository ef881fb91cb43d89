"""`driftguard unfreeze`: lifts a freeze."""

from __future__ import annotations

from datetime import UTC, datetime

from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.aws.dynamodb import Moved
from driftguard.documents import stamp
from driftguard.engine.thaw import was_frozen
from driftguard.model import Decision, Status
from driftguard.state import freezes
from driftguard.state.keys import StateRecord, freeze_key

from ..aws_options import on_aws
from ..errors import Trouble
from ..freezing import DirectOption, OneAccount, OneControl, freeze_scope, say_direct
from ..operator_requests import ReasonOption, act
from ..stack import JsonOption, Stack, StackOption
from ..terminal import Console


@on_aws
def unfreeze(
    reason: ReasonOption,
    control: OneControl = "",
    account: OneAccount = "",
    direct: DirectOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Lift the freeze of the whole guard, or the one of a control or an account.

    The signed API lifts and records it in your name. Lists what the freeze held
    back; the guard judges each anew, as the policy says.

    Whoever set a freeze lifts it alone. Somebody else's freeze keeps the guard
    from changing things: to lift it needs whoever approving its reverts would
    need, and others must `driftguard confirm` it where that is more than one
    person.

    Exits 1 if there is none to lift.

    Example: driftguard unfreeze --reason "the migration is over"
    """
    scope, deployed = freeze_scope(control, account), Stack.to_change(stack)
    if not direct:
        before = deployed.state.record(freeze_key(deployed.state.place, scope))
        stood = _stood(deployed, before, control, account)
        is_lifted = act(
            deployed, "unfreeze", as_json, control=control, account=account, reason=reason
        )
        _list(stood, is_lifted)
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


def _stood(deployed: Stack, freeze: StateRecord, control: str, account: str) -> list[Decision]:
    """The decisions that a freeze kept at observing, oldest first; none where none holds."""
    now = datetime.now(UTC)
    filters = Filters(
        status=Status.OBSERVED.value,
        since=freezes.beginning(freeze.document, stamp(now)),
        control=control,
        account=account,
    )
    if not freezes.holds(freeze, now):
        return []
    found = Finder(deployed.audit, Usage()).decisions(filters, plan(filters, newest_first=False))
    return [decision for decision in found if was_frozen(decision)]


def _list(stood: list[Decision], is_lifted: bool) -> None:
    """Lists what the guard judges anew, beside the answer."""
    console = Console(stderr=True, highlight=False)
    for decision in stood:
        what = f"{decision.control} {decision.candidate.resource.arn}: {decision.summary}"
        console.print(f"{decision.id}  {what}", markup=False)
    when = "" if is_lifted else " once it is lifted"
    console.print(
        f"{len(stood)} stood while it was frozen; each is judged anew{when}.", markup=False
    )
