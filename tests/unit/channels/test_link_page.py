"""Votes by link and by SNS: a page that decides nothing, a button that does, and refusals."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import boto3
import pytest

from driftguard.channels import links
from driftguard.channels.http import BadRequest, Request
from driftguard.channels.link_page import Replies
from driftguard.channels.links import Claim
from driftguard.model import Autonomy, Choice, Status
from tests.scenarios.lambda_ import url_opened
from tests.support.api_requests import Log, event
from tests.support.approving import Asked, is_open, open_up
from tests.support.world import World

KEY = b"k" * 64


class Answering:
    """An approval request, the links under it, and a browser of sorts."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.log = asked, Log()
        self.replies = Replies(asked.desk, lambda: KEY, self.log)

    def token(self, choice: str = "revert", person: str = "link") -> str:
        made = links.for_decision(self.asked.decision, "https://x.example", KEY, person=person)
        return parse_qs(urlsplit(made[Choice(choice)]).query)["t"][0]

    def get(self, token: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        return self.send(event(method, f"t={quote(token)}", headers=headers))

    def post(self, token: str, answer: str = "revert", **headers: str) -> tuple[int, str]:
        return self.send(press(token, answer, **headers))

    def send(self, told: dict[str, Any]) -> tuple[int, str]:
        response = self.replies.page(Request.from_event(told))
        return response.status, response.body

    @property
    def status(self) -> Status:
        found = self.asked.world.audit.get(self.asked.decision.id)
        assert found
        return found.status


def press(token: str, answer: str = "revert", **headers: str) -> dict[str, Any]:
    """What a browser sends when the page's button is pressed: AWS hands forms on in base 64."""
    body = base64.b64encode(urlencode({"t": token, "answer": answer}).encode()).decode()
    kind = {"content-type": "application/x-www-form-urlencoded", **headers}
    return event("POST", headers=kind, body=body, isBase64Encoded=True)


@pytest.fixture
def answering(world: World, group: str) -> Answering:
    return Answering(Asked(world, group))


# ------------------------------------------------------------------------------------ opening


def test_opening_a_link_shows_the_plan_and_changes_nothing(
    answering: Answering,
    group: str,
) -> None:
    status, html = answering.get(answering.token())
    assert status == 200
    for told in (
        "Revert this change?",
        "lets the internet in: tcp 22 from 0.0.0.0/0",
        "ec2:RevokeSecurityGroupIngress",
        group,
        "arn:aws:iam::123456789012:user/alice",
        "203.0.113.9",
        "one vote, shared by everybody who has this link",
        "the change stands.",
    ):
        assert told in html
    assert answering.status is Status.ASKED
    assert answering.asked.events() == [("decided", "guard")]
    assert is_open(group)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("GET", {"sec-purpose": "prefetch;prerender"}),
        ("GET", {"purpose": "prefetch"}),
        ("GET", {"x-moz": "prefetch"}),
        ("OPTIONS", {}),
        ("PUT", {}),
    ],
)
def test_who_only_looks_decides_nothing(
    answering: Answering, method: str, headers: dict[str, str]
) -> None:
    answering.get(answering.token(), method, **headers)
    assert answering.asked.events() == [("decided", "guard")]


def test_a_scanner_that_posts_to_the_link_decides_nothing(answering: Answering) -> None:
    token = answering.token()
    query = f"t={quote(token)}"
    form = {"content-type": "application/x-www-form-urlencoded"}
    for told in (
        event("POST", query),
        event("POST", query, headers=form),
        event("POST", query, headers=form, body="List-Unsubscribe=One-Click"),
        event("POST", query, headers=form, body=f"t={token}"),
        event("POST", query, headers={"content-type": "application/json"}, body=f't="{token}"'),
        event("POST", query, headers={"content-type": "text/plain"}, body=f"t={token}"),
        press(token, "accept"),
        press(token, **{"sec-purpose": "prefetch"}),
    ):
        assert answering.send(told)[0] in (400, 415)
    assert answering.asked.events() == [("decided", "guard")]
    assert len(answering.log.lines) == 8


def test_the_page_loads_nothing_runs_nothing_and_is_kept_nowhere(answering: Answering) -> None:
    response = answering.replies.page(Request.from_event(event("GET", f"t={answering.token()}")))
    made = response.as_event()
    headers = made["headers"]
    assert isinstance(headers, dict)
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    rules = headers["Content-Security-Policy"]
    assert rules.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'" in rules
    assert "frame-ancestors 'none'" in rules
    assert not re.search(r"<script|<img|<link|@import|url\(|\son\w+=|\sstyle=", response.body)


