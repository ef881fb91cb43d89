"""`driftguard slack test`: each thing that can be wrong is named, with the way out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.desk import Desk
from driftguard.channels.slack.inbound import handle
from driftguard.policy.compiled import from_compiled
from driftguard_cli.main import app
from driftguard_cli.policy_file import loader
from tests.support import slack_stand_in
from tests.support.slack_stand_in import SIGNING_SECRET, TOKEN, SlackStandIn
from tests.support.world import World

SECRET = {"bot_token": TOKEN, "signing_secret": SIGNING_SECRET}
POLICY = """\
version: 1
people:
  - {name: alice, slack: [U0ALICE1]}
  - {name: bob, email: [bob@example.com]}
slack:
  routes:
    - {channel: C0URGENT1, min_severity: 70}
    - {channel: C0ALLOFIT}
"""


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with slack_stand_in.running() as standin:
        standin.rooms = {"C0URGENT1": {"U0ALICE1"}, "C0ALLOFIT": {"U0ALICE1"}}
        yield standin


@pytest.fixture
def tested(slack: SlackStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the test with a secret of a file; returns the verdict and the words of each check."""
    monkeypatch.setenv("SLACK_API_URL", f"{slack.url}/api")
    (tmp_path / "guard.yaml").write_text(POLICY)

    def run(*arguments: str, code: int = 0, **secret: str) -> dict[str, tuple[str, str]]:
        (tmp_path / "slack.json").write_text(json.dumps({**SECRET, **secret}))
        result = invoked(
            *("--secret-file", str(tmp_path / "slack.json")),
            *("--policy", str(tmp_path / "guard.yaml"), "--json"),
            *arguments,
        )
        assert result.exit_code == code, result.output
        assert SIGNING_SECRET not in result.output
        return {one["check"]: (one["verdict"], one["what"]) for one in json.loads(result.stdout)}

    return run


def invoked(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["slack", "test", *arguments])


def test_an_app_that_is_right_is_told_and_leaves_nothing(tested: Any, slack: SlackStandIn) -> None:
    found = tested()
    assert found["token"] == ("ok", "it is driftguard in the workspace Example")
    assert found["channel C0URGENT1"] == ("ok", "a test message was posted there, and deleted")
    assert found["channel C0ALLOFIT"][0] == "ok"
    assert found["person alice"] == ("ok", "U0ALICE1 is in C0URGENT1")
    assert found["signing secret"][0] == "look"
    assert "only a click shows" in found["signing secret"][1]
    assert slack.messages == []
    assert [one["user"] for one in slack.ephemeral] == ["U0ALICE1"]


def test_what_is_kept_has_a_button(tested: Any, slack: SlackStandIn) -> None:
    found = tested("--keep", "--no-members")
    assert found["channel C0ALLOFIT"] == ("ok", "a test message stands there: press its button")
    assert [one.channel for one in slack.messages] == ["C0URGENT1", "C0ALLOFIT"]
    assert set(slack.messages[0].buttons()) == {"driftguard.test"}
    assert not slack.ephemeral
    assert "person alice" not in found


@pytest.mark.parametrize(
    ("code", "way_out"),
    [
        ("invalid_auth", "copy it anew from OAuth & Permissions"),
        ("token_revoked", "install the app again"),
        ("account_inactive", "install it again"),
    ],
)
def test_a_token_that_slack_refuses_ends_the_test(
    tested: Any, slack: SlackStandIn, code: str, way_out: str
) -> None:
    slack.refuse(code)
    found = tested(code=1)
    assert found["token"][0] == "wrong"
    assert way_out in found["token"][1]
    assert set(found) == {"token", "signing secret"}
    assert slack.calls == ["auth.test"]


def test_a_token_of_another_kind_is_not_even_sent(tested: Any, slack: SlackStandIn) -> None:
    found = tested(code=1, bot_token="xoxp-a-person")
    assert found["token"] == (
        "wrong",
        "it does not begin with `xoxb-`: take the Bot User OAuth Token, no other one",
    )
    assert slack.calls == []


def test_a_missing_scope_is_named(tested: Any, slack: SlackStandIn) -> None:
    slack.scopes = "channels:read"
    found = tested(code=1)
    assert "add the bot scope chat:write" in found["token"][1]


def test_a_signing_secret_that_cannot_be_one_is_told(tested: Any) -> None:
    found = tested(code=1, signing_secret="xoxb-swapped")
    assert found["signing secret"][0] == "wrong"
    assert "32 letters and digits" in found["signing secret"][1]


def test_a_channel_that_is_not_there_does_not_hide_the_others(
    tested: Any, slack: SlackStandIn
) -> None:
    slack.rooms = {"C0ALLOFIT": {"U0ALICE1"}}
    found = tested(code=1)
    assert found["channel C0URGENT1"][0] == "wrong"
    assert "copy the id (C…) from the channel's details" in found["channel C0URGENT1"][1]
    assert found["channel C0ALLOFIT"][0] == "ok"
    assert found["person alice"] == ("ok", "U0ALICE1 is in C0ALLOFIT")


