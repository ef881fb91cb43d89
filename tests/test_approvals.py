"""People in the loop: who may answer, how many must agree, until when, and what silence means."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from threading import Lock
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.desk import Desk, Reply
from driftguard.model import Answer, Autonomy, Decision, Status, Verdict
from driftguard.pipeline import Guard
from driftguard.policy import Person, Terms
from tests.conftest import World
from tests.records import flat_ingress

MALLORY = "arn:aws:iam::123456789012:user/alice"  # who makes the changes in these tests
PEOPLE = (
    Person("alice", slack=("U1",), iam=(MALLORY,), email=("alice@example.com",)),
    Person("bob", slack=("U2",), iam=("arn:aws:iam::123456789012:user/bob",)),
    Person("carol", slack=("U3",), iam=("arn:aws:sts::123456789012:assumed-role/sso/carol",)),
)


def asking(world: World, **terms: Any) -> Guard:
    """A guard that asks about everything, on these terms."""
    return world.with_policy(
        lambda given: replace(
            given,
            autonomy={},
            default=Autonomy.ASK,
            people=PEOPLE,
            approvals=(Terms(**terms),),
        )
    )


def open_up(group: str, port: int) -> None:
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0"
    )


@pytest.fixture
def group(world: World) -> str:
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    open_up(made["GroupId"], 22)
    return str(made["GroupId"])


def is_open(group: str) -> bool:
    (found,) = boto3.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return bool(found["IpPermissions"])


class Asked:
    """A question put to people, and ways to answer it."""

    def __init__(self, world: World, group: str, **terms: Any) -> None:
        self.world, self.guard = world, asking(world, **terms)
        (self.decision,) = self.guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
        assert self.decision.status is Status.ASKED
        self.desk = Desk(world.audit, world.state, self.guard.policy, world.clock.now)

    def answer(self, person: str, verdict: str = "revert", **more: Any) -> Reply:
        given = Answer(person, Verdict(verdict), "slack", "now", self.decision.before)
        return self.desk.answer(self.decision.id, replace(given, **more))

    def carried_out(self) -> Decision:
        return self.guard.carry_out(self.decision.id)

    def events(self) -> list[tuple[str, str]]:
        return [(one.event, one.by) for one in self.world.audit.log(self.decision.id)]


@pytest.fixture
def asked(world: World, group: str) -> Asked:
    return Asked(world, group)


def test_nothing_changes_until_somebody_answers(asked: Asked, group: str) -> None:
    assert is_open(group)
    assert asked.carried_out().status is Status.ASKED
    assert is_open(group)


def test_a_revert_is_approved_carried_out_and_leaves_who_and_how(asked: Asked, group: str) -> None:
    reply = asked.answer("bob")
    assert reply.counted
    assert asked.carried_out().status is Status.REVERTED
    assert not is_open(group)
    assert ("approved", "bob via slack") in asked.events()


def test_a_keep_lets_the_change_stand(asked: Asked, group: str) -> None:
    reply = asked.answer("bob", "keep")
    assert reply.text == "Thank you: the change stands."
    assert asked.carried_out().status is Status.DENIED
    assert is_open(group)


def test_keep_for_a_while_exempts_this_resource_from_this_control(
    asked: Asked, world: World, group: str
) -> None:
    asked.answer("bob", "keep", until="2999-01-01T00:00:00.000Z")
    again = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert again.status is Status.EXEMPTED
    assert "exempted by bob until 2999" in again.reason


@pytest.mark.parametrize("identity", ["", MALLORY])
def test_the_person_who_made_a_change_cannot_approve_keeping_it(
    asked: Asked, group: str, identity: str
) -> None:
    refused = asked.answer("alice", "keep", identity=identity)
    assert not refused.counted
    assert refused.text == "who made a change cannot approve keeping it"
    assert ("refused", f"alice{f' ({identity})' if identity else ''} via slack") in asked.events()
    assert asked.answer("alice", "revert").counted


def test_who_is_not_in_people_has_no_voice(asked: Asked) -> None:
    refused = asked.answer("mallory", identity="arn:aws:iam::1:user/mallory")
    assert refused.text == "arn:aws:iam::1:user/mallory is nobody in the policy's people"


def test_only_approvers_may_answer(world: World, group: str) -> None:
    asked = Asked(world, group, approvers=("carol",))
    assert asked.answer("bob").text == "bob may not answer for ec2.open-ingress"
    assert asked.answer("carol").counted


def test_a_quorum_is_of_distinct_people(world: World, group: str) -> None:
    asked = Asked(world, group, required=2)
    assert asked.answer("bob").text == "Thank you: 1 more must agree to revert it."
    assert asked.answer("bob").text == "bob has answered before"
    assert asked.carried_out().status is Status.ASKED
    assert asked.answer("carol").counted
    assert asked.carried_out().status is Status.REVERTED


def test_a_shared_link_is_one_voice_and_no_quorum_alone(world: World, group: str) -> None:
    asked = Asked(world, group, required=2)
    assert asked.answer("link", token="a").counted
    assert asked.answer("link", token="b").text == "link has answered before"
    assert asked.carried_out().status is Status.ASKED
    assert asked.answer("bob").counted
    assert asked.carried_out().status is Status.REVERTED


def test_a_shared_link_cannot_keep(asked: Asked) -> None:
    assert "cannot prove who you are" in asked.answer("link", "keep").text


def test_an_answer_after_the_deadline_is_refused(asked: Asked, world: World) -> None:
    world.clock.pass_by(days=2)
    assert asked.answer("bob").text.startswith("the question closed at")


def test_a_token_counts_once(world: World, group: str) -> None:
    asked = Asked(world, group, required=2)
    assert asked.answer("bob", token="t").counted
    assert asked.answer("carol", token="t").text == "this link or button was used before"


def test_the_second_of_two_is_told_what_was_decided_and_by_whom(asked: Asked) -> None:
    asked.answer("bob")
    second = asked.answer("carol", "keep")
    assert not second.counted
    assert second.text.startswith("already approved, by bob via slack")


def test_an_answer_to_a_state_that_has_changed_is_refused(asked: Asked) -> None:
    assert "has changed since you were asked" in asked.answer("bob", fingerprint="other").text


def test_a_resource_changed_between_answer_and_act_is_asked_about_anew(
    asked: Asked, group: str
) -> None:
    asked.answer("bob")
    open_up(group, 3389)
    anew = asked.carried_out()
    assert anew.status is Status.ASKED
    assert anew.answers == ()
    assert anew.before != asked.decision.before
    assert "3389" in anew.summary
    assert not asked.answer("carol").counted
    assert asked.answer("carol", fingerprint=anew.before).counted
    assert asked.carried_out().status is Status.REVERTED
    assert not is_open(group)


def test_a_resource_made_safe_before_the_approval_needs_nothing(asked: Asked, group: str) -> None:
    asked.answer("bob")
    boto3.client("ec2").revoke_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    assert asked.carried_out().status is Status.REVERTED


@pytest.mark.parametrize(
    ("on_expiry", "status", "left_open"),
    [("keep", Status.EXPIRED, True), ("revert", Status.REVERTED, False)],
)
def test_silence_means_what_policy_says(
    world: World, group: str, on_expiry: str, status: Status, left_open: bool
) -> None:
    asked = Asked(world, group, on_expiry=on_expiry)
    assert asked.guard.expire(asked.decision.id).status is Status.ASKED
    world.clock.pass_by(days=2)
    assert asked.guard.expire(asked.decision.id).status is status
    assert is_open(group) is left_open
    assert "silence" in {by for _, by in asked.events()}


def test_silence_may_escalate_once_and_then_the_change_stands(world: World, group: str) -> None:
    asked = Asked(world, group, on_expiry="escalate")
    world.clock.pass_by(days=2)
    again = asked.guard.expire(asked.decision.id)
    assert (again.status, again.escalated) == (Status.ASKED, True)
    assert again.expires > asked.decision.expires
    world.clock.pass_by(days=2)
    assert asked.guard.expire(asked.decision.id).status is Status.EXPIRED


@pytest.fixture
def isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions exclude one another, as DynamoDB's do and the emulator's between threads not."""
    original, one_at_a_time = BaseClient._make_api_call, Lock()

    def call(client: BaseClient, operation: str, parameters: Any) -> Any:
        with one_at_a_time if operation == "TransactWriteItems" else nullcontext():
            return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


@pytest.mark.usefixtures("isolated")
def test_two_hundred_simultaneous_answers_have_one_outcome(asked: Asked) -> None:
    people = tuple(Person(f"p{n}") for n in range(200))
    desk = replace(asked.desk, policy=replace(asked.desk.policy, people=people))

    def click(number: int) -> Reply:
        verdict = Verdict.REVERT if number % 2 else Verdict.KEEP
        given = Answer(f"p{number}", verdict, "slack", "now", asked.decision.before)
        return desk.answer(asked.decision.id, given)

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(click, range(200)))

    assert sum(one.counted for one in replies) == 1
    assert all(one.text.startswith("already") for one in replies if not one.counted)
