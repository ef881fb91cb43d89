"""What people are to do beside a plan, which takes looking up: once, when a decision is made."""

from __future__ import annotations

from dataclasses import replace

from .case import Case
from .comparing import Assessment


def with_follow_up(case: Case, assessment: Assessment) -> Assessment:
    """The assessment, with what the control looks up at the head of the plan's advice.

    It stays in the recorded plan. Nothing is looked up for a plan without steps.
    """
    plan = assessment.plan
    if not plan.steps:
        return assessment
    state = assessment.observation.state
    lines = tuple(case.control.follow_up(case.candidate, state, case.reader()))
    if not lines:
        return assessment
    return replace(assessment, plan=replace(plan, advice=" ".join((*lines, plan.advice))))
