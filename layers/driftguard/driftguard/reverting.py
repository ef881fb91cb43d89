"""Taking a change back: the recorded plan is applied, and the resource looked at again.

A worker that dies at any point leaves a record that the next delivery finishes: what was decided is
written before it is acted on, and looked at again before it is written off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import guardrails, holding, lessons, remedy, undoing
from .case import Case, Lessons
from .model import Decision, Facet, Plan, Risk, Status

# AWS is eventually consistent: how long to wait before each look after a revert, in seconds.
PATIENCE = (0.0, 0.5, 1.5, 3.0)
# How often a state that moves under the remedy is planned for again.
_PLANS = 3


def resume(case: Case, decision: Decision, facet: Facet | None, risk: Risk | None) -> Decision:
    """Takes up a revert or an undo that an earlier delivery left unfinished."""
    # A worker that let go said how far it got. One that died still holds its lease.
    died = bool(decision.lease_until)
    decision = case.take(decision, "resumed", "an earlier attempt did not finish")
    if decision.status is Status.UNDOING:
        return undoing.go_on(case, decision, by="guard")
    account = case.suspect.resource.account
    frozen = guardrails.frozen(case.memory, case.control.id, account, case.moment())
    if frozen and risk is not None and not holding.by_people(decision):
        case.put_off(decision, frozen)
    if facet is None or risk is None:
        done = len(decision.plan.steps) if died else decision.done
        note = "found reverted" if done else "found safe already"
        return case.end(decision, Status.REVERTED, note, facet, done=done)
    if risk.unknown:
        case.put_off(decision, risk.unknown)
    if held_back := holding.going_on(case, decision, facet, risk):
        return case.end(decision, Status.FAILED, _unfinished(decision, risk, held_back), facet)
    return revert(case, _plan_again(case, decision, facet, in_doubt=died), facet)


def revert(case: Case, decision: Decision, facet: Facet) -> Decision:
    """Applies the recorded plan, looks again, and plans again while the risk stands."""
    risk: Risk | None = None
    held_back = ""
    for _ in range(_PLANS):
        still_so = _still(case, case.fingerprint(facet))
        outcome = apply(case, decision, decision.plan, decision.done, still_so)
        decision = replace(decision, done=outcome.done)
        if outcome.error is not None:
            return _stopped(case, decision, outcome)
        seen, risk = _look_patiently(case, "" if outcome.stale else decision.before)
        if risk is None:
            note = "verified" if decision.done else "found safe already"
            return case.end(decision, Status.REVERTED, note, seen)
        if risk.unknown:
            # It may have helped: whether it did will be known, and until then nothing more is done.
            case.put_off(decision, risk.unknown)
        if seen is not None:
            facet = seen
            if held_back := holding.going_on(case, decision, facet, risk):
                break
            decision = _plan_again(case, decision, facet, in_doubt=False)
    reason = _unfinished(decision, risk, held_back)
    return case.end(
        decision, Status.FAILED, reason, facet, lessons=_of_failure(case, decision, held_back)
    )


def _of_failure(case: Case, decision: Decision, held_back: str) -> Lessons | None:
    """What it teaches that the risk stands: nothing where no remedy was tried."""
    if held_back and not decision.done:
        return None
    policy, now = case.guard.policy, case.moment()
    return lambda memory: lessons.of_failure(decision, memory, policy, now)


def apply(
    case: Case,
    decision: Decision,
    plan: Plan,
    done: int = 0,
    still_so: Callable[[], bool] = lambda: True,
) -> remedy.Outcome:
    """Makes a plan's calls on the decision's behalf."""
    return remedy.apply(
        plan,
        decision=decision.id,
        region=case.suspect.resource.region,
        aws=case.guard.aws,
        done=done,
        still_so=still_so,
    )


def _look_patiently(case: Case, before: str) -> tuple[Facet | None, Risk | None]:
    """The state after a revert; looks again while AWS still answers with the old one."""
    facet, risk = None, None
    for wait in PATIENCE:
        if wait:
            case.guard.sleep(wait)
        facet, risk = case.look()
        if risk is None or (facet is not None and case.fingerprint(facet) != before):
            break
    return facet, risk


def _plan_again(case: Case, decision: Decision, facet: Facet, *, in_doubt: bool) -> Decision:
    """The plan for the state as it is now, recorded before it is acted on."""
    anew = case.plan(facet)
    plan, done = remedy.merged(decision.plan, decision.done, anew, in_doubt=in_doubt)
    if plan == decision.plan and done == decision.done:
        return decision
    again = replace(
        decision, plan=plan, done=done, before=case.fingerprint(facet), updated=case.now()
    )
    return case.append(again, "planned", "the state had changed")


def _unfinished(decision: Decision, risk: Risk | None, held_back: str) -> str:
    """Why the risk still stands."""
    tried = "still risky after the remedy" if decision.done or not held_back else "not taken back"
    reason = f"{tried}: {risk.summary if risk else ''}"
    return f"{reason}; {held_back}" if held_back else reason


def _still(case: Case, fingerprint: str) -> Callable[[], bool]:
    """Asks whether the state still has this fingerprint; narrow calls need not ask."""
    return lambda: case.control.narrow or case.fingerprint(case.look()[0]) == fingerprint


def _stopped(case: Case, decision: Decision, outcome: remedy.Outcome) -> Decision:
    """The remedy met an error: failed if it was refused, tried again if it may pass."""
    if outcome.passing:
        case.put_off(decision, str(outcome.error))
    seen = case.seen_after(decision.done)
    return case.end(decision, Status.FAILED, str(outcome.error), seen)
