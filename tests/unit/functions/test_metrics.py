"""What the functions count is what the dashboard shows, alarms watch and the page lists."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from driftguard.guardrails.registry import GUARDRAILS
from driftguard.model import Status
from driftguard.sweep import look
from driftguard_cli.generate import dashboard, metrics, watching
from driftguard_cli.generate.limits import loaded
from tests.support.template import of_type, resources, template
from tests.support.world import ROOT

FUNCTIONS = of_type("AWS::Serverless::Function")
ALARMS = of_type("AWS::CloudWatch::Alarm")
TIMEOUT = template()["Globals"]["Function"]["Timeout"]
KNOWN = {(one.name, one.service) for one in metrics.METRICS}
# AWS's own metrics that we look at: the dimension, and the type of the resource that it names.
# Sources: AWS Lambda Developer Guide, "Types of metrics for Lambda functions"; Amazon SQS Developer
# Guide, "Available CloudWatch metrics for Amazon SQS"; Amazon EventBridge User Guide, "Monitoring
# Amazon EventBridge".
OF_AWS = {
    "AWS/Lambda": (
        "FunctionName",
        "AWS::Serverless::Function",
        {"Duration", "Errors", "Invocations", "IteratorAge", "Throttles"},
    ),
    "AWS/SQS": (
        "QueueName",
        "AWS::SQS::Queue",
        {
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfMessagesSent",
        },
    ),
    "AWS/Events": ("RuleName", "AWS::Events::Rule", {"FailedInvocations"}),
}


# ------------------------------------------------------------------------ what the code counts


def service_of(folder: str) -> str:
    (function,) = (one for one in FUNCTIONS.values() if one["CodeUri"] == f"functions/{folder}")
    return str(function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"])


def swept() -> set[str]:
    """What a sweep can say of a resource: the words in its module, and what a run adds to them."""
    tree = ast.parse((ROOT / "layers/driftguard/driftguard/sweep/look.py").read_text())
    words: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == look.Swept.__name__:
            words |= {arg.value for arg in node.args[2:3] if isinstance(arg, ast.Constant)}
        if isinstance(node, ast.FunctionDef) and node.name == "_outcome":
            for one in ast.walk(node):
                if isinstance(one, ast.Return):
                    assert isinstance(one.value, ast.Tuple)
                    said = one.value.elts[0]
                    either = [said.body, said.orelse] if isinstance(said, ast.IfExp) else [said]
                    words |= {ast.literal_eval(word) for word in either}
    return words | {"sent", "unreached", "overdue"}


# What a name that is worked out can be.
WORKED_OUT = {
    "decision.status.value.capitalize()": {one.value.capitalize() for one in Status},
    "guardrail.alarms": {one.alarms for one in GUARDRAILS if one.alarms},
    "f'Swept{outcome.capitalize()}'": {f"Swept{one.capitalize()}" for one in swept()},
}


def added() -> Iterator[tuple[str, str, str]]:
    """Name, service and unit of every metric that the functions' code can add."""
    for path in sorted(ROOT.glob("functions/*/app.py")):
        service = service_of(path.parent.name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_metric":
                name, unit = node.args[0], ast.unparse(node.args[1]).removeprefix("MetricUnit.")
                if isinstance(name, ast.Constant):
                    yield str(name.value), service, unit
                else:
                    for one in WORKED_OUT[ast.unparse(name)]:
                        yield one, service, unit


def test_every_metric_that_the_code_adds_is_on_the_page_and_no_other() -> None:
    assert {one[:3] for one in metrics.METRICS} == set(added())
    assert len(KNOWN) == len(metrics.METRICS)
    page = metrics.page()
    for one in metrics.METRICS:
        assert f"| `{one.name}` | `{one.service}` | {one.unit} |" in page


# --------------------------------------------------------------- what is looked at exists


def looked_at() -> Iterator[tuple[str, str, str, str]]:
    """Namespace, metric, dimension and its value of all that alarms and the dashboard look at."""
    for alarm in ALARMS.values():
        stats = [
            one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if one.get("MetricStat")
        ]
        for stat in stats or [alarm]:
            (dimension,) = stat["Dimensions"]
            yield stat["Namespace"], stat["MetricName"], dimension["Name"], dimension["Value"]
    for line in lines():
        namespace, metric, dimension, value, _ = line
        yield namespace, metric, dimension, re.sub(r"^\$\{(.*)\}$", r"\1", value)


def widgets() -> list[dict[str, Any]]:
    body = json.loads(of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"])
    return list(body["widgets"])


def lines() -> list[list[Any]]:
    return [line for widget in widgets() for line in widget["properties"]["metrics"]]


def test_every_metric_that_is_looked_at_is_the_codes_or_aws_own_of_a_resource_of_ours() -> None:
    rules = set(watching.rules_of(resources()))
    for namespace, metric, dimension, value in looked_at():
        if namespace == metrics.NAMESPACE:
            assert dimension == "service"
            assert (metric, value) in KNOWN
            continue
        named, kind, some = OF_AWS[namespace]
        assert dimension == named
        assert metric in some, f"{namespace} {metric}"
        resource = value.removesuffix(".QueueName")
        if kind == "AWS::Events::Rule":
            assert resource in rules
        else:
            assert resources()[resource]["Type"] == kind


# ----------------------------------------------------------------------------- the dashboard


def test_the_dashboard_is_free_and_fits_its_grid() -> None:
    """Source: CloudWatch pricing (three dashboards of 50 metrics); "Dashboard Body Structure"."""
    assert len(lines()) <= dashboard.FREE_METRICS
    taken: Counter[tuple[int, int]] = Counter()
    for widget in widgets():
        assert widget["type"] == "metric"
        assert widget["x"] + widget["width"] <= 24
        for x in range(widget["x"], widget["x"] + widget["width"]):
            taken.update((x, y) for y in range(widget["y"], widget["y"] + widget["height"]))
        shown = widget["properties"]
        assert shown["region"] == "${AWS::Region}"
        assert shown["period"] in (60, 300, 3600)
        assert shown["metrics"]
    assert set(taken.values()) == {1}
    assert len({widget["properties"]["title"] for widget in widgets()}) == len(widgets())


@pytest.mark.parametrize(
    ("metric", "stat"),
    [
        ("Messages", "Sum"),
        *((one.value.capitalize(), "Sum") for one in metrics.OUTCOMES),
        ("TimeToRevert", "p50"),
        ("TimeToRevert", "p95"),
        ("OpenApprovals", "Maximum"),
        ("ApproximateNumberOfMessagesVisible", "Maximum"),
        ("ApproximateAgeOfOldestMessage", "Maximum"),
        ("OverBudget", "Sum"),
    ],
)
def test_the_dashboard_shows(metric: str, stat: str) -> None:
    assert (metric, stat) in {(line[1], line[4]["stat"]) for line in lines()}


def test_what_has_come_of_a_decision_is_every_status_but_those_underway_and_acts() -> None:
    underway = {Status.APPROVED, Status.REVERTING, Status.UNDOING, Status.NOTED, Status.PROPOSED}
    assert set(metrics.OUTCOMES) == set(Status) - underway


# ------------------------------------------------------------------------------- the alarms


def of_function(name: str, metric: str) -> list[tuple[str, dict[str, Any]]]:
    dimensions = [{"Name": "FunctionName", "Value": name}]
    return [
        (alarm, one)
        for alarm, one in ALARMS.items()
        if (one.get("MetricName"), one.get("Dimensions")) == (metric, dimensions)
    ]


@pytest.mark.parametrize("metric", ["Errors", "Throttles", "Duration"])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_has_an_alarm(name: str, metric: str) -> None:
    ((logical, alarm),) = of_function(name, metric)
    assert alarm["AlarmActions"] == ["AlarmsTopic"]
    assert resources()[logical].get("Condition") == resources()[name].get("Condition")
    seconds = FUNCTIONS[name].get("Timeout", TIMEOUT)
    if metric == "Duration":
        assert alarm["Statistic"] == "Maximum"
        # A sweep that stops in good time, a minute before its end, does not ring.
        assert max(0.9 * seconds, seconds - 60) < alarm["Threshold"] / 1000 < seconds
    else:
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 0)


def test_every_rule_is_watched_once_by_an_alarm_of_ten_metrics_at_most() -> None:
    watched: list[str] = []
    for alarm in ALARMS.values():
        stats = [one["MetricStat"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
        assert len(stats) <= 10
        returned = [one for one in alarm.get("Metrics", []) if one["ReturnData"]]
        assert len(returned) == bool(stats)
        if stats:
            assert alarm["AlarmActions"] == ["AlarmsTopic"]
        watched += [one["Metric"]["Dimensions"][0]["Value"] for one in stats]
    assert Counter(watched) == Counter(watching.rules_of(resources()))
    assert set(of_type("AWS::Events::Rule")) <= set(watched)
    assert {"SweepFunctionHourly", "SealFunctionDaily", "PublishFunctionDigests"} <= set(watched)


def test_every_queue_is_watched_and_every_alarm_tells_somebody() -> None:
    queues = {value for namespace, _, _, value in looked_at() if namespace == "AWS/SQS"}
    assert {one.removesuffix(".QueueName") for one in queues} == set(of_type("AWS::SQS::Queue"))
    for name, alarm in ALARMS.items():
        rings = alarm.get("AlarmActions") or alarm.get("InsufficientDataActions")
        assert rings == ["AlarmsTopic"], name
        assert alarm["AlarmDescription"]


NEW = """
  NewFunction:
    Type: AWS::Serverless::Function
    Condition: HasSlack
    Properties:
      CodeUri: functions/new
      Timeout: 20
{events}
  AuditTable:
"""
SCHEDULE = "      Events: {Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}}"


def test_a_new_function_gets_its_alarms_and_one_that_could_not_is_refused() -> None:
    before = (ROOT / "template.yaml").read_text()
    with_new = before.replace("\n  AuditTable:\n    Type", NEW.format(events="") + "    Type", 1)
    made = loaded(watching.with_alarms(with_new))["Resources"]
    assert {"NewErrorsAlarm", "NewThrottlesAlarm", "NewDurationAlarm"} <= set(made)
    assert made["NewDurationAlarm"]["Properties"]["Threshold"] == 19_000
    assert made["NewErrorsAlarm"]["Condition"] == "HasSlack"
    scheduled = before.replace(
        "\n  AuditTable:\n    Type", NEW.format(events=SCHEDULE) + "    Type", 1
    )
    with pytest.raises(ValueError, match="NewFunction has a schedule and a condition"):
        watching.with_alarms(scheduled)
