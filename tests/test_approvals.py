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
from botocore.exceptions import ClientError

from driftguard.approvals import undo_refusal
from driftguard.desk import Desk, Reply
from driftguard.lessons import MOST_EXEMPTIONS
from driftguard.model import Answer, Autonomy, Decision, Status, Verdict
from driftguard.pipeline import Guard
from driftguard.policy import Person, Terms
from driftguard.state import Note, exemptions_key
from tests.conftest import World
from tests.records import flat_ingress, session_of

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


def test_who_makes_again_what_somebody_else_is_asked_about_cannot_keep_it_either(
    world: World, group: str
) -> None:
    """Bob closes what Alice had opened and opens it himself: that joins the question about her."""
    asked = Asked(world, group)
    bob = session_of("arn:aws:iam::123456789012:role/ops") | {"arn": PEOPLE[1].iam[0]}
    again = flat_ingress(group, 22, "0.0.0.0/0", userIdentity=bob)
    assert world.one(again, asked.guard).id == asked.decision.id
    refused = asked.answer("bob", "keep")
    assert not refused.counted
    assert refused.text == "who made a change cannot approve keeping it"
    assert asked.answer("carol", "keep").counted


def test_who_made_it_again_cannot_have_its_revert_undone(world: World, group: str) -> None:
    asked = Asked(world, group)
    role = "arn:aws:iam::123456789012:role/ops"
    again = flat_ingress(group, 22, "0.0.0.0/0", userIdentity=session_of(role))
    world.one(again, asked.guard)
    asked.answer("bob")
    reverted = asked.carried_out()
    session = "arn:aws:sts::123456789012:assumed-role/ops/session"
    nobody = replace(asked.guard.policy, people=())
    assert undo_refusal(reverted, None, session, nobody)
    assert not undo_refusal(reverted, None, session.replace("/session", "/other"), nobody)


def test_a_hundred_roles_cannot_hide_behind_one_question(world: World, group: str) -> None:
    """Whom the question can no longer name is asked about anew."""
    asked = Asked(world, group)
    questions = set()
    for number in range(60):
        actor = session_of(f"arn:aws:iam::123456789012:role/r{number}")
        again = flat_ingress(group, 22, "0.0.0.0/0", userIdentity=actor)
        questions.add(world.one(again, asked.guard).id)
    assert len(questions) == 2


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


def cancelling(patch: pytest.MonkeyPatch, *reasons: str) -> None:
    """DynamoDB cancels the next transaction for these reasons, as it words them."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    left = [
        f"Transaction cancelled, please refer cancellation reasons for specific reasons "
        f"[{', '.join(reasons)}]"
    ]

    def answered(client: BaseClient, operation: str, parameters: Any) -> Any:
        if operation == "TransactWriteItems" and left:
            code: Any = {"Code": "TransactionCanceledException", "Message": left.pop()}
            raise ClientError({"Error": code}, operation)
        return original(client, operation, parameters)

    patch.setattr(BaseClient, "_make_api_call", answered)


def test_a_voice_that_met_another_transaction_is_counted_all_the_same(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(world, group, required=2)
    cancelling(monkeypatch, "TransactionConflict", "None")
    assert asked.answer("bob").counted


def test_a_refusal_that_met_another_transaction_is_told_all_the_same(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelling(monkeypatch, "TransactionConflict", "None")
    assert asked.answer("mallory").text.endswith("is nobody in the policy's people")


def test_who_keeps_one_thing_too_many_is_told_so(asked: Asked, world: World) -> None:
    until = "2999-01-01T00:00:00.000Z"
    given = {f"dg-{n}": {"resource": f"sg-{n}", "until": until} for n in range(MOST_EXEMPTIONS)}
    world.state.write(Note(exemptions_key(asked.decision.control), {"entries": given}))
    refused = asked.answer("bob", "keep", until=until)
    assert not refused.counted
    assert refused.text.startswith(f"there are {MOST_EXEMPTIONS} exemptions of this control")
    assert asked.answer("bob").counted


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