def test_a_person_whom_slack_does_not_know_there_is_named(tested: Any, slack: SlackStandIn) -> None:
    slack.rooms = {"C0URGENT1": set(), "C0ALLOFIT": set()}
    found = tested(code=1)
    assert found["person alice"][0] == "wrong"
    assert "U0ALICE1 is in none of the channels, or is no member id" in found["person alice"][1]


@pytest.mark.parametrize(
    ("scopes", "emails", "told"),
    [
        ("chat:write", {}, "with the bot scope users:read.email this test would look it up"),
        ("chat:write,users:read.email", {}, "Slack knows nobody by bob@example.com"),
        (
            "chat:write,users:read.email",
            {"bob@example.com": "U0BOB111"},
            "bob@example.com is U0BOB111: add `slack: [U0BOB111]`",
        ),
    ],
)
def test_somebody_without_a_member_id_is_looked_up_by_their_address(
    tested: Any, slack: SlackStandIn, scopes: str, emails: dict[str, str], told: str
) -> None:
    slack.scopes, slack.emails = scopes, emails
    verdict, what = tested()["person bob"]
    assert verdict == "look"
    assert what.startswith("the policy has no member id of theirs")
    assert told in what


def test_slack_that_does_not_answer_is_told(tested: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:9/api")
    found = tested(code=1)
    assert "Slack gave no answer to auth.test" in found["token"][1]


@pytest.mark.parametrize("content", ["{", "[]", '{"bot_token": "xoxb-SECRETVALUE"}'])
def test_a_file_that_holds_no_secrets_is_a_sentence_without_them(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "slack.json").write_text(content)
    result = invoked("--secret-file", str(tmp_path / "slack.json"))
    assert "must hold" in str(result.exception)
    assert "SECRETVALUE" not in str(result.exception)
    assert "cannot be read" in str(invoked("--secret-file", str(tmp_path / "none")).exception)


# ------------------------------------------------------------------- with the stack's own secrets


@pytest.fixture
def reply(world: World) -> Iterator[dict[str, str]]:
    """The reply function's URL in a stack with a Slack secret; a test may change what it holds."""
    held = {"signing_secret": SIGNING_SECRET}
    policy = from_compiled(loader.compiled(POLICY))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            answer = handle(
                dict(self.headers),
                body,
                desk=Desk(world.audit, world.state, policy, world.clock.now),
                commands=CommandQueue(lambda: world.guard.aws.client("sqs"), "none"),
                signing_secret=held["signing_secret"],
            )
            self.send_response(answer.status if self.path == "/slack" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    held["url"] = f"http://127.0.0.1:{server.server_port}/"
    held["arn"] = boto3.client("secretsmanager").create_secret(
        Name="driftguard/slack", SecretString=json.dumps(SECRET)
    )["ARN"]
    deploy(held["url"], held["arn"])
    yield held
    server.shutdown()
    server.server_close()


def deploy(url: str, arn: str) -> None:
    template = {
        "Parameters": {"SlackSecretArn": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {
            name: {"Value": value}
            for name, value in (("ReplyUrl", url), ("AuditTable", "audit"), ("StateTable", "state"))
        },
    }
    boto3.client("cloudformation").create_stack(
        StackName="driftguard",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "SlackSecretArn", "ParameterValue": arn}],
    )


@pytest.fixture
def of_stack(slack: SlackStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SLACK_API_URL", f"{slack.url}/api")
    (tmp_path / "guard.yaml").write_text(POLICY)
    return lambda: invoked("--policy", str(tmp_path / "guard.yaml"), "--json")


def signing_secret(result: Result) -> tuple[str, str]:
    (found,) = [one for one in json.loads(result.stdout) if one["check"] == "signing secret"]
    return found["verdict"], found["what"]


def test_the_function_takes_what_the_stacks_secret_signs(
    of_stack: Any, reply: dict[str, str]
) -> None:
    result = of_stack()
    assert result.exit_code == 0, result.output
    verdict, what = signing_secret(result)
    assert (verdict, what.split(";")[0]) == (
        "ok",
        f"{reply['url']}slack takes what is signed with it",
    )


def test_a_function_that_holds_another_secret_is_told(of_stack: Any, reply: dict[str, str]) -> None:
    reply["signing_secret"] = "0" * 32
    result = of_stack()
    assert result.exit_code == 1
    verdict, what = signing_secret(result)
    assert verdict == "wrong"
    assert "answered 401 to a request that is signed with it" in what


@pytest.mark.usefixtures("world")
def test_a_stack_without_slack_says_how_to_test_before() -> None:
    deploy("http://127.0.0.1:9/", "")
    assert "has no SlackSecretArn" in str(invoked().exception)
    assert "--secret-file" in str(invoked().exception)


@pytest.mark.usefixtures("world")
def test_a_secret_of_another_form_is_told() -> None:
    made = boto3.client("secretsmanager").create_secret(Name="s", SecretString="xoxb-SECRETVALUE")
    deploy("http://127.0.0.1:9/", made["ARN"])
    told = str(invoked().exception)
    assert "must be JSON with bot_token and signing_secret" in told
    assert "SECRETVALUE" not in told
