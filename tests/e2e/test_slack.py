"""Slack from end to end: what is posted, who may press what, and what is never taken."""

from __future__ import annotations

import pytest

from tests.e2e.asking import Answered, Question, ask, http, logged
from tests.e2e.world import World, eventually
from tests.support.slack_stand_in import Message, SlackStandIn, signed

pytestmark = pytest.mark.e2e


@pytest.fixture
def question(asking: World) -> Question:
    return ask(asking)


@pytest.fixture
def message(question: Question, slack: SlackStandIn) -> Message:
    """The question's message in Slack."""

    def posted() -> Message | None:
        return next((one for one in slack.posted if question.decision in one.shown), None)

    return eventually(posted, "a message in Slack", also=question.lab.log_tail)


def send(question: Question, body: str, headers: dict[str, str]) -> Answered:
    return http("POST", f"{question.lab.lab['ReplyUrl']}slack", body.encode(), headers)


def press(question: Question, slack: SlackStandIn, message: Message, button: str, who: str) -> str:
    """Presses a button; what only the person who pressed it is told."""
    before = len(slack.ephemeral)
    body = slack.click(message, f"driftguard.{button}", who)
    assert send(question, body, signed(body)).status == 200
    [told] = slack.ephemeral[before:]
    return str(told["text"])


def test_the_question_is_whole(question: Question, message: Message) -> None:
    assert message.channel == "C0GUARD"
    for words in (
        question.group,
        "user/mallory from 198.51.100.23",
        "ec2:RevokeSecurityGroupIngress",
        "If nobody votes until",
        "the change stands",
    ):
        assert words in message.shown


def test_after_the_revert_the_button_undoes_it_and_the_thread_has_the_log(
    question: Question, slack: SlackStandIn, message: Message
) -> None:
    assert "being reverted" in press(question, slack, message, "revert", "U0BOB")
    eventually(lambda: "driftguard.undo" in message.buttons(), "an undo button")
    assert not question.is_open()
    assert "bob: revert, via slack" in message.shown

    assert "being undone" in press(question, slack, message, "undo", "U0CAROL")
    question.lab.decision(question.group, "undone")
    assert question.is_open()
    eventually(lambda: "revert undone" in message.shown, "the message up to date")
    undo = next(one for one in question.log() if one.event == "undo-asked")
    assert undo.by.startswith("carol (slack U0CAROL)")
    assert undo.note == "asked for in Slack"

    def thread() -> str | None:
        said = "\n".join(slack.thread(message))
        return said if "undone by" in said else None

    told = eventually(thread, "the whole log in the thread")
    for event in ("decided", "approved", "reverted", "undo-asked", "undone"):
        assert told.count(f"UTC  {event} by") == 1


def test_who_made_the_change_can_neither_keep_it_nor_undo_its_revert(
    question: Question, slack: SlackStandIn, message: Message
) -> None:
    told = press(question, slack, message, "accept", "U0MALLORY")
    assert told == "Whoever made a change cannot approve accepting it."
    press(question, slack, message, "revert", "U0BOB")
    eventually(lambda: "driftguard.undo" in message.buttons(), "an undo button")
    told = press(question, slack, message, "undo", "U0MALLORY")
    assert told == "Whoever made a change cannot undo its revert."
    logged(question.lab, "ReplyFunction", f"U0MALLORY on {question.decision}")
    assert not question.is_open()


def test_forged_old_and_replayed_requests_are_refused_and_logged(
    question: Question, slack: SlackStandIn, message: Message
) -> None:
    body = slack.click(message, "driftguard.revert", "U0BOB")
    assert send(question, body, signed(body, secret="not ours")).status == 401
    assert send(question, body, signed(body, at=1_700_000_000)).status == 401
    assert send(question, body, {"Content-Type": "text/plain"}).status == 401
    details = slack.click(message, "driftguard.details", "U0BOB")
    headers = signed(details)
    assert send(question, details, headers).status == 200
    assert send(question, details, headers).status == 409
    for words in ("not signed by our Slack app", "s are accepted", "came before"):
        logged(question.lab, "ReplyFunction", words)
    assert [one.event for one in question.log()] == ["decided"]
    assert question.is_open()
