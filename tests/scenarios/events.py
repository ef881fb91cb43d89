"""Scenarios of the events controls."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

events = partial(change, "events.amazonaws.com")


def make_rule(bus: str = "default") -> Any:
    """A rule that tells two targets of GuardDuty's findings, beside one about orders."""
    client = boto3.client("events")
    if bus != "default":
        client.create_event_bus(Name=bus)
    client.put_rule(
        Name="findings",
        EventBusName=bus,
        Description="Findings ring the pager.",
        EventPattern=json.dumps({"source": ["aws.guardduty"]}),
        Tags=[{"Key": "owner", "Value": "incident-response"}],
    )
    client.put_targets(
        Rule="findings",
        EventBusName=bus,
        Targets=[
            {"Id": "archive", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:archive"},
            {
                "Id": "pager",
                "Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/pager",
                "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/to-the-pager",
            },
        ],
    )
    client.put_rule(Name="orders", EventPattern=json.dumps({"source": ["shop.orders"]}))
    return client


def rules_snapshot() -> Any:
    """Every rule with its tags and targets."""
    client = boto3.client("events")
    found = {}
    for bus in client.list_event_buses()["EventBuses"]:
        for rule in client.list_rules(EventBusName=bus["Name"])["Rules"]:
            named = {"Rule": rule["Name"], "EventBusName": bus["Name"]}
            targets = client.list_targets_by_rule(**named)["Targets"]
            found[rule["Arn"]] = {
                "rule": rule,
                "tags": client.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"],
                "targets": sorted(targets, key=lambda one: one["Id"]),
            }
    return found


def rule_disabled() -> Staged:
    client = make_rule()

    def attack() -> Change:
        client.disable_rule(Name="findings")
        return events("DisableRule", {"name": "findings"})

    return Staged(attack, rules_snapshot)


def targets_removed() -> Staged:
    client = make_rule("security")

    def attack() -> Change:
        client.remove_targets(Rule="findings", EventBusName="security", Ids=["pager"])
        asked = {"rule": "findings", "eventBusName": "security", "ids": ["pager"]}
        return events("RemoveTargets", asked)

    return Staged(attack, rules_snapshot, baseline=True)


def rule_deleted() -> Staged:
    client = make_rule()

    def attack() -> Change:
        client.remove_targets(Rule="findings", Ids=["archive", "pager"])
        client.delete_rule(Name="findings")
        return events("DeleteRule", {"name": "findings"})

    return Staged(attack, rules_snapshot, baseline=True)


SCENARIOS = (
    Scenario("events.rule-disabled", rule_disabled),
    Scenario("events.targets-removed", targets_removed),
    Scenario("events.rule-deleted", rule_deleted),
)
