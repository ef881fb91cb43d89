"""The stack's CloudWatch dashboard: how much came, what was decided, and whether all works.

Source: Amazon CloudWatch API Reference, "Dashboard Body Structure and Syntax": a grid of 24
columns; a metric is an array of namespace, name, and pairs of dimension and value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from driftguard.guardrails.registry import GUARDRAILS

from .cloudformation import SubText
from .metrics import NAMESPACE, OUTCOMES, of_status

Line: TypeAlias = "list[object]"

# Three dashboards of an account are free, as long as none has more metrics.
# Source: Amazon CloudWatch pricing.
FREE_METRICS = 50
_COLUMNS, _WIDTH, _HEIGHT = 24, 8, 6
_HOUR, _FIVE_MINUTES, _MINUTE = 3600, 300, 60


def block(functions: Mapping[str, Any]) -> dict[str, object]:
    """The dashboard as a resource. `functions` are those of the template, by their logical ids."""
    return {
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Condition": "MakeDashboard",
            "Properties": {"DashboardBody": SubText(body(functions))},
        }
    }


def body(functions: Mapping[str, Any]) -> str:
    """The dashboard's JSON, in which `${…}` is CloudFormation's, a widget a line."""
    widgets = _widgets([name for name, one in functions.items() if "Condition" not in one])
    lines = ",\n".join(json.dumps(widget) for widget in widgets)
    return f'{{"start": "-P1D", "widgets": [\n{lines}\n]}}'


def _widgets(functions: Sequence[str]) -> list[dict[str, object]]:
    """The widgets, three a row."""
    queues = ("ChangesQueue", "CommandsQueue")
    made = [
        _graph(
            "Changes and commands",
            _own("guard", "Messages", label="taken by the guard"),
            *(_queue("NumberOfMessagesSent", name) for name in queues),
        ),
        _graph(
            "Decisions by outcome",
            *(_own("guard", of_status(one), label=one.value) for one in OUTCOMES),
            stacked=True,
        ),
        _graph(
            "Time from a change to its verified revert (s)",
            _own("guard", "TimeToRevert", stat="p50", label="p50"),
            _own("guard", "TimeToRevert", stat="p95", label="p95"),
            period=_HOUR,
        ),
        _graph(
            "Open approval requests",
            _own("sweep", "OpenApprovals", stat="Maximum", label="open, once an hour"),
            period=_HOUR,
        ),
        _graph(
            "Dead letters",
            _queue("ApproximateNumberOfMessagesVisible", "DeadLetterQueue", stat="Maximum"),
        ),
        _graph(
            "Lag: how long the oldest waits (s)",
            *(_queue("ApproximateAgeOfOldestMessage", name, stat="Maximum") for name in queues),
            period=_MINUTE,
        ),
        _graph(
            "Messages to people, and what waits for a digest",
            _own("publish", "Published", label="messages"),
            _own("publish", "OverBudget", label="over the day's budget"),
            period=_HOUR,
        ),
        _graph(
            "Held back",
            *(_own("guard", one.alarms, label=one.name) for one in GUARDRAILS if one.alarms),
        ),
        _graph(
            "Lag of the audit table's stream (ms)",
            _function("IteratorAge", "PublishFunction", stat="Maximum"),
            period=_MINUTE,
        ),
        _graph("Errors", *(_function("Errors", name) for name in functions)),
        _graph("Throttles", *(_function("Throttles", name) for name in functions)),
        _graph(
            "Longest duration (ms)",
            *(_function("Duration", name, stat="Maximum") for name in functions),
        ),
    ]
    a_row = _COLUMNS // _WIDTH
    return [
        {
            "type": "metric",
            "x": number % a_row * _WIDTH,
            "y": number // a_row * _HEIGHT,
            "width": _WIDTH,
            "height": _HEIGHT,
            "properties": graph,
        }
        for number, graph in enumerate(made)
    ]


def _graph(
    title: str, *lines: Line, period: int = _FIVE_MINUTES, stacked: bool = False
) -> dict[str, object]:
    return {
        "title": title,
        "view": "timeSeries",
        "stacked": stacked,
        "region": "${AWS::Region}",
        "period": period,
        "stat": "Sum",
        "yAxis": {"left": {"min": 0}},
        "metrics": list(lines),
    }


def _own(service: str, name: str, *, stat: str = "Sum", label: str) -> Line:
    return [NAMESPACE, name, "service", service, {"stat": stat, "label": label}]


def _queue(name: str, queue: str, *, stat: str = "Sum") -> Line:
    label = queue.removesuffix("Queue")
    return ["AWS/SQS", name, "QueueName", f"${{{queue}.QueueName}}", {"stat": stat, "label": label}]


def _function(name: str, function: str, *, stat: str = "Sum") -> Line:
    label = function.removesuffix("Function")
    return ["AWS/Lambda", name, "FunctionName", f"${{{function}}}", {"stat": stat, "label": label}]
