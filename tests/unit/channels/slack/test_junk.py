"""12.6: junk in the place of what Slack's items say silences nothing."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from driftguard.model import Autonomy
from driftguard.state.keys import partition
from tests.support.slack_room import CHANNEL, Room
from tests.support.world import HERE
from tests.unit.state.test_junk import VALUES

every_junk = pytest.mark.parametrize("junk", VALUES, ids=str)


def put(pk: str, sk: str, junk: dict[str, Any]) -> None:
    item = {"pk": {"S": pk}, "sk": {"S": sk}} | junk
    boto3.client("dynamodb").put_item(TableName="state", Item=item)


@every_junk
@pytest.mark.parametrize("in_a_storm", [False, True])
def test_where_a_decisions_message_is(room: Room, junk: dict[str, Any], in_a_storm: bool) -> None:
    room.use(Autonomy.ASK, digest_over=0 if in_a_storm else 10)
    decision = room.decide()
    put(partition("slack", HERE, decision.id), "all", junk)
    room.tell(decision)
    room.tell(decision)
    assert room.troubles == []
    assert len(room.slack.posted) == 1


@every_junk
def test_how_many_messages_there_were(room: Room, junk: dict[str, Any]) -> None:
    minute = f"{room.world.clock.now():%Y-%m-%dT%H:%M}"
    put(partition("slack-rate", HERE, CHANNEL), minute, junk)
    room.tell(room.decide())
    assert room.troubles == []
    assert len(room.slack.posted) == 1


@every_junk
def test_which_storm_is_on(room: Room, junk: dict[str, Any]) -> None:
    room.use(Autonomy.ASK, digest_over=0)
    put(partition("slack-digest", HERE, CHANNEL), "all", junk)
    room.tell(room.decide(), room.decide())
    assert room.troubles == []
    assert len(room.slack.posted) == 1


@every_junk
def test_what_a_storm_holds(room: Room, junk: dict[str, Any]) -> None:
    room.use(Autonomy.ASK, digest_over=0)
    first = room.decide()
    room.tell(first)
    began = room.teller.sent.tally.current(CHANNEL, room.world.clock.now())
    put(partition("slack-digest", HERE, CHANNEL), began, junk)
    room.world.clock.pass_by(seconds=1)
    room.tell(room.decide())
    room.tell(first)
    assert room.troubles == []
    assert len(room.slack.posted) >= 2
