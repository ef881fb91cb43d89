"""A channel's budget: what asks nothing of anybody is told one by one only so many times a day."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from driftguard.aws.calls import AwsError
from driftguard.channels import budget, digest
from driftguard.channels.channel import tell_all
from driftguard.channels.message import telling
from driftguard.channels.tally import Elsewhere
from driftguard.channels.told import ToldOnce
from driftguard.channels.topic import Topic
from driftguard.guardrails.guardrail import Guardrail
from driftguard.guardrails.registry import GUARDRAILS
from driftguard.model import Autonomy, Decision, Plan, Ruling, Status
from driftguard.state.keys import partition
from tests.support.observed import observed as decision
from tests.support.world import ACCOUNT, HERE, REGION, World
from tests.unit.state.test_junk import VALUES

every_junk = pytest.mark.parametrize("junk", VALUES, ids=str)


class Stand:
    """A topic with a budget, and who listens to it."""

    def __init__(self, world: World, a_day: int) -> None:
        self.world = world
        sns, self.sqs = boto3.client("sns"), boto3.client("sqs")
        self.inbox = self.sqs.create_queue(QueueName="inbox")["QueueUrl"]
        arn = sns.create_topic(Name="decisions")["TopicArn"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:inbox"
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
        self.topic = Topic(
            client=lambda: sns,
            arn=arn,
            policy=replace(
                world.guard.policy, notifications=a_day, notify_from=0, digest_over=1000
            ),
            told=ToldOnce(world.state, "topic"),
            now=world.clock.now,
        )

    def tell(self, *decisions: Decision) -> list[int]:
        return [self.topic.tell(one).messages for one in decisions]

    def heard(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while batch := self.sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for one in batch:
                found.append(json.loads(json.loads(one["Body"])["Message"]))
                self.sqs.delete_message(QueueUrl=self.inbox, ReceiptHandle=one["ReceiptHandle"])
        return found

    def an_hour_later(self) -> int:
        self.world.clock.pass_by(hours=1)
        return self.topic.tell_waiting()


def put(sort: str, name: str, junk: dict[str, Any]) -> None:
    key = {"pk": {"S": partition("told", HERE, name)}, "sk": {"S": sort}}
    boto3.client("dynamodb").put_item(TableName="state", Item=key | junk)


@pytest.mark.parametrize("status", list(Status))
def test_only_what_asks_nothing_and_did_nothing_takes_a_place(status: Status) -> None:
    told_only = status in (Status.OBSERVED, Status.EXEMPTED)
    assert budget.is_counted(decision(1, status)) is told_only


def test_half_of_the_day_is_kept_for_what_is_severe() -> None:
    assert [budget.places(severity, 5) for severity in (0, 69, 70, 100)] == [3, 3, 5, 5]
    assert budget.places(10, 1) == 1


def test_what_is_beyond_the_budget_is_told_in_one_digest_an_hour_the_most_severe_first(
    world: World,
) -> None:
    stand = Stand(world, 4)
    trifles = [decision(number, severity=number) for number in range(20)]
    severe = [decision(100 + number, severity=90) for number in range(3)]
    assert sum(stand.tell(*trifles)) == 2
    assert stand.tell(*severe) == [1, 1, 0]
    # Delivered again, nothing is told or counted again.
    assert sum(stand.tell(*trifles, *severe)) == 0
    assert len(stand.heard()) == 4
    assert stand.topic.tell_waiting() == 0

    assert stand.an_hour_later() == 1
    (told,) = stand.heard()
    assert told["count"] == 19
    assert told["statuses"] == {"observed": 19}
    named = [one["decision"] for one in told["decisions"]]
    assert named[:2] == [severe[2].id, trifles[19].id]
    assert len(named) == digest.NAMED
    assert stand.an_hour_later() == 0


def test_a_batch_says_how_many_of_it_wait_for_a_digest(world: World) -> None:
    stand = Stand(world, 2)
    batch = [(str(number), decision(number, severity=90)) for number in range(5)]
    followed = tell_all([stand.topic], batch)
    assert (followed.published, followed.over_budget, followed.failed) == (2, 3, "")
    again = tell_all([stand.topic], batch)
    assert (again.published, again.over_budget) == (0, 0)


def test_the_next_day_has_a_budget_of_its_own(world: World) -> None:
    stand = Stand(world, 2)
    assert stand.tell(decision(1), decision(2)) == [1, 0]
    world.clock.pass_by(hours=24)
    assert stand.tell(decision(3)) == [1]


def test_a_trifle_waits_for_the_digest_whatever_room_there_is(world: World) -> None:
    stand = Stand(world, 50)
    stand.topic = replace(stand.topic, policy=replace(stand.topic.policy, notify_from=30))
    assert stand.tell(decision(1, severity=29), decision(2, severity=30)) == [0, 1]
    assert stand.an_hour_later() == 1


def test_reverts_failures_and_questions_are_told_whatever_the_budget(world: World) -> None:
    stand = Stand(world, 1)
    stand.tell(*(decision(number) for number in range(5)))
    others = [status for status in Status if not budget.is_counted(decision(1, status))]
    assert stand.tell(*(decision(50 + at, status) for at, status in enumerate(others))) == [
        1 for _ in others
    ]


LEFT = Ruling("no-remediation", Autonomy.OBSERVE, "there is no safe remediation: Delete it.")


def only_for_people(number: int, severity: int = 90, **changes: Any) -> Decision:
    """A risk that the guard would have asked about, and that no plan takes back."""
    made = replace(decision(number, severity=severity), granted=Autonomy.ASK, rulings=(LEFT,))
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({}, False),
        ({"severity": 69}, True),
        ({"plan": Plan(())}, True),
        ({"granted": Autonomy.OBSERVE}, True),
        ({"rulings": (LEFT, Ruling("freeze", Autonomy.OBSERVE, "frozen"))}, True),
        ({"rulings": (LEFT, Ruling("retired", Autonomy.OBSERVE, "it is gone"))}, True),
        ({"rulings": (LEFT, Ruling("irreversible", Autonomy.ASK, "for good"))}, False),
        ({"status": Status.EXEMPTED}, True),
        # Asked about first, and observed once its remediation was lost: no ruling says so.
        ({"rulings": (), "severity": 5}, False),
    ],
)
def test_what_only_people_can_take_back_takes_no_place(
    changes: dict[str, Any], counted: bool
) -> None:
    assert budget.is_counted(only_for_people(1, **changes)) is counted


def test_one_guardrail_leaves_to_people_what_it_holds_back() -> None:
    left: list[Guardrail] = [one for one in GUARDRAILS if one.left_to_people]
    assert [one.name for one in left] == [LEFT.guardrail]


def test_decoys_do_not_hide_what_only_people_can_take_back(world: World) -> None:
    stand = Stand(world, 2)
    stand.tell(*(decision(number, severity=90) for number in range(20)))
    assert stand.tell(only_for_people(50)) == [1]


def test_the_newest_of_equals_is_named(world: World) -> None:
    stand = Stand(world, 0)
    decoys = [decision(number, severity=90) for number in range(digest.NAMED)]
    stand.tell(*decoys, real := decision(50, severity=90))
    stand.an_hour_later()
    (told,) = stand.heard()
    named = [one["decision"] for one in told["decisions"]]
    assert named == [one.id for one in (real, *reversed(decoys[1:]))]
    batch = digest.worst_first([decision(9, severity=95), *decoys, real])
    assert [one.id for one in batch[:3]] == [decision(9).id, real.id, decoys[-1].id]


def test_a_decision_takes_one_place_however_often_it_is_told_in_vain(world: World) -> None:
    stand = Stand(world, 2)
    topic = stand.topic
    stand.topic = replace(topic, arn=f"{topic.arn}-gone")
    for _ in range(5):
        with pytest.raises(AwsError):
            stand.tell(decision(1, severity=90))
    stand.topic = topic
    assert stand.tell(*(decision(number, severity=90) for number in (1, 2, 3))) == [1, 1, 0]


@pytest.mark.parametrize("reasons", ["None, TransactionConflict", "TransactionConflict, None"])
def test_whoever_meets_another_worker_at_the_count_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch, reasons: str
) -> None:
    stand = Stand(world, 2)

    def refused(**_: Any) -> None:
        raise AwsError(f"cancelled: [{reasons}]", code="TransactionCanceledException")

    monkeypatch.setattr(world.state.client, "transact_write_items", refused)
    with pytest.raises(Elsewhere):
        stand.tell(decision(1))


@every_junk
@pytest.mark.parametrize(
    ("name", "sort"), [("budget", "day"), ("waiting", "waiting"), ("waiting", "hour")]
)
def test_junk_in_the_state_table_stops_no_message(
    world: World, junk: dict[str, Any], name: str, sort: str
) -> None:
    stand = Stand(world, 1)
    now = world.clock.now()
    where = {"day": f"day {now:%Y-%m-%d}", "hour": f"{now:%Y-%m-%dT%H}:00:00Z"}.get(sort, sort)
    put(where, name, junk)
    decisions = [decision(number) for number in range(3)]
    sent = sum(stand.tell(*decisions))
    told = {one.get("decision") for one in stand.heard()}
    stand.an_hour_later()
    later = stand.heard()
    waiting = {one["decision"] for message in later for one in message.get("decisions", ())}
    unread = any("unread" in message for message in later)
    assert sent == len(told)
    assert unread or told | waiting == {one.id for one in decisions}


def test_what_is_counted_expires_by_itself(world: World) -> None:
    stand = Stand(world, 1)
    stand.tell(decision(1), decision(2))
    now = world.clock.now()
    stored = boto3.client("dynamodb").scan(TableName="state")["Items"]
    expires = {item["sk"]["S"]: item.get("expires") for item in stored}
    for sort in (f"day {now:%Y-%m-%d}", f"{now:%Y-%m-%dT%H}:00:00Z"):
        found = expires[sort]
        assert found is not None
        assert int(found["N"]) > (now + timedelta(days=1)).timestamp()


def held(number: int, **more: Any) -> Decision:
    """A preparation that people are told of first."""
    ruling = Ruling("preparation", Autonomy.OBSERVE, "nothing is lost yet")
    waits = {"next_try": "2026-11-24T12:30:01.000Z"} | more
    return replace(decision(number), granted=Autonomy.ASK, rulings=(ruling,), version=1, **waits)


def test_a_preparation_is_told_whatever_the_budget_and_its_end_is_no_news(world: World) -> None:
    stand = Stand(world, 0)
    assert stand.tell(decision(1), held(2)) == [0, 1]
    deferred = replace(held(2), version=2, next_try="2026-11-24T13:30:01.000Z")
    over = replace(held(2), version=3, next_try="", after="gone")
    assert stand.tell(deferred, over) == [0, 0]
    # Told again before a key's end, and asked about.
    again = replace(held(3), version=2, next_try="")
    asked = replace(held(2), version=2, next_try="", status=Status.ASKED, rulings=())
    assert stand.tell(again, asked) == [1, 1]


def test_a_preparation_is_told_with_when_it_is_looked_at_again() -> None:
    assert "looked at again at 2026-11-24 12:30:01 UTC" in telling.message(held(1)).timeout
