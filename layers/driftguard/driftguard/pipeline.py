"""The whole story of a decision: change → observe → assess → decide → record → apply → verify.

An event only wakes the guard; the state decides. A duplicate, a late or a stale event finds its own
decision, or nothing to do. A worker that dies at any point leaves a record that the next delivery
finishes: what was decided is written before it is acted on, and looked at again before it is
written off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from . import controls, differences, guardrails, remedy
from .audit import AuditTable, Conflict, Item
from .aws import Aws, AwsError, Reader
from .controls.control import AnyControl
from .guardrails import Circumstances
from .model import (
    Answer,
    Autonomy,
    Certainty,
    Change,
    Decision,
    Document,
    Facet,
    Plan,
    Risk,
    Ruling,
    Status,
    Suspect,
    Verdict,
    decision_id,
)
from .policy import Policy, Terms
from .state import (
    FREEZE,
    StateTable,
    baseline_key,
    baseline_of,
    exemption_key,
    exemption_of,
    freeze_of,
)
from .verdicts import Undo

# Longer than the guard's Lambda can run, shorter than the queue hides a message.
LEASE = timedelta(seconds=135)
# AWS is eventually consistent: how long to wait before each look after a revert, in seconds.
PATIENCE = (0.0, 0.5, 1.5, 3.0)
SECOND_LOOK = 2.0
# What stands for the fingerprint of a state that is no more.
GONE = "gone"


class Busy(Exception):
    """Another worker holds this decision; its message must come again later."""


class NotYet(Exception):
    """Something passing stopped the work; the message must come again later."""


class Foreign(Exception):
    """The change is of an account that this guard does not guard."""


class UnknownDecision(LookupError):
    """A verdict names a decision that is not in the audit table."""


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
            if change.account != self.account:
                raise Foreign(
                    f"the change is of account {change.account or '(none)'}, and this guard "
                    f"guards {self.account}"
                )
            try:
                decision = case.decide(change)
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
                yield Case(self, control, settings, suspect, last_chance)

    def undo(self, verdict: Undo, *, last_chance: bool = False) -> Decision:
        """Takes a decision's revert back, exactly; the log says so when it cannot be.

        A freeze does not stop it: who froze the guard may well want its reverts taken back.
        """
        decision = self._known(verdict.decision)
        return self._case(decision, last_chance).undo(decision, verdict)

    def carry_out(self, decision_id: str, *, last_chance: bool = False) -> Decision:
        """Reverts what people approved, if the resource is still as they were shown it."""
        decision = self._known(decision_id)
        return self._case(decision, last_chance).carry_out(decision)

    def expire(self, decision_id: str, *, last_chance: bool = False) -> Decision:
        """Does what silence means on a question whose time is up."""
        decision = self._known(decision_id)
        return self._case(decision, last_chance).expire(decision)

    def _known(self, decision_id: str) -> Decision:
        decision = self.audit.get(decision_id)
        if decision is None:
            raise UnknownDecision(f"the audit table knows no decision {decision_id}")
        return decision

    def _case(self, decision: Decision, last_chance: bool) -> Case:
        control = controls.control(decision.control)
        settings = self.policy.settings_of(control.id, control.settings)
        baseline = self.state.baseline(control.id, decision.suspect.resource)
        return Case(self, control, settings, decision.suspect, last_chance, baseline=baseline)

    def is_own(self, change: Change) -> bool:
        """Whether the remediator made the change: it is never looked at, let alone reverted."""
        return bool(self.remediator_role_arn) and change.actor.principal == self.remediator_role_arn

    def stamp(self, ahead: timedelta = timedelta()) -> str:
        """Now, or later, as ISO 8601 in UTC to the millisecond."""
        return (self.now() + ahead).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Case:
    """One control looking at one resource."""

    guard: Guard
    control: AnyControl
    settings: object
    suspect: Suspect
    last_chance: bool
    baseline: Document | None = None

    # ------------------------------------------------------------------------- deciding

    def decide(self, change: Change) -> Decision | None:
        """The decision on this change: a new one, an earlier delivery's, or None if all is well."""
        id_ = decision_id(change, self.control.id, self.suspect.resource)
        keys = [FREEZE, exemption_key(self.control.id, self.suspect.resource)]
        if self.control.baselined:
            keys.append(baseline_key(self.control.id, self.suspect.resource))
        state = self.guard.state
        before, found = self.guard.audit.recall(id_, *((state.name, key) for key in keys))
        if before is not None and before.settled:
            return before
        case = replace(self, baseline=baseline_of(found))
        facet, risk = case.look()
        if before is not None:
            return case._resume(before, facet, risk, freeze_of(found))
        if risk is None and self.suspect.certainty is Certainty.EVIDENT:
            # The record proves that it was risky: AWS may merely answer late.
            self.guard.sleep(SECOND_LOOK)
            facet, risk = case.look()
        if facet is None:
            return None
        if risk is None:
            case.remember(facet, f"clean after {change.name} ({change.id})")
            return None
        decision = case._decision(id_, change, facet, risk, found)
        try:
            decision = self.guard.audit.append(decision, event="decided", note=decision.reason)
        except Conflict:
            raise Busy(f"another worker has just decided {id_}") from None
        return case._revert(decision, facet) if decision.status is Status.REVERTING else decision

    def remember(self, facet: Facet, why: str) -> bool:
        """Keeps a clean state as the baseline; False when it is the baseline already.

        Clean means: not weaker than the baseline before it. So a baseline only ever moves on.
        """
        if not self.control.baselined or facet.state == self.baseline:
            return False
        self.guard.state.record_baseline(
            self.control.id, self.suspect.resource, facet.state, at=facet.read_at, why=why
        )
        return True

    def look(self) -> tuple[Facet | None, Risk | None]:
        """The state now, and why it is risky."""
        state = self.control.observe(self.suspect, self._reader())
        if state is None:
            return None, None
        facet = Facet(state, self.guard.stamp())
        return facet, self.control.assess(state, self.baseline, self.settings)

    def _decision(
        self, id_: str, change: Change, facet: Facet, risk: Risk, found: list[Item]
    ) -> Decision:
        plan = self._plan(facet)
        granted = self.guard.policy.granted(self.control.id)
        now = self.guard.stamp()
        said = self._rulings(plan, found)
        autonomy = guardrails.autonomy(granted, said)
        status = {
            Autonomy.REVERT: Status.REVERTING,
            Autonomy.ASK: Status.ASKED,
            Autonomy.OBSERVE: Status.OBSERVED,
        }[autonomy]
        if status is Status.OBSERVED and any(one.guardrail == "exemption" for one in said):
            status = Status.EXEMPTED
        terms = self.guard.policy.terms(self.control.id, self.control.severity)
        holding = "; ".join(one.reason for one in said if one.limit == autonomy)
        return Decision(
            id=id_,
            control=self.control.id,
            title=self.control.title,
            severity=self.control.severity,
            suspect=self.suspect,
            change_id=change.id,
            change_name=change.name,
            change_time=change.time,
            actor=change.actor,
            status=status,
            summary=risk.summary,
            granted=granted,
            autonomy=autonomy,
            rulings=said,
            plan=plan,
            state=facet.state,
            before=self._fingerprint(facet),
            decided=now,
            updated=now,
            reason=holding or f"policy grants {granted.label}",
            attempt=1,
            lease_until=self.guard.stamp(LEASE) if status is Status.REVERTING else "",
            required=terms.required,
            expires=self._deadline(terms) if status is Status.ASKED else "",
        )

    def _rulings(self, plan: Plan, found: list[Item]) -> tuple[Ruling, ...]:
        return guardrails.rulings(
            Circumstances(
                control=self.control.id,
                resource=self.suspect.resource,
                plan=plan,
                policy=self.guard.policy,
                ceiling=self.guard.ceiling,
                freeze=freeze_of(found),
                exempted=exemption_of(found),
                now=self._now(),
            )
        )

    # --------------------------------------------------------------------------- asking

    def carry_out(self, decision: Decision) -> Decision:
        """Reverts an approved decision; a resource that has changed meanwhile is asked about anew.

        A freeze does not stop it: people said yes to this very plan.
        """
        if decision.status is Status.REVERTING or decision.resumable:
            facet, risk = self.look()
            return self._resume(decision, facet, risk, None)
        if decision.status is not Status.APPROVED:
            return decision
        facet, risk = self.look()
        if facet is None or risk is None:
            return self._end(decision, Status.REVERTED, "safe already when approved", facet)
        if self._fingerprint(facet) != decision.before:
            return self._ask_anew(decision, facet, risk)
        taken = self._take(
            replace(decision, status=Status.REVERTING, attempt=0), "carrying-out", "approved"
        )
        return self._revert(taken, facet)

    def _ask_anew(self, decision: Decision, facet: Facet, risk: Risk) -> Decision:
        """Asks again, about the state as it is now: the answers so far were about another."""
        terms = self.guard.policy.terms(decision.control, decision.severity)
        anew = replace(
            decision,
            status=Status.ASKED,
            summary=risk.summary,
            plan=self._plan(facet),
            state=facet.state,
            before=self._fingerprint(facet),
            answers=(),
            expires=self._deadline(terms),
            updated=self._now(),
        )
        note = "the resource had changed since people were asked"
        return self.guard.audit.append(anew, event="asked-anew", note=note)

    def expire(self, decision: Decision) -> Decision:
        """What silence means: the change stands, is taken back, or others are asked, once."""
        if decision.status in (Status.APPROVED, Status.REVERTING) or decision.resumable:
            return self.carry_out(decision)
        if decision.status is not Status.ASKED or self._now() < decision.expires:
            return decision
        terms = self.guard.policy.terms(decision.control, decision.severity)
        if terms.on_expiry == "escalate" and not decision.escalated:
            longer = replace(
                decision, escalated=True, expires=self._deadline(terms), updated=self._now()
            )
            note = f"nobody answered until {decision.expires}"
            return self.guard.audit.append(longer, event="escalated", note=note)
        held_back = self._held_back(decision) if terms.on_expiry == "revert" else ""
        if terms.on_expiry == "revert" and not held_back:
            silence = Answer("silence", Verdict.REVERT, "expiry", self._now(), decision.before)
            approved = replace(
                decision,
                status=Status.APPROVED,
                answers=(*decision.answers, silence),
                updated=self._now(),
            )
            note = f"nobody answered until {decision.expires}: policy reverts"
            return self.carry_out(
                self.guard.audit.append(approved, event="approved", note=note, by="silence")
            )
        note = f"nobody answered until {decision.expires}: the change stands"
        if held_back:
            note += f"; silence would revert it, but {held_back}"
        expired = replace(decision, status=Status.EXPIRED, reason=note, updated=self._now())
        return self.guard.audit.append(expired, event="expired", note=note, by="silence")

    def _held_back(self, decision: Decision) -> str:
        """What forbids a revert that no person said yes to; "" when nothing does."""
        state, resource = self.guard.state, self.suspect.resource
        keys = (FREEZE, exemption_key(self.control.id, resource))
        _, found = self.guard.audit.recall(decision.id, *((state.name, key) for key in keys))
        said = self._rulings(decision.plan, found)
        return "; ".join(one.reason for one in said if one.limit < Autonomy.REVERT)

    def _deadline(self, terms: Terms) -> str:
        return self.guard.stamp(timedelta(seconds=terms.seconds))

    # ------------------------------------------------------------------------ reverting

    def _resume(
        self, decision: Decision, facet: Facet | None, risk: Risk | None, freeze: Document | None
    ) -> Decision:
        """Takes up a decision that an earlier delivery left unfinished."""
        if decision.status is Status.APPROVED:
            return self.carry_out(decision)
        # A worker that let go said how far it got. One that died still holds its lease.
        died = bool(decision.lease_until)
        decision = self._take(decision, "resumed", "an earlier attempt did not finish")
        if decision.status is Status.UNDOING:
            return self._continue_undo(decision, by="guard")
        frozen = guardrails.frozen(freeze, self._now())
        if frozen and risk is not None:
            self._put_off(decision, frozen)
        if facet is None or risk is None:
            done = len(decision.plan.steps) if died else decision.done
            note = "found reverted" if done else "found safe already"
            return self._end(decision, Status.REVERTED, note, facet, done=done)
        return self._revert(self._plan_again(decision, facet, in_doubt=died), facet)

    def _revert(self, decision: Decision, facet: Facet) -> Decision:
        """Applies the recorded plan, looks again, and plans again while the risk stands."""
        risk: Risk | None = None
        for _ in range(3):
            still_so = self._still(self._fingerprint(facet))
            outcome = self._apply(decision, decision.plan, decision.done, still_so)
            decision = replace(decision, done=outcome.done)
            if outcome.error is not None:
                return self._stopped(decision, outcome)
            seen, risk = self._look_patiently("" if outcome.stale else decision.before)
            if risk is None:
                note = "verified" if decision.done else "found safe already"
                return self._end(decision, Status.REVERTED, note, seen)
            if seen is not None:
                facet = seen
                decision = self._plan_again(decision, facet, in_doubt=False)
        reason = f"still risky after the remedy: {risk.summary if risk else ''}"
        return self._end(decision, Status.FAILED, reason, facet)

    def _look_patiently(self, before: str) -> tuple[Facet | None, Risk | None]:
        """The state after a revert; looks again while AWS still answers with the old one."""
        facet, risk = None, None
        for wait in PATIENCE:
            if wait:
                self.guard.sleep(wait)
            facet, risk = self.look()
            if risk is None or (facet is not None and self._fingerprint(facet) != before):
                break
        return facet, risk

    def _plan_again(self, decision: Decision, facet: Facet, *, in_doubt: bool) -> Decision:
        """The plan for the state as it is now, recorded before it is acted on."""
        anew = self._plan(facet)
        plan, done = remedy.merged(decision.plan, decision.done, anew, in_doubt=in_doubt)
        if plan == decision.plan and done == decision.done:
            return decision
        again = replace(
            decision, plan=plan, done=done, before=self._fingerprint(facet), updated=self._now()
        )
        return self.guard.audit.append(again, event="planned", note="the state had changed")

    def _apply(
        self, decision: Decision, plan: Plan, done: int, still_so: Callable[[], bool]
    ) -> remedy.Outcome:
        return remedy.apply(
            plan,
            decision=decision.id,
            region=self.suspect.resource.region,
            aws=self.guard.aws,
            done=done,
            still_so=still_so,
        )

    def _still(self, fingerprint: str) -> Callable[[], bool]:
        """Asks whether the state still has this fingerprint; narrow calls need not ask."""
        return lambda: self.control.narrow or self._fingerprint(self.look()[0]) == fingerprint

    def _seen_after(self, done: int) -> Facet | None:
        """The state that an error left us with, where there is something to undo in it."""
        try:
            return self.look()[0] if done else None
        except AwsError:
            # The error that stopped us is recorded; without this look there is only no undo.
            return None

    def _stopped(self, decision: Decision, outcome: remedy.Outcome) -> Decision:
        """The remedy met an error: failed if it was refused, tried again if it may pass."""
        if outcome.passing:
            self._put_off(decision, str(outcome.error))
        return self._end(
            decision, Status.FAILED, str(outcome.error), self._seen_after(decision.done)
        )

    def _put_off(self, decision: Decision, why: str) -> NoReturn:
        """Lets go of the decision until its message comes again; at the last, it has failed."""
        if self.last_chance and decision.status is Status.REVERTING:
            reason = f"{why}; parked, `driftguard redrive` takes it up again"
            self._end(decision, Status.FAILED, reason, None, resumable=True)
        else:
            waiting = replace(decision, lease_until="", updated=self._now())
            self.guard.audit.append(waiting, event="waiting", note=why)
        raise NotYet(why)

    def _end(
        self,
        decision: Decision,
        status: Status,
        reason: str,
        facet: Facet | None,
        *,
        done: int | None = None,
        resumable: bool = False,
        by: str = "guard",
    ) -> Decision:
        ended = replace(
            decision,
            status=status,
            after=self._fingerprint(facet),
            left={} if facet is None else facet.state,
            reason=decision.reason if status is Status.REVERTED else reason,
            done=decision.done if done is None else done,
            lease_until="",
            resumable=resumable,
            updated=self._now(),
        )
        return self.guard.audit.append(ended, event=status.value, note=reason, by=by)

    # -------------------------------------------------------------------------- undoing

    def undo(self, decision: Decision, verdict: Undo) -> Decision:
        """Replays the inverse of what was done, if the state is still what the revert left."""
        if decision.status is Status.UNDOING:
            taken = self._take(decision, "resumed", "an earlier attempt did not finish")
            return self._continue_undo(taken, by=verdict.by)
        refusal = self._why_not(decision)
        if refusal:
            return self._note(decision, "undo-refused", refusal, verdict)
        taken = self._take(
            replace(decision, status=Status.UNDOING, attempt=0),
            "undo-asked",
            verdict.reason,
            by=verdict.by,
        )
        return self._carry_out_undo(taken, by=verdict.by)

    def _why_not(self, decision: Decision) -> str:
        """Why a decision cannot be undone now, in words; "" when it can."""
        if decision.status not in (Status.REVERTED, Status.FAILED) or not decision.done:
            return f"there is nothing to undo: the decision is {decision.status.value}"
        facet, _ = self.look()
        if self._fingerprint(facet) != decision.after:
            return f"the resource has changed since it was reverted: {self._how(decision, facet)}"
        return ""

    def _how(self, decision: Decision, facet: Facet | None) -> str:
        """How the resource differs from what our own change left, in words."""
        if facet is None:
            return "it is gone"
        if decision.after == GONE:
            return "it was gone, and is there again"
        return differences.in_words(decision.left, facet.state, leaving_out=self.control.volatile)

    def _continue_undo(self, decision: Decision, *, by: str) -> Decision:
        """Takes up an undo that was not finished, unless somebody changed the resource meanwhile.

        An undo of several calls may be half made: then the state is ours, though neither the one
        before nor the one after, and its calls can be repeated.
        """
        facet, _ = self.look()
        now = self._fingerprint(facet)
        if now == self._before(decision):
            return self._end(decision, Status.UNDONE, "exactly as before", facet, by=by)
        calls = len(remedy.inverse(decision.plan, decision.done).steps)
        if now != decision.after and calls == 1:
            how = self._how(decision, facet)
            note = f"the resource has changed since the undo was asked for: {how}"
            back = replace(decision, status=Status.REVERTED, lease_until="", updated=self._now())
            return self.guard.audit.append(back, event="undo-refused", note=note, by=by)
        return self._carry_out_undo(decision, by=by)

    def _carry_out_undo(self, decision: Decision, *, by: str) -> Decision:
        plan = remedy.inverse(decision.plan, decision.done)
        outcome = self._apply(decision, plan, 0, lambda: True)
        if outcome.error is not None:
            if outcome.passing:
                self._put_off(decision, str(outcome.error))
            reason = f"undo stopped after {outcome.done} of {len(plan.steps)}: {outcome.error}"
            return self._end(
                decision, Status.FAILED, reason, self._seen_after(decision.done), by=by
            )
        facet, exact = None, False
        for wait in PATIENCE:
            if wait:
                self.guard.sleep(wait)
            facet, _ = self.look()
            exact = facet is not None and self._fingerprint(facet) == self._before(decision)
            if exact:
                break
        note = "exactly as before" if exact else "done, but the state is not exactly as before"
        return self._end(decision, Status.UNDONE, note, facet, by=by)

    def _before(self, decision: Decision) -> str:
        """The fingerprint of the state that the change left and that was first decided on."""
        return self._fingerprint(Facet(decision.state, decision.decided))

    # --------------------------------------------------------------------------- shared

    def _take(self, decision: Decision, event: str, note: str, *, by: str = "guard") -> Decision:
        """Claims the decision for this worker, or raises `Busy`."""
        if decision.lease_until > self._now():
            raise Busy(f"another worker holds {decision.id} until {decision.lease_until}")
        status = decision.status
        if status is Status.FAILED:
            status = Status.REVERTING
        claimed = replace(
            decision,
            status=status,
            attempt=decision.attempt + 1,
            lease_until=self.guard.stamp(LEASE),
            resumable=False,
            updated=self._now(),
        )
        try:
            return self.guard.audit.append(claimed, event=event, note=note, by=by)
        except Conflict:
            raise Busy(f"another worker has just taken {decision.id}") from None

    def _note(self, decision: Decision, event: str, note: str, verdict: Undo) -> Decision:
        """Adds a line to the log without moving the decision."""
        noted = replace(decision, updated=self._now())
        return self.guard.audit.append(noted, event=event, note=note, by=verdict.by)

    def _plan(self, facet: Facet) -> Plan:
        return self.control.plan(self.suspect, facet, self.baseline, self.settings)

    def _fingerprint(self, facet: Facet | None) -> str:
        return GONE if facet is None else facet.fingerprint(self.control.volatile)

    def _reader(self) -> Reader:
        resource = self.suspect.resource
        return self.guard.aws.reader(resource.account, resource.region)

    def _now(self) -> str:
        return self.guard.stamp()
