"""Bad input and bad moments: each a clear reason in the dead-letter queue, or another delivery."""

from __future__ import annotations

import json
import logging
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from driftguard.aws.calls import Refused
from driftguard.aws.client import Reader
from driftguard.aws.secrets_manager import BadSecret
from driftguard.engine.case import Case
from driftguard.engine.dead_letters import CHANGES, COMMANDS, is_own
from driftguard.engine.intake import LAST_DELIVERY, Intake, Message, Retry
from driftguard.events.commands import undo_message
from driftguard.model import Status
from tests.support.aws_policies import quarantined
from tests.support.queues import (
    COMMANDS_ARN,
    change_message,
    command_message,
    queues,
    undo_requested,
)
from tests.support.records import envelope, exposed_key_event, record
from tests.support.world import World


@pytest.fixture
def dead_letters(world: World) -> str:
    return str(boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"])


@pytest.fixture
def intake(world: World, dead_letters: str) -> Intake:
    return Intake(world.guard, queues(dead_letters), logging.getLogger("test"))


message = change_message


def dead_lettered(queue: str) -> list[tuple[str, str]]:
    """The bodies and reasons in the dead-letter queue."""
    found = boto3.client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return [
        (one["Body"], one["MessageAttributes"]["reason"]["StringValue"])
        for one in found.get("Messages", [])
    ]


def open_group() -> str:
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=made["GroupId"], IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    return str(made["GroupId"])


def opened(group: str, **more: Any) -> dict[str, Any]:
    request = {
        "groupId": group,
        "ipPermissions": {},
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIp": "0.0.0.0/0",
    }
    name = "AuthorizeSecurityGroupIngress"
    return envelope(record("ec2.amazonaws.com", name, request, **more))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not json", "the message is not JSON"),
        ("", "the message is not JSON"),
        ("[" * 5_000, "the message is not JSON: it is nested too deep"),
        ("[1]", "expected an EventBridge event (a JSON object), got a list"),
        ("{}", "the event's `detail` should be an object, it is missing"),
        ({"detail": "text"}, "`detail` should be an object, it is a str"),
        ({"detail": {}}, "the event has no `source`"),
        ({"detail": {"eventName": "X"}}, "the CloudTrail record has no `eventSource`"),
        ({"detail": {"eventName": "X", "eventSource": "y"}}, "has no `eventID`"),
    ],
)
def test_what_can_never_be_judged_is_dead_lettered_at_once_with_its_reason(
    intake: Intake, dead_letters: str, body: Any, reason: str
) -> None:
    assert intake.take(intake.opened(message(body))) == []
    ((kept, why),) = dead_lettered(dead_letters)
    assert kept == (message(body).body or "(empty)")
    assert reason in why


def test_half_a_surrogate_pair_hides_no_risk(intake: Intake) -> None:
    """No UTF-8 text can hold it, and so no item of the record."""
    found = intake.take(intake.opened(message(opened(open_group(), userAgent="\ud800"))))
    assert [decision.actor.agent for decision in found] == ["?"]


def test_a_reason_for_the_dead_letter_queue_has_no_control_characters(
    intake: Intake, dead_letters: str
) -> None:
    """SQS takes none."""
    unknown = command_message({"driftguard": "\x00\x1b[31mundo"})
    intake.take(intake.opened(unknown))
    ((_, why),) = dead_lettered(dead_letters)
    assert why.startswith("Unparsable: unknown command `\ufffd\ufffd[31mundo`")


def test_a_change_of_another_account_is_dead_lettered(intake: Intake, dead_letters: str) -> None:
    theirs = {**opened("sg-1", recipientAccountId="999999999999"), "account": "999999999999"}
    intake.take(intake.opened(message(theirs)))
    ((_, why),) = dead_lettered(dead_letters)
    assert "of account 999999999999, and this guard guards 123456789012" in why


def test_an_envelope_that_contradicts_its_record_is_dead_lettered(
    intake: Intake, world: World, dead_letters: str
) -> None:
    """12.1: never harmless, and never acted on."""
    group = open_group()
    forged = {**opened(group), "account": "999999999999"}
    assert not intake.opened(message(forged)).is_harmless
    assert intake.take(intake.opened(message(forged))) == []
    ((_, why),) = dead_lettered(dead_letters)
    assert why.startswith("Mismatch: the event's account is `999999999999`")


def test_null_request_parameters_are_no_error(intake: Intake, dead_letters: str) -> None:
    event = envelope(record("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", None))
    assert intake.take(intake.opened(message(event))) == []
    assert dead_lettered(dead_letters) == []


def test_an_event_nobody_watches_is_no_error(intake: Intake, dead_letters: str) -> None:
    assert (
        intake.take(
            intake.opened(message(envelope(record("ec2.amazonaws.com", "RunInstances", {}))))
        )
        == []
    )
    assert dead_lettered(dead_letters) == []


