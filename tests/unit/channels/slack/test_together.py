"""The requests of one incident are one message in Slack, with an answer each and one for all."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from driftguard.approvals import incidents
from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.desk import Desk
from driftguard.approvals.incidents import Incident
from driftguard.channels import sns
from driftguard.channels.message import telling
from driftguard.channels.slack import incident
from driftguard.channels.slack.inbound import Response, handle
from driftguard.channels.wording import by
from driftguard.model import Actor, Choice, Decision, Status, Vote
from driftguard.policy.model import Route
from tests.support.audit import a_decision
from tests.support.slack_room import Room
from tests.support.slack_stand_in import SIGNING_SECRET, Message, SlackStandIn, signed


def elements(message: Message) -> list[dict[str, Any]]:
    """Every button of a message, in order."""
    return [
        one for block in message.blocks if block["type"] == "actions" for one in block["elements"]
    ]


def unwritable(monkeypatch: pytest.MonkeyPatch, *decisions: str) -> None:
    """Lets DynamoDB be out of order when one of these decisions is written."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def answered(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        puts = [one["Put"]["Item"] for one in parameters.get("TransactItems", [])]
        if any(item["pk"]["S"] in decisions for item in puts):
            error: Any = {"Code": "InternalServerError", "Message": "out of order"}
            raise ClientError({"Error": error}, operation)
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answered)


def value_of(message: Message, action: str, decision: Decision) -> str:
    (found,) = [
        one["value"]
        for one in elements(message)
        if one["action_id"] == f"driftguard.{action}" and decision.id in one.get("value", "")
    ]
    return str(found)


class Three:
    """Three groups that one caller opened, told in one batch, and a person who answers."""

    def __init__(self, room: Room, slack: SlackStandIn) -> None:
        self.room, self.slack = room, slack
        self.queue = boto3.client("sqs").create_queue(QueueName="commands")["QueueUrl"]
        self.decisions = []
        for _ in range(3):
            self.decisions.append(room.decide())
            # What is decided at one moment has no order.
            room.world.clock.pass_by(seconds=1)
        assert room.tell(*self.decisions) == ""
        self.policy = room.policy

    @property
    def incident(self) -> Incident:
        world = self.room.world
        found = incidents.found(world.audit, world.state, self.decisions[0].id)
        assert found is not None
        return found

    def press(self, action: str, decision: Decision, user: str = "U0BOB") -> Response:
        world, message = self.room.world, self.room.message()
        value = value_of(message, action, decision)
        element = {"type": "button", "action_id": f"driftguard.{action}", "value": value}
        body = self.slack.click(message, "driftguard.details", user, actions=[element])
        return handle(
            signed(body, world.clock.now().timestamp()),
            body,
            desk=Desk(world.audit, world.state, self.policy, world.clock.now),
            commands=CommandQueue(lambda: world.guard.aws.client("sqs"), self.queue),
            signing_secret=SIGNING_SECRET,
            api_url=f"{self.slack.url}/api",
        )

    @property
    def statuses(self) -> list[Status]:
        return [self.room.now(one).status for one in self.decisions]


@pytest.fixture
def three(room: Room, slack: SlackStandIn) -> Three:
    return Three(room, slack)


def test_the_requests_of_one_batch_are_one_message(three: Three) -> None:
    message = three.room.message()
    assert "3 changes of one caller: 3 wait for a person" in message.shown
    for number, decision in enumerate(three.decisions, 1):
        assert re.search(rf"\*{number}\. \w+ \(\d+ of 100\): Security group open", message.shown)
        assert decision.candidate.resource.arn in message.shown
        for action in ("revert", "accept", "details"):
            kept = [value_of(message, action, decision).split("|")[0]]
            assert kept == [decision.id]
    assert len(message.blocks) <= 50


def test_an_answer_is_for_its_own_request_and_the_message_says_so(three: Three) -> None:
    first, second, third = three.decisions
    assert three.press("revert", second).refused == ""
    assert three.statuses == [Status.ASKED, Status.APPROVED, Status.ASKED]
    three.room.tell(three.room.now(second))
    message = three.room.message()
    assert "3 changes of one caller: 2 wait for a person" in message.shown
    assert "approved, being reverted" in message.shown
    (logged,) = three.slack.thread(message)
    assert f"{second.id}  " in logged
    assert "approved by bob" in logged

    three.room.guard.carry_out(second.id)
    three.room.tell(three.room.now(second))
    assert "Security group open to the internet: reverted" in message.shown
    assert value_of(message, "undo", second)
    (for_all,) = [one for one in elements(message) if one["action_id"] == "driftguard.revert-all"]
    assert for_all["text"]["text"] == "Revert all 2"
    assert for_all["value"] == f"{first.id}|{three.incident.fingerprint}"
    assert third in three.incident.waiting


def test_one_answer_reverts_all_each_in_the_state_that_was_shown(three: Three) -> None:
    answer = three.press("revert-all", three.decisions[0])
    assert three.statuses == [Status.APPROVED] * 3
    assert answer.reply == "3 of 3 are being reverted, in order."
    shown = {three.room.now(one).votes[-1].fingerprint for one in three.decisions}
    assert shown == {one.before for one in three.decisions}


