"""What people and programs are told of a decision, and when."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from driftguard.channels.message.text import as_text
from driftguard.channels.sns import digest_subject, subject
from driftguard.channels.topic import publish
from driftguard.channels.wording import as_json
from driftguard.model import Decision, Status
from tests.support.audit import a_decision
from tests.support.records import flat_ingress
from tests.support.world import World


@pytest.fixture
def decision(world: World) -> Decision:
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=made["GroupId"], IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    return world.one(flat_ingress(made["GroupId"], 22, "0.0.0.0/0"))


def stored(decision: Decision) -> dict[str, Any]:
    key = {"pk": {"S": decision.id}, "sk": {"S": "decision"}}
    return dict(boto3.client("dynamodb").get_item(TableName="audit", Key=key)["Item"])


def test_the_text_says_what_who_why_what_was_done_and_how_to_undo(decision: Decision) -> None:
    text = as_text(decision)
    assert "Security group open to the internet: reverted." in text
    assert "lets the internet in: tcp 22 from 0.0.0.0/0" in text
    assert "arn:aws:iam::123456789012:user/alice from 203.0.113.9" in text
    assert "ec2:RevokeSecurityGroupIngress\n    goes   IpPermissions: " in text
    assert f"driftguard undo {decision.id}" in text


def test_the_json_leaves_the_state_in_the_account(decision: Decision) -> None:
    told = as_json(decision)
    assert told["status"] == "reverted"
    assert "state" not in told
    assert json.loads(json.dumps(told)) == told


@given(title=st.text(max_size=200), status=st.sampled_from(Status))
@example(title="Größe " * 40, status=Status.REVERTED)
@example(title="x" * 99, status=Status.ASKED)
def test_sns_takes_every_subject(title: str, status: Status) -> None:
    """12.19: of fewer than 100 characters, one of exactly 100 is refused.

    Source: Amazon SNS API Reference, "Publish" (`Subject`).
    """
    decision = a_decision(title=title, status=status)
    for words in (subject(decision), digest_subject([decision] * 3)):
        assert 0 < len(words) < 100
        assert words.isascii()
        assert words.isprintable()


def test_subscribers_get_json_and_attributes_to_filter_by(decision: Decision) -> None:
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="decisions")["TopicArn"]
    queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    wanted = {"status": ["reverted"], "severity": [{"numeric": [">=", 80]}]}
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn["QueueArn"],
        Attributes={"FilterPolicy": json.dumps(wanted)},
    )
    publish(decision, sns, topic)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(json.loads(message["Body"])["Message"])["decision"] == decision.id


def test_people_hear_of_outcomes_and_not_of_the_steps_between(
    world: World, decision: Decision
) -> None:
    assert stored(decision)["tell"] == {"BOOL": True}
    undoing = replace(decision, status=Status.UNDOING)
    world.audit.append(undoing, event="undo-asked", note="")
    assert stored(decision)["tell"] == {"BOOL": False}


def test_a_note_on_a_decision_is_not_told_again(world: World, decision: Decision) -> None:
    world.audit.append(decision, event="undo-requested", note="mine")
    assert stored(decision)["tell"] == {"BOOL": False}


@pytest.mark.parametrize(
    ("status", "done", "told"),
    [
        *((Status.REVERTED, 1, True), (Status.FAILED, 1, True), (Status.DENIED, 1, True)),
        *((Status.FAILED, 0, False), (Status.UNDONE, 1, False), (Status.ASKED, 0, False)),
    ],
)
def test_that_an_undo_is_refused_is_told_where_what_was_done_stands(
    world: World, decision: Decision, status: Status, done: int, told: bool
) -> None:
    one = replace(decision, status=status, done=done)
    world.audit.append(one, event="undo-refused", note="changed since")
    assert stored(decision)["tell"] == {"BOOL": told}
