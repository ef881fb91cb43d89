"""12.10, 12.20: how many executions the functions get, what tells of a queue that waits, and whose
code runs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.template import of_type, template

FUNCTIONS = of_type("AWS::Serverless::Function")
PARAMETERS = template()["Parameters"]


def mappings(function: str) -> list[dict[str, Any]]:
    """The event source mappings of a function that poll a queue."""
    events = FUNCTIONS[function].get("Events", {}).values()
    return [event["Properties"] for event in events if event["Type"] == "SQS"]


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_no_queue_takes_all_executions_of_the_account(function: str) -> None:
    """Source: AWS Lambda API Reference, "ScalingConfig" (2 to 1,000)."""
    for mapping in mappings(function):
        assert 2 <= mapping["ScalingConfig"]["MaximumConcurrency"] <= 10


@pytest.mark.parametrize(
    ("function", "parameter"),
    [("GuardFunction", "GuardConcurrency"), ("ReplyFunction", "ReplyConcurrency")],
)
def test_nothing_is_reserved_unless_the_owner_says_so(function: str, parameter: str) -> None:
    """A new account's quota is 10, and Lambda keeps that many unreserved.

    Source: AWS Lambda Developer Guide, "Configuring reserved concurrency for a function".
    """
    assert PARAMETERS[parameter]["Default"] == ""
    assert FUNCTIONS[function]["ReservedConcurrentExecutions"] == [
        f"Has{parameter}",
        parameter,
        "AWS::NoValue",
    ]


def test_what_is_reserved_for_the_guard_is_enough_for_its_mappings() -> None:
    """Else Lambda throttles them, and SQS counts deliveries that the guard has never seen."""
    most = sum(one["ScalingConfig"]["MaximumConcurrency"] for one in mappings("GuardFunction"))
    taken = re.compile(PARAMETERS["GuardConcurrency"]["AllowedPattern"])
    numbers = [number for number in range(1, 1_200) if taken.fullmatch(str(number))]
    assert numbers == list(range(most, 1_200))


def test_the_function_that_everybody_can_call_has_a_throttle() -> None:
    public = {
        name
        for name, function in FUNCTIONS.items()
        if function.get("FunctionUrlConfig", {}).get("AuthType") == "NONE"
    }
    assert public == {"ReplyFunction"}


@pytest.mark.parametrize("queue", ["ChangesQueue", "CommandsQueue"])
def test_a_queue_that_waits_rings(queue: str) -> None:
    (alarm,) = [
        alarm
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage"
        and alarm["Dimensions"] == [{"Name": "QueueName", "Value": f"{queue}.QueueName"}]
    ]
    assert alarm["AlarmActions"] == ["AlarmsTopic"]


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_every_function_can_be_made_to_run_signed_code_only(function: str) -> None:
    signed = ["HasCodeSigning", "CodeSigningConfigArn", "AWS::NoValue"]
    assert FUNCTIONS[function]["CodeSigningConfigArn"] == signed


def test_every_parameter_stands_in_a_group_of_the_console() -> None:
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [parameter for group in groups for parameter in group["Parameters"]]
    assert sorted(shown) == sorted(PARAMETERS)
