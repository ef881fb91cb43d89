"""What is beyond a day's budget shares one message in Slack, which is kept up to date."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.channels import digest
from driftguard.model import Autonomy, Decision
from driftguard.state.keys import partition
from tests.support.observed import observed
from tests.support.slack_room import CHANNEL, Room
from tests.support.world import HERE
from tests.unit.state.test_junk import VALUES

every_junk = pytest.mark.parametrize("junk", VALUES, ids=str)


def recorded(room: Room, number: int, severity: int = 40) -> Decision:
    made = observed(number, severity=severity)
    return room.world.audit.append(made, event="decided", note="")


def test_in_slack_what_is_beyond_the_budget_shares_the_days_message(room: Room) -> None:
    room.use(Autonomy.ASK, digest_over=1000)
    room.teller = replace(room.teller, policy=replace(room.policy, notifications=2, notify_from=0))
    decisions = [recorded(room, number, number) for number in range(20)]
    room.tell(*decisions)
    room.tell(*decisions)
    room.tell(recorded(room, 99, 60))
    assert room.troubles == []
    alone, of_the_day = room.slack.posted
    shown = json.dumps(of_the_day.blocks)
    day = f"{room.world.clock.now():%Y-%m-%d}"
    assert f"20 more decisions on {day} that wait for no vote" in shown
    assert shown.index("key-99") < shown.index("key-19") < shown.index("key-18")
    assert "key-0" in json.dumps(alone.blocks)
    room.world.clock.pass_by(hours=24)
    room.tell(recorded(room, 200))
    assert len(room.slack.posted) == 3


@every_junk
def test_junk_in_slacks_budget_silences_nothing(room: Room, junk: dict[str, Any]) -> None:
    room.teller = replace(room.teller, policy=replace(room.policy, notifications=1, notify_from=0))
    now = room.world.clock.now()
    for kind, sort in (
        ("slack-rate", f"day {now:%Y-%m-%d}"),
        ("slack-digest", digest.of_the_day(now)),
    ):
        key = {"pk": {"S": partition(kind, HERE, CHANNEL)}, "sk": {"S": sort}}
        boto3.client("dynamodb").put_item(TableName="state", Item=key | junk)
    room.tell(recorded(room, 1), recorded(room, 2))
    assert room.troubles == []
    assert len(room.slack.posted) == 2
