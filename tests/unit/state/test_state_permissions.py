"""What is read and written of the two tables, by who does it: no emulator knows leading keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import boto3
import pytest
from typer.testing import CliRunner

from driftguard.approvals import incidents
from driftguard.approvals.act import Act
from driftguard.approvals.releasing import said_of
from driftguard.channels.slack.sent import SentMessages
from driftguard.channels.told import ToldOnce
from driftguard.channels.topic import Topic
from driftguard.controls import control
from driftguard.documents import Document, Json
from driftguard.events.commands import (
    AcceptBaseline,
    Contain,
    JudgeAnew,
    LookAt,
    Release,
    Thaw,
    Undo,
    UndoRequested,
    command_of,
)
from driftguard.model import (
    Autonomy,
    Candidate,
    Certainty,
    Choice,
    Observation,
    Resource,
    Status,
    Vote,
)
from driftguard.sweep import overdue
from driftguard.sweep.look import sweep
from driftguard_cli.main import app
from tests.support.api_requests import BOB, Prompt
from tests.support.approving import Asked
from tests.support.doors import Door
from tests.support.guardrails.groups import open_group
from tests.support.iam.judge import Judge
from tests.support.queues import undo_requested
from tests.support.records import flat_ingress
from tests.support.slack_room import Room
from tests.support.slack_stand_in import running
from tests.support.world import ACCOUNT, REGION, World

UNTIL = "2999-01-01T00:00:00.000Z"


@pytest.fixture
def judge(world: World) -> Iterator[Judge]:
    """Judges what is read and written of the tables, as whoever `world.guard.aws` acts as."""
    with Judge().enforced() as judge:
        yield judge


def actions(judge: Judge) -> set[str]:
    """What was done with the tables, nothing of it refused."""
    assert judge.refused == []
    asked = {one.action for made in judge.made for one in made.asked}
    return {action for action in asked if action.startswith("dynamodb:")}


def keys(judge: Judge) -> set[str]:
    """The kinds of records that were named."""
    found = [one.context.get("dynamodb:leadingkeys", ()) for m in judge.made for one in m.asked]
    return {key.split("#")[0] for named in found for key in named}


@pytest.mark.parametrize("role", ["ReplyRole", "SignedApiRole"])
def test_who_takes_answers_may_read_and_write_what_they_teach(
    role: str, world: World, judge: Judge
) -> None:
    questions = [Asked(world, open_group(name)) for name in ("a", "b", "c")]
    judge.watch(world.guard.aws, role)
    assert questions[0].vote("bob").counted
    assert questions[1].vote("bob", "accept").counted
    assert questions[2].vote("bob", "accept", until=UNTIL).counted
    assert actions(judge) >= {"dynamodb:BatchGetItem", "dynamodb:PutItem"}


def test_who_takes_one_answer_to_an_incident_may_read_it_and_the_guard_too(
    world: World, judge: Judge
) -> None:
    first = Asked(world, open_group("a"))
    world.clock.pass_by(seconds=1)
    second = Asked(world, open_group("b"))
    found = incidents.found(world.audit, world.state, second.decision.id)
    assert found is not None
    assert [one.id for one in found.waiting] == [first.decision.id, second.decision.id]
    vote = Vote("bob", Choice.REVERT, "slack", "now", "")
    judge.watch(world.guard.aws, "ReplyRole")
    assert first.desk.contain(found.id, vote, found.fingerprint).counted
    judge.watch(world.guard.aws, "GuardRole")
    done = list(first.guard.contain(Contain(found.id), print))
    assert [one.status for one in done] == [Status.REVERTED] * 2

    judge.watch(world.guard.aws, "SignedApiRole")
    now = incidents.found(world.audit, world.state, found.id)
    assert now is not None
    said = {**said_of(now.releasable, now.id, "a mistake"), "act": "release"}
    act = Act("release", said, "bob", BOB, world.clock.now())
    sent: list[Mapping[str, Json]] = []
    reply = first.desk.acting.act(act, Prompt(lambda: boto3.client("sqs"), "", sent.append))
    assert reply.counted, reply.text
    judge.watch(world.guard.aws, "GuardRole")
    undone = list(first.guard.release(Release(found.id), print))
    assert [one.status for one in undone] == [Status.UNDONE] * 2
    assert "incident" in keys(judge)
    assert actions(judge) >= {"dynamodb:GetItem", "dynamodb:PutItem"}


def test_the_guard_may_read_and_write_what_it_decides_by(world: World, judge: Judge) -> None:
    judge.watch(world.guard.aws, "GuardRole")
    (decision,) = world.handle(flat_ingress(open_group("a"), 22, "0.0.0.0/0"))
    assert world.guard.undo(Undo(decision.id, "bob", "wrong")).status is Status.UNDONE
    assert "dynamodb:PutItem" in actions(judge)


def test_the_sweep_may_read_and_write_what_it_looks_at(world: World, judge: Judge) -> None:
    boto3.client("s3").create_bucket(Bucket="anvils")
    judge.watch(world.guard.aws, "SweepRole")
    found = list(sweep(world.guard, REGION, only=[control("s3.versioning-suspended")]))
    assert [one.outcome for one in found] == ["recorded"]
    assert "dynamodb:PutItem" in actions(judge)


def looked_at_again(world: World, judge: Judge) -> None:
    """The sweep comes upon what the guard has decided on before."""
    group = open_group("a")
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{group}"
    resource = Resource("ec2.security-group", group, ACCOUNT, REGION, arn)
    assert world.guard.look_at(LookAt("ec2.open-ingress", resource)) is not None
    judge.watch(world.guard.aws, "SweepRole")
    list(sweep(world.guard, REGION, only=[control("ec2.open-ingress")]))


def test_the_sweep_may_look_again_at_what_was_decided_on(world: World, judge: Judge) -> None:
    """12.15: from the second day on, every standing risk failed for want of BatchGetItem."""
    looked_at_again(world, judge)
    tables = {one.resource for made in judge.made for one in made.asked}
    assert judge.stack.arn("AuditTable") in tables
    assert "dynamodb:BatchGetItem" in actions(judge)


def test_the_guard_may_read_what_authorizes_a_command(world: World, judge: Judge) -> None:
    (decision,) = world.handle(flat_ingress(open_group("a"), 22, "0.0.0.0/0"))
    asked = undo_requested(world.audit, decision, "bob", "mine")
    judge.watch(world.guard.aws, "GuardRole")
    command = command_of(asked)
    assert isinstance(command, UndoRequested)
    assert world.guard.undo_requested(command).status is Status.UNDONE
    assert "dynamodb:Query" in actions(judge)


@pytest.mark.parametrize(
    "acted",
    [
        ("freeze", "--reason", "a move"),
        ("unfreeze", "--reason", "over"),
        ("exempt", "add", "ec2.open-ingress", "sg-1", "--for", "1d", "--reason", "a vendor"),
    ],
)
def test_the_signed_api_may_read_and_write_what_operators_ask_for(
    acted: tuple[str, ...], door: Door, world: World, judge: Judge
) -> None:
    judge.watch(world.guard.aws, "SignedApiRole")
    if acted[0] == "unfreeze":
        CliRunner().invoke(app, ["freeze", "--reason", "a move"])
    CliRunner().invoke(app, list(acted))
    assert "dynamodb:PutItem" in actions(judge)


def test_the_guard_may_find_and_judge_what_a_freeze_held_back(
    door: Door, world: World, judge: Judge
) -> None:
    door.api.post(BOB, "/act", act="freeze", reason="a move")
    world.handle(flat_ingress(open_group("a"), 22, "0.0.0.0/0"))
    lifted = door.api.post(BOB, "/act", act="unfreeze", reason="over")[1]["decision"]
    judge.watch(world.guard.aws, "GuardRole")
    sent: list[Document] = []
    world.guard.thaw(Thaw(lifted), sent.append)
    (judged,) = map(command_of, sent)
    assert isinstance(judged, JudgeAnew)
    assert world.guard.judge_anew(judged.decision) is not None
    assert "dynamodb:Query" in actions(judge)


def test_the_guard_may_write_the_baseline_that_an_operator_accepts(
    door: Door, world: World, judge: Judge
) -> None:
    boto3.client("s3").create_bucket(Bucket="wares")
    control_id, arn = "s3.versioning-suspended", "arn:aws:s3:::wares"
    bucket = Resource("s3.bucket", "wares", ACCOUNT, REGION, arn)
    candidate = Candidate(bucket, Certainty.POSSIBLE)
    state = control(control_id).observe(candidate, world.guard.aws.reader(ACCOUNT, REGION))
    assert state is not None
    door.api.post(
        BOB,
        "/act",
        act="accept-baseline",
        control=control_id,
        resource=arn,
        fingerprint=Observation(state, "").fingerprint(),
        reason="ours",
    )
    (sent,) = door.api.sent()
    command = command_of(dict(sent))
    assert isinstance(command, AcceptBaseline)
    judge.watch(world.guard.aws, "GuardRole")
    assert world.guard.accept_baseline(command).title == "Baseline accepted"
    assert "dynamodb:PutItem" in actions(judge)


# ------------------------------------------------------------------------------- channels


def test_the_publisher_may_read_and_write_what_its_topic_told(world: World, judge: Judge) -> None:
    sns = boto3.client("sns")
    topic = Topic(
        client=lambda: sns,
        arn=sns.create_topic(Name="decisions")["TopicArn"],
        policy=world.guard.policy,
        told=ToldOnce(world.state, "topic"),
        now=world.clock.now,
    )
    (decision,) = world.handle(flat_ingress(open_group("a"), 22, "0.0.0.0/0"))
    judge.watch(world.guard.aws, "PublishRole")
    assert topic.tell(decision).messages == 1
    assert actions(judge) == {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}


def test_slack_may_read_and_write_its_messages_and_storms(world: World, judge: Judge) -> None:
    with running() as slack:
        room = Room(world, slack)
        room.use(Autonomy.REVERT, digest_over=1)
        decisions = [room.decide() for _ in range(3)]
        judge.watch(world.guard.aws, "SlackRole")
        assert room.tell(*decisions) == ""
    assert "dynamodb:UpdateItem" in actions(judge)
    assert keys(judge) >= {"slack", "slack-rate", "slack-digest"}


def test_slack_may_read_the_other_requests_of_an_incidents_message(
    world: World, judge: Judge
) -> None:
    with running() as slack:
        room = Room(world, slack)
        first, second = room.decide(), room.decide()
        assert room.tell(first, second) == ""
        longer = replace(first, escalated=True)
        world.audit.append(longer, event="escalated", note="nobody voted")
        judge.watch(world.guard.aws, "SlackRole")
        assert room.tell(room.now(first)) == ""
        (message,) = slack.posted
        assert message.edits == 1
    assert "dynamodb:BatchGetItem" in actions(judge)
    assert "incident" in keys(judge)


def test_who_takes_clicks_may_see_the_message_and_remember_the_request(
    world: World, judge: Judge
) -> None:
    sent = SentMessages(world.state)
    judge.watch(world.guard.aws, "ReplyRole")
    assert sent.message("dg-1") is None
    assert sent.first_sight("abc", world.clock.now(), keep_seconds=60)
    assert actions(judge) == {"dynamodb:GetItem", "dynamodb:PutItem"}


def test_the_sweep_may_look_for_all_that_is_overdue(world: World, judge: Judge) -> None:
    judge.watch(world.guard.aws, "SweepRole")
    assert list(overdue.found(world.guard, lambda: 300.0)) == []
    assert actions(judge) >= {"dynamodb:Query"}
