"""Scenarios of the sqs controls."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged, policy_of
from tests.support.records import change

sqs = partial(change, "sqs.amazonaws.com")


def make_queue(*statements: dict[str, Any]) -> tuple[Any, str]:
    """SQS's client, and a queue's URL."""
    client = boto3.client("sqs")
    attributes = {"DelaySeconds": "5"}
    if statements:
        attributes["Policy"] = policy_of(*statements)
    return client, client.create_queue(QueueName="orders", Attributes=attributes)["QueueUrl"]


def queue_snapshot(url: str) -> Any:
    """A queue's attributes."""
    client = boto3.client("sqs")
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {
        key: value for key, value in found.items() if key not in ("LastModifiedTimestamp", "Policy")
    } | {"Policy": found.get("Policy", "")}


def parsed(snapshot: Any) -> Any:
    """With the policy parsed: a surgical edit may lay the text out anew."""
    return snapshot | {"Policy": json.loads(snapshot["Policy"] or "null")}


def statement(sid: str, who: Any) -> dict[str, Any]:
    """A statement that lets somebody send to the queue."""
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders"
    allow = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    return {"Sid": sid, "Principal": who, **allow}


def opened(*before: dict[str, Any]) -> Staged:
    client, url = make_queue(*before)

    def attack() -> Change:
        written = policy_of(*before, statement("Oops", "*"))
        client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": written})
        return sqs("SetQueueAttributes", {"queueUrl": url, "attributes": {"Policy": written}})

    return Staged(attack, lambda: queue_snapshot(url), normal=parsed)


def permitted() -> Staged:
    client, url = make_queue(statement("Ours", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))

    def attack() -> Change:
        client.add_permission(
            QueueUrl=url, Label="theirs", AWSAccountIds=[STRANGER], Actions=["SendMessage"]
        )
        asked = {"aWSAccountIds": [STRANGER], "actions": ["SendMessage"], "label": "theirs"}
        return sqs("AddPermission", {"queueUrl": url, **asked})

    return Staged(attack, lambda: queue_snapshot(url), normal=parsed)


SCENARIOS = (
    Scenario(
        "sqs.public-policy",
        partial(opened, statement("Ours", {"AWS": f"arn:aws:iam::{ACCOUNT}:role/shop"})),
    ),
    Scenario("sqs.public-policy", opened, "emptied"),
    Scenario("sqs.public-policy", permitted, "label"),
)
