"""Multiplies counts by list prices: the bill of a month for an account of one size."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from driftguard.model import Status
from driftguard_cli.generate.limits import loaded
from driftguard_cli.generate.metrics import METRICS, Metric, of_status

from . import sizes
from .sizes import DAYS, HOURS, Size

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PRICES: dict[str, Any] = json.loads((HERE / "prices.json").read_text())
MEASURED: dict[str, dict[str, Any]] = json.loads((HERE / "measured.json").read_text())
_GB = 1024**3
_MS = 1000
_FUNCTION, _ALARM, _SECRET = (
    "AWS::Serverless::Function",
    "AWS::CloudWatch::Alarm",
    "AWS::SecretsManager::Secret",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: so much of what a price is for."""

    service: str
    what: str
    price: str
    quantity: float

    @property
    def usd(self) -> float:
        """What it costs."""
        price = PRICES["prices"][self.price]
        return float(self.quantity * price["usd"] / price["per"])


def bill(size: Size, template: str | None = None) -> list[Line]:
    """Every line of the month's bill. `template` is the stack's; that of this checkout if None."""
    whole = loaded(template or (ROOT / "template.yaml").read_text())
    return [
        *_lambda(size, whole),
        *_dynamodb(size),
        *_messages(size),
        *_logs(size),
        *_watching(size, whole),
        *_secrets(size, whole),
    ]


def total(lines: list[Line]) -> float:
    """What the lines cost together."""
    return sum(line.usd for line in lines)


def by_service(lines: list[Line]) -> dict[str, float]:
    """What each service costs, in the order of the bill."""
    sums: dict[str, float] = {}
    for line in lines:
        sums[line.service] = sums.get(line.service, 0.0) + line.usd
    return sums


# ---------------------------------------------------------------------------------- services


def _kinds(size: Size) -> dict[str, int]:
    return {
        "harmless": size.harmless,
        "fine": size.fine,
        "observed": size.observed,
        "reverted": size.reverted,
        "asked": size.asked,
    }


def _gigabytes(whole: Mapping[str, Any], function: str) -> float:
    everywhere = whole["Globals"]["Function"]["MemorySize"]
    return float(whole["Resources"][function]["Properties"].get("MemorySize", everywhere)) / 1024


def _invocations(size: Size) -> dict[str, int]:
    """How often each function runs; an asked change comes back as a command."""
    return {
        "GuardFunction": size.matched + size.asked,
        "PublishFunction": size.decisions + size.asked + round(HOURS),
        "SweepFunction": round(HOURS),
        "SignedApiFunction": size.asked,
        "SealFunction": round(DAYS),
    }


def _lambda(size: Size, whole: Mapping[str, Any]) -> Iterator[Line]:
    of_guard = sum(count * sizes.MILLISECONDS[kind] for kind, count in _kinds(size).items())
    of_guard += size.matched / sizes.COLD_ONE_IN * sizes.COLD_MILLISECONDS
    publishing = (size.decisions + size.asked + HOURS) * sizes.PUBLISH_MILLISECONDS
    sweeping = (
        size.resources * DAYS * sizes.SWEEP_MILLISECONDS + HOURS * sizes.IDLE_SWEEP_MILLISECONDS
    )
    for function, milliseconds in (
        ("GuardFunction", of_guard),
        ("PublishFunction", publishing),
        ("SweepFunction", sweeping),
    ):
        name = function.removesuffix("Function").lower()
        used = milliseconds / _MS * _gigabytes(whole, function)
        yield Line("Lambda", f"time of the {name} function", "lambda.gb_second", used)
    yield Line("Lambda", "invocations", "lambda.request", sum(_invocations(size).values()))


def _dynamodb(size: Size) -> Iterator[Line]:
    kinds = _kinds(size) | {"swept": round(size.resources * DAYS)}
    reads = sum(count * MEASURED[kind]["reads"] for kind, count in kinds.items())
    writes = sum(count * MEASURED[kind]["writes"] for kind, count in kinds.items())
    reads += size.decisions * sizes.TOLD_READS
    writes += size.decisions * sizes.TOLD_WRITES
    kept_of = ("observed", "reverted", "asked")
    a_month = sum(_kinds(size)[kind] * MEASURED[kind]["stored"] for kind in kept_of)
    kept = a_month * sizes.KEPT_MONTHS / _GB
    yield Line("DynamoDB", "writes, of the tables and of their indexes", "dynamodb.write", writes)
    yield Line("DynamoDB", "reads", "dynamodb.read", reads)
    yield Line("DynamoDB", "storage after a year", "dynamodb.storage", kept)
    yield Line("DynamoDB", "point-in-time recovery after a year", "dynamodb.recovery", kept)


