"""A person who says yes to what was asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from driftguard.approvals.act import RELEASE, Act
from driftguard.approvals.desk import Desk
from driftguard.approvals.releasing import asked, said_of
from driftguard.approvals.requester import Reply
from driftguard.engine.guard import Guard
from driftguard.events.commands import UndoRequested
from driftguard.model import Autonomy, Choice, Decision, Status, Vote
from driftguard.policy.model import Person, Terms
from tests.support.records import flat_ingress
from tests.support.world import World

BOB = Person("bob", slack=("U2",))


def approve(guard: Guard, decision: Decision) -> None:
    """Bob approves the revert; the guard has yet to carry it out."""
    policy = replace(guard.policy, people=(*guard.policy.people, BOB))
    desk = Desk(guard.audit, guard.state, policy, guard.now)
    yes = Vote(BOB.name, Choice.REVERT, "slack", "now", decision.before)
    reply = desk.vote(decision.id, yes)
    assert reply.counted, reply.text


def approved(guard: Guard, decision: Decision) -> Decision:
    """What becomes of a request once Bob has approved the revert, and the guard carried it out."""
    approve(guard, decision)
    return guard.carry_out(decision.id)


def released(world: World, guard: Guard, decision: Decision) -> Decision:
    """What becomes of a decision once Bob has released its incident, which is this one alone."""
    said = said_of([decision], decision.id, "a drill")
    act = Act(RELEASE, said, BOB.name, "arn", world.clock.now())
    ended, event = asked(act, decision)
    ended = replace(ended, updated=guard.stamp())
    written = world.audit.append(ended, event=event, note="a drill", by=BOB.name)
    return guard.undo_requested(UndoRequested(decision.id, written.version))


def last_of(world: World) -> Decision:
    """The only decision in the table: of a worker that raised, and so returned none."""
    items = boto3.client("dynamodb").scan(TableName=world.audit.name)["Items"]
    (found,) = {item["pk"]["S"] for item in items}
    decision = world.audit.get(found)
    assert decision is not None
    return decision


MALLORY = "arn:aws:iam::123456789012:user/alice"  # who makes the changes in these tests


PEOPLE = (
    Person("alice", slack=("U1",), iam=(MALLORY,), email=("alice@example.com",)),
    Person("bob", slack=("U2",), iam=("arn:aws:iam::123456789012:user/bob",)),
    Person("carol", slack=("U3",), iam=("arn:aws:sts::123456789012:assumed-role/sso/carol",)),
)


def asking(world: World, **terms: Any) -> Guard:
    """A guard that asks about everything, on these terms."""
    return world.with_policy(
        lambda given: replace(
            given,
            autonomy={},
            default=Autonomy.ASK,
            people=PEOPLE,
            approvals=(Terms(**terms),),
        )
    )


def unreadable(monkeypatch: pytest.MonkeyPatch, *decisions: str) -> None:
    """Lets DynamoDB be out of order when one of these decisions is read by its id."""
    original = BaseClient._make_api_call

    def answered(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation in ("GetItem", "BatchGetItem"):
            said = str(parameters)
            if any(decision in said for decision in decisions):
                error = {"Code": "InternalServerError", "Message": "out of order"}
                raise ClientError({"Error": error}, operation)
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answered)


def open_up(group: str, port: int) -> None:
    """Open this port of a security group to the internet."""
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0"
    )


def is_open(group: str) -> bool:
    (found,) = boto3.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return bool(found["IpPermissions"])


class Asked:
    """An approval request, and ways to vote on it. `nobody`: the policy names no people."""

    def __init__(self, world: World, group: str, **terms: Any) -> None:
        nobody = terms.pop("nobody", False)
        self.world, self.guard = world, asking(world, **terms)
        if nobody:
            self.guard = replace(self.guard, policy=replace(self.guard.policy, people=()))
        (self.decision,) = self.guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
        assert self.decision.status is Status.ASKED
        self.desk = Desk(world.audit, world.state, self.guard.policy, world.clock.now)

    def vote(self, person: str, choice: str = "revert", **more: Any) -> Reply:
        given = Vote(person, Choice(choice), "slack", "now", self.decision.before)
        return self.desk.vote(self.decision.id, replace(given, **more))

    def carried_out(self) -> Decision:
        return self.guard.carry_out(self.decision.id)

    def events(self) -> list[tuple[str, str]]:
        return [(one.event, one.by) for one in self.world.audit.log(self.decision.id)]


def cancelling(patch: pytest.MonkeyPatch, *reasons: str) -> None:
    """DynamoDB cancels the next transaction for these reasons, as it words them."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    left = [
        f"Transaction cancelled, please refer cancellation reasons for specific reasons "
        f"[{', '.join(reasons)}]"
    ]

    def answered(client: BaseClient, operation: str, parameters: Any) -> Any:
        if operation == "TransactWriteItems" and left:
            code: Any = {"Code": "TransactionCanceledException", "Message": left.pop()}
            raise ClientError({"Error": code}, operation)
        return original(client, operation, parameters)

    patch.setattr(BaseClient, "_make_api_call", answered)
