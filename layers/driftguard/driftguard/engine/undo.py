"""Takes a revert back exactly: the inverse of its calls, on a state that is still ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from driftguard.approvals.rules import (
    RELEASE_REQUESTED,
    UNDOABLE,
    UNREAD,
    inverse,
    is_undoable,
    why_not_undoable,
)
from driftguard.audit import Entry
from driftguard.events.commands import Undo
from driftguard.model import Decision, Observation, Plan, Status

from . import recording
from .apply import PATIENCE, apply_for
from .case import Case
from .recording import Taught

_EXACT = "exactly as before"
_INEXACT = "done, but the state is not exactly as before"
_UNCOMPARED = (
    "as before, but what it was until now was not compared with what the revert left, which could "
    "not be read"
)
# How what a reason says of an undo begins.
_ASKED_FOR = "; the undo that "


def undo(case: Case, decision: Decision, command: Undo) -> Decision:
    """Replays the inverse of what was done, if the state is still what the revert left."""
    if decision.status is Status.UNDOING:
        taken = recording.take(case, decision, "resumed", "an earlier attempt did not finish")
        return go_on(case, taken)
    # A line in its log would take the step from the worker that is just reverting.
    recording.must_be_free(case, decision)
    refusal, made = _why_not(case, decision)
    if refusal:
        return _note_refusal(case, decision, refusal, by=command.by)
    taken = recording.take(
        case,
        replace(decision, status=Status.UNDOING, attempt=0, settles_by="", done=made),
        "undo-asked",
        command.reason,
        by=command.by,
    )
    if decision.after != UNREAD:
        return _carry_out(case, taken, by=command.by)
    observation = case.observe()
    if case.fingerprint(observation) == case.before(decision):
        return _end(case, taken, _EXACT, observation, by=command.by)
    return _carry_out(case, taken, by=command.by, again=True)


def go_on(case: Case, decision: Decision) -> Decision:
    """Takes up an undo that was not finished, unless somebody changed the resource meanwhile.

    An undo of several calls may be half made: then the state is ours, though neither the one
    before nor the one after, and its calls can be repeated.
    """
    by = _asked(case, decision).by
    if decision.lost:
        why = f"what the undo would put back is lost from the record: {decision.lost}"
        return recording.end(case, decision, Status.FAILED, why, case.observe(), by=by)
    observation = case.observe()
    now = case.fingerprint(observation)
    if now == case.before(decision):
        return _end(case, decision, _exactly(case, decision), observation, by=by)
    if decision.settles_by:
        if recording.is_settling(case, decision):
            recording.wait_for_aws(case, decision)
        return _end(case, decision, _INEXACT, observation, by=by)
    calls = len(inverse(decision.plan, decision.done).steps)
    if now != decision.after != UNREAD and calls == 1:
        how = case.how(decision, observation)
        note = f"the resource has changed since the undo was asked for: {how}"
        return _refused(case, decision, note, by=by)
    return _carry_out(case, decision, by=by, again=True)


def _refused(case: Case, decision: Decision, note: str, *, by: str) -> Decision:
    """What a decision was before its undo was begun; a revert that had failed goes on.

    That one is tried again where the risk stands, and over where it does not. After a release of
    its incident nothing is tried again, whoever asks for an undo of it later.
    """
    log = case.context.audit.log(decision.id)
    was = _before(log)
    if was is not Status.FAILED:
        back = replace(decision, status=was, lease_until="")
        return _note_refusal(case, back, note, by=by)
    observation, assessment = case.look()
    if assessment is None:
        safe = f"{note}; the risk is gone"
        return recording.end(case, decision, Status.REVERTED, safe, observation)
    why = f"the undo was refused: {note}"
    # Only here: few undos are refused that were begun.
    from driftguard.approvals.incidents import carried_out_at

    tried = carried_out_at(decision, log)
    if any(entry.event == RELEASE_REQUESTED and entry.at >= tried for entry in log):
        return recording.end(case, decision, Status.FAILED, why, observation)
    return recording.fail(case, decision, why, observation)


def _note_refusal(case: Case, decision: Decision, note: str, *, by: str) -> Decision:
    """Records why an undo is refused; where what was done stands, people are told with it why."""
    noted = replace(decision, updated=case.now())
    if is_undoable(decision):
        why = f"{_reason(decision)}{_ASKED_FOR}{by} asked for is refused: {note}"
        noted = replace(noted, reason=why)
    return recording.append(case, noted, "undo-refused", note, by=by)


def _reason(decision: Decision) -> str:
    """The reason of a decision, without what it says of an undo that was refused."""
    return decision.reason.partition(_ASKED_FOR)[0]


def _before(log: Sequence[Entry]) -> Status:
    """What a decision was when the guard began with its last undo."""
    ended = {status.value: status for status in UNDOABLE}
    was = begun = Status.REVERTED
    for entry in log:
        if entry.event == "undo-asked":
            begun = was
        was = ended.get(entry.event, was)
    return begun


def _asked(case: Case, decision: Decision) -> Entry:
    """The entry that says who asked for the undo and why, whoever's message goes on with it."""
    entries = reversed(case.context.audit.log(decision.id))
    return next(entry for entry in entries if entry.event == "undo-asked")


