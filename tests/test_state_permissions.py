"""What is read and written of the state table, by who does it: no emulator knows leading keys."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from typer.testing import CliRunner

from driftguard.controls import control
from driftguard.model import Status
from driftguard.sweep import sweep
from driftguard.verdicts import Undo
from driftguard_cli.main import app
from tests.audit.test_record_permissions import flat, statements_of
from tests.conftest import REGION, World
from tests.guardrails.conftest import group, open_group  # noqa: F401 - a fixture
from tests.records import flat_ingress
from tests.test_answers import Door, door  # noqa: F401 - a fixture
from tests.test_approvals import Asked

Touched = tuple[str, frozenset[str]]
UNTIL = "2999-01-01T00:00:00.000Z"


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> set[Touched]:
    """The keys of the state table that are read and written at once, with the action it takes."""
    seen: set[Touched] = set()
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(client: BaseClient, operation: str, parameters: Any) -> Any:
        seen.update(_of_the_state_table(operation, parameters))
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    return seen


def _of_the_state_table(operation: str, parameters: Any) -> Iterator[Touched]:
    if operation == "BatchGetItem":
        keys = parameters["RequestItems"].get("state", {}).get("Keys", [])
        yield "dynamodb:BatchGetItem", frozenset(key["pk"]["S"] for key in keys)
    if operation == "TransactWriteItems":
        puts = [one["Put"] for one in parameters["TransactItems"] if "Put" in one]
        for put in puts:
            if put["TableName"] == "state":
                yield "dynamodb:PutItem", frozenset([put["Item"]["pk"]["S"]])
    if operation == "GetItem" and parameters["TableName"] == "state":
        yield "dynamodb:GetItem", frozenset([parameters["Key"]["pk"]["S"]])


def may(role: str, action: str, keys: frozenset[str]) -> bool:
    """Whether one of a role's own statements lets it do this with these keys of the state table.

    Source: Service Authorization Reference, DynamoDB; IAM User Guide, "ForAllValues": all keys of a
    request have to match within the same statement.
    """
    return any(
        action in flat(one["Action"])
        and "StateTable.Arn" in flat(one["Resource"])
        and all(any(fnmatchcase(key, pattern) for pattern in leading(one)) for key in keys)
        for one in statements_of(role)
        if one["Effect"] == "Allow"
    )


def leading(statement: dict[str, Any]) -> list[str]:
    """The patterns that a statement's leading keys have to match."""
    condition = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    found: list[str] = condition.get("dynamodb:LeadingKeys", ["*"])
    return found


@pytest.mark.parametrize("role", ["ReplyRole", "ConsoleRole"])
def test_who_takes_answers_may_read_and_write_what_they_teach(
    role: str, world: World, touched: set[Touched]
) -> None:
    questions = [Asked(world, open_group(name)) for name in ("a", "b", "c")]
    touched.clear()
    assert questions[0].answer("bob").counted
    assert questions[1].answer("bob", "keep").counted
    assert questions[2].answer("bob", "keep", until=UNTIL).counted
    assert {action for action, _ in touched} >= {"dynamodb:BatchGetItem", "dynamodb:PutItem"}
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


@pytest.mark.parametrize(
    "acted",
    [
        ("freeze", "--reason", "a move"),
        ("exempt", "add", "ec2.open-ingress", "sg-1", "--for", "1d", "--reason", "a vendor"),
    ],
)
def test_the_console_may_read_and_write_what_operators_ask_for(
    acted: tuple[str, ...],
    door: Door,  # noqa: F811
    touched: set[Touched],
) -> None:
    touched.clear()
    CliRunner().invoke(app, list(acted))
    assert touched
    assert {one for one in touched if not may("ConsoleRole", *one)} == set()
