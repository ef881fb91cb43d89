"""Takes a change through its decision: observe → assess → decide → record → apply → verify.

An event only wakes the guard; the state decides. A duplicate, a late or a stale event finds its own
decision, or nothing to do. The steps are in `decide`, `approval_requests`, `revert` and `undo`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from driftguard import controls
from driftguard.approvals.rules import UNDO_REQUESTS
from driftguard.audit import Conflict
from driftguard.aws.calls import AwsError
from driftguard.aws.time_limit import Resting
from driftguard.documents import Document, text
from driftguard.events.cloudtrail import hides, omitted
from driftguard.events.commands import (
    AcceptBaseline,
    Contain,
    LookAt,
    LookFor,
    Release,
    Thaw,
    Undo,
    UndoRequested,
    contain_message,
    judge_message,
    release_message,
    thaw_message,
)
from driftguard.model import Actor, Candidate, Certainty, Change, Decision, Status
from driftguard.state.keys import StateRecords

from .context import Context
from .errors import Busy, Foreign, NotYet, Unauthorized, UnknownDecision, Waiting

if TYPE_CHECKING:
    from driftguard.controls.control import AnyControl

    from .case import Case

# What may pass by itself: the message comes again.
PASSING = (AwsError, Busy, Conflict, NotYet)


class Screening(NamedTuple):
    """A change and its candidates; `troubles` are the errors that stopped controls."""

    change: Change
    cases: tuple[Case, ...] = ()
    troubles: tuple[Exception, ...] = ()

    @property
    def is_harmless(self) -> bool:
        """Whether the change's own record proves it harmless."""
        return not self.cases and not self.troubles


