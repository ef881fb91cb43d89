"""12.10: a service that accepts and never answers delays only what needs it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from driftguard.aws.client import Aws
from driftguard.aws.time_limit import Patience
from driftguard.engine.guard import Guard
from driftguard.engine.intake import LAST_DELIVERY, Intake, Retry
from driftguard.model import Status
from tests.support.queues import change_message, queues
from tests.support.records import envelope, record
from tests.support.slow_server import SlowServer, never_answering
from tests.support.world import REMEDIATOR, World, new_guard

QUICK = Patience(connect=0.5, read=1.0, call=1.0, rest=60.0)
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Oops",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::wares/*",
        }
    ],
}


@pytest.fixture
def s3_hangs(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowServer]:
    """An account in which all services answer, but S3."""
    with never_answering() as hanging:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", hanging.address)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3_CONTROL", hanging.address)
        yield hanging


@pytest.fixture
def guard(s3_hangs: SlowServer, world: World) -> Guard:
    return new_guard(world.clock, Aws(REMEDIATOR, patience=QUICK))


@pytest.fixture
def intake(guard: Guard) -> Intake:
    dead = boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    return Intake(guard, queues(dead), logging.getLogger("test"))


def published_bucket() -> dict[str, object]:
    asked = {"bucketName": "wares", "bucketPolicy": POLICY}
    return envelope(record("s3.amazonaws.com", "PutBucketPolicy", asked))


def opened_group() -> dict[str, object]:
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    door = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
    ec2.authorize_security_group_ingress(GroupId=group, **door)
    asked = {
        "groupId": group,
        "ipPermissions": {},
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIp": "0.0.0.0/0",
    }
    return envelope(record("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", asked))


def test_a_message_whose_service_hangs_comes_again_and_its_mates_are_decided(
    intake: Intake, s3_hangs: SlowServer
) -> None:
    time_limit = intake.guard.aws.time
    with time_limit.within(60, recording=60), pytest.raises(Retry, match="s3:"):
        intake.take(intake.opened(change_message(published_bucket())))
    asked = len(s3_hangs.accepted)
    with time_limit.within(60, recording=60), pytest.raises(Retry, match="has just not answered"):
        intake.take(intake.opened(change_message(published_bucket())))
    assert len(s3_hangs.accepted) == asked, "S3 was asked again"
    with time_limit.within(60, recording=60):
        (decision,) = intake.take(intake.opened(change_message(opened_group())))
    assert decision.status is Status.REVERTED


def test_a_message_that_was_not_reached_is_not_dead_lettered(
    intake: Intake, s3_hangs: SlowServer
) -> None:
    """Its service hung for another message: that is no reason to give this one up."""
    sqs = boto3.client("sqs")
    waiting = sqs.create_queue(QueueName="waiting")["QueueUrl"]
    intake = intake._replace(queues=intake.queues._replace(changes=waiting))
    time_limit = intake.guard.aws.time
    with time_limit.within(60, recording=60), pytest.raises(Retry):
        intake.take(intake.opened(change_message(published_bucket())))
    last = change_message(published_bucket(), LAST_DELIVERY)
    with time_limit.within(60, recording=60):
        assert intake.take(intake.opened(last)) == []
    assert held_in(sqs, waiting) == 1
    assert held_in(sqs, intake.queues.dead_letters) == 0


def held_in(sqs: Any, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_time_that_is_up_in_the_middle_of_a_revert_is_recorded_and_it_goes_on(
    intake: Intake, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record can be written when there is no time for more calls to what is guarded."""
    message = change_message(opened_group())
    clock = guard.aws.time._clock
    ahead = [0.0]
    monkeypatch.setattr(guard.aws.time, "_clock", lambda: clock() + ahead[0])
    acting = guard.aws.acting_on

    def late(*given: object, **more: object) -> object:
        ahead[0] += 61.0
        return acting(*given, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(guard.aws, "acting_on", late)
        with guard.aws.time.within(60, recording=60), pytest.raises(Retry):
            intake.take(intake.opened(message))
    (waiting,) = guard.audit.of_day(guard.stamp()[:10])
    assert (waiting.status, waiting.lease_until) == (Status.REVERTING, "")
    with guard.aws.time.within(60, recording=60):
        (decision,) = intake.take(intake.opened(message))
    assert decision.status is Status.REVERTED
