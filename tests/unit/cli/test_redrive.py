"""`driftguard redrive`: a change goes back; of a command only what the record says is done.

12.2: and only where the guard itself has dead-lettered it, unless a person says `--untrusted`.
"""

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
from driftguard.aws.calls import Throttled
from driftguard.engine.dead_letters import CHANGES, COMMANDS, DeadLettered
from driftguard.events.commands import (
    MARK,
    AcceptBaseline,
    CarryOut,
    Expire,
    JudgeAnew,
    Thaw,
    UndoRequested,
    carry_out_message,
    command_of,
    look_message,
    thaw_message,
    undo_message,
)
from driftguard.model import Autonomy, Ruling, Status
from driftguard_cli.commands.redrive import Redriver, escaped
from driftguard_cli.main import app
from driftguard_cli.stack import Stack as Deployed
from tests.support.api_requests import AtTheSignedApi
from tests.support.approving import Asked
from tests.support.audit import a_decision
from tests.support.doors import Door, served
from tests.support.world import Fakes, World

KEY = b"k" * 64


class Stack:
    """A stack whose signed API answers, and its queues."""

    def __init__(self, door: Door) -> None:
        self.door, self.sqs = door, boto3.client("sqs")
        self.dead, self.changes = (
            self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("dead", "changes-1")
        )
        secrets = boto3.client("secretsmanager")
        secrets.create_secret(Name="dead-letter-key", SecretString=KEY.decode())

    def park(self, body: Any, reason: str = "unknown", key: bytes = KEY, **more: str) -> None:
        """Dead-letters a message as the guard does, signed with its key, with `more` attributes."""
        text = body if isinstance(body, str) else json.dumps(body)
        door = COMMANDS if MARK in text else CHANGES
        signed: Any = DeadLettered.of(text, "m-1", door, reason).attributes(key)
        for name, value in more.items():
            signed[name] = {"DataType": "String", "StringValue": value}
        self.sqs.send_message(QueueUrl=self.dead, MessageBody=text, MessageAttributes=signed)

    def left(self) -> int:
        """How many messages the dead-letter queue still has, received or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def redrive(self, *arguments: str) -> list[dict[str, Any]]:
        result = CliRunner().invoke(app, ["redrive", "--json", *arguments])
        assert result.exit_code == 0, result.output
        found: list[dict[str, Any]] = json.loads(result.stdout)["messages"]
        return found

    def put_back(self) -> list[str]:
        received = self.sqs.receive_message(QueueUrl=self.changes, MaxNumberOfMessages=10)
        return [message["Body"] for message in received.get("Messages", [])]

    def commanded(self) -> list[Any]:
        return [command_of(sent) for sent in self.door.api.sent()]


@pytest.fixture
def stack(world: World, group: str) -> Iterator[Stack]:
    door = Door(AtTheSignedApi(Asked(world, group)))
    outputs = {
        "DeadLetterQueue": "dead",
        "ChangesQueue": "https://sqs.example/1/changes-1",
        "CommandsQueue": "https://sqs.example/1/commands-1",
        "DeadLetterKey": "dead-letter-key",
    }
    with served(door, **outputs):
        yield Stack(door)


def test_a_change_is_put_back_as_it_was(stack: Stack) -> None:
    stack.park("{}", "Throttled: slow down")
    (shown,) = stack.redrive()
    assert (shown["kind"], shown["reason"]) == ("change", "Throttled: slow down")
    assert shown["outcome"] == "put back"
    assert stack.put_back() == ["{}"]
    assert stack.redrive() == []


@pytest.mark.parametrize(
    ("role", "how"),
    [
        ("arn:aws:iam::123456789012:role/driftguard-OperatorRole-1AB2C3", "role_arn = arn:aws:iam"),
        ("", "The stack's parameter OperatorArns names them"),
    ],
)
def test_who_is_refused_is_told_how_to_be_let_in(
    world: World, group: str, fakes: Fakes, role: str, how: str
) -> None:
    door = Door(AtTheSignedApi(Asked(world, group)))
    outputs = {"DeadLetterQueue": "dead", **({"OperatorRole": role} if role else {})}
    fakes.install({("sqs", "ReceiveMessage"): lambda _: {"Error": {"Code": "AccessDenied"}}})
    with served(door, **outputs):
        result = CliRunner().invoke(app, ["redrive"])
    assert result.exit_code == 1
    told = " ".join(str(result.exception or result.output).split())
    assert "lets only operators in" in told
    assert how in told


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
    nothing = f"Nothing is left to do before {decision.expires}: the decision is asked."
    assert shown["outcome"].endswith(nothing)
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
        ("dg-failed", Status.FAILED, ""),
    ]
    for id_, status, expires in standing:
        made = a_decision(id=id_, status=status, expires=expires, decided=now, updated=now)
        made = replace(made, resumable=status is Status.FAILED)
        world.audit.append(replace(made, version=0, head=""), event="decided", note="")
    batch = {"requestContext": {}, "DDBStreamBatchInfo": {"shardId": "s", "batchSize": 3}}
    for _ in range(2):
        stack.park(batch, key=b"")
    first, second = stack.redrive()
    assert first["outcome"] == "3 decisions followed up"
    assert second["outcome"] == "followed up with the batch before"
    # 12.11: a failed revert whose timer was never set was tried again by nobody.
    owed = {CarryOut("dg-approved"), Expire("dg-overdue"), CarryOut("dg-failed")}
    assert set(stack.commanded()) == owed


def test_what_cannot_be_handled_is_left_and_keeps_nothing_else_from_being_handled(
    stack: Stack, world: World, fakes: Fakes
) -> None:
    """What was handled before is told, too: it is gone from the queue."""
    decision = stack.door.asked.decision
    stack.park({"detail": "first"})
    stack.park(carry_out_message(decision.id))
    stack.park({"requestContext": {}, "DDBStreamBatchInfo": {"shardId": "s"}}, key=b"")
    stack.park({"detail": "last"})
    now = world.guard.stamp()
    for id_ in ("dg-one", "dg-two"):
        made = a_decision(id=id_, status=Status.APPROVED, decided=now, updated=now)
        world.audit.append(replace(made, version=0, head=""), event="decided", note="")
    stack.door.forbids = True
    result = CliRunner().invoke(app, ["redrive", "--json"])
    assert result.exit_code == 1
    shown = {one["kind"]: one["outcome"] for one in json.loads(result.stdout)["messages"]}
    assert shown["change"] == "put back"
    for kind in ("command", "stream"):
        assert shown[kind].startswith("left in the queue, because it could not be handled: ")
        assert "lambda:InvokeFunctionUrl" in shown[kind]
    assert "dg-one" in shown["stream"]
    assert "dg-two" in shown["stream"]
    assert len(stack.put_back()) == 2
    assert stack.left() == 2


def test_where_the_queue_gives_no_more_what_was_handled_is_told(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.park({"detail": "first"})
    received = Redriver._received
    batches = iter([1])

    def once(redriver: Redriver, queue: str) -> list[Any]:
        if next(batches, None) is None:
            raise Throttled("sqs:ReceiveMessage was throttled")
        return received(redriver, queue)

    monkeypatch.setattr(Redriver, "_received", once)
    result = CliRunner().invoke(app, ["redrive"])
    assert isinstance(result.exception, Throttled)
    assert "put back" in result.stdout
    assert "1 handled." in result.stdout


def test_a_request_for_an_undo_that_was_lost_is_commanded_anew(stack: Stack, world: World) -> None:
    decision = stack.door.asked.decision
    reverted = world.audit.append(
        replace(decision, status=Status.REVERTED, done=1), event="reverted", note=""
    )
    requested = world.audit.append(reverted, event=UNDO_REQUESTED, note="mine", by="bob")
    stack.park(undo_message(decision.id, requested.version))
    stack.redrive()
    assert stack.commanded() == [UndoRequested(decision.id, requested.version)]


# ------------------------------------------------------------------- what the stack has not signed


FORGED: dict[str, dict[str, Any]] = {
    "no signature": {"key": b""},
    "another key": {"key": b"x" * 64},
    "a signature of nothing": {"key": b"", "signature": "0" * 64},
    "another reason": {"reason": "mine", "signature": "0" * 64},
    "no ASCII": {"key": b"", "signature": "\u00e9"},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_what_the_stack_has_not_signed_is_left_in_the_queue(
    stack: Stack, forged: dict[str, Any]
) -> None:
    stack.park({"detail": {}}, **forged)
    (shown,) = stack.redrive()
    assert not shown["signed"]
    assert shown["outcome"].startswith("left in the queue")
    assert stack.put_back() == stack.commanded() == []
    assert stack.left() == 1


def test_a_signed_message_is_no_other_ones(stack: Stack) -> None:
    """The signature covers the message: it cannot be moved to another body."""
    signed: Any = DeadLettered.of("{}", "m-1", CHANGES, "unknown").attributes(KEY)
    stack.sqs.send_message(QueueUrl=stack.dead, MessageBody="[]", MessageAttributes=signed)
    (shown,) = stack.redrive()
    assert not shown["signed"]


def test_an_untrusted_message_is_a_change_at_most(stack: Stack, world: World) -> None:
    decision = stack.door.asked.decision
    for body in ({"detail": {}}, {**undo_message(decision.id, 1), "by": "carol"}):
        stack.park(body, key=b"")
    shown = {one["kind"]: one["outcome"] for one in stack.redrive("--untrusted")}
    assert shown["change"] == "put back"
    assert "Nothing is left to do before" in shown["command"]
    assert [json.loads(body) for body in stack.put_back()] == [{"detail": {}}]
    assert stack.commanded() == []
    assert stack.left() == 0


def test_a_message_that_came_as_a_change_is_a_change_whatever_it_says(stack: Stack) -> None:
    body = json.dumps(carry_out_message("dg-1"))
    signed: Any = DeadLettered.of(body, "m-1", CHANGES, "unknown").attributes(KEY)
    stack.sqs.send_message(QueueUrl=stack.dead, MessageBody=body, MessageAttributes=signed)
    (shown,) = stack.redrive()
    assert (shown["kind"], shown["outcome"]) == ("change", "put back")
    assert stack.put_back() == [body]


def test_a_command_that_is_no_json_is_dropped(stack: Stack) -> None:
    signed: Any = DeadLettered.of("not json", "m-1", COMMANDS, "unknown").attributes(KEY)
    stack.sqs.send_message(QueueUrl=stack.dead, MessageBody="not json", MessageAttributes=signed)
    (shown,) = stack.redrive()
    assert shown["outcome"] == "dropped: it is not JSON"


@pytest.mark.parametrize("key", [KEY, b""])
def test_origin_and_door_are_shown(stack: Stack, key: bytes) -> None:
    stack.park({"detail": {}}, key=key, RULE_ARN="arn:aws:events:us-east-1:123456789012:rule/r")
    (shown,) = stack.redrive("--dry-run")
    if key:
        assert (shown["origin"], shown["door"]) == ("the guard", CHANGES)
    else:
        assert shown["origin"].startswith("EventBridge, says the message: arn:aws:events:")
        assert shown["door"] == "unknown"


def test_what_sqs_moved_names_its_queue_and_door(stack: Stack, world: World) -> None:
    """It killed the guard five times: nobody could sign it. Source: Amazon SQS API Reference,
    "ReceiveMessage" (`DeadLetterQueueSourceArn`).
    """
    message = {
        "MessageId": "m-2",
        "Body": "{}",
        "Attributes": {
            "SenderId": "AIDAEXAMPLE",
            "DeadLetterQueueSourceArn": "arn:aws:sqs:us-east-1:123456789012:commands-1",
        },
    }
    redriver = Redriver(Deployed.named("driftguard"), dry_run=True, untrusted=False)
    letter = redriver.read(message)
    assert (letter.origin, letter.door) == ("SQS, which took it from commands-1", COMMANDS)
    assert not letter.signed


def test_a_terminal_shows_what_somebody_wrote_and_does_nothing_else_with_it(stack: Stack) -> None:
    nasty = "\x1b[2J\r\u202egnp.exe\x07\n[red]"
    stack.park(json.dumps({"a": nasty}, ensure_ascii=False) + nasty, reason=nasty, key=b"")
    result = CliRunner().invoke(app, ["redrive", "--dry-run"])
    assert result.exit_code == 0, result.output
    assert not set("\x1b\r\u202e\x07") & set(result.stdout)
    assert "\\x1b[2J\\r\\u202egnp.exe\\x07\\n[red]" in result.stdout
    assert "not signed by the stack" in result.stdout


def test_a_long_text_is_bounded_and_says_so() -> None:
    assert (
        escaped("x" * 5_000, 4_000) == "x" * 4_000 + " … and 1,000 characters more: --json has all"
    )
    assert escaped("x" * 10, 10) == "x" * 10


def test_a_left_message_is_shown_once(stack: Stack) -> None:
    """It becomes visible again while a long redrive still runs."""
    for number in range(12):
        stack.park({"n": number}, key=b"")
    assert len(stack.redrive()) == 12


CUSTOM_ACTION = {
    "detail-type": "Security Hub Findings - Custom Action",
    "source": "aws.securityhub",
    "detail": {"actionName": "x", "findings": [{"Id": "f-1"}, {"Id": "f-2"}, {"Id": "f-1"}]},
}


def invocation(event: dict[str, Any], message: str = "") -> dict[str, Any]:
    """What Lambda sends to an on-failure destination, as its Developer Guide shows it."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:driftguard-x:$LATEST"
    return {
        "version": "1.0",
        "timestamp": "2026-11-20T10:43:48.000Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-4f0c-8880-a18cdf61200e",
            "functionArn": arn,
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": message, "errorType": "AwsError"},
    }


