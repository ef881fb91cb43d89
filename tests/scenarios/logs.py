"""Scenarios of the logs controls."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import boto3
from moto.logs.models import logs_backends

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

logs = partial(change, "logs.amazonaws.com")
GROUP = "/audit/trail"
NAMED = {"logGroupName": GROUP}


def make_group(days: int | None = 365) -> Any:
    """A log group with a metric filter and a subscription."""
    boto3.client("kinesis").create_stream(StreamName="siem", ShardCount=1)
    client = boto3.client("logs")
    client.create_log_group(logGroupName=GROUP)
    if days:
        client.put_retention_policy(logGroupName=GROUP, retentionInDays=days)
    metric = {"metricName": "RootLogin", "metricNamespace": "CloudTrailMetrics", "metricValue": "1"}
    client.put_metric_filter(
        logGroupName=GROUP,
        filterName="root-login",
        filterPattern='{ $.userIdentity.type = "Root" }',
        metricTransformations=[metric],
    )
    client.put_subscription_filter(
        logGroupName=GROUP,
        filterName="to-the-siem",
        filterPattern="",
        destinationArn=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/siem",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/logs-to-siem",
    )
    return client


def group_snapshot() -> Any:
    """Everything about the log group that a control could touch."""
    client = boto3.client("logs")
    (group,) = client.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    metric_filters = client.describe_metric_filters(logGroupName=GROUP)["metricFilters"]
    subscriptions = client.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]

    def without_time(filters: list[Any]) -> list[Any]:
        return [{k: v for k, v in one.items() if k != "creationTime"} for one in filters]

    return {
        "days": group.get("retentionInDays"),
        "metrics": without_time(metric_filters),
        "subscriptions": without_time(subscriptions),
    }


def retention_shortened() -> Staged:
    client = make_group()

    def attack() -> Change:
        client.put_retention_policy(logGroupName=GROUP, retentionInDays=30)
        return logs("PutRetentionPolicy", {**NAMED, "retentionInDays": 30})

    return Staged(attack, group_snapshot, baseline=True)


def retention_unrecorded() -> Staged:
    client = make_group(days=None)
    # A group that is made right now is made with its retention: this one is older.
    logs_backends[ACCOUNT]["us-east-1"].groups[GROUP].creation_time -= timedelta(days=1)

    def attack() -> Change:
        client.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
        return logs("PutRetentionPolicy", {**NAMED, "retentionInDays": 1})

    return Staged(attack, group_snapshot)


def metric_filter_deleted() -> Staged:
    client = make_group()

    def attack() -> Change:
        client.delete_metric_filter(logGroupName=GROUP, filterName="root-login")
        return logs("DeleteMetricFilter", {**NAMED, "filterName": "root-login"})

    return Staged(attack, group_snapshot, baseline=True)


def subscription_filter_deleted() -> Staged:
    client = make_group()

    def attack() -> Change:
        client.delete_subscription_filter(logGroupName=GROUP, filterName="to-the-siem")
        return logs("DeleteSubscriptionFilter", {**NAMED, "filterName": "to-the-siem"})

    return Staged(attack, group_snapshot, baseline=True)


SCENARIOS = (
    Scenario("logs.retention-shortened", retention_shortened),
    Scenario("logs.retention-shortened", retention_unrecorded, "unrecorded", asked=True),
    Scenario("logs.metric-filter-deleted", metric_filter_deleted),
    Scenario("logs.subscription-filter-deleted", subscription_filter_deleted),
)
