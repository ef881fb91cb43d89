"""Drives a lab from outside: boto3 against its two endpoints, `put_events`, and the command line.

Knows nothing of the code: what it relies on is what any user of the stack may rely on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import boto3
from botocore.config import Config

Seen = TypeVar("Seen")

DRIFTGUARD = str(Path(sys.executable).parent / "driftguard")
ROOT = Path(__file__).resolve().parents[2]

# A sweep on a slow machine takes longer than a minute, and a second one would find nothing new.
_LOCAL = Config(
    proxies={}, inject_host_prefix=False, read_timeout=300, retries={"total_max_attempts": 1}
)


class World:
    """A running lab: the guarded account, the pipeline, and an inbox for the decisions topic."""

    def __init__(self, lab: Mapping[str, Any]) -> None:
        self.lab = lab
        self.ec2 = self._client("ec2", "account_endpoint")
        self.s3 = self._client("s3", "account_endpoint")
        self.iam = self._client("iam", "account_endpoint")
        self.sts = self._client("sts", "account_endpoint")
        self.secrets = self._client("secretsmanager", "account_endpoint")
        self.events = self._client("events", "pipeline_endpoint")
        self.sqs = self._client("sqs", "pipeline_endpoint")
        self.lambdas = self._client("lambda", "pipeline_endpoint")
        self.sns = self._client("sns", "pipeline_endpoint")
        self.logs = self._client("logs", "pipeline_endpoint")
        self.dynamodb = self._client("dynamodb", "pipeline_endpoint")
        self._inbox = self._subscribed_queue()
        self._messages: list[dict[str, Any]] = []

    @property
    def account(self) -> str:
        return str(self.lab["account_id"])

    def physical(self) -> dict[str, str]:
        """The stack's resources: logical id → the name that they have here."""
        stacks = self._client("cloudformation", "pipeline_endpoint")
        found = stacks.describe_stack_resources(StackName="driftguard")["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}

    # ------------------------------------------------------------------------ what happens

    def send(self, source: str, kind: str, detail: Mapping[str, object]) -> None:
        """Puts an event on the bus, as the account's own services would."""
        entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
        answer = self.events.put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0, answer

    def record(
        self,
        service: str,
        name: str,
        request: Mapping[str, object],
        response: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """The CloudTrail record of an API call."""
        return {
            "eventVersion": "1.09",
            "userIdentity": {
                "type": "IAMUser",
                "principalId": "AIDAEXAMPLE",
                "arn": f"arn:aws:iam::{self.account}:user/mallory",
                "accountId": self.account,
                "accessKeyId": "AKIAEXAMPLE",
                "userName": "mallory",
            },
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "awsRegion": self.lab["region"],
            "sourceIPAddress": "198.51.100.23",
            "userAgent": "aws-cli/2.31.0",
            "requestParameters": request,
            "responseElements": response,
            "requestID": str(uuid4()),
            "eventID": str(uuid4()),
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": self.account,
            "eventCategory": "Management",
        }

    def api_call(self, service: str, name: str, request: Mapping[str, object]) -> None:
        """Sends the event of an API call."""
        self.send_record(service, self.record(service, name, request))

    def send_record(self, service: str, record: Mapping[str, object]) -> None:
        self.send(f"aws.{service}", "AWS API Call via CloudTrail", record)

    def send_records(self, service: str, records: Sequence[Mapping[str, object]]) -> None:
        """Sends the events of up to ten API calls at once."""
        entries = [
            {
                "Source": f"aws.{service}",
                "DetailType": "AWS API Call via CloudTrail",
                "Detail": json.dumps(record),
            }
            for record in records
        ]
        answer = self.events.put_events(Entries=entries)
        assert answer["FailedEntryCount"] == 0, answer

    # ----------------------------------------------------------------------- what is to see

    def log_group(self, function: str) -> str:
        """The log group that a function writes to."""
        made = self.lambdas.get_function_configuration(FunctionName=function)
        return str(made["LoggingConfig"]["LogGroup"])

    def decisions(self, resource: str) -> list[dict[str, str]]:
        """The decisions on a resource, by a part of its ARN."""
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self.lab["AuditTable"], ConsistentRead=True
        )
        return [
            {name: value["S"] for name, value in item.items() if "S" in value}
            for page in pages
            for item in page["Items"]
            if item["sk"]["S"] == "decision" and resource in item["resource"]["S"]
        ]

    def decision(self, resource: str, status: str, control: str = "") -> dict[str, str]:
        """The one decision on a resource (by one control), as soon as it has this status."""

        def found() -> list[dict[str, str]]:
            return [one for one in self.decisions(resource) if control in ("", one["control"])]

        def settled() -> bool:
            return [one["status"] for one in found()] == [status]

        eventually(settled, f"a decision on {resource} that is {status}", also=self.log_tail)
        [only] = found()
        return only

    def log(self, decision: str) -> list[str]:
        """The events in a decision's log, in order."""
        answer = self.dynamodb.query(
            TableName=self.lab["AuditTable"],
            KeyConditionExpression="pk = :pk AND begins_with(sk, :log)",
            ExpressionAttributeValues={":pk": {"S": decision}, ":log": {"S": "log#"}},
        )
        return [item["event"]["S"] for item in answer["Items"]]

    def messages(self, decision: str | None = None) -> list[dict[str, Any]]:
        """What the topic has said so far: all of it, or of a decision or seal."""
        while True:
            answer = self.sqs.receive_message(QueueUrl=self._inbox, MaxNumberOfMessages=10)
            if not answer.get("Messages"):
                break
            for one in answer["Messages"]:
                self._messages.append(json.loads(one["Body"]))
                self.sqs.delete_message(QueueUrl=self._inbox, ReceiptHandle=one["ReceiptHandle"])
        return [
            one for one in self._messages if decision is None or f'"{decision}"' in one["Message"]
        ]

    def dead_lettered(self, body: str) -> dict[str, str] | None:
        """The attributes of the message in the dead-letter queue whose body contains this."""
        answer = self.sqs.receive_message(
            QueueUrl=self.lab["DeadLetterQueue"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        )
        for one in answer.get("Messages", []):
            if body in one["Body"]:
                return {
                    name: value["StringValue"]
                    for name, value in one.get("MessageAttributes", {}).items()
                }
        return None

    def log_tail(self) -> str:
        """The end of the pipeline's log, for a test that fails."""
        log = Path(self.lab["folder"]) / "ministack.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-40:])

    # ------------------------------------------------------------------------ the command line

    def driftguard(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Any:
        """Runs a command with `--json` against the lab and returns what it printed.

        It runs as somebody else where an environment says so.
        """
        done = run(*arguments, "--json", environment=environment or self.lab["environment"])
        assert done.returncode == 0, done.stderr or done.stdout
        return json.loads(done.stdout)

    def _client(self, service: str, endpoint: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.lab[endpoint],
            region_name=self.lab["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=_LOCAL,
        )

    def _subscribed_queue(self) -> str:
        queue: str = self.sqs.create_queue(QueueName=f"inbox-{uuid4()}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.sns.subscribe(
            TopicArn=self.lab["DecisionsTopic"],
            Protocol="sqs",
            Endpoint=arn["Attributes"]["QueueArn"],
        )
        return queue


def run(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the `driftguard` command in the checkout."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [DRIFTGUARD, *arguments],
        cwd=ROOT,
        env={**plain, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def eventually(
    look: Callable[[], Seen | None],
    what: str,
    *,
    within: float = 30.0,
    also: Callable[[], str] = lambda: "",
) -> Seen:
    """What `look` sees, as soon as it sees something."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(0.1)
    raise AssertionError(f"did not see {what} within {within:.0f} s\n{also()}")


def seconds_until(look: Callable[[], object], what: str, **more: Any) -> float:
    """How long it took until `look` saw something."""
    began = time.monotonic()
    eventually(look, what, **more)
    return time.monotonic() - began
