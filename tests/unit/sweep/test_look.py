"""The sweep: what one resource hides from it, it still finds of all the others."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from driftguard.controls import control
from driftguard.documents import Document
from driftguard.model import Resource
from driftguard.state.baseline import baseline_of
from driftguard.state.keys import StateRecord, baseline_key, item_of
from driftguard.sweep.look import Swept, sweep
from tests.support.approving import cancelling
from tests.support.world import ACCOUNT, REGION, World

VERSIONING = "s3.versioning-suspended"


@pytest.fixture
def buckets(world: World) -> None:
    """Three buckets with versioning, listed in this order."""
    for name in ("anvils", "bombs", "cages"):
        boto3.client("s3").create_bucket(Bucket=name)
        boto3.client("s3").put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": "Enabled"}
        )


def named(name: str) -> Resource:
    return Resource("", name, ACCOUNT, REGION, f"arn:aws:s3:::{name}")


def swept(world: World) -> list[Swept]:
    return list(sweep(world.guard, REGION, only=[control(VERSIONING)]))


def is_recorded(world: World, name: str) -> bool:
    return baseline_of(world.state.record(baseline_key(VERSIONING, named(name)))) is not None


def outcomes(found: list[Swept]) -> list[tuple[str, str]]:
    return [(one.resource.id if one.resource else "", one.outcome) for one in found]


def test_a_bucket_that_lets_nobody_look_hides_no_other(
    world: World, buckets: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its policy denies everybody: whoever may write one could else keep all baselines from us."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def denying(client: BaseClient, operation: str, parameters: Any) -> Any:
        if operation == "GetBucketVersioning" and parameters["Bucket"] == "anvils":
            denied: Any = {"Error": {"Code": "AccessDenied", "Message": "explicit deny"}}
            raise ClientError(denied, operation)
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", denying)
    found = swept(world)
    expected = [("anvils", "failed"), ("bombs", "recorded"), ("cages", "recorded")]
    assert outcomes(found) == expected
    assert "s3:GetBucketVersioning" in found[0].detail
    assert is_recorded(world, "cages")


def test_a_note_that_cannot_be_read_hides_no_other(world: World, buckets: None) -> None:
    spoilt = item_of(StateRecord(baseline_key(VERSIONING, named("anvils")))) | {"doc": {"S": "{"}}
    boto3.client("dynamodb").put_item(TableName="state", Item=spoilt)
    found = swept(world)
    expected = [("anvils", "failed"), ("bombs", "recorded"), ("cages", "recorded")]
    assert outcomes(found) == expected
    assert (
        f"{baseline_key(VERSIONING, named('anvils'))[0]} arn:aws:s3:::anvils cannot be read"
        in found[0].detail
    )


def test_a_baseline_that_a_busy_table_did_not_take_is_not_called_unchanged(
    world: World, buckets: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelling(monkeypatch, "ThrottlingError", "None")
    found = swept(world)
    assert outcomes(found)[0] == ("anvils", "unread")
    assert "ThrottlingError" in found[0].detail


def test_a_baseline_of_another_shape_is_named_with_what_to_do(world: World, buckets: None) -> None:
    """As an earlier version of the control may have recorded it."""
    kept: Document = {"state": {}, "anchor": {}, "checked": world.guard.stamp()}
    world.state.write(StateRecord(baseline_key(VERSIONING, named("anvils")), kept))
    found = swept(world)
    expected = [("anvils", "failed"), ("bombs", "recorded"), ("cages", "recorded")]
    assert outcomes(found) == expected
    assert f"driftguard baseline accept {VERSIONING} arn:aws:s3:::anvils" in found[0].detail
