"""What was unusual of a caller's conduct stands beside the request about what they changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from driftguard.conduct.memory import day_of
from driftguard.documents import stamp
from driftguard.model import Actor, Autonomy, Decision, Status
from driftguard.policy.bounds import Anomalies
from driftguard.state.keys import StateRecord, conduct_key
from tests.scenarios.containment_conduct import remembered, unusual
from tests.support.records import ALICE, flat_ingress
from tests.support.world import ACCOUNT, HERE, Clock, World, make_tables, new_guard

ARN = str(ALICE["arn"])


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        make_tables()
        clock = Clock()
        made = World(new_guard(clock), clock)
        shown = unusual(Actor(ARN, ARN, "IAMUser", ACCOUNT, "198.51.100.7", "curl"), "AIDA")
        now = clock.now()
        document = remembered(shown._replace(day=day_of(now), at=stamp(now)))
        made.state.put(StateRecord(conduct_key(HERE, ACCOUNT, ARN), document))
        yield made


def opened(world: World, *, anomalies: Anomalies | None) -> Decision:
    group = boto3.client("ec2").create_security_group(GroupName="web", Description="web")["GroupId"]
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    guard = world.with_policy(
        lambda given: replace(
            given,
            autonomy={},
            default=Autonomy.ASK,
            bounds=given.bounds._replace(anomalies=anomalies),
        )
    )
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"), guard)
    assert decision.status is Status.ASKED
    return decision


def test_it_stands_beside_a_request_and_raises_its_severity(world: World) -> None:
    plain = opened(world, anomalies=None)
    assert plain.beside == ()
    boto3.client("ec2").delete_security_group(GroupId=plain.candidate.resource.id)
    decision = opened(world, anomalies=Anomalies())
    (line, *_) = decision.beside
    assert line.startswith("The same session, ")
    assert "conduct score 72: from the new network 198.51.100.0/24" in line
    assert decision.severity > plain.severity
    assert "conduct score 72" in decision.reason
