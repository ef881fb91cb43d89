"""A click in Slack: who may, what it does, and everything that is refused."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

import boto3
import pytest

from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.desk import Desk
from driftguard.approvals.rules import UNDO_REQUESTED
from driftguard.channels.slack import blocks
from driftguard.channels.slack.inbound import Response, handle
from driftguard.events.commands import Undo, UndoRequested, command_of
from driftguard.model import Autonomy, Choice, Decision, Status
from driftguard.state.keys import exemptions_key
from tests.support.slack_room import Room
from tests.support.slack_stand_in import SIGNING_SECRET, Message, SlackStandIn, signed
from tests.support.world import HERE


class Clicks:
    """Presses buttons under a room's one message, through the signed request that Slack sends."""

    def __init__(self, room: Room, slack: SlackStandIn) -> None:
        self.room, self.slack = room, slack
        self.queue = boto3.client("sqs").create_queue(QueueName="changes")["QueueUrl"]
        self.decision = room.decide()
        room.tell(self.decision)

    def body(self, button: str, user: str, **more: Any) -> str:
        message = self.room.message()
        return self.slack.click(message, f"driftguard.{button}", user, **more)

    def press(self, button: str, user: str, **more: Any) -> Response:
        body = self.body(button, user, **more)
        return self.send(signed(body, self._at()), body)

    def send(self, headers: dict[str, str], body: str) -> Response:
        world = self.room.world
        return handle(
            headers,
            body,
            desk=Desk(world.audit, world.state, self.room.policy, world.clock.now),
            commands=CommandQueue(lambda: world.guard.aws.client("sqs"), self.queue),
            signing_secret=SIGNING_SECRET,
            api_url=f"{self.slack.url}/api",
        )

    def now(self) -> Decision:
        return self.room.now(self.decision)

    def catch_up(self) -> None:
        """What follows in the guard and in Slack, from the table's stream."""
        self.room.guard.carry_out(self.decision.id)
        self.room.tell(self.now())

    def queued(self) -> list[dict[str, Any]]:
        found = boto3.client("sqs").receive_message(QueueUrl=self.queue).get("Messages", [])
        return [json.loads(one["Body"]) for one in found]

    def log(self) -> list[tuple[str, str, str]]:
        log = self.room.world.audit.log(self.decision.id)
        return [(one.event, one.by, one.note) for one in log]

    def _at(self) -> float:
        return self.room.world.clock.now().timestamp()


@pytest.fixture
def clicks(room: Room, slack: SlackStandIn) -> Clicks:
    return Clicks(room, slack)


def said(slack: SlackStandIn) -> str:
    """What the person who clicked was told, and nobody else."""
    (told,) = slack.ephemeral
    assert told["response_type"] == "ephemeral"
    assert told["replace_original"] is False
    return str(told["text"])


# ------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("U0ALICE", "The click arrived. The policy knows you as alice: your votes count."),
        ("U0NOBODY", "the policy names nobody with the member id U0NOBODY"),
    ],
)
def test_the_test_messages_button_says_who_clicked(
    room: Room, slack: SlackStandIn, user: str, told: str
) -> None:
    clicks = Clicks(room, slack)
    text, shown = blocks.test_message()
    message = Message("C0SECURITY", "1700000000.000009", text, shown)
    body = slack.click(message, blocks.TEST, user)
    answer = clicks.send(signed(body, clicks._at()), body)
    assert answer.status == 200
    assert told in answer.reply
    assert told in slack.ephemeral[-1]["text"]
    assert clicks.now().votes == ()


def test_revert_approves_and_thanks_whoever_pressed_it(clicks: Clicks, slack: SlackStandIn) -> None:
    answered = clicks.press("revert", "U0BOB")
    assert (answered.status, answered.refused, answered.trouble) == (200, "", "")
    assert said(slack) == "Thank you: it is being reverted."
    assert clicks.now().status is Status.APPROVED
    assert ("approved", "bob (slack U0BOB) via slack", "revert via slack") in clicks.log()


def test_keep_lets_the_change_stand(clicks: Clicks) -> None:
    clicks.press("accept", "U0BOB")
    assert clicks.now().status is Status.DENIED


@pytest.mark.parametrize("days", [1, 7, 30])
def test_keep_for_a_while_is_an_exemption_with_an_end(clicks: Clicks, days: int) -> None:
    clicks.press("accept-for", "U0BOB", days=days)
    (answer,) = clicks.now().votes
    assert answer.choice is Choice.ACCEPT
    until = clicks.room.world.clock.now().timestamp() + days * 86_400
    assert abs(datetime.fromisoformat(answer.until).timestamp() - until) < 1
    note = clicks.room.world.state.record(exemptions_key(HERE, "ec2.open-ingress"))
    (entry,) = note.document["entries"].values()
    assert entry["resource"] == clicks.decision.candidate.resource.arn
    assert entry["until"] == answer.until


