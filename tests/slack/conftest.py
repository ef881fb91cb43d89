"""A stand-in for Slack, and a guard that asks there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.model import Autonomy, Decision
from driftguard.pipeline import Guard
from driftguard.policy import Person, Policy, Route, Terms
from driftguard.slack.client import Slack
from driftguard.slack.notes import Notes
from driftguard.slack.teller import Teller
from tests.conftest import World
from tests.records import flat_ingress
from tests.slack.standin import TOKEN, Message, SlackStandIn, running

CHANNEL = "C0SECURITY"
PEOPLE = (
    Person("alice", slack=("U0ALICE",), iam=("arn:aws:iam::123456789012:user/alice",)),
    Person("bob", slack=("U0BOB",)),
    Person("carol", slack=("U0CAROL",)),
)


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with running() as standin:
        yield standin


class Warnings:
    """A logger that a test reads."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def warning(self, msg: str, /, *args: object) -> None:
        self.told.append(msg % args)


class Room:
    """A guarded account whose decisions are told in Slack, from what its table recorded."""

    def __init__(self, world: World, slack: SlackStandIn) -> None:
        self.world, self.slack = world, slack
        self.log = Warnings()
        self.slept: list[float] = []
        self.use(Autonomy.ASK)

    def use(self, autonomy: Autonomy, *, digest_over: int = 10, **terms: Any) -> None:
        """Puts the guard on these terms."""
        self.guard: Guard = self.world.with_policy(
            lambda given: replace(
                given,
                autonomy={},
                default=autonomy,
                people=PEOPLE,
                approvals=(Terms(**terms),),
                routes=(Route(CHANNEL),),
                digest_over=digest_over,
            )
        )
        self.teller = Teller(
            slack=Slack(TOKEN, f"{self.slack.url}/api", sleep=self.slept.append),
            notes=Notes(self.world.state),
            audit=self.world.audit,
            policy=self.guard.policy,
            logger=self.log,
            now=self.world.clock.now,
        )

    @property
    def policy(self) -> Policy:
        return self.guard.policy

    def group(self) -> str:
        """A new security group that is open to the world."""
        ec2 = boto3.client("ec2")
        group = str(
            ec2.create_security_group(GroupName=f"web-{self._next()}", Description="web")["GroupId"]
        )
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        return group

    def decide(self, **more: Any) -> Decision:
        """Somebody opens a group; what the guard decides about it."""
        (decision,) = self.guard.handle(flat_ingress(self.group(), 22, "0.0.0.0/0", **more))
        return decision

    def tell(self, *decisions: Decision) -> str:
        """Hands these decisions' projections to Slack's function as the stream would."""
        return self.teller.tell_all([record(one) for one in decisions])

    def message(self) -> Message:
        (message,) = self.slack.posted
        return message

    def now(self, decision: Decision) -> Decision:
        found = self.world.audit.get(decision.id)
        assert found is not None
        return found

    def _next(self) -> int:
        self._made = getattr(self, "_made", 0) + 1
        return self._made


def record(decision: Decision) -> dict[str, Any]:
    """The stream's record of a decision as the table holds it now."""
    key = {"pk": {"S": decision.id}, "sk": {"S": "decision"}}
    item = boto3.client("dynamodb").get_item(TableName="audit", Key=key)["Item"]
    sequence = f"{decision.id}-{decision.version:06d}"
    return {
        "eventID": sequence,
        "eventName": "MODIFY",
        "eventSource": "aws:dynamodb",
        "dynamodb": {"SequenceNumber": sequence, "NewImage": item},
    }


@pytest.fixture
def room(world: World, slack: SlackStandIn) -> Room:
    return Room(world, slack)
