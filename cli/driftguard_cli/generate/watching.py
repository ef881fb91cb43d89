"""The alarms of every function and every rule of the template, and the dashboard.

They follow from the template itself: a function or a rule that is added gets its alarms by `make
generate`.

Sources: AWS Lambda Developer Guide, "Types of metrics for Lambda functions"; Amazon EventBridge
User Guide, "Monitoring Amazon EventBridge" (`FailedInvocations` counts what neither reached the
target nor its dead-letter queue); Amazon CloudWatch API Reference, "PutMetricAlarm" (a metric math
alarm takes ten metrics at most).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import dashboard
from .cloudformation import Ref
from .limits import loaded
from .template import Block, with_block

_FUNCTION, _RULE = "AWS::Serverless::Function", "AWS::Events::Rule"
_ALARM = "AWS::CloudWatch::Alarm"
# The three that each function has: metric and what its alarm's id ends with.
_ERRORS, _THROTTLES, _DURATION = "Errors", "Throttles", "Duration"
METRICS_OF_FUNCTIONS = (_ERRORS, _THROTTLES, _DURATION)
METRICS_AN_ALARM = 10
# Of the time that a function has. A sweep stops a minute before its end, which is less.
_NEARLY = 0.95
_TOPIC = Ref("AlarmsTopic")


def with_alarms(template: str) -> str:
    """Return the template with its generated blocks `watching` and `dashboard` written again."""
    whole = loaded(template)
    resources: Mapping[str, Any] = whole["Resources"]
    functions = {name: one for name, one in resources.items() if one["Type"] == _FUNCTION}
    by_hand = set(_watched_by_hand(resources, functions))
    timeout = int(whole["Globals"]["Function"]["Timeout"])
    alarms: Block = {}
    for name, function in functions.items():
        for metric in METRICS_OF_FUNCTIONS:
            if (name, metric) not in by_hand:
                alarms[_alarm_name(name, metric)] = _function_alarm(name, function, metric, timeout)
    template = with_block(template, "watching", alarms | dict(_rule_alarms(resources)))
    return with_block(template, "dashboard", dashboard.block(functions))


def rules_of(resources: Mapping[str, Any]) -> list[str]:
    """The logical ids of all EventBridge rules, those among them that SAM makes of schedules.

    Source: AWS SAM Developer Guide, "CloudFormation resources generated when you specify
    AWS::Serverless::Function" (`<function><event>`).
    """
    rules = [name for name, one in resources.items() if one["Type"] == _RULE]
    for name, one in resources.items():
        if one["Type"] == _FUNCTION:
            events = one["Properties"].get("Events", {})
            made = [event for event, how in events.items() if how["Type"] == "Schedule"]
            if made and "Condition" in one:
                raise ValueError(f"{name} has a schedule and a condition: its rule is not watched")
            rules += [f"{name}{event}" for event in made]
    return rules


def _alarm_name(function: str, metric: str) -> str:
    return f"{function.removesuffix('Function')}{metric}Alarm"


def _watched_by_hand(
    resources: Mapping[str, Any], functions: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """The functions and metrics that an alarm watches which people wrote."""
    ours = {_alarm_name(name, metric) for name in functions for metric in METRICS_OF_FUNCTIONS}
    for name, one in resources.items():
        if one["Type"] == _ALARM and name not in ours:
            alarm = one["Properties"]
            if alarm.get("Namespace") == "AWS/Lambda":
                (dimension,) = alarm["Dimensions"]
                yield dimension["Value"], alarm["MetricName"]


def _function_alarm(
    name: str, function: Mapping[str, Any], metric: str, timeout: int
) -> dict[str, object]:
    seconds = int(function["Properties"].get("Timeout", timeout))
    what = name.removesuffix("Function")
    says, more = {
        _ERRORS: (
            f"{what}: an invocation failed, or ran out of time. Its log says why.",
            {"Statistic": "Sum", "Period": 300, "EvaluationPeriods": 1, "Threshold": 0},
        ),
        # One burst passes by itself: what is throttled is tried again.
        _THROTTLES: (
            f"{what}: Lambda throttled it in two of the last three periods of five minutes. Does "
            "something else take the account's executions, or are too few reserved?",
            {
                "Statistic": "Sum",
                "Period": 300,
                "EvaluationPeriods": 3,
                "DatapointsToAlarm": 2,
                "Threshold": 0,
            },
        ),
        _DURATION: (
            f"{what}: an invocation took nearly all of its {seconds} seconds. What is it waiting "
            "for? Its log says.",
            {
                "Statistic": "Maximum",
                "Period": 300,
                "EvaluationPeriods": 1,
                "Threshold": int(seconds * 1000 * _NEARLY),
            },
        ),
    }[metric]
    made: dict[str, object] = {"Type": _ALARM}
    if "Condition" in function:
        made["Condition"] = function["Condition"]
    made["Properties"] = {
        "AlarmDescription": says,
        "Namespace": "AWS/Lambda",
        "MetricName": metric,
        "Dimensions": [{"Name": "FunctionName", "Value": Ref(name)}],
        **more,
        **_RINGS,
    }
    return made


_RINGS: dict[str, object] = {
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
    "AlarmActions": [_TOPIC],
}


def _rule_alarms(resources: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, object]]]:
    """Alarms on what the rules could not deliver, ten rules each; apart by condition."""
    conditions = {
        name: str(resources.get(name, {}).get("Condition", "")) for name in rules_of(resources)
    }
    for condition in sorted(set(conditions.values())):
        rules = [name for name, one in conditions.items() if one == condition]
        for number, start in enumerate(range(0, len(rules), METRICS_AN_ALARM), start=1):
            yield (
                f"{condition.removeprefix('Has')}RulesAlarm{number if number > 1 else ''}",
                _rule_alarm(rules[start : start + METRICS_AN_ALARM], condition or "HasRuleAlarms"),
            )


def _rule_alarm(some: list[str], condition: str) -> dict[str, object]:
    which = f"A rule from {some[0]} to {some[-1]}" if len(some) > 1 else f"The rule {some[0]}"
    return {
        "Type": _ALARM,
        "Condition": condition,
        "Properties": {
            "AlarmDescription": (
                f"{which} could not deliver what matched it, neither to its target nor to "
                "the dead-letter queue. Compare the queues' policies with the template."
            ),
            "Metrics": [
                {
                    "Id": "failed",
                    "Expression": "SUM(FILL(METRICS(), 0))",
                    "Label": "failed invocations",
                    "ReturnData": True,
                },
                *(_failed(f"m{at}", rule) for at, rule in enumerate(some, start=1)),
            ],
            "EvaluationPeriods": 1,
            "Threshold": 0,
            **_RINGS,
        },
    }


def _failed(identifier: str, rule: str) -> dict[str, object]:
    metric = {
        "Namespace": "AWS/Events",
        "MetricName": "FailedInvocations",
        "Dimensions": [{"Name": "RuleName", "Value": Ref(rule)}],
    }
    return {
        "Id": identifier,
        "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"},
        "ReturnData": False,
    }
