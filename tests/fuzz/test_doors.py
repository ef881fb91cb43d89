"""Fuzz: any HTTP request to the functions of votes and acts is answered in words.

Links, replies by SNS, clicks in Slack and the signed API, through the functions' own handlers.
"""

from __future__ import annotations

import inspect
import json
import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest
from slack_sdk.webhook import WebhookClient, WebhookResponse

from driftguard.channels import links
from driftguard.channels.slack import blocks
from driftguard.channels.slack.sent import SentMessage, SentMessages
from driftguard.model import Autonomy, Choice, Decision
from driftguard.policy import compiled
from driftguard.policy.model import Policy
from tests.support.api_requests import BOB, event
from tests.support.approving import PEOPLE, Asked
from tests.support.functions import Context
from tests.support.fuzzing import in_portions, junk, mutated, mutated_text, tried
from tests.support.slack_room import CHANNEL
from tests.support.slack_stand_in import SIGNING_SECRET, signed
from tests.support.world import ACCOUNT, REGION, ROOT, World, shipped_policy

KEY = "k" * 64
Handler = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def decisions(world: World) -> list[Decision]:
    """Some approval requests: a vote may end each of them."""
    ec2 = boto3.client("ec2")
    made = []
    for number in range(12):
        group = str(ec2.create_security_group(GroupName=f"g{number}", Description="g")["GroupId"])
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        made.append(Asked(world, group, quorum=1 + number % 2).decision)
    return made


@pytest.fixture
def handler(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Handler]:
    """The handler of a function by its folder, without what Powertools logs and counts."""
    policy = with_people(shipped_policy())
    monkeypatch.setattr(compiled, "shipped", lambda: policy)
    queue = boto3.client("sqs").create_queue(QueueName="commands")["QueueUrl"]
    keeper = boto3.client("secretsmanager")
    keeper.create_secret(Name="link-key", SecretString=KEY)
    told = json.dumps({"bot_token": "xoxb", "signing_secret": SIGNING_SECRET})
    keeper.create_secret(Name="slack", SecretString=told)
    for name, value in {
        "ACCOUNT_ID": ACCOUNT,
        "AWS_REGION": REGION,
        "AUDIT_TABLE": "audit",
        "STATE_TABLE": "state",
        "COMMANDS_QUEUE_URL": queue,
        "LINK_KEY_SECRET": "link-key",
        "SLACK_SECRET": "slack",
        "POWERTOOLS_SERVICE_NAME": "fuzz",
        "POWERTOOLS_METRICS_NAMESPACE": "Driftguard",
    }.items():
        monkeypatch.setenv(name, value)

    def of(folder: str) -> Handler:
        app = loaded(folder)
        vars(app)["metrics"] = SimpleNamespace(add_metric=lambda *_: None)
        app.logger.setLevel("CRITICAL")
        raw = inspect.unwrap(app.handler)
        return lambda request: dict(raw(request, Context()))

    def loaded(folder: str) -> ModuleType:
        spec = spec_from_file_location("app", ROOT / "functions" / folder / "app.py")
        assert spec and spec.loader
        app = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "app", app)
        spec.loader.exec_module(app)
        return app

    return of


def with_people(given: Policy) -> Policy:
    return replace(given, autonomy={}, default=Autonomy.ASK, people=PEOPLE)


def answered(handle: Handler, request: dict[str, Any]) -> dict[str, Any]:
    """What the function says: a status that is none of a crash, and a body for it."""
    answer = handle(request)
    assert answer["statusCode"] in (200, 400, 401, 403, 404, 405, 409, 410, 413, 415), answer
    # Lambda can send it on.
    json.dumps(answer).encode()
    answer["body"].encode()
    return answer


def altered(dice: Random, request: dict[str, Any]) -> dict[str, Any]:
    """The request as it is, or with something wrong in it; AWS makes an object of it always."""
    if dice.random() < 0.7:
        return request
    name = dice.choice(list(request))
    return {**request, name: mutated(dice, request[name])}


# ------------------------------------------------------------------------------ the signed API


@in_portions
def test_any_request_to_the_signed_api_is_answered(
    decisions: list[Decision], handler: Callable[[str], Handler], portion: int
) -> None:
    handle = handler("signed_api")
    iam = {"iam": {"userArn": BOB, "accountId": ACCOUNT, "callerId": "AIDAEXAMPLE"}}

    def once(dice: Random) -> None:
        path, said = dice.choice(requests_about(dice.choice(decisions)))
        said = mutated(dice, said) if dice.random() < 0.8 else said
        body = json.dumps(said)
        body = mutated_text(dice, body) if dice.random() < 0.2 else body
        request = event("POST", body=body, headers={"content-type": "application/json"})
        request["rawPath"] = path
        request["requestContext"]["authorizer"] = iam
        # IAM says who calls: nobody else can choose that.
        request = {**altered(dice, request), "requestContext": request["requestContext"]}
        answer = answered(handle, request)
        if answer["headers"]["Content-Type"] == "application/json":
            assert json.loads(answer["body"])["text"]

    tried("signed api", portion, once)


