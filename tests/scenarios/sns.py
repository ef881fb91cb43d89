"""Scenarios of the sns controls."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged, policy_of
from tests.support.records import change

sns = partial(change, "sns.amazonaws.com")
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:orders"


def make_topic() -> Any:
    """SNS's client, beside a topic with the policy that it has from the start."""
    client = boto3.client("sns")
    client.create_topic(Name="orders")
    return client


def topic_snapshot() -> Any:
    """A topic's attributes."""
    return boto3.client("sns").get_topic_attributes(TopicArn=TOPIC)["Attributes"]


def parsed(snapshot: Any) -> Any:
    """With the policy parsed: a surgical edit may lay the text out anew."""
    return snapshot | {"Policy": json.loads(snapshot["Policy"])}


def everybody() -> dict[str, Any]:
    """A statement that lets everybody publish."""
    allow = {"Effect": "Allow", "Action": "SNS:Publish", "Resource": TOPIC}
    return {"Sid": "Oops", "Principal": "*", **allow}


def write(client: Any, written: str) -> Change:
    client.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=written)
    asked = {"topicArn": TOPIC, "attributeName": "Policy", "attributeValue": written}
    return sns("SetTopicAttributes", asked)


def opened() -> Staged:
    client = make_topic()

    def attack() -> Change:
        policy = json.loads(topic_snapshot()["Policy"])
        policy["Statement"].append(everybody())
        return write(client, json.dumps(policy))

    return Staged(attack, topic_snapshot, normal=parsed)


def only_open() -> Staged:
    client = make_topic()

    def owner_only(snapshot: Any) -> Any:
        """What is left allows the owner, in our words or in AWS's."""
        statements = json.loads(snapshot["Policy"])["Statement"]
        return [one["Sid"] for one in statements if one["Sid"] == "Oops"]

    return Staged(lambda: write(client, policy_of(everybody())), topic_snapshot, normal=owner_only)


def permitted() -> Staged:
    client = make_topic()

    def attack() -> Change:
        client.add_permission(
            TopicArn=TOPIC, Label="theirs", AWSAccountId=[STRANGER], ActionName=["Publish"]
        )
        asked = {"label": "theirs", "aWSAccountId": [STRANGER], "actionName": ["Publish"]}
        return sns("AddPermission", {"topicArn": TOPIC, **asked})

    return Staged(attack, topic_snapshot, normal=parsed)


SCENARIOS = (
    Scenario("sns.public-policy", opened),
    Scenario("sns.public-policy", only_open, "emptied"),
    Scenario("sns.public-policy", permitted, "label"),
)
