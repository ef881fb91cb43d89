"""Kind 1: what stood before a change is not that change's doing, and is at most asked about."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from driftguard.events.commands import LookAt
from driftguard.model import Autonomy, Decision, Resource, Status
from tests.support.records import s3
from tests.support.world import ACCOUNT, REGION, World

BUCKET = "wares"
ARN = f"arn:aws:s3:::{BUCKET}"
CONTROL = "s3.public-policy"


def everybody(sid: str, prefix: str) -> dict[str, Any]:
    resource = f"{ARN}/{prefix}/*"
    action = "s3:GetObject"
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
    }


@pytest.fixture
def bucket(world: World) -> None:
    boto3.client("s3").create_bucket(Bucket=BUCKET)


def written(world: World, *statements: dict[str, Any]) -> Decision:
    """The decision on a policy of these statements, just put."""
    policy = {"Version": "2012-10-17", "Statement": [*statements]}
    boto3.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    change = s3("PutBucketPolicy", {"bucketName": BUCKET, "bucketPolicy": policy})
    (decision,) = [made for made in world.handle(change) if made.control == CONTROL]
    return decision


def swept(world: World, *statements: dict[str, Any]) -> Decision:
    """The decision on a policy that nobody reported, found by the sweep."""
    policy = {"Version": "2012-10-17", "Statement": [*statements]}
    boto3.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    resource = Resource("s3.bucket", BUCKET, ACCOUNT, REGION, ARN)
    found = world.guard.look_at(LookAt(CONTROL, resource))
    assert found is not None
    return found


@pytest.mark.usefixtures("bucket")
def test_a_statement_that_the_sweep_has_found_is_not_the_next_changes_doing(world: World) -> None:
    """Somebody adds a statement to a policy that has been open for years."""
    old = swept(world, everybody("Old", "site"))
    assert old.status is Status.OBSERVED
    decision = written(world, everybody("Old", "site"), everybody("New", "files"))
    assert decision.status is Status.ASKED
    assert f"part of it stood before this change: {old.id}" in decision.reason


@pytest.mark.usefixtures("bucket")
def test_a_statement_under_another_name_is_the_same(world: World) -> None:
    swept(world, everybody("Old", "site"))
    assert written(world, everybody("Renamed", "site")).status is Status.ASKED


@pytest.mark.usefixtures("bucket")
def test_what_only_the_change_opened_is_reverted(world: World) -> None:
    swept(world, everybody("Old", "site"))
    assert written(world, everybody("New", "files")).status is Status.REVERTED


@pytest.mark.usefixtures("bucket")
def test_what_was_taken_back_is_new_where_it_is_there_again(world: World) -> None:
    first = written(world, everybody("New", "files"))
    again = written(world, everybody("New", "files"))
    assert (first.status, again.status) == (Status.REVERTED, Status.REVERTED)


@pytest.mark.usefixtures("bucket")
def test_people_may_still_have_all_of_it_reverted(world: World) -> None:
    swept(world, everybody("Old", "site"))
    decision = written(world, everybody("Old", "site"), everybody("New", "files"))
    assert decision.autonomy is Autonomy.ASK
    assert decision.plan.steps
