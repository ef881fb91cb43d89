"""The whole story of a decision: change → observe → assess → decide → record → apply → verify.

An event only wakes the guard; the state decides. A duplicate, a late or a stale event finds its own
decision, or nothing to do. The story's parts are `deciding`, `asking`, `reverting` and `undoing`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from . import controls
from .audit import AuditTable, Conflict
from .aws import Aws, AwsError
from .interruptions import Busy, Foreign, NotYet, UnknownDecision
from .model import Actor, Autonomy, Certainty, Change, Decision, Suspect, stamp
from .policy import Policy
from .state import StateTable
from .verdicts import LookAt, Undo

if TYPE_CHECKING:
    from .case import Case
    from .controls.control import AnyControl

# What may pass by itself: the message comes again.
PASSING = (AwsError, Busy, Conflict, NotYet)


@dataclass(frozen=True, slots=True)
class Guard:
    """The guard of one account: what it holds on to from event to event.

    `last_chance` below means that this delivery is the last one: what cannot be finished is then
    recorded as failed, instead of waiting for the next. `recorded` are the decisions on freezes
    around the console that are known to be recorded.
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
    recorded: set[str] = field(default_factory=set, compare=False)

    def handle(self, change: Change, *, last_chance: bool = False) -> Iterator[Decision]:
        """Every decision that this change leads to, made, recorded and carried out.

        What stops one control does not keep the others from looking; it is raised in the end.
        """
        troubles: list[Exception] = []
        for control in self._watching(change):
            try:
                for case in self._cases_of(control, change, last_chance):
                    decision = self._decided(case, change)
                    if decision is not None:
                        yield decision
            except Exception as error:  # noqa: BLE001 - it is raised once the others have looked
                troubles.append(error)
        if troubles:
            raise _together(troubles)

    def cases(self, change: Change, *, last_chance: bool = False) -> Iterator[Case]:
        """What there is to look at, by the record alone. None: it proves the change harmless."""
        for control in self._watching(change):
            yield from self._cases_of(control, change, last_chance)

    def _watching(self, change: Change) -> Iterator[AnyControl]:
        if not (change.error or change.read_only or self.is_own(change)):
            yield from controls.watching(change)

    def _cases_of(self, control: AnyControl, change: Change, last_chance: bool) -> Iterator[Case]:
        settings = self.policy.settings_of(control.id, control.settings)
        for suspect in control.screen(change, settings):
            from .case import Case

            yield Case(
                self,
                control,
                settings,
                suspect,
                last_chance,
                actor=change.actor,
                changed=change.time,
            )

    def _decided(self, case: Case, change: Change) -> Decision | None:
        self._must_guard(change.account)
        # A change that its own record proves harmless never gets here, and does not pay for it.
        from . import deciding

        return deciding.decide(case, change)

    def look_at(self, found: LookAt, *, last_chance: bool = False) -> Decision | None:
        """The decision on what the sweep found; None if all is well, or decided on already."""
        self._must_guard(found.resource.account)
        suspect = Suspect(found.resource, Certainty.POSSIBLE)
        from . import found as finding

        return finding.decide(
            self._looking(found.control, suspect, last_chance, actor=Actor.nobody())
        )

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
        return self._looking(
            decision.control,
            decision.suspect,
            last_chance,
            actor=decision.actor,
            changed=decision.change_time,
        )

    def _looking(
        self,
        control_id: str,
        suspect: Suspect,
        last_chance: bool,
        *,
        actor: Actor,
        changed: str = "",
    ) -> Case:
        from .case import Case

        control = controls.control(control_id)
        settings = self.policy.settings_of(control.id, control.settings)
        return Case(
            self, control, settings, suspect, last_chance, actor=actor, changed=changed
        ).recalled()

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


def _together(troubles: list[Exception]) -> Exception:
    """The one trouble there was, or all of them as one: what may pass is worth another delivery."""
    if len(troubles) == 1:
        return troubles[0]
    kind = NotYet if any(isinstance(one, PASSING) for one in troubles) else ValueError
    return kind("; ".join(dict.fromkeys(f"{type(one).__name__}: {one}" for one in troubles)))
