"""A stand-in for Slack, and a guard that asks there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.slack_room import Room
from tests.support.slack_stand_in import SlackStandIn, running
from tests.support.world import World


@pytest.fixture
def room(world: World, slack: SlackStandIn) -> Room:
    return Room(world, slack)


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with running() as standin:
        yield standin