def test_details_show_the_plan_and_its_undo_to_one_person(
    clicks: Clicks, slack: SlackStandIn
) -> None:
    clicks.press("details", "U0STRANGER")
    assert "ec2:RevokeSecurityGroupIngress" in said(slack)
    assert "An undo would do:" in said(slack)
    assert "ec2:AuthorizeSecurityGroupIngress" in said(slack)
    assert clicks.now().status is Status.ASKED


# ------------------------------------------------------------------------------- undo


@pytest.fixture
def reverted(clicks: Clicks) -> Clicks:
    clicks.press("revert", "U0BOB")
    clicks.catch_up()
    clicks.slack.ephemeral.clear()
    return clicks


def test_undo_asks_the_guard_in_the_persons_name(reverted: Clicks, slack: SlackStandIn) -> None:
    reverted.press("undo", "U0CAROL")
    (message,) = reverted.queued()
    command = command_of(message)
    assert isinstance(command, UndoRequested)
    requested = (UNDO_REQUESTED, "carol (slack U0CAROL)", "asked for in Slack")
    assert reverted.log()[command.request - 1] == requested
    assert said(slack).startswith("Thank you: it is being undone")
    reverted.room.guard.undo_requested(command)
    reverted.room.tell(reverted.now())
    assert "revert undone" in reverted.room.message().shown


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("U0ALICE", "Whoever made a change cannot undo its revert."),
        (
            "U0STRANGER",
            "Slack U0STRANGER is not among the policy's people: whoever keeps the policy can add "
            "`- {name: NAME, slack: ['U0STRANGER']}` to `people`.",
        ),
    ],
)
def test_undo_is_not_for_everybody(
    reverted: Clicks, slack: SlackStandIn, user: str, words: str
) -> None:
    assert words in reverted.press("undo", user).refused
    assert said(slack) == words
    assert reverted.queued() == []


def test_undo_is_for_approvers_where_policy_names_them(
    reverted: Clicks, slack: SlackStandIn
) -> None:
    reverted.room.use(Autonomy.ASK, approvers=("carol",))
    assert "Bob may not vote on ec2.open-ingress" in reverted.press("undo", "U0BOB").refused


def test_an_undo_of_what_two_must_accept_waits_for_a_second_button(
    reverted: Clicks, slack: SlackStandIn
) -> None:
    """12.4: one click undid what two had to accept."""
    reverted.room.use(Autonomy.ASK, quorum=2)
    reverted.press("undo", "U0BOB")
    assert "1 more must agree" in said(slack)
    assert reverted.queued() == []
    reverted.slack.ephemeral.clear()
    reverted.press("undo", "U0CAROL")
    assert said(slack).startswith("Thank you: it is being undone")
    assert len(reverted.queued()) == 1


def test_a_second_undo_finds_nothing_to_undo(reverted: Clicks, slack: SlackStandIn) -> None:
    body = reverted.body("undo", "U0CAROL")
    reverted.room.guard.undo(Undo(reverted.decision.id, "bob", ""))
    reverted.send(signed(body), body)
    assert said(slack).startswith("There is nothing to undo: the decision is undone since")


# ------------------------------------------------------------------------------- refused


def unmoved(clicks: Clicks) -> bool:
    return clicks.now().status is Status.ASKED and clicks.now().votes == ()


def test_a_wrong_signature_is_refused(clicks: Clicks) -> None:
    body = clicks.body("revert", "U0BOB")
    answered = clicks.send(signed(body, secret="another app's"), body)
    assert (answered.status, answered.refused) == (401, "not signed by our Slack app")
    assert unmoved(clicks)


def test_an_altered_body_is_refused(clicks: Clicks) -> None:
    body = clicks.body("revert", "U0BOB")
    answered = clicks.send(signed(body), body.replace("U0BOB", "U0CAROL"))
    assert answered.status == 401
    assert unmoved(clicks)


@pytest.mark.parametrize("seconds", [301, -301])
def test_an_old_or_future_timestamp_is_refused(clicks: Clicks, seconds: int) -> None:
    body = clicks.body("revert", "U0BOB")
    at = clicks.room.world.clock.now().timestamp() - seconds
    answered = clicks.send(signed(body, at), body)
    assert answered.status == 401
    assert "at most 300 s are accepted" in answered.refused
    assert unmoved(clicks)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": "now", "X-Slack-Signature": "v0=1"},
        {"X-Slack-Request-Timestamp": "١٢٣", "X-Slack-Signature": "v0=1"},
        {"X-Slack-Request-Timestamp": "1700000000", "X-Slack-Signature": "v0=é"},
    ],
)
def test_what_is_no_signature_at_all_is_refused(clicks: Clicks, headers: dict[str, str]) -> None:
    answered = clicks.send(headers, clicks.body("revert", "U0BOB"))
    assert answered.status == 401
    assert unmoved(clicks)


