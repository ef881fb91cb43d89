"""`driftguard redrive`: a change goes back; of a command only what the record says is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from driftguard.approvals.rules import UNDO_REQUESTED
from driftguard.events.commands import (
    CarryOut,
    Expire,
    UndoRequested,
    carry_out_message,
    command_of,
    look_message,
    undo_message,
)
from driftguard.model import Status
from driftguard_cli.main import app
from tests.support.api_requests import AtTheSignedApi
from tests.support.approving import Asked
from tests.support.audit import a_decision
from tests.support.doors import Door, served
from tests.support.world import World


class Stack:
    """A stack whose signed API answers, and its queues."""

    def __init__(self, door: Door) -> None:
        self.door, self.sqs = door, boto3.client("sqs")
        self.dead, self.changes = (
            self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("dead", "changes-1")
        )

    def park(self, body: Any, reason: str = "") -> None:
        attributes: Any = {"reason": {"DataType": "String", "StringValue": reason or "unknown"}}
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=self.dead, MessageBody=text, MessageAttributes=attributes)

    def redrive(self, *arguments: str) -> list[dict[str, str]]:
        result = CliRunner().invoke(app, ["redrive", "--json", *arguments])
        assert result.exit_code == 0, result.output
        found: list[dict[str, str]] = json.loads(result.stdout)["messages"]
        return found

    def put_back(self) -> list[str]:
        received = self.sqs.receive_message(QueueUrl=self.changes, MaxNumberOfMessages=10)
        return [message["Body"] for message in received.get("Messages", [])]

    def commanded(self) -> list[Any]:
        return [command_of(sent) for sent in self.door.api.sent()]


@pytest.fixture
def stack(world: World, group: str) -> Iterator[Stack]:
    door = Door(AtTheSignedApi(Asked(world, group)))
    with served(door, DeadLetterQueue="dead", ChangesQueue="changes-1"):
        yield Stack(door)


def test_a_change_is_put_back_as_it_was(stack: Stack) -> None:
    stack.park("{}", "Throttled: slow down")
    (shown,) = stack.redrive()
    assert (shown["kind"], shown["reason"]) == ("change", "Throttled: slow down")
    assert shown["outcome"] == "put back"
    assert stack.put_back() == ["{}"]
    assert stack.redrive() == []


def test_a_dry_run_shows_all_and_moves_nothing(stack: Stack) -> None:
    stack.park(carry_out_message("dg-1"))
    (shown,) = stack.redrive("--dry-run")
    assert (shown["kind"], shown["outcome"]) == ("command", "")
    assert json.loads(shown["body"]) == carry_out_message("dg-1")
    assert stack.put_back() == stack.commanded() == []


@pytest.mark.parametrize("entry", [1, 2, 99])
def test_a_forged_undo_in_the_dead_letter_queue_is_not_carried_out(
    stack: Stack, world: World, entry: int
) -> None:
    """12.2: anybody with sqs:SendMessage parked one, and the operator's redrive obeyed it."""
    decision = stack.door.asked.decision
    stack.park({**undo_message(decision.id, entry), "by": "carol", "reason": "mine"})
    (shown,) = stack.redrive()
    assert shown["outcome"].endswith("Nothing is left to do: the decision is asked.")
    assert stack.put_back() == stack.commanded() == []


def test_a_look_is_left_to_the_next_sweep(stack: Stack) -> None:
    resource = stack.door.asked.decision.candidate.resource
    stack.park(look_message("ec2.open-ingress", resource))
    (shown,) = stack.redrive()
    assert shown["outcome"] == "dropped: the next sweep finds again what it was about"
    assert stack.put_back() == stack.commanded() == []


def test_what_the_record_owes_is_commanded_anew(stack: Stack, world: World) -> None:
    """Lambda dead-letters where in the stream a batch stood, and not what it held."""
    now, hour = world.guard.stamp(), timedelta(hours=1)
    standing = [
        ("dg-approved", Status.APPROVED, ""),
        ("dg-overdue", Status.ASKED, world.guard.stamp(-hour)),
        ("dg-open", Status.ASKED, world.guard.stamp(hour)),
        ("dg-reverted", Status.REVERTED, ""),
    ]
    for id_, status, expires in standing:
        made = a_decision(id=id_, status=status, expires=expires, decided=now, updated=now)
        world.audit.append(replace(made, version=0, head=""), event="decided", note="")
    batch = {"requestContext": {}, "DDBStreamBatchInfo": {"shardId": "s", "batchSize": 3}}
    for _ in range(2):
        stack.park(batch)
    first, second = stack.redrive()
    assert first["outcome"] == "2 decisions followed up"
    assert second["outcome"] == "followed up with the batch before"
    assert set(stack.commanded()) == {CarryOut("dg-approved"), Expire("dg-overdue")}


def test_a_request_for_an_undo_that_was_lost_is_commanded_anew(stack: Stack, world: World) -> None:
    decision = stack.door.asked.decision
    reverted = world.audit.append(
        replace(decision, status=Status.REVERTED, done=1), event="reverted", note=""
    )
    requested = world.audit.append(reverted, event=UNDO_REQUESTED, note="mine", by="bob")
    stack.park(undo_message(decision.id, requested.version))
    stack.redrive()
    assert stack.commanded() == [UndoRequested(decision.id, requested.version)]
