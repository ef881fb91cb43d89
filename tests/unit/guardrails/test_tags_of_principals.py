"""A user or a role that is protected by its tag is protected, though the tagging API knows neither.

moto's GetResources answers for IAM's roles and users, as AWS's does not; so the test forbids that.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.aws.tags import tags_of
from driftguard.model import Autonomy, Change, Resource, Status
from driftguard.policy.bounds import Bounds, Limit, Scope
from tests.support.records import change
from tests.support.world import ACCOUNT, REGION, World

PROTECTED = Bounds(protected=(Limit(Scope(tags={"env": "prod"}), Autonomy.ASK, "production"),))


@pytest.fixture(autouse=True)
def as_aws_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """GetResources finds nothing of IAM's users and roles."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def answered(client: BaseClient, operation: str, parameters: Any) -> Any:
        if operation == "GetResources":
            return {"ResourceTagMappingList": []}
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answered)


def made_an_administrator() -> Change:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    written = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    boto3.client("iam").put_user_policy(UserName="dora", PolicyName="all", PolicyDocument=written)
    request = {"userName": "dora", "policyName": "all", "policyDocument": written}
    return change("iam.amazonaws.com", "PutUserPolicy", request)


@pytest.mark.parametrize(("env", "status"), [("prod", Status.ASKED), ("test", Status.REVERTED)])
def test_a_user_is_protected_by_their_tag(world: World, env: str, status: Status) -> None:
    iam = boto3.client("iam")
    tags: Any = [{"Key": "env", "Value": env}]
    iam.create_user(UserName="dora", Tags=tags)
    guard = world.with_policy(
        lambda given: replace(given, autonomy={}, default=Autonomy.REVERT, bounds=PROTECTED)
    )
    found = [one.status for one in world.handle(made_an_administrator(), guard)]
    assert found == [status]


@pytest.mark.parametrize("tail", ["role/app", "role/app/inline", "user/dora", "user/dora/inline"])
def test_what_is_of_a_principal_has_its_tags(world: World, tail: str) -> None:
    tags: Any = [{"Key": f"t{number}", "Value": str(number)} for number in range(3)]
    iam = boto3.client("iam")
    iam.create_role(RoleName="app", AssumeRolePolicyDocument="{}", Tags=tags)
    iam.create_user(UserName="dora", Tags=tags)
    resource = Resource("", tail, ACCOUNT, REGION, f"arn:aws:iam::{ACCOUNT}:{tail}")
    read = tags_of(resource, world.guard.aws.reader(ACCOUNT, REGION))
    assert read == {"t0": "0", "t1": "1", "t2": "2"}


@pytest.mark.parametrize("tail", ["role/gone", "user/gone", "access-key/AKIA", "root"])
def test_who_is_gone_or_keeps_no_tags_has_none(world: World, tail: str) -> None:
    resource = Resource("", tail, ACCOUNT, REGION, f"arn:aws:iam::{ACCOUNT}:{tail}")
    assert tags_of(resource, world.guard.aws.reader(ACCOUNT, REGION)) == {}
