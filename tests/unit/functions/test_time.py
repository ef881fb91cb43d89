"""12.10: the calls of each function fit into the time that Lambda gives it."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.aws.time_limit import PATIENT, TO_ANSWER, TO_RECORD, TimeLimit
from driftguard.engine.apply import PATIENCE
from driftguard.engine.recording import LEASE
from tests.support.template import of_type, template
from tests.support.world import ROOT

FUNCTIONS = of_type("AWS::Serverless::Function")
EVERYWHERE = template()["Globals"]["Function"]["Timeout"]
# What one plan may cost beside the calls of its steps: the busy waits, and the looks after it.
ONE_PLAN = 2 * sum(PATIENCE) + 2 * PATIENT.call


class Invocation:
    """An invocation with so many seconds left."""

    def __init__(self, left: float) -> None:
        self.left = left

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left * 1000)


def timeout(function: str) -> int:
    return int(FUNCTIONS[function].get("Timeout", EVERYWHERE))


def queues_of(function: str) -> dict[str, Any]:
    events = FUNCTIONS[function]["Events"]
    return {name: one["Properties"] for name, one in events.items() if one["Type"] == "SQS"}


@pytest.mark.parametrize("queue", queues_of("GuardFunction"))
def test_a_batch_has_time_for_each_of_its_messages(queue: str) -> None:
    """Each may meet a service that hangs, and still carry a plan out and record it."""
    messages = queues_of("GuardFunction")[queue]["BatchSize"]
    clock = [0.0]
    limit, left = TimeLimit(clock=lambda: clock[0]), float(timeout("GuardFunction"))
    for still_to_come in range(messages, 0, -1):
        with limit.of_message(Invocation(left - clock[0]), still_to_come):
            share = limit.left()
            assert share >= PATIENT.call + ONE_PLAN
        clock[0] += share
    assert clock[0] + TO_RECORD + TO_ANSWER <= left


@pytest.mark.parametrize("queue", queues_of("GuardFunction"))
def test_a_message_dies_with_no_other(queue: str) -> None:
    """What kills the function takes a delivery from each message of its batch, and so from none."""
    assert queues_of("GuardFunction")[queue]["BatchSize"] == 1


def test_who_is_killed_lets_go_of_a_decision_before_its_message_comes_again() -> None:
    hidden = min(of_type("AWS::SQS::Queue")[name].get("VisibilityTimeout", 999) for name in HELD)
    assert timeout("GuardFunction") < LEASE.total_seconds() < hidden


HELD = ("ChangesQueue", "CommandsQueue")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_time_for_a_call_that_hangs_and_for_its_answer(function: str) -> None:
    assert timeout(function) >= PATIENT.call + TO_ANSWER


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_limits_its_calls(function: str) -> None:
    folder = str(FUNCTIONS[function]["CodeUri"])
    wiring = (ROOT / folder / "app.py").read_text()
    assert "with aws.time.of_" in wiring