def answering(monkeypatch: pytest.MonkeyPatch, operation: str, code: str) -> None:
    original = BaseClient._make_api_call

    def refusing(self: BaseClient, name: str, parameters: Any) -> Any:
        if name == operation:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, name)
        return original(self, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", refusing)


@pytest.mark.parametrize(
    ("operation", "code", "reason"),
    [
        (
            "DescribeSecurityGroupRules",
            "UnauthorizedOperation",
            "Give the role the permission ec2:DescribeSecurityGroupRules",
        ),
        ("DescribeSecurityGroupRules", "RequestLimitExceeded", "was throttled"),
        ("BatchGetItem", "ProvisionedThroughputExceededException", "was throttled"),
        ("AssumeRole", "Throttling", "was throttled"),
    ],
)
def test_a_bad_moment_is_retried_then_dead_lettered_with_its_reason(
    intake: Intake,
    dead_letters: str,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    code: str,
    reason: str,
) -> None:
    event = opened(open_group())
    answering(monkeypatch, operation, code)
    for delivery in range(1, LAST_DELIVERY):
        with pytest.raises(Retry):
            intake.take(intake.opened(message(event, delivery)))
    assert dead_lettered(dead_letters) == []

    assert intake.take(intake.opened(message(event, LAST_DELIVERY))) == []

    ((body, why),) = dead_lettered(dead_letters)
    assert json.loads(body) == event
    assert reason in why


def test_a_call_that_we_made_wrongly_is_dead_lettered_at_once(
    intake: Intake, dead_letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kind 5: no other delivery mends it."""
    made = Reader.pages

    def wrongly(self: Reader, service: str, operation: str, key: str, /, **more: Any) -> Any:
        return made(self, service, operation, key, **{name.lower(): more[name] for name in more})

    monkeypatch.setattr(Reader, "pages", wrongly)
    assert intake.take(intake.opened(message(opened(open_group())))) == []
    ((_, why),) = dead_lettered(dead_letters)
    assert why.startswith("Malformed: ec2:DescribeSecurityGroupRules was not called")


def test_a_dead_lettered_change_put_back_is_finished(
    intake: Intake, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = opened(open_group())
    with monkeypatch.context() as patched:
        answering(patched, "RevokeSecurityGroupIngress", "RequestLimitExceeded")
        intake.take(intake.opened(message(event, LAST_DELIVERY)))
    # Not before its next try is due, whoever puts it back.
    (decision,) = intake.take(intake.opened(message(event)))
    assert decision.status is Status.FAILED
    world.clock.pass_by(minutes=16)
    (decision,) = intake.take(intake.opened(message(event)))
    assert decision.status is Status.REVERTED


def test_a_health_event_is_a_change(intake: Intake) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="builder")
    key = iam.create_access_key(UserName="builder")["AccessKey"]["AccessKeyId"]
    quarantined("builder")
    (decision,) = intake.take(intake.opened(message(exposed_key_event(key))))
    assert (decision.control, decision.status) == ("iam.leaked-key", Status.REVERTED)


def test_an_undo_names_whom_the_record_names(intake: Intake, world: World) -> None:
    (decision,) = intake.take(intake.opened(message(opened(open_group()))))
    asked = undo_requested(world.audit, decision, "arn:aws:iam::123456789012:user/alice", "mine")
    (undone,) = intake.take(intake.opened(command_message(asked)))
    assert undone.status is Status.UNDONE
    by = [entry.by for entry in world.audit.log(decision.id)][-1]
    assert by == "arn:aws:iam::123456789012:user/alice"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not json", "the message is not JSON"),
        ("[1]", "expected a command (a JSON object), got a list"),
        ({"driftguard": "undo"}, "the command names no `decision`"),
        ({"driftguard": "dance", "decision": "dg-1"}, "unknown command `dance`"),
        ({"driftguard": "undo", "decision": "dg-1"}, "the command undo names no `request`"),
        (undo_message("dg-1", 2), "knows no decision dg-1"),
        (opened("sg-1"), "unknown command `None`"),
    ],
)
def test_what_is_no_command_is_dead_lettered_at_once(
    intake: Intake, dead_letters: str, body: Any, reason: str
) -> None:
    assert intake.take(intake.opened(command_message(body))) == []
    ((_, why),) = dead_lettered(dead_letters)
    assert reason in why


@pytest.mark.parametrize("kind", ["undo", "carry-out", "expire", "look"])
def test_nobody_commands_the_guard_by_the_door_of_changes(
    intake: Intake, world: World, dead_letters: str, kind: str
) -> None:
    """12.1: a constant `Input` of an EventBridge target reached the guard as a command."""
    (decision,) = intake.take(intake.opened(message(opened(open_group()))))
    resource = decision.candidate.resource
    named = {name: getattr(resource, name) for name in ("kind", "id", "account", "region", "arn")}
    forged = {
        "driftguard": kind,
        "decision": decision.id,
        "request": 1,
        "by": "carol",
        "control": decision.control,
        "resource": named,
    }
    assert intake.take(intake.opened(message(forged))) == []
    assert world.audit.get(decision.id) == decision
    ((_, why),) = dead_lettered(dead_letters)
    assert "the event's `detail` should be an object" in why


def test_an_undo_that_nobody_has_requested_is_not_obeyed(
    intake: Intake, world: World, dead_letters: str
) -> None:
    """12.1: the guard obeys the record, not the message."""
    (decision,) = intake.take(intake.opened(message(opened(open_group()))))
    for entry in (0, 1, 2, 99):
        assert intake.take(intake.opened(command_message(undo_message(decision.id, entry)))) == []
    assert world.audit.get(decision.id) == decision
    assert all("is no request for an undo" in why for _, why in dead_lettered(dead_letters))


def test_a_request_is_answered_once(intake: Intake, world: World) -> None:
    (decision,) = intake.take(intake.opened(message(opened(open_group()))))
    asked = undo_requested(world.audit, decision, "bob")
    once = intake.take(intake.opened(command_message(asked)))
    again = intake.take(intake.opened(command_message(asked)))
    assert once == again


def test_the_message_is_read_from_an_sqs_record() -> None:
    attributes = {"ApproximateReceiveCount": "3", "SenderId": "AIDA1"}
    sqs = {
        "messageId": "m",
        "body": "{}",
        "attributes": attributes,
        "eventSourceARN": COMMANDS_ARN,
    }
    assert Message.from_record(sqs) == Message("m", "{}", 3, COMMANDS_ARN)


def test_what_was_decided_beside_a_trouble_is_still_told(
    intake: Intake, dead_letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metrics and alarms follow what is told: a tripped circuit breaker must ring all the same."""
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    policy = {"Version": "2012-10-17", "Statement": [public | {"Resource": "arn:aws:s3:::wares/*"}]}
    boto3.client("s3").create_bucket(Bucket="wares")
    boto3.client("s3").put_bucket_policy(Bucket="wares", Policy=json.dumps(policy))
    look = Case.look

    def broken(case: Case) -> Any:
        if case.control.id == "s3.external-policy":
            raise ValueError("the control is broken")
        return look(case)

    monkeypatch.setattr(Case, "look", broken)
    strangers = [{**public, "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}]
    request = {
        "bucketName": "wares",
        "bucketPolicy": {**policy, "Statement": [*policy["Statement"], *strangers]},
    }
    event = envelope(record("s3.amazonaws.com", "PutBucketPolicy", request))
    (decision,) = intake.take(intake.opened(message(event, LAST_DELIVERY)))
    assert (decision.control, decision.status) == ("s3.public-policy", Status.REVERTED)
    ((_, why),) = dead_lettered(dead_letters)
    assert "the control is broken" in why


# ------------------------------------------------------------------- dead letters are signed

KEY = b"k" * 64


def attributes_in(queue: str) -> dict[str, str]:
    """The attributes of the one message in the dead-letter queue."""
    (found,) = boto3.client("sqs").receive_message(QueueUrl=queue, MessageAttributeNames=["All"])[
        "Messages"
    ]
    return {name: value["StringValue"] for name, value in found["MessageAttributes"].items()}


@pytest.mark.parametrize(
    ("parked", "door"), [(change_message("not json"), CHANGES), (command_message("no"), COMMANDS)]
)
def test_a_dead_letter_is_signed_with_the_door_it_came_by(
    intake: Intake, dead_letters: str, parked: Message, door: str
) -> None:
    """12.2: what is redriven must be what the guard itself has dead-lettered."""
    signing = intake._replace(key=lambda: KEY)
    signing.take(signing.opened(parked))
    told = attributes_in(dead_letters)
    assert told["door"] == door
    assert is_own(parked.body, told, KEY)
    assert not is_own(parked.body, told, b"x" * 64)
    assert not is_own(parked.body, told, b"")
    for name in ("door", "reason", "message", "signature"):
        assert not is_own(parked.body, {**told, name: "mine"}, KEY)
    assert not is_own(parked.body + " ", told, KEY)


@pytest.mark.parametrize("trouble", [Refused("no"), BadSecret("too short")])
def test_a_key_that_cannot_be_read_loses_no_message(
    intake: Intake, dead_letters: str, trouble: Exception
) -> None:
    def key() -> bytes:
        raise trouble

    unsigned = intake._replace(key=key)
    unsigned.take(unsigned.opened(change_message("not json")))
    assert "signature" not in attributes_in(dead_letters)
