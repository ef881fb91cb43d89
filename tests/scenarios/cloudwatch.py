"""Scenarios of the cloudwatch controls."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

cloudwatch = partial(change, "monitoring.amazonaws.com")


def make_alarms() -> Any:
    """An alarm about the root user, and one about orders."""
    client = boto3.client("cloudwatch")
    for name, namespace in (("root-login", "CloudTrailMetrics"), ("no-orders", "Shop")):
        client.put_metric_alarm(
            AlarmName=name,
            Namespace=namespace,
            MetricName="Count",
            Statistic="Sum",
            Period=300,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            AlarmActions=[f"arn:aws:sns:us-east-1:{ACCOUNT}:pager"],
            Tags=[{"Key": "owner", "Value": "incident-response"}],
        )
    return client


def alarms_snapshot() -> Any:
    """Every alarm and its tags, without what it measured and when it was made."""
    client = boto3.client("cloudwatch")
    alarms = client.describe_alarms()["MetricAlarms"]
    return {
        alarm["AlarmName"]: {
            "alarm": {k: v for k, v in alarm.items() if "Timestamp" not in k},
            "tags": client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"],
        }
        for alarm in alarms
    }


def alarm_silenced() -> Staged:
    client = make_alarms()

    def attack() -> Change:
        client.disable_alarm_actions(AlarmNames=["root-login"])
        return cloudwatch("DisableAlarmActions", {"alarmNames": ["root-login"]})

    return Staged(attack, alarms_snapshot)


def alarm_deleted() -> Staged:
    client = make_alarms()

    def attack() -> Change:
        client.delete_alarms(AlarmNames=["root-login"])
        return cloudwatch("DeleteAlarms", {"alarmNames": ["root-login"]})

    return Staged(attack, alarms_snapshot, baseline=True)


SCENARIOS = (
    Scenario("cloudwatch.alarm-silenced", alarm_silenced),
    Scenario("cloudwatch.alarm-deleted", alarm_deleted),
)