INVOKED = {
    "of the function": (
        invocation(CUSTOM_ACTION, "securityhub:GetFindings was refused"),
        "securityhub:GetFindings was refused",
        'choose "Driftguard: revert" there for f-1, f-2',
    ),
    "of the rule": (
        CUSTOM_ACTION,
        "a function could not be invoked",
        'choose "Driftguard: revert" there for f-1, f-2',
    ),
    "a vote": (
        invocation({"Records": [{"Sns": {"Message": "revert dg-1 t"}}]}, "no answer"),
        "no answer",
        "if it is a vote, vote again",
    ),
    "another": (invocation({"x": 1}), "a function could not", "function:driftguard-x:$LATEST"),
}


@pytest.mark.parametrize(("body", "reason", "advice"), INVOKED.values(), ids=INVOKED)
def test_what_only_its_sender_can_repeat_is_told_in_words_and_never_put_back(
    stack: Stack, body: dict[str, Any], reason: str, advice: str
) -> None:
    """A custom action was put back among the changes, where the guard dead-lettered it again."""
    stack.sqs.send_message(QueueUrl=stack.dead, MessageBody=json.dumps(body))
    (shown,) = stack.redrive()
    assert shown["kind"] == "invocation"
    assert reason in shown["reason"]
    assert shown["outcome"].startswith("left in the queue, until --untrusted takes it out: only ")
    assert advice in shown["outcome"]
    assert stack.left() == 1


