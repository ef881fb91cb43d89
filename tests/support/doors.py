"""The signed API on a free port of this machine, for the command line to speak to."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from click.testing import Result
from typer.testing import CliRunner

from driftguard_cli.main import app
from tests.support.api_requests import BOB, AtTheSignedApi
from tests.support.permitted import only_what_is_declared
from tests.support.world import REMEDIATOR

_SIGNED = re.compile(r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$")


class Door:
    """A function URL with AWS_IAM before a signed API: it checks each signature, as AWS does."""

    def __init__(self, api: AtTheSignedApi) -> None:
        self.api, self.asked = api, api.asked
        self.forbids = False

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if self.forbids or not self._signed(path, headers, body):
            return 403, {"Message": "Forbidden"}
        return self.api.send(BOB, path, body.decode())

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


@contextmanager
def served(door: Door, **more: str) -> Iterator[Door]:
    """A stack in moto, whose signed API answers on a free port; `more` are its other outputs."""

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
        "SignedApiFunction": "driftguard-signed-api",
        "SignedApiUrl": f"http://127.0.0.1:{server.server_port}/",
        **more,
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
    with only_what_is_declared():
        return CliRunner().invoke(app, given, input=typed, env={"COLUMNS": "200"})