class Guard(Context):
    """The guard of one account: a context, and the operations on it.

    `last_chance` means that this delivery is the last one: what cannot be finished is then recorded
    as failed, instead of waiting for the next.
    """

    __slots__ = ()

    def screen(self, change: Change, *, last_chance: bool = False) -> Screening:
        """The candidates of a change, by its record alone.

        An error in one control does not keep the others from screening the change.
        """
        if change.error or change.read_only or self.is_own(change):
            return Screening(change)
        cases: list[Case] = []
        troubles: list[Exception] = []
        for control in controls.watching(change):
            try:
                # One by one: those before a trouble count.
                for case in self._cases_of(control, change, last_chance):
                    cases.append(case)
            except Exception as error:  # noqa: BLE001 - raised once the others have been decided
                troubles.append(error)
        return Screening(change, tuple(cases), tuple(troubles))

    def handle(self, change: Change, *, last_chance: bool = False) -> Iterator[Decision]:
        """Every decision that this change leads to, made, recorded and carried out."""
        yield from self.decide(self.screen(change, last_chance=last_chance))

    def decide(self, screening: Screening) -> Iterator[Decision]:
        """Every decision on what was screened, made, recorded and carried out.

        An error in one case does not keep the others from being decided; it is raised in the end.
        """
        troubles = list(screening.troubles)
        for case in screening.cases:
            try:
                decision = self._decided(case, screening.change)
            except Exception as error:  # noqa: BLE001 - raised once the others have been decided
                troubles.append(error)
                continue
            if decision is not None:
                yield decision
        if troubles:
            raise _together(troubles)

    def _cases_of(self, control: AnyControl, change: Change, last_chance: bool) -> Iterator[Case]:
        settings = self.policy.settings_of(control.id, control.settings)
        hides = False
        candidates = iter(control.screen(change, settings))
        first = next(candidates, None)
        if first is not None:
            candidates = chain((first,), candidates)
        elif is_hidden(control, change, settings):
            from . import hidden

            self._must_guard(change.account)
            reader = self.aws.reader(change.account, change.region)
            hides, candidates = True, hidden.candidates(control, change, reader)
        for candidate in candidates:
            # Only here: most changes are harmless by their record, and do not pay for it.
            from .case import Case

            yield Case(
                self,
                control,
                settings,
                candidate,
                last_chance,
                StateRecords(self.state.place),
                actor=change.actor,
                changed=change.time,
                hidden=hides,
            )

    def _decided(self, case: Case, change: Change) -> Decision | None:
        self._must_guard(change.account)
        # A change that its own record proves harmless never gets here, and does not pay for it.
        from . import decide

        return decide.decide(case, change)

    def look_at(self, found: LookAt | LookFor, *, last_chance: bool = False) -> Decision | None:
        """The decision on what the sweep found, or somebody wants to see reverted.

        None if the sweep's find is well, or decided on already. Raises `NotAsked` where people are
        not asked about what somebody wants to see reverted.
        """
        if isinstance(found, LookFor):
            from . import wanted

            resource = wanted.resource_of(self, controls.control(found.control), found)
            self._must_guard(resource.account)
            candidate = Candidate(resource, Certainty.POSSIBLE)
            looking = self._looking(
                found.control, candidate, last_chance, actor=Actor.unattributed()
            )
            return wanted.ask(looking)
        self._must_guard(found.resource.account)
        candidate = Candidate(found.resource, Certainty.POSSIBLE)
        from . import sweep_finding as finding

        return finding.decide(
            self._looking(found.control, candidate, last_chance, actor=Actor.unattributed())
        )

    def undo(self, command: Undo, *, last_chance: bool = False) -> Decision:
        """Takes a decision's revert back, exactly; the log says so if that is impossible.

        A freeze does not stop it: whoever froze the guard may want its reverts taken back.
        """
        decision = self._known(command.decision)
        from . import undo

        return undo.undo(self._case(decision, last_chance), decision, command)

    def undo_requested(self, command: UndoRequested, *, last_chance: bool = False) -> Decision:
        """Undoes what an entry of the decision's log asks for; nothing where it was answered.

        Raises `Unauthorized` where that entry is no such request.
        """
        decision = self._known(command.decision)
        log = {entry.number: entry for entry in self.audit.log(command.decision)}
        request = log.get(command.request)
        if request is None or request.event not in UNDO_REQUESTS:
            raise Unauthorized(
                f"entry {command.request} of the log of {decision.id} is no request for an undo"
            )
        later = {entry.event for entry in log.values() if entry.number > request.number}
        if later & {"undo-asked", "undo-refused"} and decision.status is not Status.UNDOING:
            return decision
        by_record = Undo(decision.id, request.by, request.note)
        return self.undo(by_record, last_chance=last_chance)

    def carry_out(self, decision_id: str, *, last_chance: bool = False) -> Decision:
        """Reverts what people approved, if the resource is still as they were shown it."""
        decision = self._known(decision_id)
        from . import approval_requests

        return approval_requests.carry_out(self._case(decision, last_chance), decision)

    def contain(
        self, command: Contain, send: Callable[[Document], None], *, last_chance: bool = False
    ) -> Iterator[Decision]:
        """Carries out in its order what people approved of an incident in one answer.

        What fails or has to wait keeps nothing else from being carried out; it is raised in the
        end, so that the message comes again. What another worker is just at is waited for. `send`
        puts a command into the queue, for what there is no time for.
        """
        from . import incident

        again = contain_message(command.decision)
        troubles: list[Exception] = []
        for id_ in incident.due(self, command.decision, lambda: send(again)):
            try:
                decision = self.carry_out(id_, last_chance=last_chance)
            except Busy:
                raise
            except Exception as error:  # noqa: BLE001 - raised once the others are carried out
                troubles.append(error)
                continue
            yield decision
        if troubles:
            raise _together(troubles)

    def release(
        self, command: Release, send: Callable[[Document], None], *, last_chance: bool = False
    ) -> Iterator[Decision]:
        """Undoes what people asked for of an incident, in the inverse order of its carrying out.

        What is waited for is waited for by all that comes after it. `send` is as in `contain`.
        """
        from . import incident

        again = release_message(command.decision)
        for undo in incident.undos(self, command.decision, lambda: send(again)):
            yield self.undo_requested(undo, last_chance=last_chance)

    def expire(self, decision_id: str, *, last_chance: bool = False) -> Decision:
        """Takes the timeout action on an approval request whose time is up."""
        decision = self._known(decision_id)
        from . import approval_requests

        return approval_requests.expire(self._case(decision, last_chance), decision)

    def accept_baseline(self, command: AcceptBaseline, *, last_chance: bool = False) -> Decision:
        """Makes the state that an operator accepted the baseline, if the guard reads that state.

        Raises `Unauthorized` where the entry of the log is no such acceptance.
        """
        decision = self._known(command.decision)
        from . import accepting

        log = self.audit.log(decision.id)
        request = accepting.request_of(decision, log, command.request)
        if request is None:
            return decision
        control_id, named = text(decision.state, "control"), decision.candidate.resource
        self._must_guard(named.account)
        found = accepting.candidate_of(self, controls.control(control_id), named)
        candidate = found or Candidate(named, Certainty.POSSIBLE)
        case = self._looking(control_id, candidate, last_chance, actor=Actor.unattributed())
        if found is None:
            return accepting.refuse(case, decision, f"{control_id} lists no {named.arn}")
        return accepting.accept(case, decision, request)

    def thaw(self, command: Thaw, send: Callable[[Document], None]) -> Decision:
        """Sends for each decision that a freeze held back which has ended, by `send`.

        Raises `Unauthorized` where the decision records no freeze.
        """
        lifted = self._known(command.decision)
        from . import found_freezes, thaw

        found_freezes.record_lift(self, lifted)
        found = list(islice(thaw.held_back(self, lifted, command.since), thaw.MOST + 1))
        for decision in found[: thaw.MOST]:
            send(judge_message(decision.id))
        if len(found) > thaw.MOST:
            send(thaw_message(lifted.id, found[thaw.MOST].decided))
        return lifted

    def judge_anew(self, decision_id: str, *, last_chance: bool = False) -> Decision | None:
        """The new decision on what a freeze held back; None if there is nothing to decide.

        Raises `Unauthorized` where the record does not say that a freeze held it back.
        """
        decision = self._known(decision_id)
        from . import thaw

        thaw.must_have_been_frozen(decision)
        self._must_guard(decision.candidate.resource.account)
        return thaw.judge_anew(self._case(decision, last_chance), decision)

    def ask_about(self, decision_id: str, *, last_chance: bool = False) -> Decision:
        """Has people asked about a risk, or told again of a request, or told why nobody is asked.

        Raises `UnknownDecision`, and `NotAsked` where there is nothing to tell people.
        """
        decision = self._known(decision_id)
        from . import wanted

        self._must_guard(decision.candidate.resource.account)
        return wanted.ask_about(self._case(decision, last_chance), decision)

    def _known(self, decision_id: str) -> Decision:
        decision = self.audit.get(decision_id)
        if decision is None:
            raise UnknownDecision(f"the audit table knows no decision {decision_id}")
        return decision

    def _case(self, decision: Decision, last_chance: bool) -> Case:
        return self._looking(
            decision.control,
            decision.candidate,
            last_chance,
            actor=decision.actor,
            changed=decision.change_time,
        )

    def _looking(
        self,
        control_id: str,
        candidate: Candidate,
        last_chance: bool,
        *,
        actor: Actor,
        changed: str = "",
    ) -> Case:
        from .case import Case

        control = controls.control(control_id)
        settings = self.policy.settings_of(control.id, control.settings)
        return Case(
            self,
            control,
            settings,
            candidate,
            last_chance,
            StateRecords(self.state.place),
            actor=actor,
            changed=changed,
        ).recalled()

    def _must_guard(self, account: str) -> None:
        if account != self.account:
            raise Foreign(
                f"the change is of account {account or '(none)'}, and this guard "
                f"guards {self.account}"
            )

    def is_own(self, change: Change) -> bool:
        """Whether a plan made the change. Such a change is never looked at."""
        return change.actor.is_any_of(self.own_roles)


def is_hidden(control: AnyControl, change: Change, settings: object) -> bool:
    """Whether the record hides what a control, which finds nothing in it, would have found."""
    if omitted(change.request):
        return True
    if not (omitted(change.response) or hides(change.request) or hides(change.response)):
        return False
    from . import hidden

    return hidden.is_read(control, change, settings)


def _together(troubles: list[Exception]) -> Exception:
    """The only trouble, or all of them as one error, which may be worth another delivery."""
    if len(troubles) == 1 or all(isinstance(trouble, Resting) for trouble in troubles):
        return troubles[0]
    kind: type[Exception] = ValueError
    if any(isinstance(trouble, PASSING) for trouble in troubles):
        waits = any(isinstance(trouble, Waiting) for trouble in troubles)
        kind = Waiting if waits else NotYet
    return kind(
        "; ".join(dict.fromkeys(f"{type(trouble).__name__}: {trouble}" for trouble in troubles))
    )
