"""People in the loop: who may vote, how many must agree, until when, and what a timeout does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from threading import Lock
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.approvals.requester import Reply
from driftguard.approvals.rules import undo_refusal
from driftguard.controls.ec2.open_ingress import OpenIngress
from driftguard.model import Choice, Plan, Status, Vote
from driftguard.policy.model import Person
from driftguard.state.exemptions import MOST_EXEMPTIONS
from driftguard.state.keys import StateRecord, exemptions_key
from tests.support.approving import MALLORY, PEOPLE, Asked, cancelling, is_open, open_up
from tests.support.records import flat_ingress, session_of
from tests.support.world import HERE, World


@pytest.fixture
def asked(world: World, group: str) -> Asked:
    return Asked(world, group)


def test_nothing_changes_until_somebody_answers(asked: Asked, group: str) -> None:
    assert is_open(group)
    assert asked.carried_out().status is Status.ASKED
    assert is_open(group)


def test_a_revert_is_approved_carried_out_and_leaves_who_and_how(asked: Asked, group: str) -> None:
    reply = asked.vote("bob")
    assert reply.counted
    assert asked.carried_out().status is Status.REVERTED
    assert not is_open(group)
    assert ("approved", "bob via slack") in asked.events()


def test_a_keep_lets_the_change_stand(asked: Asked, group: str) -> None:
    reply = asked.vote("bob", "accept")
    assert reply.text == "Thank you: the change stands."
    assert asked.carried_out().status is Status.DENIED
    assert is_open(group)


def test_keep_for_a_while_exempts_this_resource_from_this_control(
    asked: Asked, world: World, group: str
) -> None:
    asked.vote("bob", "accept", until="2999-01-01T00:00:00.000Z")
    again = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert again.status is Status.EXEMPTED
    assert "exempted by bob until 2999" in again.reason


@pytest.mark.parametrize("identity", ["", MALLORY])
def test_the_person_who_made_a_change_cannot_approve_keeping_it(
    asked: Asked, group: str, identity: str
) -> None:
    refused = asked.vote("alice", "accept", identity=identity)
    assert not refused.counted
    assert refused.text == "whoever made a change cannot approve accepting it"
    assert ("refused", f"alice{f' ({identity})' if identity else ''} via slack") in asked.events()
    assert asked.vote("alice", "revert").counted


def test_who_makes_again_what_somebody_else_is_asked_about_cannot_keep_it_either(
    world: World, group: str
) -> None:
    """Bob closes what Alice had opened and opens it himself: that joins the request about her."""
    asked = Asked(world, group)
    bob = session_of("arn:aws:iam::123456789012:role/ops") | {"arn": PEOPLE[1].iam[0]}
    again = flat_ingress(group, 22, "0.0.0.0/0", userIdentity=bob)
    assert world.one(again, asked.guard).id == asked.decision.id
    refused = asked.vote("bob", "accept")
    assert not refused.counted
    assert refused.text == "whoever made a change cannot approve accepting it"
    assert asked.vote("carol", "accept").counted


def test_who_made_it_again_cannot_have_its_revert_undone(world: World, group: str) -> None:
    asked = Asked(world, group)
    role = "arn:aws:iam::123456789012:role/ops"
    again = flat_ingress(group, 22, "0.0.0.0/0", userIdentity=session_of(role))
    world.one(again, asked.guard)
    asked.vote("bob")
    reverted = asked.carried_out()
    session = "arn:aws:sts::123456789012:assumed-role/ops/session"
    unattributed = replace(asked.guard.policy, people=())
    assert undo_refusal(reverted, None, session, unattributed)
    # 12.5: the same role under another name of the session.
    assert undo_refusal(reverted, None, session.replace("/session", "/other"), unattributed)
    assert not undo_refusal(reverted, None, session.replace("/ops/", "/audit/"), unattributed)


def test_a_hundred_roles_cannot_hide_behind_one_approval_request(world: World, group: str) -> None:
    """Whom the request can no longer name is asked about anew."""
    asked = Asked(world, group)
    requests = set()
    for number in range(60):
        actor = session_of(f"arn:aws:iam::123456789012:role/r{number}")
        again = flat_ingress(group, 22, "0.0.0.0/0", userIdentity=actor)
        requests.add(world.one(again, asked.guard).id)
    assert len(requests) == 2


def test_who_is_not_in_people_has_no_vote(asked: Asked) -> None:
    refused = asked.vote("mallory", identity="arn:aws:iam::1:user/mallory")
    assert "arn:aws:iam::1:user/mallory is not among the policy's people" in refused.text


def test_only_approvers_may_answer(world: World, group: str) -> None:
    asked = Asked(world, group, approvers=("carol",))
    assert asked.vote("bob").text == "bob may not vote on ec2.open-ingress"
    assert asked.vote("carol").counted


def test_a_quorum_is_of_distinct_people(world: World, group: str) -> None:
    asked = Asked(world, group, quorum=2)
    assert asked.vote("bob").text == "Thank you: 1 more must agree to revert it."
    assert asked.vote("bob").text == "bob has voted before"
    assert asked.carried_out().status is Status.ASKED
    assert asked.vote("carol").counted
    assert asked.carried_out().status is Status.REVERTED


def test_a_shared_link_is_one_vote_and_no_quorum_alone(world: World, group: str) -> None:
    asked = Asked(world, group, quorum=2)
    assert asked.vote("link", token="a").counted
    assert asked.vote("link", token="b").text == "link has voted before"
    assert asked.carried_out().status is Status.ASKED
    assert asked.vote("bob").counted
    assert asked.carried_out().status is Status.REVERTED


def test_a_shared_link_cannot_keep(asked: Asked) -> None:
    assert "cannot prove who you are" in asked.vote("link", "accept").text


def test_an_answer_after_the_deadline_is_refused(asked: Asked, world: World) -> None:
    world.clock.pass_by(days=2)
    assert asked.vote("bob").text.startswith("the approval request closed at")


def test_a_token_counts_once(world: World, group: str) -> None:
    asked = Asked(world, group, quorum=2)
    assert asked.vote("bob", token="t").counted
    assert asked.vote("carol", token="t").text == "this link or button was used before"


def test_the_second_of_two_is_told_what_was_decided_and_by_whom(asked: Asked) -> None:
    asked.vote("bob")
    second = asked.vote("carol", "accept")
    assert not second.counted
    assert second.text.startswith("already approved, by bob via slack")


def test_an_answer_to_a_state_that_has_changed_is_refused(asked: Asked) -> None:
    assert "has changed since you were asked" in asked.vote("bob", fingerprint="other").text


def test_a_resource_changed_between_answer_and_act_is_asked_about_anew(
    asked: Asked, group: str
) -> None:
    asked.vote("bob")
    open_up(group, 3389)
    anew = asked.carried_out()
    assert anew.status is Status.ASKED
    assert anew.votes == ()
    assert anew.before != asked.decision.before
    assert not asked.vote("carol").counted
    assert asked.vote("carol", fingerprint=anew.before).counted
    assert asked.carried_out().status is Status.REVERTED
    # The other hole has an event of its own.
    (found,) = boto3.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert [one["FromPort"] for one in found["IpPermissions"]] == [3389]


def test_what_nothing_can_take_back_any_more_is_told_and_not_asked_about_again(
    asked: Asked, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No remediation, no question: neither at first, nor once the resource has changed."""
    asked.vote("bob")
    open_up(group, 3389)
    nothing = Plan((), advice="Look at it by hand.")
    monkeypatch.setattr(OpenIngress, "plan", lambda *_: nothing)
    told = asked.carried_out()
    assert told.status is Status.OBSERVED
    assert told.reason == (
        "the resource had changed since people were asked; there is no safe remediation now: "
        "Look at it by hand."
    )
    assert (told.plan, told.votes, told.expires) == (nothing, (), "")
    assert not asked.vote("carol", fingerprint=told.before).counted
    assert asked.events()[-1] == ("observed", "guard")


