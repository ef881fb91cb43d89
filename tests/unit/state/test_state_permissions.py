"""What is read and written of the two tables, by who does it: no emulator knows leading keys."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from typer.testing import CliRunner

from driftguard.channels.slack.sent import SentMessages
from driftguard.channels.told import ToldOnce
from driftguard.channels.topic import Topic
from driftguard.controls import control
from driftguard.events.commands import LookAt, Undo, UndoRequested, command_of
from driftguard.model import Autonomy, Resource, Status
from driftguard.sweep.look import sweep
from driftguard_cli.main import app
from tests.support.approving import Asked
from tests.support.doors import Door
from tests.support.guardrails.groups import open_group
from tests.support.queues import undo_requested
from tests.support.records import flat_ingress
from tests.support.slack_room import Room
from tests.support.slack_stand_in import running
from tests.support.template import flat, statements_of
from tests.support.world import ACCOUNT, REGION, World

# The table, the action, and the partition keys that a call names at once.
Touched = tuple[str, str, frozenset[str]]
TABLES = {"state": "StateTable", "audit": "AuditTable"}
UNTIL = "2999-01-01T00:00:00.000Z"


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> set[Touched]:
    """The keys of the tables that are read and written at once, with the action it takes."""
    seen: set[Touched] = set()
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(client: BaseClient, operation: str, parameters: Any) -> Any:
        seen.update(_of_the_tables(operation, parameters))
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    return seen


def _of_the_tables(operation: str, parameters: Any) -> Iterator[Touched]:
    if operation == "BatchGetItem":
        for table, asked in parameters["RequestItems"].items():
            keys = frozenset(key["pk"]["S"] for key in asked["Keys"])
            yield TABLES[table], "dynamodb:BatchGetItem", keys
    if operation == "Query" and parameters["TableName"] in TABLES:
        index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
        values = parameters["ExpressionAttributeValues"]
        keys = frozenset([values[":pk"]["S"]] if ":pk" in values and not index else [])
        yield TABLES[parameters["TableName"]] + index, "dynamodb:Query", keys
    if operation == "TransactWriteItems":
        for write in parameters["TransactItems"]:
            for kind, one in write.items():
                yield from _of_one_item(f"{kind}Item", one)
    yield from _of_one_item(operation, parameters)


def _of_one_item(operation: str, parameters: Any) -> Iterator[Touched]:
    if operation in ("GetItem", "PutItem", "UpdateItem") and parameters["TableName"] in TABLES:
        key = parameters["Item"] if operation == "PutItem" else parameters["Key"]
        table = TABLES[parameters["TableName"]]
        yield table, f"dynamodb:{operation}", frozenset([key["pk"]["S"]])


def may(role: str, table: str, action: str, keys: frozenset[str]) -> bool:
    """Whether one of a role's own statements lets it do this with these keys of the table.

    `table` is a logical id, with the index behind it: `AuditTable/index/by-day`.

    Source: Service Authorization Reference, DynamoDB; IAM User Guide, "ForAllValues": all keys of a
    request have to match within the same statement.
    """
    return any(
        action in flat(one["Action"])
        and any(fnmatchcase(_arn(table), arn) for arn in flat(one["Resource"]))
        and all(any(fnmatchcase(key, pattern) for pattern in leading(one)) for key in keys)
        for one in statements_of(role)
        if one["Effect"] == "Allow"
    )


def _arn(table: str) -> str:
    """A table's ARN as the template refers to it, or that of its index."""
    name, _, index = table.partition("/")
    return f"${{{name}.Arn}}/{index}" if index else f"{name}.Arn"


def leading(statement: dict[str, Any]) -> list[str]:
    """The patterns that a statement's leading keys have to match."""
    condition = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    found: list[str] = condition.get("dynamodb:LeadingKeys", ["*"])
    return found


@pytest.mark.parametrize("role", ["ReplyRole", "SignedApiRole"])
def test_who_takes_answers_may_read_and_write_what_they_teach(
    role: str, world: World, touched: set[Touched]
) -> None:
    questions = [Asked(world, open_group(name)) for name in ("a", "b", "c")]
    touched.clear()
    assert questions[0].vote("bob").counted
    assert questions[1].vote("bob", "accept").counted
    assert questions[2].vote("bob", "accept", until=UNTIL).counted
    actions = {action for _, action, _ in touched}
    assert actions >= {"dynamodb:BatchGetItem", "dynamodb:PutItem"}
    assert {one for one in touched if not may(role, *one)} == set()


