"""`driftguard approve|deny|keep`: shown first, then asked, then signed and sent over real HTTP."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from click.testing import Result
from typer.testing import CliRunner

from driftguard.model import Status
from driftguard_cli.main import app
from driftguard_cli.trouble import Trouble
from tests.conftest import REMEDIATOR, World
from tests.test_approvals import Asked, group, is_open  # noqa: F401 - a fixture
from tests.test_console import BOB, AtTheConsole

_SIGNED = re.compile(r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$")


class Door:
    """A function URL with AWS_IAM before a console: it checks each signature, as AWS does."""

    def __init__(self, console: AtTheConsole) -> None:
        self.console, self.asked = console, console.asked
        self.forbids = False

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if self.forbids or not self._signed(path, headers, body):
            return 403, {"Message": "Forbidden"}
        return self.console.send(BOB, path, body.decode())

    def _signed(self, path: str, headers: dict[str, str], body: bytes) -> bool:
        authorization = headers.get("Authorization", "")
        found = _SIGNED.search(authorization)
        if not found or "/us-east-1/lambda/aws4_request" not in authorization:
            return False
        wanted = {name: headers[name.title()] for name in found[1].split(";")}
        request = AWSRequest("POST", f"http://{headers['Host']}{path}", wanted, body)
        request.context["timestamp"] = headers["X-Amz-Date"]
        signer = SigV4Auth(boto3.Session().get_credentials(), "lambda", "us-east-1")
        text = signer.string_to_sign(request, signer.canonical_request(request))
        return bool(signer.signature(text, request) == found[2])


@pytest.fixture
def door(world: World, group: str) -> Iterator[Door]:  # noqa: F811
    with served(Door(AtTheConsole(Asked(world, group)))) as door:
        yield door


@contextmanager
def served(door: Door) -> Iterator[Door]:
    """A stack in moto, whose console answers on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            given = {name.title(): value for name, value in self.headers.items()}
            status, told = door.answer(self.path, given, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    outputs = {
        "AuditTable": "audit",
        "StateTable": "state",
        "RemediatorRole": REMEDIATOR,
        "ReplyFunction": "driftguard-reply",
        "ConsoleFunction": "driftguard-console",
        "ConsoleUrl": f"http://127.0.0.1:{server.server_port}/",
    }
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(
        StackName="driftguard", TemplateBody=json.dumps(template)
    )
    try:
        yield door
    finally:
        server.shutdown()
        server.server_close()


def told(door: Door, command: str, *arguments: str, typed: str = "") -> Result:
    """What a command says to bob, who types this when asked."""
    given = [command, door.asked.decision.id, *arguments]
    return CliRunner().invoke(app, given, input=typed, env={"COLUMNS": "200"})


def test_approving_shows_the_plan_asks_and_reverts(
    door: Door,
    group: str,  # noqa: F811
) -> None:
    result = told(door, "approve", "--reason", "a mistake", typed="y\n")
    assert result.exit_code == 0
    assert "ec2:RevokeSecurityGroupIngress" in result.stderr
    assert "so that the change is REVERTED?" in result.stderr
    assert result.stdout.endswith("Thank you: it is being reverted.\n")
    assert door.asked.carried_out().status is Status.REVERTED
    assert not is_open(group)


def test_who_does_not_confirm_answers_nothing(door: Door) -> None:
    result = told(door, "deny", typed="n\n")
    assert isinstance(result.exception, Trouble)
    assert str(result.exception) == "Nothing was answered."
    assert "so that the change STANDS?" in result.stderr
    assert door.asked.events() == [("decided", "guard")]


def test_keeping_for_a_while_says_until_when(door: Door) -> None:
    result = told(door, "keep", "--for", "2d", "--yes", "--json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert (said["verdict"], said["status"], said["person"]) == ("keep", "denied", "bob")
    assert said["text"].startswith("Thank you: the change stands until ")


def test_a_length_that_is_none_is_a_sentence(door: Door) -> None:
    result = told(door, "keep", "--for", "soon", "--yes")
    assert "`soon` is not a length of time like 30m, 24h or 7d" in str(result.exception)


def test_a_second_answer_is_told_what_was_decided(door: Door) -> None:
    told(door, "approve", "--yes")
    again = told(door, "deny")
    assert again.exit_code == 1
    assert again.stdout.startswith("already approved, by bob via console")


def test_whom_iam_does_not_let_in_is_told_which_permission_is_missing(door: Door) -> None:
    door.forbids = True
    result = told(door, "approve", "--yes")
    assert "lambda:InvokeFunctionUrl" in str(result.exception)
    assert door.asked.events() == [("decided", "guard")]