def test_what_others_wrote_into_an_account_is_only_text(
    world: World,
    group: str,
) -> None:
    asked = Asked(world, group)
    nasty = '"><script>alert(1)</script><form action="https://evil.example">&amp;'
    actor = replace(asked.decision.actor, session=nasty, source=nasty)
    written = replace(asked.decision, summary=nasty, title=nasty, actor=actor, change_time=nasty)
    asked.decision = world.audit.append(written, event="noted", note="")
    answering = Answering(asked)
    status, html = answering.get(answering.token())
    assert status == 200
    seen = Tags()
    seen.feed(html)
    assert seen.tags.count("form") == 1
    assert "script" not in seen.tags
    assert "evil.example&quot;&gt;" in html


class Tags(HTMLParser):
    """Which tags a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


# ------------------------------------------------------------------------------------ answering


def test_pressing_the_button_reverts_and_leaves_who_and_how(
    answering: Answering,
    group: str,
) -> None:
    status, html = answering.post(answering.token())
    assert status == 200
    assert "It is being reverted" in html
    assert answering.asked.carried_out().status is Status.REVERTED
    assert not is_open(group)
    assert ("approved", "link via link") in answering.asked.events()


def test_a_persons_own_link_can_keep(answering: Answering, group: str) -> None:
    assert "Accept this change?" in answering.get(answering.token("accept", "bob"))[1]
    status, html = answering.post(answering.token("accept", "bob"), "accept")
    assert (status, answering.status) == (200, Status.DENIED)
    assert "The change stands" in html
    assert is_open(group)


def test_a_link_is_used_once(answering: Answering) -> None:
    token = answering.token()
    answering.post(token)
    status, html = answering.post(token)
    assert status == 409
    assert "Already approved, by link via link" in html
    assert "already approved, by link" in answering.log.lines[-1]
    status, html = answering.get(token)
    assert (status, "<form" in html) == (200, False)


def test_a_link_is_used_once_where_more_must_agree(world: World, group: str) -> None:
    answering = Answering(Asked(world, group, quorum=2))
    token = answering.token()
    assert "2 people must agree, and 2 are missing" in answering.get(token)[1]
    assert "1 more must agree" in answering.post(token)[1]
    status, html = answering.post(token)
    assert (status, answering.status) == (409, Status.ASKED)
    assert "This link or button was used before." in html
    assert ("refused", "link via link") in answering.asked.events()


def test_a_shared_link_to_keep_says_that_it_cannot(answering: Answering) -> None:
    status, html = answering.get(answering.token("accept"))
    assert status == 200
    assert "accepting the change needs a person" in html
    assert "<form" not in html


def test_who_made_the_change_cannot_keep_it_by_link(answering: Answering) -> None:
    status, html = answering.post(answering.token("accept", "alice"), "accept")
    assert (status, answering.status) == (409, Status.ASKED)
    assert "Whoever made a change cannot approve accepting it." in html


def test_a_tampered_link_is_refused_and_logged(answering: Answering) -> None:
    token = answering.token()
    broken = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    for status, html in (answering.get(broken), answering.post(broken)):
        assert status == 403
        assert "was not made by this Driftguard" in html
        assert answering.asked.decision.id not in html
    assert answering.status is Status.ASKED
    assert "refused a POST from 203.0.113.7 to a link" in answering.log.lines[-1]


def test_an_expired_link_is_refused_and_logged(answering: Answering, world: World) -> None:
    token = answering.token()
    world.clock.pass_by(days=1)
    for status, html in (answering.get(token), answering.post(token)):
        assert status == 410
        assert "This link was good until" in html
    assert "This link was good until" in answering.log.lines[-1]


def test_a_link_to_a_state_that_has_changed_is_refused(
    answering: Answering,
    group: str,
) -> None:
    answering.asked.vote("bob")
    open_up(group, 3389)
    assert answering.asked.carried_out().status is Status.ASKED
    status, html = answering.post(answering.token())
    assert status == 409
    assert "has changed since you were asked" in html
    assert ("refused", "link via link") in answering.asked.events()


def test_a_link_to_no_decision_of_ours_is_refused(answering: Answering) -> None:
    claim = Claim("dg-gone", Choice.REVERT, "f", "link", "n", "2999-01-01T00:00:00.000Z")
    for status, html in (
        answering.get(links.sign(claim, KEY)),
        answering.post(links.sign(claim, KEY)),
    ):
        assert status == 404
        assert "no decision dg-gone" in html


def test_what_is_too_long_to_be_an_answer_is_refused(answering: Answering) -> None:
    assert answering.post(answering.token() + "A" * 10_000)[0] == 413


def test_a_plan_without_calls_can_only_be_kept(
    world: World,
    group: str,
) -> None:
    asked = Asked(world, group)
    advice = replace(asked.decision.plan, steps=(), advice="Ask the owner.")
    asked.decision = world.audit.append(
        replace(asked.decision, plan=advice), event="noted", note=""
    )
    answering = Answering(asked)
    refused = answering.get(answering.token())[1]
    assert "No plan can revert this: Ask the owner." in refused
    assert "Accept this change?" in answering.get(answering.token("accept", "bob"))[1]


# ------------------------------------------------------------------------------------ by SNS


def as_line(answering: Answering, choice: str = "revert", person: str = "link") -> str:
    return f"{choice} {answering.asked.decision.id} {answering.token(choice, person)}"


def test_a_reply_on_one_line_reverts(answering: Answering, group: str) -> None:
    assert answering.replies.message(as_line(answering) + "\n").counted
    assert answering.asked.carried_out().status is Status.REVERTED
    assert not is_open(group)
    assert ("approved", "link via sns") in answering.asked.events()


def test_a_reply_as_json_keeps(answering: Answering) -> None:
    said = {
        "decision": answering.asked.decision.id,
        "choice": "accept",
        "token": answering.token("accept", "bob"),
    }
    assert answering.replies.message(json.dumps(said)).counted
    assert ("denied", "bob via sns") in answering.asked.events()


def test_replies_that_prove_nothing_are_refused_and_logged(answering: Answering) -> None:
    id_, token = answering.asked.decision.id, answering.token()
    for said, why in (
        (f"revert {id_}", "A reply is"),
        (f"revert {id_} {token}x", "not whole"),
        (f"revert {id_} {token[:-4]}AAAA", "not made by this Driftguard"),
        (f"revert dg-other {token}", "another decision's"),
        (f"accept {id_} {token}", "for revert, not for accept"),
        (json.dumps({"decision": id_, "choice": "revert"}), "`token`"),
        (json.dumps([id_]), "A reply is"),
        ("x" * 5_000, "longer than"),
        ("", "A reply is"),
    ):
        refused = answering.replies.message(said)
        assert not refused.counted
        assert why in refused.text
        assert why in answering.log.lines[-1]
        assert token not in answering.log.lines[-1]
    assert answering.asked.events() == [("decided", "guard")]


def test_a_second_reply_is_told_what_was_decided(answering: Answering) -> None:
    answering.replies.message(as_line(answering))
    second = answering.replies.message(as_line(answering))
    assert second.text.startswith("already approved, by link via sns")
    assert "already approved" in answering.log.lines[-1]


# ------------------------------------------------------------------------------ leave no trace


def test_who_comes_second_leaves_no_exemption(answering: Answering, world: World) -> None:
    answering.asked.vote("bob")
    answering.asked.vote("carol", "accept", until="2999-01-01T00:00:00.000Z")
    items = boto3.client("dynamodb").scan(TableName="state")["Items"]
    assert not [one for one in items if one["pk"]["S"].startswith("exemption")]


# ------------------------------------------------------------------------------ the own door


@pytest.mark.parametrize(
    ("own", "status"), [("orders", Status.EXEMPTED), ("driftguard-reply", Status.REVERTED)]
)
def test_the_guard_leaves_the_stacks_own_public_url_open(
    world: World, own: str, status: Status
) -> None:
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{own}"
    guard = world.with_policy(
        lambda given: replace(given, default=Autonomy.REVERT).with_own_door(arn)
    )
    change = url_opened().attack()
    decision = next(one for one in guard.handle(change) if one.control == "lambda.public-url")
    assert decision.status is status


@pytest.mark.parametrize("body", ["dD1", "dD1\u00e9", "d D1"])
def test_a_body_that_is_not_encoded_as_said_is_refused(body: str) -> None:
    told = press("x") | {"body": body}
    with pytest.raises(BadRequest, match="not what it says it is"):
        Request.from_event(told)
