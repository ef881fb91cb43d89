"""A console over real HTTP, before an account in moto."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from tests.support.api_requests import AtTheSignedApi
from tests.support.approving import Asked
from tests.support.console import Visitor, visited
from tests.support.doors import Door, served
from tests.support.world import World


@pytest.fixture
def door(world: World, group: str) -> Iterator[Door]:
    """A stack with the outputs that the checks of its health read."""
    outputs = {
        "DecisionsTopic": boto3.client("sns").create_topic(Name="decisions")["TopicArn"],
        "DeadLetterQueue": boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"],
    }
    with served(Door(AtTheSignedApi(Asked(world, group))), **outputs) as door:
        yield door


@pytest.fixture
def stranger(door: Door) -> Iterator[Visitor]:
    """Somebody on this machine who has only the port."""
    with visited() as visitor:
        yield visitor


@pytest.fixture
def visitor(stranger: Visitor) -> Visitor:
    """The one who has been let in."""
    return stranger.enter()
