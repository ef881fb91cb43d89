"""Carrying out a plan's calls, and its undo, under credentials that can do nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from .aws import Aws, AwsError, Throttled, Unreachable
from .model import Call, Plan, Step


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a plan got: leading steps done, and what stopped it (None when nothing did)."""

    done: int
    error: AwsError | None = None

    @property
    def passing(self) -> bool:
        """Whether what stopped it may pass by itself: throttling, or no answer."""
        return isinstance(self.error, (Throttled, Unreachable))


def apply(plan: Plan, *, decision: str, region: str, aws: Aws, done: int = 0) -> Outcome:
    """Makes the plan's calls from step `done` on, in order, stopping at the first that fails."""
    rest = Plan(plan.steps[done:])
    try:
        with aws.acting_on(rest, decision, region) as remediator:
            for step in rest.steps:
                remediator.make(step.call)
                done += 1
    except AwsError as error:
        return Outcome(done, error)
    return Outcome(done)


def inverse(plan: Plan, done: int) -> Plan:
    """The plan that undoes the first `done` steps, last first."""
    calls: list[Call] = [call for step in reversed(plan.steps[:done]) for call in step.undo]
    return Plan(tuple(Step(call, ()) for call in calls))


def merged(carried_out: Plan, done: int, anew: Plan) -> tuple[Plan, int]:
    """The plan after a second look: what was done already, then what is still to do.

    A worker that died between a call and its record leaves one step in doubt: if the second look
    asks for the very same call, it was not made; if not, its effect is there and so is its undo.
    """
    in_doubt = carried_out.steps[: done + 1]
    wanted = [step.call for step in anew.steps]
    made = tuple(step for step in in_doubt if step.call not in wanted)
    return Plan(made + anew.steps, kept=anew.kept, advice=anew.advice), len(made)
