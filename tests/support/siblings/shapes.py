"""A sibling's record, and what its control makes of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from driftguard.controls import control, watching
from driftguard.model import Candidate, Certainty
from tests.support.records import change


class Case(NamedTuple):
    """A sibling's record, and what its control makes of it: the resource's ARN and certainty."""

    control: str
    source: str
    name: str
    request: dict[str, Any]
    response: Any
    arn: str
    certainty: Certainty

    def __str__(self) -> str:
        return f"{self.control}-{self.name}"


def without(case: Case, **changed: Any) -> Case:
    """The same call without the risk."""
    return case._replace(request={**case.request, **changed})


def screened(case: Case) -> list[Candidate]:
    """What the control that the record wakes looks at."""
    made = change(
        f"{case.source}.amazonaws.com", case.name, case.request, responseElements=case.response
    )
    judge = control(case.control)
    assert judge in watching(made), "the event does not wake the control"
    return list(judge.screen(made, judge.settings()))
