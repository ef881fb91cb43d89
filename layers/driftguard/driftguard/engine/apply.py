"""Carries out a plan's calls, and its undo, under credentials that can do nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from driftguard.aws.calls import AwsError, Throttled, Unreachable
from driftguard.controls.control import Busy
from driftguard.frozen import dataclass
from driftguard.model import Call, Decision, Plan

from .case import Case

if TYPE_CHECKING:
    from driftguard.aws.remediator import Remediator

# AWS is eventually consistent: how long to wait before each look after a revert, in seconds.
PATIENCE = (0.0, 0.5, 1.5, 3.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a plan got: leading steps done, and what stopped it (None when nothing did).

    `stale`: nothing was called, because the state was no longer the one that was planned for.
    `in_doubt`: the next step's call, or an attempt before the one that was answered, got no answer,
    so that it may have taken effect.
    """

    done: int
    error: AwsError | None = None
    stale: bool = False
    in_doubt: bool = False

    def passing(self, busy: tuple[Busy, ...]) -> bool:
        """Whether what stopped it may pass: throttling, no answer, or one of the `busy` answers."""
        error = self.error
        if error is None or isinstance(error, (Throttled, Unreachable)):
            return error is not None
        return _is_busy(error, busy)


def _is_busy(error: AwsError, busy: tuple[Busy, ...]) -> bool:
    said = error.withheld or str(error)
    return any(answer.fits(error.code, said) for answer in busy)


def apply_for(
    case: Case,
    decision: Decision,
    plan: Plan,
    done: int = 0,
    still_so: Callable[[], bool] = lambda: True,
    *,
    again: bool = False,
) -> Outcome:
    """Makes the plan's calls from step `done` on, in order, stopping at the first that fails.

    `again`: an earlier attempt may have made any of them. One that finds gone what it takes away is
    done then; whoever calls this looks at the resource afterwards.

    `still_so` is asked last, when the session is open: whether the state is what was planned for.
    A call that writes a whole document would otherwise write over what somebody wrote meanwhile.
    """
    rest = Plan(plan.steps[done:])
    if not rest.steps:
        return Outcome(done)
    aws, region = case.context.aws, case.candidate.resource.region
    calling = False
    try:
        contains = case.control.contains
        with aws.acting_on(rest, decision.id, region, contains=contains) as remediator:
            try:
                stale = not still_so()
            except AwsError as error:
                # Whether the state is still the one that was planned for cannot be told.
                return Outcome(done, Unreachable(f"the state could not be read again: {error}"))
            if stale:
                return Outcome(done, stale=True)
            calling = True
            for step in rest.steps:
                _make(case, remediator, step.call, again)
                done += 1
    except AwsError as error:
        doubtful = isinstance(error, Unreachable) or error.retried
        return Outcome(done, error, in_doubt=calling and doubtful)
    return Outcome(done)


def _make(case: Case, remediator: Remediator, call: Call, again: bool) -> None:
    """Makes a call, unless an attempt before this one may have had its effect, and it is there."""
    try:
        _make_patiently(case, remediator, call)
    except AwsError as error:
        # Only here: few calls fail.
        from driftguard.aws.remediator import is_gone

        if not ((again or error.retried) and is_gone(call, error)):
            raise


def _make_patiently(case: Case, remediator: Remediator, call: Call) -> None:
    """Makes a call, and again while AWS is busy for a few seconds: most of that is over soon."""
    retried = False
    for wait in (*PATIENCE[1:], None):
        try:
            remediator.make(call)
        except AwsError as error:
            # AWS may be busy with an attempt of ours that it did not answer.
            error.retried = retried = retried or error.retried
            if wait is None or not _is_busy(error, case.control.busy):
                raise
            case.context.pause(wait)
        else:
            return


def merged(carried_out: Plan, done: int, anew: Plan, *, in_doubt: bool) -> tuple[Plan, int]:
    """The plan after a second look: what was done already, then what is still to do.

    A worker that died in the middle of a plan leaves every step of it in doubt: one that the second
    look asks for again was not made; of the others the effect is there, and so is their undo.
    """
    candidates = carried_out.steps if in_doubt else carried_out.steps[:done]
    wanted = [step.call for step in anew.steps]
    made = tuple(step for step in candidates if step.call not in wanted)
    drastic = anew.drastic or carried_out.drastic
    return replace(anew, steps=made + anew.steps, drastic=drastic), len(made)
