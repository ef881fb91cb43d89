"""Much at once: the circuit breaker holds, nothing is lost, flapping is asked about once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.labs import running
from tests.e2e.making import make_bucket, publish_bucket
from tests.e2e.world import World, eventually

pytestmark = pytest.mark.e2e

EVENTS = 300
MOST = 20


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    policy = str(Path(__file__).with_name("storm.yaml"))
    with running(tmp_path_factory.mktemp("storm"), "--policy", policy) as world:
        yield world


# ------------------------------------------------------------------------------- ourselves


def test_the_guards_own_calls_wake_nothing(storm: World) -> None:
    group = opened(storm, "own")
    record = storm.record("ec2", "AuthorizeSecurityGroupIngress", asked(group))
    role = storm.lab["RemediatorRole"]
    record["userIdentity"] = {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{storm.account}:assumed-role/remediator/dg-1",
        "accountId": storm.account,
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role}},
    }
    storm.send_record("ec2", record)
    other = opened(storm, "other")
    storm.api_call("ec2", "AuthorizeSecurityGroupIngress", asked(other))
    storm.decision(other, "reverted")
    assert storm.decisions(group) == []
    assert is_open(storm, group)


# -------------------------------------------------------------------------------- flapping


def test_a_script_that_loops_against_the_guard_ends_in_one_question(storm: World) -> None:
    bucket = make_bucket(storm)
    for times in range(1, 4):
        publish_bucket(storm, bucket)
        eventually(
            lambda times=times: (
                [one["status"] for one in storm.decisions(bucket)] == ["reverted"] * times
            ),
            f"revert {times}",
            also=storm.log_tail,
        )
    made = [one["pk"] for one in storm.decisions(bucket)]
    for _ in range(5):
        publish_bucket(storm, bucket)
    question = eventually(
        lambda: next((one for one in storm.decisions(bucket) if one["status"] == "asked"), None),
        "a question",
    )
    eventually(lambda: storm.log(question["pk"]).count("again") == 4, "the other four joined")
    assert len(storm.decisions(bucket)) == 4
    assert question["pk"] not in made
    assert "flapping:" in question["reason"]
    assert "mallory" in question["reason"]
    eventually(lambda: storm.messages(question["pk"]), "the question on the topic")
    time.sleep(1.0)
    assert len(storm.messages(question["pk"])) == 1


# -------------------------------------------------------------------------------- a storm


def test_hundreds_of_risky_events_are_twenty_reverts_and_then_questions(storm: World) -> None:
    before = len(reverted(storm, "ec2.open-ingress"))
    with ThreadPoolExecutor(8) as many:
        groups = list(many.map(lambda n: opened(storm, f"storm-{n}"), range(EVENTS)))
    began = time.monotonic()
    for start in range(0, EVENTS, 10):
        storm.send_records(
            "ec2",
            [
                storm.record("ec2", "AuthorizeSecurityGroupIngress", asked(group))
                for group in groups[start : start + 10]
            ],
        )
    assert time.monotonic() - began < 60
    eventually(
        lambda: len(settled(storm, groups)) == EVENTS,
        "a decision on each",
        within=900,
        also=lambda: f"{len(settled(storm, groups))} of {EVENTS}\n{storm.log_tail()}",
    )
    decisions = settled(storm, groups)
    taken_back = [one for one in decisions if one["status"] == "reverted"]
    put_to_people = [one for one in decisions if one["status"] == "asked"]
    assert len(taken_back) + before == MOST
    assert len(put_to_people) == EVENTS - len(taken_back)
    assert all("circuit-breaker" in one["reason"] for one in put_to_people)
    assert sum(is_open(storm, group) for group in groups) == len(put_to_people)
    assert storm.dead_lettered("Authorize") is None

    eventually(
        lambda: len(told_of(storm, decisions)) == EVENTS,
        "all decisions on the topic",
        within=300,
        also=lambda: f"{len(told_of(storm, decisions))} of {EVENTS}",
    )
    told = on_topic(storm)
    digests = [one for one in told if "digest" in one]
    assert sum(one["count"] for one in digests) > EVENTS / 2
    # How many decisions a digest holds is up to the stream: the emulator hands over each at once.
    assert len(told) - len(digests) < EVENTS / 4


def test_a_person_re_arms_the_circuit_breaker_and_the_guard_acts_again(storm: World) -> None:
    scope = "control ec2.open-ingress"
    assert scope in json.dumps(storm.driftguard("circuit-breaker", "show"))
    held = opened(storm, "held")
    storm.api_call("ec2", "AuthorizeSecurityGroupIngress", asked(held))
    storm.decision(held, "asked")
    storm.driftguard("circuit-breaker", "rearm", scope, "--reason", "it was our own load test")
    free = opened(storm, "free")
    storm.api_call("ec2", "AuthorizeSecurityGroupIngress", asked(free))
    storm.decision(free, "reverted")
    [act] = [one for one in storm.decisions(scope) if one["control"] == "driftguard.operator"]
    assert act["status"] == "noted"


# -------------------------------------------------------------------------------- helpers


def opened(lab: World, name: str) -> str:
    """A security group that is open to the world."""
    group = lab.ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
    lab.ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    return str(group)


def asked(group: str) -> Mapping[str, object]:
    """What CloudTrail says that the call asked for."""
    source = {"items": [{"cidrIp": "0.0.0.0/0"}]}
    permission = {
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "groups": {},
        "ipRanges": source,
        "ipv6Ranges": {},
        "prefixListIds": {},
    }
    return {"groupId": group, "ipPermissions": {"items": [permission]}}


def is_open(lab: World, group: str) -> bool:
    [found] = lab.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return bool(found["IpPermissions"])


def reverted(lab: World, control: str) -> list[dict[str, str]]:
    return [
        one
        for one in lab.decisions("arn:")
        if one["control"] == control and one["status"] == "reverted"
    ]


def settled(lab: World, groups: list[str]) -> list[dict[str, str]]:
    """The decisions on these groups that are no longer under way."""
    wanted = set(groups)
    return [
        one
        for one in lab.decisions("security-group/")
        if one["resource_id"] in wanted and one["status"] in ("reverted", "asked")
    ]


def on_topic(lab: World) -> list[dict[str, Any]]:
    """The messages of the topic."""
    return [json.loads(one["Message"]) for one in lab.messages()]


def told_of(lab: World, decisions: list[dict[str, str]]) -> set[str]:
    """Which of these decisions the topic has named, one by one or in a digest."""
    named: set[str] = set()
    for message in on_topic(lab):
        named.add(message.get("decision", ""))
        named |= {each["decision"] for each in message.get("decisions", [])}
    return named & {one["pk"] for one in decisions}
