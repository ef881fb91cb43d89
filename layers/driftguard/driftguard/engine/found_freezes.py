"""Records freezes, and lifts of freezes, that did not come through the signed API.

A freeze is also over when somebody deletes its state record, or writes an earlier one back. The
audit record has the last act on each freeze: where that still holds, and the state record says
otherwise, the freeze was lifted around the signed API.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from driftguard.approvals.act import FREEZES
from driftguard.audit import Conflict
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.model import Decision, Status
from driftguard.state import freezes
from driftguard.state.keys import ALL, StateRecord, freeze_key

if TYPE_CHECKING:
    from .context import Context

# Through so many acts of people is looked for the last one on each freeze.
_ACTS = 500


def state_record(context: Context, act: Decision) -> StateRecord:
    """The state record of the freeze that an act set or lifted, as it is now."""
    kind, _, name = act.candidate.resource.arn.partition(" ")
    return context.state.record(freeze_key(context.state.place, f"{kind}#{name}" if name else ALL))


def lifted_around(context: Context) -> Iterator[Decision]:
    """The freezes that were lifted around the signed API, where the audit record has them hold."""
    for act in _last_acts(context):
        if _found_lifted(context, act) is not None:
            yield act


def _last_acts(context: Context) -> list[Decision]:
    """The last act on each freeze, as far as the last acts of people go back."""
    filters = Filters(status=Status.NOTED.value)
    last: dict[str, Decision] = {}
    found = Finder(context.audit, Usage()).decisions(filters, plan(filters))
    for act in islice(found, _ACTS):
        if act.change_name in FREEZES:
            last.setdefault(act.candidate.resource.arn, act)
    return list(last.values())


def record_lift(context: Context, freeze: Decision) -> None:
    """Records the lift of a freeze around the signed API, where the audit record has it hold."""
    found = _found_lifted(context, freeze)
    if found is not None and freeze in _last_acts(context):
        record(context, found)


def _found_lifted(context: Context, act: Decision) -> StateRecord | None:
    """The state record of a freeze that was lifted around the signed API; None of any other.

    One that nothing proves says itself who lifted it. One that is gone, or that is of an earlier
    act, does not: what is returned in its place says what is known.
    """
    if not freezes.holds_by(act, context.stamp()):
        return None
    standing = state_record(context, act)
    if freezes.holds(standing, context.now()):
        return None
    named = freezes.named_decision(standing.document)
    proof = context.audit.get(named) if named else None
    if standing.version and not freezes.is_proven(standing, proof):
        return standing
    if proof is not None and act.decided <= proof.decided:
        return None
    why = "an earlier state record was written back" if proof else "its state record is gone"
    # The same for every delivery: it is recorded once.
    return standing.saying({"froze": act.id, "lifted": act.decided, "lifted_why": why})


def record(context: Context, freeze: StateRecord) -> None:
    """Records a freeze or its lift that did not come through the signed API, once."""
    from driftguard.approvals import operators

    found = operators.found(freeze, context.state.place, context.now())
    line = f"{found.summary}: {found.reason}"
    # Another worker may be first, or this one was before it was last started.
    with suppress(Conflict):
        context.audit.append(found, event=found.change_name, note=line)
