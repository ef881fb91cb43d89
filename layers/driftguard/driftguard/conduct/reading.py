"""Reads a principal's conduct for the guard, where it looks at it or decides on its changes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from driftguard.aws.client import Aws
from driftguard.documents import Document
from driftguard.frozen import dataclass
from driftguard.model import Actor, Place
from driftguard.policy.model import Policy
from driftguard.state.keys import StateRecords, conduct_key
from driftguard.state.table import StateTable

if TYPE_CHECKING:
    from .unusual import Unusual


@dataclass(frozen=True, slots=True)
class ConductIn:
    """Gives the records of principals' conduct in a state table, by their sort keys."""

    table: str
    place: Place

    def __call__(self, aws: Aws, record: str) -> Document:
        """The record; an empty one where there is none."""
        pk, _ = conduct_key(self.place, self.place.account)
        return StateTable(aws, self.table, self.place).record((pk, record)).document


def whose_conduct(policy: Policy, actor: Actor) -> str:
    """The ARN by which the conduct of a change's maker is remembered; "" if it makes no difference.

    It moves severity like the anomaly score, and so only where the policy has `anomalies`.
    """
    known = policy.bounds.anomalies is not None and not actor.is_unattributed
    return actor.principal if known and actor.principal.startswith("arn:") else ""


def conduct_of(
    remembered: StateRecords, policy: Policy, account: str, actor: Actor, now: datetime
) -> Unusual | None:
    """What was unusual of a maker's conduct within the last 24 hours; None if nothing is known."""
    who = whose_conduct(policy, actor)
    if not who:
        return None
    # Only here: no harmless event waits for it.
    from .unusual import lately

    return lately(remembered[conduct_key(remembered.place, account, who)].document, now)