def _messages(size: Size) -> Iterator[Line]:
    polls = 2 * sizes.POLLERS * HOURS * 3600 / sizes.POLL_SECONDS
    # Sent, received, deleted; each approval request comes back as a command.
    messages = 3 * (size.matched + 2 * size.asked)
    told = size.decisions + size.asked
    yield Line("SQS", "requests to idle queues", "sqs.request", polls)
    yield Line("SQS", "changes and commands", "sqs.request", messages)
    yield Line("SNS", "messages about decisions", "sns.publish", told)
    yield Line("SNS", "e-mails", "sns.email", told * size.emails)
    yield Line("Scheduler", "timers of approval requests", "scheduler.invocation", size.asked)


def _logs(size: Size) -> Iterator[Line]:
    lines = sum(_invocations(size).values()) * sizes.LOG_INVOCATION
    written = (lines + size.decisions * sizes.LOG_DECISION) / _GB
    kept = written * sizes.LOG_DAYS / DAYS
    yield Line("CloudWatch", "logs written", "logs.ingested", written)
    yield Line("CloudWatch", f"logs kept for {sizes.LOG_DAYS} days", "logs.stored", kept)


def _watching(size: Size, whole: Mapping[str, Any]) -> Iterator[Line]:
    months = sum(min(HOURS, _published(one, size)) for one in METRICS) / HOURS
    yield Line("CloudWatch", "metrics that the functions count", "cloudwatch.metric", months)
    others, rules = alarm_metrics(whole)
    yield Line("CloudWatch", "alarms", "cloudwatch.alarm", others)
    yield Line("CloudWatch", "alarms on rules (AlarmOnRules)", "cloudwatch.alarm", rules)


def alarm_metrics(whole: Mapping[str, Any]) -> tuple[int, int]:
    """How many metrics alarms look at by default: of rules, and all others."""
    others = rules = 0
    for one in whole["Resources"].values():
        if one["Type"] == _ALARM:
            metrics = sum("MetricStat" in query for query in one["Properties"].get("Metrics", ()))
            if one.get("Condition") == "HasRuleAlarms":
                rules += metrics
            elif "Condition" not in one:
                others += metrics or 1
    return others, rules


def _published(metric: Metric, size: Size) -> float:
    """In how many hours of a month a metric is counted, at most: it is billed by the hour."""
    of_decisions = {
        of_status(Status.OBSERVED): size.observed,
        of_status(Status.REVERTED): size.reverted + size.asked,
        of_status(Status.ASKED): size.asked,
        "TimeToRevert": size.reverted + size.asked,
        "Messages": size.matched,
        "Published": size.decisions + HOURS,
        "OverBudget": size.decisions,
        "Sealed": DAYS,
        "OpenApprovals": HOURS,
    }
    if metric.name in of_decisions:
        return float(of_decisions[metric.name])
    if metric.service == "sweep":
        # What a run says of itself comes every hour, what it finds once a day.
        of_runs = ("SweptSent", "SweptUnreached", "SweptOverdue")
        return HOURS if metric.name in of_runs else DAYS
    return float(size.asked) if metric.service == "signed-api" else 0.0


def _secrets(size: Size, whole: Mapping[str, Any]) -> Iterator[Line]:
    secrets = sum(
        one["Type"] == _SECRET and "Condition" not in one for one in whole["Resources"].values()
    )
    cold = size.matched / sizes.COLD_ONE_IN + HOURS
    requests = sizes.KMS_CLIENTS * HOURS * 60 / sizes.KMS_MINUTES
    yield Line("Secrets Manager", "secrets", "secrets.secret", secrets)
    yield Line("Secrets Manager", "calls, one a cold start", "secrets.call", cold)
    yield Line("KMS", "requests of tables and topics", "kms.request", requests)
