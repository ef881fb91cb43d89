"""Taking a revert back, exactly: the inverse of what was done, on a state that is still ours."""

from __future__ import annotations

from dataclasses import replace

from . import lessons, remedy, reverting
from .case import Case, Lessons
from .model import Decision, Facet, Status
from .verdicts import Undo


def undo(case: Case, decision: Decision, verdict: Undo) -> Decision:
    """Replays the inverse of what was done, if the state is still what the revert left."""
    if decision.status is Status.UNDOING:
        taken = case.take(decision, "resumed", "an earlier attempt did not finish")
        return go_on(case, taken, by=verdict.by)
    # A line in its log would take the step from who is just reverting.
    case.free(decision)
    refusal = _why_not(case, decision)
    if refusal:
        noted = replace(decision, updated=case.now())
        return case.append(noted, "undo-refused", refusal, by=verdict.by)
    taken = case.take(
        replace(decision, status=Status.UNDOING, attempt=0),
        "undo-asked",
        verdict.reason,
        by=verdict.by,
    )
    return _carry_out(case, taken, by=verdict.by)


def go_on(case: Case, decision: Decision, *, by: str) -> Decision:
    """Takes up an undo that was not finished, unless somebody changed the resource meanwhile.

    An undo of several calls may be half made: then the state is ours, though neither the one
    before nor the one after, and its calls can be repeated.
    """
    facet, _ = case.look()
    now = case.fingerprint(facet)
    if now == case.before(decision):
        return _end(case, decision, "exactly as before", facet, by=by)
    calls = len(remedy.inverse(decision.plan, decision.done).steps)
    if now != decision.after and calls == 1:
        how = case.how(decision, facet)
        note = f"the resource has changed since the undo was asked for: {how}"
        back = replace(decision, status=Status.REVERTED, lease_until="", updated=case.now())
        return case.append(back, "undo-refused", note, by=by)
    return _carry_out(case, decision, by=by)


def _why_not(case: Case, decision: Decision) -> str:
    """Why a decision cannot be undone now, in words; "" when it can."""
    if decision.status not in (Status.REVERTED, Status.FAILED) or not decision.done:
        return f"there is nothing to undo: the decision is {decision.status.value}"
    facet, _ = case.look()
    if case.fingerprint(facet) != decision.after:
        return f"the resource has changed since it was reverted: {case.how(decision, facet)}"
    return ""


def _carry_out(case: Case, decision: Decision, *, by: str) -> Decision:
    plan = remedy.inverse(decision.plan, decision.done)
    outcome = reverting.apply(case, decision, plan)
    if outcome.error is not None:
        if outcome.passing:
            case.put_off(decision, str(outcome.error))
        reason = f"undo stopped after {outcome.done} of {len(plan.steps)}: {outcome.error}"
        return case.end(decision, Status.FAILED, reason, case.seen_after(decision.done), by=by)
    facet, exact = None, False
    for wait in reverting.PATIENCE:
        if wait:
            case.guard.sleep(wait)
        facet, _ = case.look()
        exact = facet is not None and case.fingerprint(facet) == case.before(decision)
        if exact:
            break
    note = "exactly as before" if exact else "done, but the state is not exactly as before"
    return _end(case, decision, note, facet, by=by)


def _end(case: Case, decision: Decision, note: str, facet: Facet | None, *, by: str) -> Decision:
    """The revert is undone: somebody says that it was wrong, and so autonomy may be lost."""
    policy, now = case.guard.policy, case.moment()
    demotion = lessons.demotes(decision, case.memory, policy, now)
    said = f"{note}; {demotion}" if demotion else note
    learn: Lessons = lambda memory: lessons.of_undo(decision, by, memory, policy, now)  # noqa: E731
    return case.end(decision, Status.UNDONE, said, facet, by=by, lessons=learn)
