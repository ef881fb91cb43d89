"""Answers that do not count: each is refused politely, leaves a log line, and changes nothing."""

from __future__ import annotations

import json
import time
from uuid import uuid4

import pytest

from tests.e2e.asking import Question, ask, command, http, logged, message, user
from tests.e2e.making import make_bucket, publish_bucket
from tests.e2e.world import World, eventually, run
from tests.support.slack_stand_in import Message, SlackStandIn, signed

pytestmark = pytest.mark.e2e


@pytest.fixture
def question(asking: World) -> Question:
    return ask(asking)


def untouched(question: Question) -> bool:
    """Whether nobody's answer counted."""
    return question.is_open() and not {"approved", "denied", "answered"} & {
        one.event for one in question.log()
    }


# ---------------------------------------------------------------------------------- links


def test_a_tampered_link(question: Question) -> None:
    token = question.token[:-3] + ("AAA" if question.token[-3:] != "AAA" else "BBB")
    assert question.press(token).status == 403
    logged(question.lab, "ReplyFunction", "was not made by this Driftguard")
    assert untouched(question)


def test_a_link_that_is_used_twice(question: Question) -> None:
    question.press()
    again = question.press()
    assert again.status == 409
    assert "Already" in again.text
    logged(question.lab, "ReplyFunction", f"to {question.decision}: already")


def test_a_body_that_is_too_long(question: Question) -> None:
    assert question.press("x" * 50_000).status == 413
    logged(question.lab, "ReplyFunction", "longer than any vote")
    assert untouched(question)


# ---------------------------------------------------------------------------------- SNS


def test_another_decisions_token(question: Question) -> None:
    other = ask(question.lab)
    question.lab.sns.publish(
        TopicArn=question.lab.lab["RepliesTopic"],
        Message=json.dumps(
            {"decision": question.decision, "choice": "revert", "token": other.token}
        ),
    )
    logged(question.lab, "ReplyFunction", "The token is another decision's.")
    assert untouched(question)
    assert untouched(other)


def test_a_reply_without_a_token(question: Question) -> None:
    question.lab.sns.publish(
        TopicArn=question.lab.lab["RepliesTopic"],
        Message=json.dumps({"decision": question.decision, "choice": "revert"}),
    )
    logged(question.lab, "ReplyFunction", "has `decision`, `choice` and `token`")
    assert untouched(question)


# ---------------------------------------------------------------------------------- the signed API


def test_where_only_some_may_answer_others_and_a_shared_link_are_refused(asking: World) -> None:
    name, policy = f"user-{uuid4()}", "arn:aws:iam::aws:policy/AdministratorAccess"
    asking.iam.create_user(UserName=name)
    asking.iam.attach_user_policy(UserName=name, PolicyArn=policy)
    asking.api_call("iam", "AttachUserPolicy", {"userName": name, "policyArn": policy})
    decision = asking.decision(name, "asked")["pk"]
    question = Question(asking, "", decision, message(asking, decision))

    code, told = command(user(asking, "intern"), "approve", decision)
    assert (code, told["text"]) == (1, "intern may not vote on iam.admin-attached")
    logged(asking, "SignedApiFunction", "intern may not vote")
    refused = question.press()
    assert refused.status == 409
    assert "only some people may vote on this" in refused.text
    logged(asking, "ReplyFunction", f"to {decision}: a shared link cannot prove who you are")
    assert [one.event for one in question.log()] == ["decided", "refused", "refused"]

    code, told = command(user(asking, "bob"), "approve", decision)
    assert (code, told["status"]) == (0, "approved")
    asking.decision(name, "reverted")


def test_somebody_who_is_nobody(question: Question) -> None:
    name = f"eve-{uuid4()}"
    code, told = command(user(question.lab, name), "approve", question.decision)
    assert code == 1
    assert f"arn:aws:iam::123456789012:user/{name} is not among the policy's people" in told["text"]
    assert untouched(question)


@pytest.mark.parametrize("identity", ["mallory", "mallory-admin"])
def test_self_approval_under_any_identity(question: Question, identity: str) -> None:
    code, told = command(user(question.lab, identity), "deny", question.decision)
    assert (code, told["text"]) == (1, "whoever made a change cannot approve accepting it")
    logged(question.lab, "SignedApiFunction", f"user/{identity}: whoever made a change cannot")
    refused = question.log()[-1]
    assert (refused.event, refused.by.partition(" ")[0]) == ("refused", "mallory")
    assert untouched(question)


