"""Holds what every decision of one guard needs: its stores, its policy, its clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import field
from datetime import UTC, datetime, timedelta

from driftguard.audit import AuditTable
from driftguard.aws.client import Aws
from driftguard.documents import stamp
from driftguard.frozen import dataclass
from driftguard.model import Autonomy
from driftguard.policy.model import Policy
from driftguard.state.table import StateTable


@dataclass(frozen=True, slots=True)
class Context:
    """The values that a guard holds on to from event to event.

    `ceiling` is the most autonomy that the stack allows. `recorded` are the ids
    (`found_id`) of the versions of freezes that are known to be in the record. Without a
    `granting_role_arn` what gives rights is left to people, and without a `containment_role_arn`
    what is to be contained.
    """

    aws: Aws
    audit: AuditTable
    state: StateTable
    policy: Policy
    ceiling: Autonomy
    account: str
    remediator_role_arn: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    granting_role_arn: str = ""
    containment_role_arn: str = ""
    recorded: set[str] = field(default_factory=set, compare=False)

    @property
    def own_roles(self) -> tuple[str, ...]:
        """The ARNs of the roles that plans run under."""
        acting = (self.remediator_role_arn, self.granting_role_arn, self.containment_role_arn)
        return tuple(filter(None, acting))

    def pause(self, seconds: float, *, recording: bool = False) -> None:
        """Sleeps. Raises `OutOfTime` where that is longer than the message may still take."""
        self.aws.time.check("waiting", seconds, recording=recording)
        self.sleep(seconds)

    def stamp(self, ahead: timedelta = timedelta()) -> str:
        """Now, or later, as ISO 8601 in UTC to the millisecond."""
        return stamp(self.now() + ahead)