def requests_about(decision: Decision) -> list[tuple[str, dict[str, Any]]]:
    """Everything that the signed API takes."""
    resource = decision.candidate.resource.arn
    about = {"control": decision.control, "resource": resource, "reason": "by hand"}
    named = {"decision": decision.id}
    return [
        ("/answer", {**named, "fingerprint": decision.before, "choice": "revert"}),
        (
            "/answer",
            {
                **named,
                "fingerprint": decision.before,
                "choice": "accept",
                "accept_for_seconds": 3600,
                "reason": "ok",
            },
        ),
        ("/undo", {**named, "reason": "was fine"}),
        ("/wake", named),
        (
            "/act",
            {
                "act": "exempt",
                **about,
                "for_seconds": 60,
                "tags": {"env": "x"},
                "actor": "arn:aws:iam::1:user/x",
            },
        ),
        ("/act", {"act": "unexempt", **about, "id": "ex-1"}),
        ("/act", {"act": "accept-baseline", **about, "state": {"versioning": "Enabled"}}),
        ("/act", {"act": "reset-trust", **about, "case": "any"}),
        ("/act", {"act": "rearm", **about, "scope": "*"}),
        ("/act", {"act": "freeze", **about, "scope": decision.control, "for_seconds": 60}),
        ("/act", {"act": "unfreeze", **about, "scope": decision.control}),
    ]


# --------------------------------------------------------------------------------------- links


def token(dice: Random, decision: Decision) -> str:
    """A link's token, now and then of another claim, or spoiled."""
    choice = dice.choice(list(Choice))
    expires = dice.choice((decision.expires, decision.expires, "2020", "", "\u202e"))
    person = dice.choice(("link", "bob", "nobody", ""))
    claim = links.Claim(decision.id, choice, decision.before, person, "nonce", expires)
    made = links.sign(claim, KEY.encode())
    return mutated_text(dice, made) if dice.random() < 0.4 else made


@in_portions
def test_any_request_for_a_links_page_is_answered(
    decisions: list[Decision], handler: Callable[[str], Handler], portion: int
) -> None:
    handle = handler("reply")

    def once(dice: Random) -> None:
        held = token(dice, dice.choice(decisions)).encode(errors="replace").decode()
        form = f"t={quote_plus(held)}&answer={dice.choice(('revert', 'accept', 'x'))}"
        form = mutated_text(dice, form) if dice.random() < 0.3 else form
        if dice.random() < 0.5:
            request = event(dice.choice(("GET", "GET", "HEAD", "PUT")), form)
        else:
            body = b64encode(form.encode(errors="replace")).decode()
            kind = {"content-type": "application/x-www-form-urlencoded"}
            request = event("POST", headers=kind, body=body, isBase64Encoded=True)
        answered(handle, altered(dice, request))

    tried("links", portion, once)


@in_portions
def test_any_reply_by_sns_is_taken_or_refused(
    decisions: list[Decision], handler: Callable[[str], Handler], portion: int
) -> None:
    handle = handler("reply")

    def once(dice: Random) -> None:
        decision = dice.choice(decisions)
        said = {"decision": decision.id, "choice": "revert", "token": token(dice, decision)}
        words = " ".join((said["choice"], said["decision"], said["token"]))
        body = dice.choice((json.dumps(mutated(dice, said)), words))
        body = mutated_text(dice, body) if dice.random() < 0.3 else body
        assert handle({"Records": [{"Sns": {"Message": body}}]}) == {}

    tried("sns", portion, once, share=0.1)


# --------------------------------------------------------------------------------------- Slack


@in_portions
def test_any_request_of_slacks_is_answered(
    world: World,
    decisions: list[Decision],
    handler: Callable[[str], Handler],
    portion: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posted: list[str] = []

    def send(self: WebhookClient, *, text: str, **_: Any) -> WebhookResponse:
        text.encode()
        posted.append(self.url)
        return WebhookResponse(url=self.url, status_code=200, body="ok", headers={})

    monkeypatch.setattr(WebhookClient, "send", send)
    handle = handler("reply")
    sent = SentMessages(world.state)
    for decision in decisions:
        told = SentMessage(CHANNEL, "1.0", decision.version, decision.status)
        sent.keep(decision.id, told, world.clock.now())

    def once(dice: Random) -> None:
        payload = click(dice, dice.choice(decisions))
        payload = mutated(dice, payload) if dice.random() < 0.8 else payload
        body = "payload=" + quote_plus(json.dumps(payload), errors="replace")
        body = mutated_text(dice, body) if dice.random() < 0.2 else body
        body = body.encode(errors="replace").decode()
        headers = signed(body)
        request = event("POST", body=body, headers=headers)
        request["rawPath"] = "/slack"
        posted.clear()
        answered(handle, altered(dice, request))
        assert all(url.startswith("https://hooks.slack.com/") for url in posted), posted

    tried("slack", portion, once)


def click(dice: Random, decision: Decision) -> dict[str, Any]:
    """What Slack sends when somebody presses one of our buttons."""
    value = f"{decision.id}|{decision.before}|{dice.choice(('1d', '7d', '', 'x'))}"
    return {
        "type": "block_actions",
        "user": {"id": dice.choice(("U1", "U2", "U9")), "username": "somebody"},
        "channel": {"id": CHANNEL, "name": "security"},
        "response_url": "https://hooks.slack.com/actions/T1/1/abc",
        "trigger_id": str(junk(dice)),
        "actions": [
            {
                "type": "button",
                "action_id": dice.choice(sorted(blocks.ACTIONS)),
                "block_id": "b1",
                "value": value,
                "selected_option": {"value": value},
            }
        ],
    }
