"""A guarded account in moto, and a record of every request that reached it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

import boto3
from house import template
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from driftguard_cli.commands.lab.environment import ACCOUNT_ID, REGION, credentials

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

_TABLE = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


@dataclass
class Recorder:
    """Passes requests on and notes which operation each one asks for."""

    application: Application
    operations: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        self.operations.append(_operation(environ, body))
        return self.application(environ, start_response)


def _operation(environ: dict[str, Any], body: bytes) -> str:
    """The operation's name, from a JSON request's header or from a form's `Action`."""
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return target.rpartition(".")[2]
    asked = parse_qs(body.decode("utf-8", "replace")).get("Action")
    return asked[0] if asked else f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


class _Silent(WSGIRequestHandler):
    """Answers without a line on stderr for each request."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        pass


@dataclass(frozen=True)
class Account:
    """The account, where it listens, and what was asked of it."""

    endpoint: str
    recorder: Recorder

    def client(self, service: str) -> Any:
        made_up = {name.lower(): value for name, value in credentials().items() if "_KEY" in name}
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, **made_up)  # type: ignore[call-overload]

    def make_tables(self) -> dict[str, str]:
        """The guard's tables, as the template makes them. Returns what the guard is told."""
        for name, resource in template()["Resources"].items():
            if resource["Type"] == "AWS::DynamoDB::Table":
                made = {
                    key: resource["Properties"][key]
                    for key in _TABLE
                    if key in resource["Properties"]
                }
                self.client("dynamodb").create_table(TableName=name, **made)
        queue = self.client("sqs").create_queue(QueueName="DeadLetterQueue")["QueueUrl"]
        return {
            "AUDIT_TABLE": "AuditTable",
            "STATE_TABLE": "StateTable",
            "GRANTING_ROLE_ARN": f"arn:aws:iam::{ACCOUNT_ID}:role/granting",
            "CONTAINMENT_ROLE_ARN": f"arn:aws:iam::{ACCOUNT_ID}:role/containment",
            "OWN_ROLE_ARNS": f"arn:aws:iam::{ACCOUNT_ID}:role/remediator",
            "REMEDIATOR_ROLE_ARN": f"arn:aws:iam::{ACCOUNT_ID}:role/remediator",
            "CHANGES_QUEUE_URL": queue,
            "COMMANDS_QUEUE_URL": queue,
            "COMMANDS_QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:commands",
            "DEAD_LETTER_QUEUE_URL": queue,
            "DEAD_LETTER_KEY_SECRET": "dead-letter-key",
            "ACCOUNT_ID": ACCOUNT_ID,
            "AUTONOMY_CEILING": "revert",
            "ADVISORIES": "",
            "SALT_SECRET": "driftguard-salt",
            "REPLY_FUNCTION_ARN": "arn:aws:lambda:us-east-1:123456789012:function:driftguard-reply",
        }

    def open_group(self, name: str) -> str:
        """A new security group with 443 for everybody, SSH from inside, and SSH for everybody."""
        ec2 = self.client("ec2")
        group: str = ec2.create_security_group(GroupName=name, Description="web")["GroupId"]
        for port, cidr in ((443, "0.0.0.0/0"), (22, "10.0.0.0/8"), (22, "0.0.0.0/0")):
            ec2.authorize_security_group_ingress(
                GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr
            )
        return group

    def sources(self, group: str) -> set[tuple[int, str]]:
        """Whom the group lets in: port and range."""
        [found] = self.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
        return {
            (ip_permission["FromPort"], source["CidrIp"])
            for ip_permission in found["IpPermissions"]
            for source in ip_permission["IpRanges"]
        }

    @contextmanager
    def recorded(self) -> Iterator[list[str]]:
        """The operations asked for while the block lasts."""
        asked: list[str] = []
        before = len(self.recorder.operations)
        yield asked
        asked.extend(self.recorder.operations[before:])


@contextmanager
def running() -> Iterator[Account]:
    """An empty account on a free loopback port, in a thread of this process."""
    recorder = Recorder(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, recorder, threaded=True, request_handler=_Silent)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield Account(f"http://127.0.0.1:{server.server_port}", recorder)
    finally:
        server.shutdown()
        serving.join()
