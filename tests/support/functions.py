"""The stack's functions in this process: each as Lambda starts it, each under its own role.

What carries messages between them on AWS (SQS, the table's stream, EventBridge Scheduler) is played
here; every call that a function makes is judged by its role's policies.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest

from driftguard.model import Autonomy
from driftguard.policy import compiled
from driftguard.policy.model import Person, Policy, Route, Terms
from tests.support.iam.judge import Judge
from tests.support.iam.template import Stack
from tests.support.slack_stand_in import SIGNING_SECRET, TOKEN, SlackStandIn
from tests.support.world import ROOT, shipped_policy, table_properties

ALICE = "arn:aws:iam::123456789012:user/alice"
BOB = "arn:aws:iam::123456789012:user/bob"
PEOPLE = (
    Person("alice", slack=("U1",), iam=(ALICE,)),
    Person("bob", slack=("U2",), iam=(BOB,)),
    Person("carol", slack=("U3",)),
)
CHANNEL = "C0SECURITY"
_INBOX = "inbox"


def asking() -> Policy:
    """A policy that asks people about everything, also in Slack."""
    return replace(
        shipped_policy(),
        autonomy={},
        default=Autonomy.ASK,
        people=PEOPLE,
        approvals=(Terms(),),
        routes=(Route(CHANNEL),),
    )


class Context:
    """What Lambda hands to a handler beside the event."""

    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 800_000


@dataclass
class Functions:
    """All functions of a stack, started, and what carries messages between them."""

    monkeypatch: pytest.MonkeyPatch
    slack: SlackStandIn
    judge: Judge
    _apps: dict[str, ModuleType] = field(default_factory=dict)
    _streamed: dict[str, str] = field(default_factory=dict)

    @property
    def stack(self) -> Stack:
        return self.judge.stack

    # ---------------------------------------------------------------------------- to invoke them

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """What a function answers, its calls judged."""
        given = {**self.stack.environment(function), "SLACK_API_URL": f"{self.slack.url}/api"}
        with pytest.MonkeyPatch.context() as patched:
            for name, value in {**given, "AWS_REGION": "us-east-1"}.items():
                patched.setenv(name, value)
            app = self._apps.get(function) or self._started(function)
            with self.judge.enforced():
                return app.handler(event, Context())

    def _started(self, function: str) -> ModuleType:
        path = ROOT / self.stack.functions[function]["CodeUri"] / "app.py"
        spec = spec_from_file_location(f"app_of_{function}", path)
        assert spec and spec.loader
        app = module_from_spec(spec)
        self.monkeypatch.setitem(sys.modules, spec.name, app)
        spec.loader.exec_module(app)
        self.judge.watch(app.aws, self.stack.role_of(function))
        self._apps[function] = app
        return app

    def change(self, event: Mapping[str, Any]) -> None:
        """EventBridge puts a change on its queue, and everything that follows happens."""
        self._send("ChangesQueue", json.dumps(event))
        self.settle()

    def settle(self) -> None:
        """Delivers until nothing is left to deliver: to the guard, and of the table's stream."""
        while any([self._delivered("ChangesQueue"), self._delivered("CommandsQueue")]) or (
            self._told()
        ):
            pass

    def timers(self) -> list[str]:
        """The messages of all timers, sent as Scheduler does at their deadline."""
        scheduler = boto3.client("scheduler")
        group = self.stack.physical("Timers")
        names = [one["Name"] for one in scheduler.list_schedules(GroupName=group)["Schedules"]]
        made = [scheduler.get_schedule(GroupName=group, Name=name)["Target"] for name in names]
        for target in made:
            queue = {"QueueUrl": self._url("CommandsQueue"), "MessageBody": target["Input"]}
            assert self.judge.judged("TimersRole", "sqs", "SendMessage", queue).refused == ""
            self._send("CommandsQueue", target["Input"])
        return names

    # ------------------------------------------------------------------------------- what people do

    def page(self, link: str, answer: str = "") -> Any:
        """Opens the page of a link; presses its button, where an answer is given."""
        asked = urlsplit(link)
        token = parse_qs(asked.query)["t"][0]
        body = {"body": urlencode({"t": token, "answer": answer})} if answer else {}
        return self.http(
            "ReplyFunction", "POST" if answer else "GET", "/answer", asked.query, **body
        )

    def api(self, caller: str, path: str, **said: Any) -> dict[str, Any]:
        """What the signed API answers somebody whom IAM has verified."""
        answer = self.http(
            "SignedApiFunction",
            *("POST", path),
            body=json.dumps(said),
            headers={"content-type": "application/json"},
            caller=caller,
        )
        told: dict[str, Any] = json.loads(answer["body"])
        return told

    def http(
        self,
        function: str,
        method: str,
        path: str,
        query: str = "",
        *,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        caller: str = "",
    ) -> dict[str, Any]:
        """What a function URL answers."""
        form = {"content-type": "application/x-www-form-urlencoded"}
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"host": "x.lambda-url.us-east-1.on.aws", **(headers or form)},
            "requestContext": {
                "domainName": "x.lambda-url.us-east-1.on.aws",
                "http": {"method": method, "path": path, "sourceIp": "203.0.113.7"},
                **({"authorizer": {"iam": {"userArn": caller}}} if caller else {}),
            },
            "body": body,
            "isBase64Encoded": False,
        }
        answer: dict[str, Any] = self.invoke(function, event)
        return answer

    # ------------------------------------------------------------------------------- what is there

    def decisions(self) -> dict[str, dict[str, str]]:
        """Every decision's string attributes, by its id."""
        return {
            item["pk"]["S"]: {name: value["S"] for name, value in item.items() if "S" in value}
            for item in self._projections()
        }

    def published(self) -> list[dict[str, Any]]:
        """What was published to the topic of decisions since the last look."""
        found = []
        while messages := self._received(_INBOX):
            found += [json.loads(json.loads(one["Body"])["Message"]) for one in messages]
        return found

    def dead_letters(self) -> list[dict[str, Any]]:
        """What could not be judged."""
        return self._received("DeadLetterQueue")

    def _projections(self) -> Iterator[dict[str, Any]]:
        table = self.stack.physical("AuditTable")
        for item in boto3.client("dynamodb").scan(TableName=table)["Items"]:
            if item["sk"]["S"] == "decision":
                yield item

    def _told(self) -> bool:
        """Hands to those who follow the stream what has changed in the table."""
        records = []
        for item in self._projections():
            id_, version = item["pk"]["S"], json.dumps(item, sort_keys=True, default=str)
            if self._streamed.get(id_) != version:
                self._streamed[id_] = version
                if item.get("tell", {}).get("BOOL"):
                    sequence = f"{id_}-{item['version']['N']}"
                    image = {"SequenceNumber": sequence, "NewImage": item}
                    records.append({"eventName": "MODIFY", "dynamodb": image})
        if records:
            for function in ("PublishFunction", "SlackFunction"):
                answer = self.invoke(function, {"Records": records})
                assert answer == {"batchItemFailures": []}, (function, self.judge.refused)
        return bool(records)

    def _delivered(self, queue: str) -> bool:
        """Hands to the guard what is in a queue."""
        messages = self._received(queue)
        records = [
            {
                "messageId": one["MessageId"],
                "body": one["Body"],
                "attributes": {"ApproximateReceiveCount": "1", "SenderId": "AROA:x"},
                "eventSourceARN": self.stack.arn(queue),
            }
            for one in messages
        ]
        if records:
            answer = self.invoke("GuardFunction", {"Records": records})
            assert answer == {"batchItemFailures": []}, self.judge.refused
        return bool(records)

    def _received(self, queue: str) -> list[dict[str, Any]]:
        sqs, url = boto3.client("sqs"), self._url(queue)
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=5).get("Messages", [])
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return list(found)

    def _send(self, queue: str, body: str) -> None:
        boto3.client("sqs").send_message(QueueUrl=self._url(queue), MessageBody=body)

    def _url(self, queue: str) -> str:
        known = queue in self.stack.resources
        return str(self.stack.resolved({"Ref": queue})) if known else queue