def test_one_answer_counts_for_nothing_once_one_of_them_has_changed(three: Three) -> None:
    first, _, third = three.decisions
    boto3.client("dynamodb").update_item(
        TableName="audit",
        Key={"pk": {"S": third.id}, "sk": {"S": "decision"}},
        UpdateExpression="SET #before = :other",
        ExpressionAttributeNames={"#before": "before"},
        ExpressionAttributeValues={":other": {"S": "another-state"}},
    )
    answer = three.press("revert-all", first)
    assert three.statuses == [Status.ASKED] * 3
    assert "Look at it again" in answer.reply


def test_a_vote_that_cannot_be_recorded_keeps_no_other_from_being_cast(
    three: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = three.decisions
    with monkeypatch.context() as meanwhile:
        unwritable(meanwhile, first.id, third.id)
        answer = three.press("revert-all", first)
    assert three.statuses == [Status.ASKED, Status.APPROVED, Status.ASKED]
    told, *lines = answer.reply.splitlines()
    assert told == "1 of 3 are being reverted, in order; your vote does not count on 2."
    assert [line.split("`")[1] for line in lines] == [first.id, third.id]
    assert all("Your vote may not be recorded; answer again: " in line for line in lines)
    assert all("out of order" in line for line in lines)
    assert second.id not in answer.refused
    # What the message shows by now is the same incident.
    assert three.press("revert-all", first).status == 200
    assert three.statuses == [Status.APPROVED] * 3


def test_a_button_of_another_channel_answers_nothing(three: Three) -> None:
    three.policy = replace(three.room.policy, routes=(Route("C0ELSEWHERE"),))
    answer = three.press("revert-all", three.decisions[0])
    assert "belongs to another channel" in answer.reply
    assert three.statuses == [Status.ASKED] * 3


def test_nobody_reverts_all_whom_the_policy_does_not_name(three: Three) -> None:
    three.press("revert-all", three.decisions[0], user="U0NOBODY")
    assert three.statuses == [Status.ASKED] * 3


def test_a_later_request_has_a_message_of_its_own(three: Three) -> None:
    later = three.room.decide()
    assert three.room.tell(later) == ""
    first, second = three.slack.posted
    assert "The same caller" in second.shown
    assert later.id not in first.shown
    # It shows what still waits once more: one answer is to all that is shown.
    assert "4 changes of one caller: 4 wait for a person" in second.shown
    assert [one["text"]["text"] for one in elements(second) if "all" in one["action_id"]] == [
        "Revert all 4"
    ]
    # The earlier message's button is for an incident that is another one by now.
    (old,) = [one for one in elements(first) if one["action_id"] == "driftguard.revert-all"]
    assert old["value"] != f"{three.decisions[0].id}|{three.incident.fingerprint}"


def test_what_is_too_much_for_one_message_is_told_in_several(
    room: Room, slack: SlackStandIn
) -> None:
    room.use(room.policy.default, digest_over=99)
    decisions = [room.decide() for _ in range(incident.MOST + 2)]
    assert room.tell(*decisions) == ""
    first, second = slack.posted
    assert f"{incident.MOST} changes of one caller" in first.shown
    assert "2 changes of one caller" in second.shown
    assert len(first.blocks) <= 50
    # Neither shows all of it, so neither has an answer for all of it.
    for one in (first, second):
        assert not [two for two in elements(one) if two["action_id"] == "driftguard.revert-all"]
        assert f"`driftguard incident contain {decisions[0].id}`" in one.shown


def test_a_batch_that_comes_again_tells_nothing_twice(three: Three) -> None:
    assert three.room.tell(*three.decisions) == ""
    assert three.slack.calls == ["chat.postMessage"]


def test_a_message_that_somebody_deleted_is_posted_anew(three: Three) -> None:
    first = three.decisions[0]
    three.slack.messages.clear()
    world = three.room.world
    desk = Desk(world.audit, world.state, three.room.policy, world.clock.now)
    desk.vote(first.id, Vote("bob", Choice.REVERT, "slack", world.guard.stamp(), first.before))
    assert three.room.tell(three.room.now(first)) == ""
    assert "approved, being reverted" in three.room.message().shown


def test_an_incident_is_of_its_actor_and_not_of_the_service_that_found_it() -> None:
    service = Actor("guardduty.amazonaws.com", "guardduty.amazonaws.com", "AWSService")
    fields: dict[str, Any] = {"status": Status.ASKED, "incident": a_decision(1).id}
    # The finding stands first in the order, and came first.
    finding = a_decision(1, control="containment.role-sessions", actor=service, **fields)
    later = a_decision(3, "2026-11-20T10:07:00.000Z", actor=user("bob"), **fields)
    earlier = a_decision(2, "2026-11-20T10:05:00.000Z", control="s3.public-policy", **fields)
    members = (finding, later, earlier)
    whole = Incident(finding.id, members)
    text, shown = incident.message([(one, None) for one in whole.answerable], whole)
    by_alice = f"By {by(earlier.actor)}."
    assert text.endswith(by_alice)
    assert telling.who(earlier) in str(shown[1])
    assert sns.incident_subject(members).endswith(f"changes by {earlier.actor.name}")
    assert f"3 changes by {by(earlier.actor)}" in sns.incident_email([(m, None) for m in members])
    # Also where its own changes were told before.
    assert incident.message([(finding, None)], whole)[0].endswith(by_alice)
    alone = Incident(finding.id, (finding,))
    assert incident.message([(finding, None)], alone)[0].endswith(f"By {by(service)}.")


def user(name: str) -> Actor:
    arn = f"arn:aws:iam::123456789012:user/{name}"
    return Actor(arn, arn, "IAMUser", "123456789012")
