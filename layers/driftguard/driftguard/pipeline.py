"""The whole story of a decision: change → observe → assess → decide → record → apply → verify.

An event only wakes the guard; the state decides. A duplicate, a late or a stale event finds its own
decision, or nothing to do. The story's parts are `deciding`, `asking`, `reverting` and `undoing`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from . import controls
from .audit import AuditTable, Conflict
from .aws import Aws, AwsError
from .interruptions import Busy, Foreign, NotYet, UnknownDecision
from .model import Autonomy, Certainty, Change, Decision, Suspect, stamp
from .policy import Policy
from .state import StateTable
from .verdicts import LookAt, Undo

if TYPE_CHECKING:
    from .case import Case


@dataclass(frozen=True, slots=True)
class Guard:
    """The guard of one account: what it holds on to from event to event.

    `last_chance` below means that this delivery is the last one: what cannot be finished is then
    recorded as failed, instead of waiting for the next.
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

    def handle(self, change: Change, *, last_chance: bool = False) -> Iterator[Decision]:
        """Every decision that this change leads to, made, recorded and carried out."""
        troubles: list[Exception] = []
        for case in self.cases(change, last_chance=last_chance):
            self._must_guard(change.account)
            # A change that its own record proves harmless never gets here, and does not pay for it.
            from . import deciding

            try:
                decision = deciding.decide(case, change)
            except (AwsError, Busy, Conflict, NotYet) as error:
                # What stops one control must not keep the others from looking.
                troubles.append(error)
                continue
            if decision is not None:
                yield decision
        if troubles:
            raise troubles[0]

    def cases(self, change: Change, *, last_chance: bool = False) -> Iterator[Case]:
        """What there is to look at, by the record alone. None: it proves the change harmless."""
        if change.error or change.read_only or self.is_own(change):
            return
        for control in controls.watching(change):
            settings = self.policy.settings_of(control.id, control.settings)
            for suspect in control.screen(change, settings):
                from .case import Case

                yield Case(self, control, settings, suspect, last_chance)

    def look_at(self, found: LookAt, *, last_chance: bool = False) -> Decision | None:
        """The decision on what the sweep found; None if all is well, or decided on already."""
        self._must_guard(found.resource.account)
        suspect = Suspect(found.resource, Certainty.POSSIBLE)
        from . import found as finding

        return finding.decide(self._looking(found.control, suspect, last_chance))

    def undo(self, verdict: Undo, *, last_chance: bool = False) -> Decision:
        """Takes a decision's revert back, exactly; the log says so when it cannot be.

        A freeze does not stop it: who froze the guard may well want its reverts taken back.
        """
        decision = self._known(verdict.decision)
        from . import undoing

        return undoing.undo(self._case(decision, last_chance), decision, verdict)

    def carry_out(self, decision_id: str, *, last_chance: bool = False) -> Decision:
        """Reverts what people approved, if the resource is still as they were shown it."""
        decision = self._known(decision_id)
        from . import asking

        return asking.carry_out(self._case(decision, last_chance), decision)

    def expire(self, decision_id: str, *, last_chance: bool = False) -> Decision:
        """Does what silence means on a question whose time is up."""
        decision = self._known(decision_id)
        from . import asking

        return asking.expire(self._case(decision, last_chance), decision)

    def _known(self, decision_id: str) -> Decision:
        decision = self.audit.get(decision_id)
        if decision is None:
            raise UnknownDecision(f"the audit table knows no decision {decision_id}")
        return decision

    def _case(self, decision: Decision, last_chance: bool) -> Case:
        return self._looking(decision.control, decision.suspect, last_chance)

    def _looking(self, control_id: str, suspect: Suspect, last_chance: bool) -> Case:
        from .case import Case

        control = controls.control(control_id)
        settings = self.policy.settings_of(control.id, control.settings)
        return Case(self, control, settings, suspect, last_chance).recalled()

    def _must_guard(self, account: str) -> None:
        if account != self.account:
            raise Foreign(
                f"the change is of account {account or '(none)'}, and this guard "
                f"guards {self.account}"
            )

    def is_own(self, change: Change) -> bool:
        """Whether the remediator made the change: it is never looked at, let alone reverted."""
        return change.actor.is_principal(self.remediator_role_arn)

    def stamp(self, ahead: timedelta = timedelta()) -> str:
        """Now, or later, as ISO 8601 in UTC to the millisecond."""
        return stamp(self.now() + ahead)