def started(
    monkeypatch: pytest.MonkeyPatch,
    slack: SlackStandIn,
    policy: Policy,
    text: str = "",
    secrets: Mapping[str, str] | None = None,
    more: Mapping[str, str] | None = None,
) -> Functions:
    """The stack in moto, made from the template or from another text of it.

    `secrets` are what those hold whose ARNs further parameters name; `more` are other parameters.
    """
    monkeypatch.setattr(compiled, "shipped", lambda: policy)
    secret = json.dumps({"bot_token": TOKEN, "signing_secret": SIGNING_SECRET})
    parameters = {
        "SlackSecretArn": _secret("slack", secret),
        "PublicBaseUrl": "https://vote.example",
        "SettlingSeconds": "0",
        **{name: _secret(name, held) for name, held in (secrets or {}).items()},
        **(more or {}),
    }
    plain = Stack(**({"text": text} if text else {}), parameters=parameters)
    names = {id_: _secret(id_, "x" * 64) for id_ in plain.of_type("AWS::SecretsManager::Secret")}
    stack = replace(plain, names=names)
    for queue in stack.of_type("AWS::SQS::Queue"):
        boto3.client("sqs").create_queue(QueueName=stack.physical(queue))
    for topic in stack.of_type("AWS::SNS::Topic"):
        boto3.client("sns").create_topic(Name=stack.physical(topic))
    inbox = boto3.client("sqs").create_queue(QueueName=_INBOX)["QueueUrl"]
    boto3.client("sns").subscribe(
        TopicArn=stack.arn("DecisionsTopic"),
        Protocol="sqs",
        Endpoint=stack.arn("ChangesQueue").rpartition(":")[0] + f":{_INBOX}",
    )
    assert inbox.endswith(_INBOX)
    boto3.client("scheduler").create_schedule_group(Name=stack.physical("Timers"))
    for name, id_ in (("audit", "AuditTable"), ("state", "StateTable")):
        boto3.client("dynamodb").create_table(
            TableName=stack.physical(id_), **table_properties()[name]
        )
    return Functions(monkeypatch, slack, Judge(stack))


def _secret(name: str, value: str) -> str:
    made = boto3.client("secretsmanager").create_secret(Name=name, SecretString=value)
    return str(made["ARN"])
