"""What one caller changed within minutes is one incident; what helps to answer stands beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.documents import Document
from driftguard.engine.guard import Guard
from driftguard.model import Autonomy, Decision, Status
from driftguard.state.keys import incident_key, partition
from tests.support.records import ACCOUNT, flat_ingress, session_of
from tests.support.world import HERE, World
from tests.unit.state.test_junk import VALUES

ROLE = f"arn:aws:iam::{ACCOUNT}:role/deployer"


def in_session(name: str, access_key: str) -> dict[str, Any]:
    found = session_of(ROLE)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/{name}"
    return found | {"arn": arn, "accessKeyId": access_key}


@pytest.fixture
def asking(world: World) -> Guard:
    return world.with_policy(lambda given: replace(given, autonomy={}, default=Autonomy.ASK))


def opened(guard: Guard, name: str, **more: Any) -> Decision:
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    (decision,) = guard.handle(flat_ingress(group, 22, "0.0.0.0/0", **more))
    assert decision.status is Status.ASKED
    return decision


def test_the_changes_of_one_caller_within_minutes_are_one_incident(
    asking: Guard, world: World
) -> None:
    first = opened(asking, "web")
    world.clock.pass_by(minutes=10)
    second = opened(asking, "db")
    world.clock.pass_by(minutes=10)
    third = opened(asking, "cache")
    assert {first.incident, second.incident, third.incident} == {first.id}
    assert first.beside == ()
    assert [first.id in line for line in second.beside] == [True]
    assert [line.rpartition(" ")[2] for line in third.beside] == [
        f"({second.id})",
        f"({first.id})",
    ]
    # Each is an approval request of its own, bound to its own state.
    assert len({one.before for one in (first, second, third)}) == 3

    world.clock.pass_by(minutes=15)
    later = opened(asking, "mail")
    assert (later.incident, later.beside) == (later.id, ())


def test_two_callers_are_never_joined_though_their_role_is_the_same(asking: Guard) -> None:
    alice, bob = in_session("alice@example.com", "ASIA1"), in_session("bob@example.com", "ASIA2")
    first = opened(asking, "web", userIdentity=alice)
    other = opened(asking, "db", userIdentity=bob)
    again = opened(asking, "cache", userIdentity=alice)
    assert other.incident == other.id
    assert other.beside == ()
    assert again.incident == first.id


def test_whoever_calls_their_session_like_somebody_elses_joins_nothing(asking: Guard) -> None:
    # Every workflow of GitHub's action for credentials calls its session so.
    first = opened(asking, "web", userIdentity=in_session("GitHubActions", "ASIA1"))
    other = opened(asking, "db", userIdentity=in_session("GitHubActions", "ASIA2"))
    assert (first.incident, other.incident) == (first.id, other.id)


def test_what_was_only_observed_is_in_the_incident_too(asking: Guard, world: World) -> None:
    observing = replace(asking, ceiling=Autonomy.OBSERVE)
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    (told,) = observing.handle(flat_ingress(group, 22, "0.0.0.0/0"))
    asked = opened(asking, "db")
    assert (told.status, told.incident, asked.incident) == (Status.OBSERVED, told.id, told.id)
    # Nothing of it can be answered.
    assert asked.beside == ()


@pytest.mark.parametrize("junk", VALUES, ids=str)
def test_junk_in_the_incidents_place_keeps_nobody_from_being_asked(
    asking: Guard, world: World, junk: Document
) -> None:
    pk, sk = incident_key(HERE, ACCOUNT, f"user {ACCOUNT} alice")
    assert pk == partition("incident", HERE, ACCOUNT)
    boto3.client("dynamodb").put_item(
        TableName="state", Item={"pk": {"S": pk}, "sk": {"S": sk}, **junk}
    )
    decision = opened(asking, "web")
    assert decision.status is Status.ASKED