def test_what_only_its_sender_can_repeat_can_be_taken_out_of_the_queue(stack: Stack) -> None:
    stack.sqs.send_message(QueueUrl=stack.dead, MessageBody=json.dumps(invocation(CUSTOM_ACTION)))
    (shown,) = stack.redrive("--untrusted")
    assert shown["outcome"].startswith("dropped: only Security Hub can send it again: ")
    assert stack.put_back() == stack.commanded() == []
    assert stack.left() == 0


def test_what_a_lost_command_of_an_act_was_about_is_commanded_anew(
    stack: Stack, world: World
) -> None:
    """A baseline that was accepted, a freeze that ended, and what it held back."""
    held_back = (Ruling("freeze", Autonomy.OBSERVE, "frozen"),)
    now = world.guard.stamp()
    for id_, event, more in (
        ("dg-accepted", "accept-baseline", {"status": Status.NOTED}),
        ("dg-lifted", "unfreeze", {"status": Status.NOTED, "change_name": "unfreeze"}),
        ("dg-over", "freeze", {"status": Status.NOTED, "change_name": "freeze", "expires": now}),
        ("dg-on", "freeze", {"status": Status.NOTED, "change_name": "freeze"}),
        ("dg-held", "decided", {"status": Status.OBSERVED, "rulings": held_back}),
        ("dg-seen", "decided", {"status": Status.OBSERVED}),
    ):
        made = replace(a_decision(id=id_, decided=now, updated=now), **more)
        world.audit.append(replace(made, version=0, head=""), event=event, note="")
        stack.park(thaw_message(id_))
    stack.redrive()
    assert set(stack.commanded()) == {
        AcceptBaseline("dg-accepted", 1),
        Thaw("dg-lifted"),
        Thaw("dg-over"),
        JudgeAnew("dg-held"),
    }