def test_a_resource_made_safe_before_the_approval_needs_nothing(asked: Asked, group: str) -> None:
    asked.vote("bob")
    boto3.client("ec2").revoke_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    assert asked.carried_out().status is Status.REVERTED


@pytest.mark.parametrize(
    ("timeout_action", "status", "left_open"),
    [("leave", Status.EXPIRED, True), ("revert", Status.REVERTED, False)],
)
def test_a_timeout_does_what_policy_says(
    world: World, group: str, timeout_action: str, status: Status, left_open: bool
) -> None:
    asked = Asked(world, group, timeout_action=timeout_action)
    assert asked.guard.expire(asked.decision.id).status is Status.ASKED
    world.clock.pass_by(days=2)
    assert asked.guard.expire(asked.decision.id).status is status
    assert is_open(group) is left_open
    assert "timeout" in {by for _, by in asked.events()}


def test_a_timeout_may_escalate_once_and_then_the_change_stands(world: World, group: str) -> None:
    asked = Asked(world, group, timeout_action="escalate")
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


def test_a_vote_that_met_another_transaction_is_counted_all_the_same(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(world, group, quorum=2)
    cancelling(monkeypatch, "TransactionConflict", "None")
    assert asked.vote("bob").counted


def test_a_refusal_that_met_another_transaction_is_told_all_the_same(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelling(monkeypatch, "TransactionConflict", "None")
    assert "mallory is not among the policy's people" in asked.vote("mallory").text


def test_who_keeps_one_thing_too_many_is_told_so(asked: Asked, world: World) -> None:
    until = "2999-01-01T00:00:00.000Z"
    given = {f"dg-{n}": {"resource": f"sg-{n}", "until": until} for n in range(MOST_EXEMPTIONS)}
    world.state.write(StateRecord(exemptions_key(HERE, asked.decision.control), {"entries": given}))
    refused = asked.vote("bob", "accept", until=until)
    assert not refused.counted
    assert refused.text.startswith(f"there are {MOST_EXEMPTIONS} exemptions of this control")
    assert asked.vote("bob").counted


@pytest.mark.usefixtures("isolated")
def test_two_hundred_simultaneous_answers_have_one_outcome(asked: Asked) -> None:
    people = tuple(Person(f"p{n}") for n in range(200))
    desk = replace(asked.desk, policy=replace(asked.desk.policy, people=people))

    def click(number: int) -> Reply:
        choice = Choice.REVERT if number % 2 else Choice.ACCEPT
        given = Vote(f"p{number}", choice, "slack", "now", asked.decision.before)
        return desk.vote(asked.decision.id, given)

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(click, range(200)))

    assert sum(one.counted for one in replies) == 1
    assert all(one.text.startswith("already") for one in replies if not one.counted)