def test_a_replayed_body_is_refused(clicks: Clicks, slack: SlackStandIn) -> None:
    body = clicks.body("details", "U0BOB")
    headers = signed(body)
    assert clicks.send(headers, body).status == 200
    again = clicks.send({name.lower(): value for name, value in headers.items()}, body)
    assert (again.status, again.refused) == (409, "the same request came before")
    assert len(slack.ephemeral) == 1


def test_a_button_of_another_channel_is_refused(clicks: Clicks, slack: SlackStandIn) -> None:
    answered = clicks.press("revert", "U0BOB", channel={"id": "C0OTHER"})
    assert "another channel" in answered.refused
    assert "another channel" in said(slack)
    assert unmoved(clicks)


def test_an_unknown_button_is_refused(clicks: Clicks, slack: SlackStandIn) -> None:
    body = clicks.body("revert", "U0BOB").replace("driftguard.revert", "other.button")
    assert "does not know this button" in clicks.send(signed(body), body).refused
    assert unmoved(clicks)


@pytest.mark.parametrize(
    "body", ["", "payload=", "payload=%5B%5D", "payload=%7B%7D", "hello", "payload=%7B"]
)
def test_what_is_no_interaction_is_refused(clicks: Clicks, body: str) -> None:
    assert clicks.send(signed(body), body).status == 400


def test_who_is_not_in_people_has_no_vote_and_leaves_a_line(
    clicks: Clicks, slack: SlackStandIn
) -> None:
    clicks.press("revert", "U0STRANGER")
    assert said(slack) == (
        "Slack U0STRANGER is not among the policy's people: whoever keeps the policy can add "
        "`- {name: NAME, slack: ['U0STRANGER']}` to `people`."
    )
    assert clicks.log()[-1][0] == "refused"
    assert "U0STRANGER" in clicks.log()[-1][1]
    assert unmoved(clicks)


def test_who_made_the_change_cannot_keep_it_through_slack(
    clicks: Clicks, slack: SlackStandIn
) -> None:
    clicks.press("accept", "U0ALICE")
    assert said(slack) == "Whoever made a change cannot approve accepting it."
    assert unmoved(clicks)


def test_the_second_of_two_clicks_is_told_what_was_decided_and_by_whom(
    clicks: Clicks, slack: SlackStandIn
) -> None:
    second = clicks.body("accept", "U0CAROL")
    clicks.press("revert", "U0BOB")
    slack.ephemeral.clear()
    clicks.send(signed(second), second)
    assert said(slack).startswith("Already approved, by bob via slack at ")


def test_a_button_of_an_older_approval_request_does_not_answer_the_newer(
    clicks: Clicks, slack: SlackStandIn
) -> None:
    older = clicks.body("revert", "U0CAROL")
    clicks.press("revert", "U0BOB")
    group = clicks.decision.candidate.resource.id
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=3389, ToPort=3389, CidrIp="0.0.0.0/0"
    )
    clicks.catch_up()
    assert "3389" in clicks.room.message().shown
    slack.ephemeral.clear()
    clicks.send(signed(older), older)
    assert "has changed since you were asked" in said(slack)
    assert clicks.press("revert", "U0CAROL").refused == ""


def test_one_vote_where_two_are_needed_decides_nothing(
    room: Room, clicks: Clicks, slack: SlackStandIn
) -> None:
    room.use(Autonomy.ASK, quorum=2)
    # Of requests of the same time, the message shows either first.
    room.world.clock.pass_by(seconds=1)
    clicks.decision = room.decide()
    slack.messages.clear()
    room.tell(clicks.decision)
    clicks.press("revert", "U0BOB")
    assert said(slack) == "Thank you: 1 more must agree to revert it."
    clicks.press("revert", "U0BOB")
    assert slack.ephemeral[1]["text"] == "Bob has voted before."
    assert clicks.now().status is Status.ASKED
    clicks.press("revert", "U0CAROL")
    assert clicks.now().status is Status.APPROVED


# ------------------------------------------------------------------------------- the reply


def test_nothing_is_ever_posted_to_a_host_that_is_not_slacks(
    clicks: Clicks, slack: SlackStandIn
) -> None:
    answered = clicks.press("revert", "U0BOB", response_url="http://169.254.169.254/latest")
    assert answered.trouble == "no response_url of Slack's: 169.254.169.254"
    assert clicks.now().status is Status.APPROVED
    assert slack.ephemeral == []


def test_an_answer_stands_even_if_the_thanks_do_not_arrive(clicks: Clicks) -> None:
    answered = clicks.press("revert", "U0BOB", response_url=f"{clicks.slack.url}/used-up")
    assert (answered.status, answered.trouble) == (200, "response_url: 404")
    assert clicks.now().status is Status.APPROVED


def test_a_click_is_answered_well_within_three_seconds(clicks: Clicks) -> None:
    began = time.monotonic()
    clicks.press("revert", "U0BOB")
    assert time.monotonic() - began < 2.0