def test_the_guard_may_read_and_write_what_it_decides_by(
    world: World, touched: set[Touched]
) -> None:
    touched.clear()
    (decision,) = world.handle(flat_ingress(open_group("a"), 22, "0.0.0.0/0"))
    assert world.guard.undo(Undo(decision.id, "bob", "wrong")).status is Status.UNDONE
    assert {one for one in touched if not may("GuardRole", *one)} == set()


def test_the_sweep_may_read_and_write_what_it_looks_at(world: World, touched: set[Touched]) -> None:
    boto3.client("s3").create_bucket(Bucket="anvils")
    touched.clear()
    found = list(sweep(world.guard, REGION, only=[control("s3.versioning-suspended")]))
    assert [one.outcome for one in found] == ["recorded"]
    assert {one for one in touched if not may("SweepRole", *one)} == set()


def test_the_sweep_may_look_again_at_what_was_decided_on(
    world: World, touched: set[Touched]
) -> None:
    """12.15: from the second day on, every standing risk failed for want of BatchGetItem."""
    group = open_group("a")
    only = [control("ec2.open-ingress")]
    resource = Resource(
        "ec2.security-group",
        group,
        ACCOUNT,
        REGION,
        f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{group}",
    )
    assert world.guard.look_at(LookAt("ec2.open-ingress", resource)) is not None
    touched.clear()
    list(sweep(world.guard, REGION, only=only))
    assert "AuditTable" in {table for table, _, _ in touched}
    assert {one for one in touched if not may("SweepRole", *one)} == set()


def test_the_guard_may_read_what_authorizes_a_command(world: World, touched: set[Touched]) -> None:
    (decision,) = world.handle(flat_ingress(open_group("a"), 22, "0.0.0.0/0"))
    asked = undo_requested(world.audit, decision, "bob", "mine")
    touched.clear()
    command = command_of(asked)
    assert isinstance(command, UndoRequested)
    assert world.guard.undo_requested(command).status is Status.UNDONE
    assert "dynamodb:Query" in {action for _, action, _ in touched}
    assert {one for one in touched if not may("GuardRole", *one)} == set()


@pytest.mark.parametrize(
    "acted",
    [
        ("freeze", "--reason", "a move"),
        ("exempt", "add", "ec2.open-ingress", "sg-1", "--for", "1d", "--reason", "a vendor"),
    ],
)
def test_the_signed_api_may_read_and_write_what_operators_ask_for(
    acted: tuple[str, ...],
    door: Door,
    touched: set[Touched],
) -> None:
    touched.clear()
    CliRunner().invoke(app, list(acted))
    assert touched
    assert {one for one in touched if not may("SignedApiRole", *one)} == set()


# ------------------------------------------------------------------------------- channels


def test_the_publisher_may_read_and_write_what_its_topic_told(
    world: World, touched: set[Touched]
) -> None:
    sns = boto3.client("sns")
    topic = Topic(
        client=lambda: sns,
        arn=sns.create_topic(Name="decisions")["TopicArn"],
        policy=world.guard.policy,
        told=ToldOnce(world.state, "topic"),
        now=world.clock.now,
    )
    (decision,) = world.handle(flat_ingress(open_group("a"), 22, "0.0.0.0/0"))
    touched.clear()
    assert topic.tell(decision).messages == 1
    assert {action for _, action, _ in touched} == {
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
    }
    assert {one for one in touched if not may("PublishRole", *one)} == set()


def test_slack_may_read_and_write_its_messages_and_storms(
    world: World, touched: set[Touched]
) -> None:
    with running() as slack:
        room = Room(world, slack)
        room.use(Autonomy.REVERT, digest_over=1)
        decisions = [room.decide() for _ in range(3)]
        touched.clear()
        assert room.tell(*decisions) == ""
    # The test reads the audit table in the stream's place, and no state record.
    of_slack = {one for one in touched if one[0] == "StateTable"}
    assert {key.split("#")[0] for _, _, keys in of_slack for key in keys} == {
        "slack",
        "slack-rate",
        "slack-digest",
    }
    assert {one for one in of_slack if not may("SlackRole", *one)} == set()


def test_who_takes_clicks_may_see_the_message_and_remember_the_request(
    world: World, touched: set[Touched]
) -> None:
    sent = SentMessages(world.state)
    touched.clear()
    assert sent.message("dg-1") is None
    assert sent.first_sight("abc", world.clock.now(), keep_seconds=60)
    assert len(touched) == 2
    assert {one for one in touched if not may("ReplyRole", *one)} == set()
