"""Requests to the signed API and the link page, as API Gateway hands them on."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import boto3

from driftguard.approvals.command_queue import CommandQueue
from driftguard.channels.http import Request
from driftguard.channels.signed_api import SignedApi
from driftguard.documents import Json
from driftguard.engine.guard import Guard
from driftguard.engine.intake import Intake
from tests.support.approving import Asked
from tests.support.queues import command_message, queues


@dataclass
class Log:
    """Keeps what a logger is told."""

    lines: list[str] = field(default_factory=list)

    def warning(self, msg: str, /, *args: object) -> None:
        self.lines.append(msg % args)


def event(method: str, query: str = "", **more: Any) -> dict[str, Any]:
    """A function URL's event, as AWS makes it."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/answer",
        "rawQueryString": query,
        "headers": {"host": "x.lambda-url.us-east-1.on.aws", **more.pop("headers", {})},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "x",
            "domainName": "x.lambda-url.us-east-1.on.aws",
            "http": {
                "method": method,
                "path": "/answer",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "Mozilla/5.0",
            },
            "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
            "stage": "$default",
            "timeEpoch": 1583348638390,
        },
        "isBase64Encoded": False,
        **more,
    }


BOB = "arn:aws:iam::123456789012:user/bob"


@dataclass(frozen=True, slots=True)
class Prompt(CommandQueue):
    """A queue of commands whose guard takes each at once."""

    take: Callable[[Mapping[str, Json]], object] = print

    def send(self, command: Mapping[str, Json], *, after: timedelta = timedelta()) -> None:
        self.take(command)


class AtTheSignedApi:
    """An approval request, and callers that IAM has verified."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.log = asked, Log()
        self.queue = boto3.client("sqs").create_queue(QueueName="changes")["QueueUrl"]
        commands = CommandQueue(lambda: boto3.client("sqs"), self.queue)
        self.api = SignedApi(asked.desk, commands, self.log)

    def obeyed_at_once(self, guard: Guard | None = None) -> None:
        """From now on, a guard takes each command as it is sent."""
        intake = Intake(guard or self.asked.world.guard, queues(), logging.getLogger("guard"))

        def take(command: Mapping[str, Json]) -> None:
            opened = intake.opened(command_message(dict(command)))
            if opened.trouble is not None:
                raise opened.trouble
            intake.take(opened)

        commands = Prompt(lambda: boto3.client("sqs"), self.queue, take)
        self.api = replace(self.api, commands=commands)

    def post(self, caller: str, path: str = "/answer", **said: Any) -> tuple[int, dict[str, Any]]:
        """What a caller gets; the request's decision, state and a revert unless said otherwise."""
        shown = {
            "decision": self.asked.decision.id,
            "fingerprint": self.asked.decision.before,
            "choice": "revert",
        }
        return self.send(caller, path, json.dumps(shown | said))

    def send(self, caller: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
        made = event("POST", body=body, headers={"content-type": "application/json"})
        made["rawPath"] = path
        if caller:
            made["requestContext"]["authorizer"] = {
                "iam": {
                    "accessKey": "AKIAEXAMPLE",
                    "accountId": "123456789012",
                    "callerId": "AIDAEXAMPLE",
                    "cognitoIdentity": None,
                    "principalOrgId": "o-example",
                    "userArn": caller,
                    "userId": "AIDAEXAMPLE",
                }
            }
        response = self.api.handle(Request.from_event(made))
        return response.status, json.loads(response.body)

    def sent(self) -> list[dict[str, str]]:
        received = boto3.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [json.loads(one["Body"]) for one in received.get("Messages", [])]
