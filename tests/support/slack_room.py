"""A Slack channel in which the guard asks, and people who answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3

from driftguard.audit import decision_of
from driftguard.channels.channel import tell_all
from driftguard.channels.slack.client import Slack
from driftguard.channels.slack.sent import SentMessages
from driftguard.channels.slack.teller import Teller
from driftguard.engine.guard import Guard
from driftguard.model import Autonomy, Decision
from driftguard.policy.model import Person, Policy, Route, Terms
from tests.support.records import flat_ingress
from tests.support.slack_stand_in import TOKEN, Message, SlackStandIn
from tests.support.world import World

CHANNEL = "C0SECURITY"


PEOPLE = (
    Person("alice", slack=("U0ALICE",), iam=("arn:aws:iam::123456789012:user/alice",)),
    Person("bob", slack=("U0BOB",)),
    Person("carol", slack=("U0CAROL",)),
)


class Room:
    """A guarded account whose decisions are told in Slack, from what its table recorded."""

    def __init__(self, world: World, slack: SlackStandIn) -> None:
        self.world, self.slack = world, slack
        self.troubles: list[str] = []
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
                # One actor makes everything here.
                bounds=given.bounds._replace(
                    circuit_breaker=given.bounds.circuit_breaker._replace(actor=99)
                ),
            )
        )
        self.teller = Teller(
            slack=Slack(TOKEN, f"{self.slack.url}/api", sleep=self.slept.append),
            sent=SentMessages(self.world.state),
            audit=self.world.audit,
            policy=self.guard.policy,
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
        records = [record(decision) for decision in decisions]
        batch = [
            (found["dynamodb"]["SequenceNumber"], decision_of(found["dynamodb"]["NewImage"]))
            for found in records
        ]
        followed = tell_all([self.teller], batch)
        if followed.failed:
            self.troubles.append(followed.trouble)
        return followed.failed

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
