"""Runs a storm in an account of its own, and counts what came of it."""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import ModuleType

import boto3
from moto import mock_aws

from driftguard.model import Decision, Status
from tests.support.records import ACCOUNT, REGION
from tests.support.world import make_tables

from .events import NO_EVENTS, Event, events
from .lambdas import Storm, handler_of, storm_for

# The reason for a message that is no event.
NO_EVENT = "no event"


@dataclass(frozen=True)
class Came:
    """What came of a storm."""

    events: int
    seconds: float
    calls: Counter[str]
    lateness: dict[str, float]
    risky: frozenset[str]
    reverted: Counter[str]
    asked: Counter[str]
    stands: tuple[str, ...]
    burst: str
    on_one: int
    poison: int
    dead: Counter[str]
    given_up: int


def stormed(number: int, seed: str, *, flood: bool) -> Came:
    """The storm, in an account of its own."""
    with mock_aws(), Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        make_tables()
        urls = {
            name: boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"]
            for name in ("changes", "commands", "dead")
        }
        app = handler_of(urls)
        arriving = events(number, Random(seed), flood=flood)
        storm = storm_for(app)
        app.guard = replace(app.guard, now=storm.now, sleep=storm.sleep)
        began = time.process_time()
        with storm.watched():
            storm.run(arriving)
        spent = time.process_time() - began
        return _came(storm, arriving, urls["dead"], spent)


def _came(storm: Storm, arriving: list[Event], dead: str, spent: float) -> Came:
    decisions = _decisions(storm.app)
    risky = {event.about: event for event in arriving if event.about}
    made = [decision for decision in decisions if decision.done]
    changes = Counter(event.about for event in arriving if event.about)
    (burst, on_one) = changes.most_common(1)[0]
    return Came(
        events=len(arriving),
        seconds=spent,
        calls=storm.calls,
        lateness=storm.lateness,
        risky=frozenset(risky),
        reverted=Counter(_named(one) for one in made if one.status is Status.REVERTED),
        asked=Counter(_named(one) for one in decisions if one.status is Status.ASKED),
        burst=burst,
        on_one=on_one,
        stands=tuple(about for about in risky if _is_open(about)),
        poison=sum(event.body in NO_EVENTS for event in arriving),
        dead=_dead_letters(dead),
        given_up=len(storm.given_up),
    )


def _named(decision: Decision) -> str:
    return decision.candidate.resource.id.rpartition(":")[2]


def _is_open(about: str) -> bool:
    if about.startswith("sg-"):
        found = boto3.client("ec2").describe_security_groups(GroupIds=[about])
        return bool(found["SecurityGroups"][0]["IpPermissions"])
    if int(about.removeprefix("app-")) % 2:
        s3 = boto3.client("s3")
        try:
            return "Oops" in s3.get_bucket_policy(Bucket=about)["Policy"]
        except s3.exceptions.ClientError:
            return False
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{about}"
    held = boto3.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    return "Oops" in held


def _decisions(app: ModuleType) -> list[Decision]:
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName="audit")
    ids = {item["pk"]["S"] for page in pages for item in page["Items"]}
    found = (app.guard.audit.get(id_) for id_ in sorted(ids) if id_.startswith("dg-"))
    return [decision for decision in found if decision is not None]


def _dead_letters(queue: str) -> Counter[str]:
    """How many messages are dead-lettered for each reason, messages that are no event left out."""
    sqs, found = boto3.client("sqs"), Counter[str]()
    while True:
        messages = sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        if not messages:
            return found
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            is_event = message["Body"] not in (*NO_EVENTS, "(empty)")
            reason = message["MessageAttributes"]["reason"]["StringValue"]
            found[reason if is_event else NO_EVENT] += 1
