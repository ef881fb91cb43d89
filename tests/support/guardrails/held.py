"""An account in moto in which a guardrail holds a change back, and what is recorded of that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import boto3

from driftguard.documents import Document
from driftguard.engine.guard import Guard
from driftguard.guardrails.guardrail import Check
from driftguard.model import Change, Decision
from driftguard.policy.bounds import Bounds
from driftguard.state.keys import StateRecord
from tests.support.guardrails.circumstances import name_of
from tests.support.records import flat_ingress
from tests.support.world import World

CONTROL = "ec2.open-ingress"
ACTOR = flat_ingress("sg-0", 22, "0.0.0.0/0").actor


@dataclass
class Held:
    """An account in which one guardrail speaks: the guard, and the change that it holds back."""

    world: World
    guard: Guard
    group: str = ""
    change: Change | None = None

    def within(self, **bounds: Any) -> None:
        self.policy(bounds=Bounds(**bounds))

    def policy(self, **changes: Any) -> None:
        self.guard = replace(self.guard, policy=replace(self.guard.policy, **changes))

    def remembers(self, key: tuple[str, str], document: Document) -> None:
        self.world.state.write(StateRecord(key, document))

    def tagged(self, **tags: str) -> None:
        listed = [{"Key": name, "Value": value} for name, value in tags.items()]
        boto3.client("ec2").create_tags(Resources=[self.group], Tags=listed)

    def decided(self) -> Decision:
        return self.world.one(self.change or opened(self.group), self.guard)


def opened(group: str, **more: Any) -> Change:
    """Alice opens the group to the world on port 22."""
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    return flat_ingress(group, 22, "0.0.0.0/0", **more)


def new_group(name: str) -> str:
    """A security group that lets nobody in."""
    made = boto3.client("ec2").create_security_group(GroupName=name, Description=name)
    return str(made["GroupId"])


def shows(world: World, decision: Decision, check: Check, why: str) -> None:
    """The reason stands wherever people look for it."""
    (ruling,) = [one for one in decision.rulings if one.guardrail == name_of(check)]
    assert ruling.reason.startswith(why)
    assert ruling.limit is decision.autonomy < decision.granted
    assert ruling.reason in decision.reason
    stored = world.audit.get(decision.id)
    assert stored is not None
    assert stored.rulings == decision.rulings
    (entry,) = world.audit.log(decision.id)
    assert (entry.event, entry.note) == ("decided", decision.reason)
