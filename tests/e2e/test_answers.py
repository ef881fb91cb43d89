"""A change is asked about, and people answer on every channel, through real HTTP."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.asking import (
    Question,
    ask,
    command,
    http,
    log_of,
    logged,
    open_up,
    session,
    unique,
    user,
)
from tests.e2e.world import World, eventually, seconds_until
from tests.support.slack_stand_in import Message, SlackStandIn, signed

pytestmark = pytest.mark.e2e

# From the answer to the reverted resource.
_PROMISED_SECONDS = 5.0


@pytest.fixture
def question(asking: World) -> Question:
    return ask(asking)


def reverted(question: Question) -> float:
    """How long it took from now until the group was closed; its siblings must stand."""
    took = seconds_until(
        lambda: not question.is_open(), "the group closed", also=question.lab.log_tail
    )
    [group] = question.lab.ec2.describe_security_groups(GroupIds=[question.group])["SecurityGroups"]
    assert {one["FromPort"] for one in group["IpPermissions"]} == {22, 443}
    question.lab.decision(question.group, "reverted")
    return took


def test_by_link_opening_changes_nothing_and_the_button_reverts(question: Question) -> None:
    page = http("GET", question.link)
    assert page.status == 200
    assert "Revert this change?" in page.text
    assert question.group in page.text
    assert http("HEAD", question.link).status == 200
    assert http("GET", question.link, headers={"Sec-Purpose": "prefetch"}).status == 200
    assert http("POST", question.link).status in (400, 415)
    time.sleep(1.0)
    assert [one.event for one in question.log()] == ["decided"]
    assert question.is_open()

    answered = question.press()

    assert answered.status == 200
    assert "It is being reverted" in answered.text
    assert reverted(question) < _PROMISED_SECONDS
    approved = question.log()[1]
    assert (approved.event, approved.by) == ("approved", "link via link")
    assert approved.at
    assert "already reverted, by link via link" in http("GET", question.link).text.lower()


def test_by_sns_a_reply_reverts(question: Question) -> None:
    question.lab.sns.publish(
        TopicArn=question.message["replies_topic"],
        Message=f"revert {question.decision} {question.token}",
    )
    assert reverted(question) < _PROMISED_SECONDS
    assert question.log()[1].by == "link via sns"


def test_by_the_command_line_the_verified_identity_approves(question: Question) -> None:
    code, told = command(
        user(question.lab, "bob"), "approve", question.decision, "--reason", "a mistake"
    )
    assert (code, told["person"], told["status"]) == (0, "bob", "approved")
    assert reverted(question) < _PROMISED_SECONDS
    approved = question.log()[1]
    assert approved.by == "bob (arn:aws:iam::123456789012:user/bob) via api"
    assert approved.note == "revert via api: a mistake"


def test_by_the_command_line_a_role_session_denies_and_the_change_stands(
    question: Question,
) -> None:
    code, told = command(session(question.lab, "on-call", "carol"), "deny", question.decision)
    assert (code, told["person"], told["status"]) == (0, "carol", "denied")
    assert question.is_open()


def test_by_the_command_line_a_keep_exempts_for_a_while(question: Question) -> None:
    bob = user(question.lab, "bob")
    code, told = command(bob, "accept", question.decision, "--for", "1h")
    assert (code, told["status"]) == (0, "denied")
    open_up(question.lab, question.group, 3389)
    again = eventually(
        lambda: [
            one for one in question.lab.decisions(question.group) if one["status"] == "exempted"
        ],
        "an exempted decision",
        also=question.lab.log_tail,
    )
    assert "exempted by bob" in again[0]["reason"]


def test_by_the_command_line_an_undo_is_in_the_callers_name(question: Question) -> None:
    question.press()
    reverted(question)
    bob = user(question.lab, "bob")
    undone = question.lab.driftguard("undo", question.decision, "--yes", environment=bob)
    assert undone["status"] == "undone"
    assert question.is_open()
    by = next(one.by for one in question.log() if one.event == "undo-asked")
    assert by.startswith("bob (arn:aws:iam::123456789012:user/bob)")


def test_by_slack_the_button_reverts_and_the_message_is_brought_up_to_date(
    question: Question, slack: SlackStandIn
) -> None:
    def posted() -> Message | None:
        return next((one for one in slack.posted if question.decision in one.shown), None)

    message = eventually(posted, "a message in Slack", also=question.lab.log_tail)
    body = slack.click(message, "driftguard.revert", "U0BOB")
    began = time.monotonic()
    answered = http("POST", f"{question.lab.lab['ReplyUrl']}slack", body.encode(), signed(body))
    assert (answered.status, time.monotonic() - began < 3.0) == (200, True)
    assert reverted(question) < _PROMISED_SECONDS
    assert question.log()[1].by == "bob (slack U0BOB) via slack"
    eventually(lambda: "bob" in message.shown and message.edits, "the message up to date")


def test_of_two_hundred_simultaneous_clicks_one_decides(question: Question) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: question.press(), range(200)))
    assert sorted(one.status for one in answers) == [200] + [409] * 199
    for one in answers:
        assert "Your" in one.text or "It is being reverted" in one.text or "lready" in one.text
    polite = [one for one in answers if "Already" in one.text and "by link via link" in one.text]
    assert len(polite) == 199
    reverted(question)
    events = [one.event for one in question.log()]
    assert events.count("approved") == 1
    assert events.count("refused") == 0


def test_a_state_that_changed_before_the_answer_is_asked_about_anew(question: Question) -> None:
    open_up(question.lab, question.group, 3389)
    eventually(
        lambda: len(question.lab.decisions(question.group)) > 1, "the other change's decision"
    )
    assert question.press().status == 200
    eventually(
        lambda: "asked-anew" in [one.event for one in log_of(question.lab, question.decision)],
        "the question asked anew",
        also=question.lab.log_tail,
    )
    assert question.is_open()
    refused = question.press()
    assert refused.status == 409
    assert "has changed since you were asked" in refused.text
    logged(question.lab, "ReplyFunction", f"to {question.decision}: the resource has changed")
    assert "refused" in [one.event for one in question.log()]


def test_what_is_not_there_is_not_there(asking: World) -> None:
    for path in ("", "admin", "answer/", "slack/x", unique("x")):
        assert http("GET", asking.lab["ReplyUrl"] + path).status == 404
    assert http("GET", f"{asking.lab['ReplyUrl']}slack").status == 404