def _why_not(case: Case, decision: Decision) -> tuple[str, int]:
    """Why a decision cannot be undone now, "" when it can; and how many of its steps are made."""
    refusal, made = why_not_undoable(decision), decision.done
    if not refusal and decision.after == UNREAD:
        refusal, made = _why_not_ours(case, decision)
    if not refusal:
        refusal = _left_to_people(case, replace(decision, done=made))
    if not refusal and decision.after != UNREAD:
        observation = case.observe()
        if case.fingerprint(observation) != decision.after:
            how = case.how(decision, observation)
            refusal = f"the resource has changed since it was reverted: {how}"
    return refusal, made


def _why_not_ours(case: Case, decision: Decision) -> tuple[str, int]:
    """Why a state may not be what was left, which could not be read then; "" where it may.

    It may where it is safe, as a revert leaves it, or as it was before the revert; and where the
    plan for it is what is left of the recorded one. An undo of several calls that stopped between
    them can be repeated, as one whose worker died.

    With it comes how many steps are made. The call that got no answer is one of them, where the
    state says so.
    """
    observation, assessment = case.look()
    # As in `resume`: a call that got no answer leaves its lease, though over.
    in_doubt, done = bool(decision.lease_until), decision.done
    if case.fingerprint(observation) == case.before(decision):
        return "", done
    if observation is not None and assessment is None:
        return "", len(decision.plan.steps) if in_doubt else done
    if assessment is not None and (
        made := made_of(decision.plan, done, assessment.plan, in_doubt=in_doubt)
    ):
        return "", made
    log = case.context.audit.log(decision.id)
    if _has_stopped(decision, log) and len(inverse(decision.plan, done).steps) > 1:
        return "", done
    now = "it is gone now" if assessment is None else f"now {assessment.finding.summary}"
    again = f"; it is tried again at {decision.next_try}" if decision.next_try else ""
    return f"the resource could not be read after the last call, and {now}{again}", done


def made_of(recorded: Plan, done: int, left: Plan, *, in_doubt: bool) -> int:
    """How many steps of a recorded plan are made, if what is left now is the end of it; else 0.

    `done` of them are made for certain; where a call is `in_doubt`, it may be more.
    """
    calls = [step.call for step in left.steps]
    made = len(recorded.steps) - len(calls)
    as_recorded = made >= done if in_doubt else made == done
    is_end = [step.call for step in recorded.steps[max(made, 0) :]] == calls
    return made if calls and as_recorded and is_end else 0


def _has_stopped(decision: Decision, log: Sequence[Entry]) -> bool:
    """Whether what failed last is an undo, and not the revert that it was to take back."""
    last = [*takewhile(lambda entry: entry.event != "undo-asked", reversed(log))]
    failed = sum(entry.event == Status.FAILED.value for entry in last)
    return not decision.resumable and len(last) < len(log) and failed == 1


def _left_to_people(case: Case, decision: Decision) -> str:
    """The commands of an undo that the stack has no role for; "" where it has one."""
    context, contains = case.context, case.control.contains
    if context.containment_role_arn if contains else context.granting_role_arn:
        return ""
    # Only here: an undo is rare.
    from driftguard.aws.granting import by_hand, contained_by_hand, granting

    calls = [step.call for step in inverse(decision.plan, decision.done).steps]
    if contains:
        return contained_by_hand(calls)
    if not any(map(granting, calls)):
        return ""
    what = case.candidate.resource.arn
    exempted = f"driftguard exempt add {decision.control} {what} --for 90d --reason …"
    return f"{by_hand(calls)} Exempt it first, else it is reverted again: {exempted}"


def _carry_out(case: Case, decision: Decision, *, by: str, again: bool = False) -> Decision:
    plan = inverse(decision.plan, decision.done)
    outcome = apply_for(case, decision, plan, again=again)
    if outcome.error is not None:
        if outcome.passing(case.control.busy):
            recording.put_off(case, decision, f"waiting for AWS: {outcome.error}")
        reason = f"undo stopped after {outcome.done} of {len(plan.steps)}: {outcome.error}"
        return recording.end(
            case, decision, Status.FAILED, reason, recording.seen_after(case, decision.done), by=by
        )
    observation, exact = None, False
    for wait in PATIENCE:
        if wait:
            case.context.pause(wait)
        observation = case.observe()
        exact = observation is not None and case.fingerprint(observation) == case.before(decision)
        if exact:
            break
    decision = recording.made(case, decision)
    if not exact and decision.settles_by:
        recording.wait_for_aws(case, decision)
    note = _exactly(case, decision) if exact else _INEXACT
    return _end(case, decision, note, observation, by=by)


def _exactly(case: Case, decision: Decision) -> str:
    """What an undo has come to, with the state as it was before the revert.

    Calls that write a whole document may have written over what somebody else had written since.
    """
    compared = decision.after != UNREAD or case.control.narrow
    return _EXACT if compared else _UNCOMPARED


def _end(
    case: Case, decision: Decision, note: str, observation: Observation | None, *, by: str
) -> Decision:
    """Records that the revert is undone: it was wrong, and so earned autonomy may be lost."""
    # Only here: no other step waits for the arithmetic of trust.
    from driftguard.state import outcomes

    policy, now = case.context.policy, case.moment()
    demotion = outcomes.demotes(decision, by, case.remembered, policy, now)
    said = f"{note}; {demotion}" if demotion else note
    because = f": {why}" if (why := _asked(case, decision).note) else ""
    decision = replace(decision, reason=f"{_reason(decision)}; undone by {by}{because}")
    learn: Taught = lambda remembered: outcomes.of_undo(decision, by, remembered, policy, now)  # noqa: E731
    return recording.end(case, decision, Status.UNDONE, said, observation, by=by, taught=learn)
