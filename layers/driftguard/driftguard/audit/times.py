"""Says how long a decision took: what the guard's metrics and reports count."""

from __future__ import annotations

from driftguard.documents import moment
from driftguard.model import Decision, Status


def until_reverted(decision: Decision) -> float | None:
    """The seconds from a change until its revert was verified.

    None where it is not reverted, was safe already, or nobody knows when the change was made
    (because the sweep found it). CloudTrail's times are whole seconds of other clocks, so that a
    quick revert can seem to come before its change: that took no time.
    """
    if decision.status is not Status.REVERTED or not decision.done:
        return None
    if decision.actor.is_unattributed:
        return None
    changed, reverted = moment(decision.change_time), moment(decision.updated)
    if changed is None or reverted is None:
        return None
    return max(0.0, (reverted - changed).total_seconds())
