"""What one caller changed within minutes is one incident; what helps to answer stands beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as some

from driftguard.documents import Document, stamp
from driftguard.engine.guard import Guard
from driftguard.model import Actor, Autonomy, Decision, Status
from driftguard.state import incidents
from driftguard.state.keys import incident_key, partition
from tests.support.observed import observed
from tests.support.records import ACCOUNT, flat_ingress, session_of
from tests.support.world import HERE, World
from tests.unit.state.test_junk import VALUES

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deployer"


def in_session(name: str) -> dict[str, Any]:
    found = session_of(ROLE)
    return found | {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/{name}"}


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
    first = opened(asking, "web", userIdentity=in_session("alice@example.com"))
    other = opened(asking, "db", userIdentity=in_session("bob@example.com"))
    again = opened(asking, "cache", userIdentity=in_session("alice@example.com"))
    assert other.incident == other.id
    assert other.beside == ()
    assert again.incident == first.id


def test_whoever_is_not_known_joins_nothing() -> None:
    assert incidents.who(Actor.unattributed()) == ""
    assert incidents.who(Actor()) == ""


@pytest.mark.parametrize("junk", VALUES, ids=str)
def test_junk_in_the_incidents_place_keeps_nobody_from_being_asked(
    asking: Guard, world: World, junk: Document
) -> None:
    pk, sk = incident_key(HERE, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice")
    assert pk == partition("incident", HERE, ACCOUNT)
    boto3.client("dynamodb").put_item(
        TableName="state", Item={"pk": {"S": pk}, "sk": {"S": sk}, **junk}
    )
    decision = opened(asking, "web")
    assert decision.status is Status.ASKED


@given(some.lists(some.integers(0, 40), max_size=60))
def test_an_incident_remembers_no_more_than_it_may_and_never_joins_over_a_pause(
    minutes: list[int],
) -> None:
    stored: Document = {}
    at = NOW
    for number, apart in enumerate(minutes):
        at += timedelta(minutes=apart)
        before = incidents.open_requests(stored, at)
        if before:
            last = datetime.fromisoformat(before[-1].at)
            assert at - last < incidents.WINDOW
        stored = incidents.with_request(stored, observed(number), at) or stored
        assert len(incidents.open_requests(stored, at)) <= incidents.MOST


def test_what_is_no_list_of_requests_is_none() -> None:
    for junk in ("x", [1], [{"at": "now"}], {"requests": 3}):
        assert incidents.open_requests({"requests": junk}, NOW) == ()
    known = {"requests": [{"decision": "dg-1", "at": stamp(NOW)}]}
    assert [one.decision for one in incidents.open_requests(known, NOW)] == ["dg-1"]
