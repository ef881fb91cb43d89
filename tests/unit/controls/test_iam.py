"""iam.leaked-key: the key inactive, its sessions cut off, and both exactly back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from driftguard.controls.iam.leaked_key import REVOCATION
from driftguard.events.commands import Undo
from driftguard.model import Status
from tests.support.records import exposed_key, iam
from tests.support.world import World

DENY_MORE = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*",'
    '"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2020-01-01T00:00:00Z"}}}]}'
)


class User:
    """A user with two active keys."""

    def __init__(self, path: str = "/team/") -> None:
        self.iam = boto3.client("iam")
        self.iam.create_user(UserName="builder", Path=path)
        self.keys = [
            self.iam.create_access_key(UserName="builder")["AccessKey"]["AccessKeyId"]
            for _ in range(2)
        ]

    @property
    def statuses(self) -> dict[str, str]:
        found = self.iam.list_access_keys(UserName="builder")["AccessKeyMetadata"]
        return {one["AccessKeyId"]: one["Status"] for one in found}

    @property
    def inline(self) -> dict[str, Any]:
        names = self.iam.list_user_policies(UserName="builder")["PolicyNames"]
        return {
            name: self.iam.get_user_policy(UserName="builder", PolicyName=name)["PolicyDocument"]
            for name in names
        }

    def quarantine(self, version: str = "V3") -> Any:
        """What AWS does when it finds a key in public; returns the record of it."""
        name = f"AWSCompromisedKeyQuarantine{version}"
        self.iam.put_user_policy(UserName="builder", PolicyName=name, PolicyDocument=DENY_MORE)
        return iam(
            "AttachUserPolicy",
            {"userName": "builder", "policyArn": f"arn:aws:iam::aws:policy/{name}"},
        )


@pytest.fixture
def user(world: World) -> User:
    return User()


def test_the_exposed_key_goes_inactive_and_its_sessions_end(world: World, user: User) -> None:
    exposed, other = user.keys

    decision = world.one(exposed_key(exposed))

    assert decision.status is Status.REVERTED
    assert user.statuses == {exposed: "Inactive", other: "Active"}
    (statement,) = user.inline[REVOCATION]["Statement"]
    until = statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
    assert statement["Effect"] == "Deny"
    now = world.clock.now()
    assert timedelta(0) < datetime.fromisoformat(until) - now < timedelta(minutes=2)


def test_undo_restores_key_and_policies_exactly(world: World, user: User) -> None:
    exposed, other = user.keys
    decision = world.one(exposed_key(exposed))
    world.guard.undo(Undo(decision.id, "alice", "it was a test key"))
    assert user.statuses == {exposed: "Active", other: "Active"}
    assert user.inline == {}


def test_an_older_revocation_is_renewed_and_comes_back(world: World, user: User) -> None:
    user.iam.put_user_policy(UserName="builder", PolicyName=REVOCATION, PolicyDocument=DENY_MORE)
    before = user.inline
    decision = world.one(exposed_key(user.keys[0]))
    assert user.inline != before
    world.guard.undo(Undo(decision.id, "alice", ""))
    assert user.inline == before


@pytest.mark.parametrize("version", ["", "V2", "V3"])
def test_a_quarantined_user_loses_all_active_keys(world: World, user: User, version: str) -> None:
    decision = world.one(user.quarantine(version))
    assert decision.status is Status.REVERTED
    assert set(user.statuses.values()) == {"Inactive"}
    assert f"AWSCompromisedKeyQuarantine{version}" in user.inline


def test_a_quarantine_lifted_meanwhile_is_nothing_to_do(world: World, user: User) -> None:
    change = user.quarantine()
    user.iam.delete_user_policy(UserName="builder", PolicyName="AWSCompromisedKeyQuarantineV3")
    assert world.handle(change) == []
    assert set(user.statuses.values()) == {"Active"}


def test_other_policies_cost_no_look(world: World, user: User) -> None:
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert world.handle(iam("AttachUserPolicy", {"userName": "builder", "policyArn": arn})) == []


def test_a_key_deleted_meanwhile_is_nothing_to_do(world: World, user: User) -> None:
    key = user.keys[0]
    user.iam.delete_access_key(UserName="builder", AccessKeyId=key)
    assert world.handle(exposed_key(key)) == []