def test_who_made_a_change_cannot_undo_its_revert(question: Question) -> None:
    question.press()
    eventually(lambda: not question.is_open(), "the group closed")
    question.lab.decision(question.group, "reverted")
    done = run("undo", question.decision, "--yes", environment=user(question.lab, "mallory-admin"))
    assert done.returncode == 1
    assert "whoever made a change cannot undo its revert" in done.stderr
    assert not question.is_open()


def test_an_unsigned_call_of_the_signed_api(question: Question) -> None:
    said = json.dumps({"decision": question.decision, "choice": "revert", "fingerprint": "f"})
    answered = http("POST", f"{question.lab.lab['SignedApiUrl']}answer", said.encode())
    assert answered.status == 403
    assert untouched(question)


# ---------------------------------------------------------------------------------- a quorum


def test_one_vote_where_two_are_needed(asking: World) -> None:
    bucket = make_bucket(asking)
    publish_bucket(asking, bucket)
    decision = asking.decision(bucket, "asked")["pk"]
    question = Question(asking, "", decision, message(asking, decision))
    assert "1 more must agree to revert it" in question.press().text
    assert question.press().status == 409
    logged(asking, "ReplyFunction", f"to {decision}: this link or button was used before")
    time.sleep(1.0)
    assert asking.decisions(bucket)[0]["status"] == "asked"

    code, told = command(user(asking, "bob"), "approve", decision)
    assert (code, told["status"]) == (0, "approved")
    asking.decision(bucket, "reverted")
    counted = [one.by for one in question.log() if one.event in ("answered", "approved")]
    assert counted == [
        "link via link",
        "bob (arn:aws:iam::123456789012:user/bob) via api",
    ]


# ---------------------------------------------------------------------------------- Slack


def clicked(question: Question, slack: SlackStandIn) -> str:
    def posted() -> Message | None:
        return next((one for one in slack.posted if question.decision in one.shown), None)

    found = eventually(posted, "a message in Slack", also=question.lab.log_tail)
    return slack.click(found, "driftguard.accept", "U0BOB")


def send(question: Question, body: str, headers: dict[str, str]) -> int:
    return http("POST", f"{question.lab.lab['ReplyUrl']}slack", body.encode(), headers).status


def test_a_click_that_slack_did_not_sign(question: Question, slack: SlackStandIn) -> None:
    body = clicked(question, slack)
    assert send(question, body, signed(body, secret="another")) == 401
    logged(question.lab, "ReplyFunction", "not signed by our Slack app")
    assert untouched(question)


def test_a_click_of_ten_minutes_ago(question: Question, slack: SlackStandIn) -> None:
    body = clicked(question, slack)
    assert send(question, body, signed(body, at=time.time() - 600)) == 401
    logged(question.lab, "ReplyFunction", "at most 300 s are accepted")
    assert untouched(question)


def test_a_click_that_is_replayed(question: Question, slack: SlackStandIn) -> None:
    body = clicked(question, slack)
    headers = signed(body)
    assert send(question, body, headers) == 200
    assert send(question, body, headers) == 409
    logged(question.lab, "ReplyFunction", "the same request came before")
    assert [one.event for one in question.log()].count("denied") == 1


def test_a_click_of_who_made_the_change(question: Question, slack: SlackStandIn) -> None:
    body = clicked(question, slack).replace("U0BOB", "U0MALLORY")
    assert send(question, body, signed(body)) == 200
    logged(question.lab, "ReplyFunction", f"U0MALLORY on {question.decision}: Whoever made")
    assert untouched(question)


def test_the_link_key_is_in_no_log(question: Question) -> None:
    key = question.lab.secrets.get_secret_value(
        SecretId=_secret_of(question.lab, question.lab.lab["ReplyFunction"])
    )["SecretString"]
    question.press()
    written = "\n".join(
        one["message"]
        for page in question.lab.logs.get_paginator("filter_log_events").paginate(
            logGroupName=question.lab.log_group(question.lab.lab["ReplyFunction"])
        )
        for one in page["events"]
    )
    assert key not in written
    assert question.token not in written


def _secret_of(lab: World, function: str) -> str:
    made = lab.lambdas.get_function_configuration(FunctionName=function)
    return str(made["Environment"]["Variables"]["LINK_KEY_SECRET"])
