"""iam.leaked-key: the key inactive, its sessions cut off, and both exactly back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.iam.models import AccessKeyLastUsed, iam_backends

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.controls.iam.leaked_key import REVOCATION
from driftguard.events.commands import Undo
from driftguard.model import Status
from tests.support.approving import approved
from tests.support.aws_policies import aws_policy
from tests.support.records import exposed_key, iam
from tests.support.world import ACCOUNT, World

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
        policy = aws_policy(f"AWSCompromisedKeyQuarantine{version}")
        self.iam.attach_user_policy(UserName="builder", PolicyArn=policy)
        return iam("AttachUserPolicy", {"userName": "builder", "policyArn": policy})


@pytest.fixture
def user(world: World) -> User:
    return User()


def test_the_exposed_key_goes_inactive_and_its_sessions_end(world: World, user: User) -> None:
    exposed, other = user.keys
    user.quarantine()

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
    user.quarantine()
    decision = world.one(exposed_key(exposed))
    world.guard.undo(Undo(decision.id, "alice", "it was a test key"))
    assert user.statuses == {exposed: "Active", other: "Active"}
    assert user.inline == {}


def test_an_older_revocation_is_renewed_and_comes_back(world: World, user: User) -> None:
    user.iam.put_user_policy(UserName="builder", PolicyName=REVOCATION, PolicyDocument=DENY_MORE)
    before = user.inline
    user.quarantine()
    decision = world.one(exposed_key(user.keys[0]))
    assert user.inline != before
    world.guard.undo(Undo(decision.id, "alice", ""))
    assert user.inline == before


@pytest.mark.parametrize("version", ["", "V2", "V3"])
def test_kind_7_a_quarantine_that_names_no_key_is_a_question(
    world: World, user: User, version: str
) -> None:
    """Kind 7: of a user with two keys nobody says which of them leaked."""
    decision = world.one(user.quarantine(version))
    assert decision.status is Status.ASKED
    assert "not which of the keys" in decision.reason
    assert set(user.statuses.values()) == {"Active"}
    assert approved(world.guard, decision).status is Status.REVERTED
    assert set(user.statuses.values()) == {"Inactive"}


def test_kind_7_after_a_quarantine_only_the_key_that_health_names_goes_inactive(
    world: World, user: User
) -> None:
    """Kind 7: both arrive, the user's quarantine and the key's event."""
    exposed, other = user.keys
    world.handle(user.quarantine())
    assert world.one(exposed_key(exposed)).status is Status.REVERTED
    assert user.statuses == {exposed: "Inactive", other: "Active"}


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:policy/AWSCompromisedKeyQuarantineV3",
        f"arn:aws:iam::{ACCOUNT}:policy/aws/AWSCompromisedKeyQuarantine",
        "arn:aws:iam::999999999999:policy/AWSCompromisedKeyQuarantineV3",
        "arn:aws:iam::aws:policy/other/AWSCompromisedKeyQuarantineV3",
        "AWSCompromisedKeyQuarantineV3",
    ],
)
def test_kind_7_a_policy_of_that_name_which_is_not_awss_switches_nothing_off(
    world: World, user: User, arn: str
) -> None:
    """Kind 7, shipped: a customer's policy by the name of AWS's switched off both keys."""
    request = {"userName": "builder", "policyArn": arn}
    change = iam("AttachUserPolicy", request)
    assert list(control("iam.leaked-key").screen(change, NoSettings())) == []


def test_kind_7_an_inline_policy_of_that_name_is_the_customers_own(
    world: World, user: User
) -> None:
    """Kind 7: AWS attaches its policy; whoever may write inline policies can name one so."""
    name = "AWSCompromisedKeyQuarantineV3"
    user.iam.put_user_policy(UserName="builder", PolicyName=name, PolicyDocument=DENY_MORE)
    told = {"userName": "builder", "policyArn": f"arn:aws:iam::aws:policy/{name}"}
    assert world.handle(iam("AttachUserPolicy", told)) == []
    assert set(user.statuses.values()) == {"Active"}


@pytest.mark.parametrize(("days", "status"), [(0, "asked"), (89, "asked"), (91, "reverted")])
def test_kind_4_a_key_that_a_workload_uses_is_asked_about(
    world: World, user: User, days: int, status: str
) -> None:
    """Kind 4: IAM tells when the key was last used, and for what."""
    exposed, _ = user.keys
    user.quarantine()
    used = datetime.now(UTC) - timedelta(days=days)
    kept = iam_backends[ACCOUNT]["aws"].users["builder"].get_access_key_by_id(exposed)
    kept.last_used = AccessKeyLastUsed(used, "s3", "eu-west-1")
    decision = world.one(exposed_key(exposed))
    assert decision.status.value == status
    if status == "asked":
        assert "in use" in decision.reason and "for s3 in eu-west-1" in decision.reason


def test_a_claim_that_nothing_of_awss_corroborates_switches_no_key_off(
    world: World, user: User
) -> None:
    """12.1: a forged Health event made any user's key inactive."""
    exposed, _ = user.keys
    decision = world.one(exposed_key(exposed))
    assert decision.status is Status.ASKED
    assert "builder does not bear the quarantine policy" in decision.reason
    assert set(user.statuses.values()) == {"Active"}
    # AWS's mark may come after its event: what people approve is still the same.
    user.quarantine()
    assert approved(world.guard, decision).status is Status.REVERTED


def test_a_quarantine_lifted_meanwhile_is_nothing_to_do(world: World, user: User) -> None:
    change = user.quarantine()
    user.iam.detach_user_policy(UserName="builder", PolicyArn=change.request["policyArn"])
    assert world.handle(change) == []
    assert set(user.statuses.values()) == {"Active"}


def test_other_policies_cost_no_look(world: World, user: User) -> None:
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert world.handle(iam("AttachUserPolicy", {"userName": "builder", "policyArn": arn})) == []


def test_a_key_deleted_meanwhile_is_nothing_to_do(world: World, user: User) -> None:
    key = user.keys[0]
    user.iam.delete_access_key(UserName="builder", AccessKeyId=key)
    assert world.handle(exposed_key(key)) == []
