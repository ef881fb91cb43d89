"""The events of a storm, and the changes in the account that they tell of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import boto3

from driftguard import controls
from driftguard.events.cloudtrail import change_from_event
from tests.support.records import ACCOUNT, envelope, record, session_of

ROOT = Path(__file__).resolve().parents[2]
FLOOD = 0.7
FLOOD_LASTS, ALL_LAST, JITTER = 60.0, 600.0, 20.0
# Of the flood: changes of one group, and changes of a group each. The rest proves itself harmless.
ON_ONE, ON_EACH = 0.05, 0.05
# Of the others: changes of a bucket or a topic each.
RISKY = 0.05
TWICE, POISON = 0.1, 0.01
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
# The text of a message that is no event.
NO_EVENTS = ("{", "[]", '{"detail": 1}', "")


@dataclass(frozen=True)
class Event:
    """A message that arrives `at` so many seconds, and what it is about ("" for nothing risky).

    `attack` makes the change that it tells of, at `made`.
    """

    at: float
    body: str
    about: str = ""
    flood: bool = False
    made: float = 0.0
    attack: Callable[[], object] = field(default=lambda: None, compare=False)


def events(number: int, dice: Random, *, flood: bool) -> list[Event]:
    """So many events, or those of them that are not of the flood."""
    harmless = [
        event
        for path in sorted(ROOT.glob("events/*/harmless.json"))
        if "eventName" in (event := json.loads(path.read_text()))["detail"] and _is_harmless(event)
    ]
    flooding = round(number * FLOOD)
    made = list(_others(number - flooding, dice, harmless))
    if flood:
        made += _flood(flooding, dice)
    return [copy for event in made for copy in _as_they_come(event, dice)]


def _is_harmless(event: Any) -> bool:
    """Whether the event's own record proves it harmless to all controls, not only to its own."""
    change = change_from_event(event)
    return not any(
        any(control.screen(change, control.settings())) for control in controls.watching(change)
    )


def _as_they_come(event: Event, dice: Random) -> Iterator[Event]:
    """The event out of order; some twice, and some without sense beside it."""
    yield replace(event, at=event.made + dice.uniform(0, JITTER))
    if dice.random() < TWICE:
        yield replace(event, at=event.made + dice.uniform(0, 3 * JITTER), attack=lambda: None)
    if dice.random() < POISON:
        yield Event(event.made, dice.choice(NO_EVENTS), flood=event.flood)


def _flood(number: int, dice: Random) -> Iterator[Event]:
    yield from _on_one(round(number * ON_ONE), dice)
    for each in range(round(number * ON_EACH)):
        yield _opened_group(f"flood-{each}", 22, dice.uniform(0, FLOOD_LASTS))
    for _ in range(round(number * (1 - ON_ONE - ON_EACH))):
        at = dice.uniform(0, FLOOD_LASTS)
        request = {"groupId": "sg-0", "cidrIp": "10.0.0.0/8", "ipProtocol": "tcp", "fromPort": 22}
        yield Event(
            0, _told("ec2", "AuthorizeSecurityGroupIngress", request, at, dice), "", True, at
        )


def _on_one(number: int, dice: Random) -> Iterator[Event]:
    """A script that opens port after port of one group within seconds."""
    for port in range(number):
        yield _opened_group("burst", 1024 + port % 40, dice.uniform(0, 5))


def _opened_group(name: str, port: int, at: float) -> Event:
    ec2 = boto3.client("ec2")
    group = _group(ec2, name)
    rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": "0.0.0.0/0"}

    def attack() -> None:
        try:
            ec2.authorize_security_group_ingress(GroupId=group, **rule)
        except ec2.exceptions.ClientError as error:
            if "Duplicate" not in str(error):
                raise

    request = {
        "groupId": group,
        "ipPermissions": {},
        "ipProtocol": "tcp",
        "fromPort": port,
        "toPort": port,
        "cidrIp": "0.0.0.0/0",
    }
    body = _told("ec2", "AuthorizeSecurityGroupIngress", request, at, Random(f"{name} {port} {at}"))
    return Event(0, body, group, True, at, attack)


def _group(ec2: Any, name: str) -> str:
    found = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])
    if found["SecurityGroups"]:
        return str(found["SecurityGroups"][0]["GroupId"])
    return str(ec2.create_security_group(GroupName=name, Description="a storm's")["GroupId"])


def _others(number: int, dice: Random, harmless: list[Any]) -> Iterator[Event]:
    risky = round(number * RISKY)
    for each in range(risky):
        make = _opened_bucket if each % 2 else _opened_topic
        yield make(f"app-{each}", dice.uniform(0, ALL_LAST), dice)
    for _ in range(number - risky):
        event, at = dice.choice(harmless), dice.uniform(0, ALL_LAST)
        detail = {**event["detail"], "eventID": str(dice.getrandbits(64)), "eventTime": _time(at)}
        yield Event(0, json.dumps({**event, "detail": detail}), made=at)


def _opened_bucket(name: str, at: float, dice: Random) -> Event:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=name)
    policy = _open_to_all("s3:GetObject", f"arn:aws:s3:::{name}/*")
    request = {"bucketName": name, "bucketPolicy": policy}
    body = _told("s3", "PutBucketPolicy", request, at, dice)
    return Event(
        0,
        body,
        name,
        False,
        at,
        lambda: s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy)),
    )


def _opened_topic(name: str, at: float, dice: Random) -> Event:
    sns = boto3.client("sns")
    arn = sns.create_topic(Name=name)["TopicArn"]
    kept = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    kept["Statement"] += _open_to_all("SNS:Publish", arn)["Statement"]
    written = json.dumps(kept)
    said = {"topicArn": arn, "attributeName": "Policy", "attributeValue": written}

    def attack() -> None:
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=written)

    body = _told("sns", "SetTopicAttributes", said, at, dice)
    return Event(0, body, name, False, at, attack)


def _open_to_all(action: str, resource: str) -> dict[str, Any]:
    allow = {"Sid": "Oops", "Effect": "Allow", "Principal": "*"}
    return {
        "Version": "2012-10-17",
        "Statement": [{**allow, "Action": action, "Resource": resource}],
    }


def _told(service: str, name: str, request: Any, at: float, dice: Random) -> str:
    who = session_of(f"arn:aws:iam::{ACCOUNT}:role/{'script' if service == 'ec2' else 'app'}")
    more = {"eventID": f"{dice.getrandbits(64):016x}", "eventTime": _time(at), "userIdentity": who}
    return json.dumps(envelope(record(f"{service}.amazonaws.com", name, request, **more)))


def _time(at: float) -> str:
    return (START + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")
