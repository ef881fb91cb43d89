"""Every partition key names its kind, account and region; every item names its format."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from driftguard.model import Place, Resource
from driftguard.state import baseline, freezes
from driftguard.state.item_format import FORMAT
from driftguard.state.keys import (
    StateRecord,
    anomaly_baseline_key,
    baseline_key,
    baseline_log_key,
    circuit_breaker_key,
    exemptions_key,
    freeze_keys,
    history_key,
    item_of,
    named_by,
    overdue_key,
    partition,
    record_of,
    rollout_key,
    round_key,
    trust_key,
)
from tests.support.world import ACCOUNT, HERE, World

CONTROL = "s3.versioning-suspended"
BUCKET = Resource("s3.bucket", "wares", ACCOUNT, "eu-west-1", "arn:aws:s3:::wares")
ROLE = Resource("iam.role", "admin", ACCOUNT, "", f"arn:aws:iam::{ACCOUNT}:role/admin")
ABOUT_THE_GUARD = [
    *freeze_keys(HERE, ACCOUNT, CONTROL),
    circuit_breaker_key(HERE),
    exemptions_key(HERE, CONTROL),
    anomaly_baseline_key(HERE, ACCOUNT, CONTROL),
    trust_key(HERE, CONTROL),
    rollout_key(HERE, CONTROL, "v1"),
    overdue_key(HERE),
    round_key(HERE),
]
ABOUT_A_RESOURCE = [
    baseline_key(CONTROL, BUCKET),
    baseline_log_key(CONTROL, BUCKET, 1),
    history_key(CONTROL, BUCKET),
]


@pytest.mark.parametrize("key", ABOUT_THE_GUARD)
def test_what_is_about_the_guard_carries_where_it_stands(key: tuple[str, str]) -> None:
    assert key[0].split("#")[1:3] == [HERE.account, HERE.region]


@pytest.mark.parametrize("key", ABOUT_A_RESOURCE)
def test_what_is_about_a_resource_carries_where_that_is(key: tuple[str, str]) -> None:
    assert key[0].split("#")[1:3] == [ACCOUNT, "eu-west-1"]


def test_a_resource_without_a_region_is_in_region_global() -> None:
    assert history_key(CONTROL, ROLE)[0] == f"history#{ACCOUNT}#global#{CONTROL}"


def test_no_two_kinds_of_record_share_a_partition() -> None:
    partitions = {key[0] for key in (*ABOUT_THE_GUARD, *ABOUT_A_RESOURCE)}
    assert len(partitions) == len({one.split("#")[0] for one in partitions})


@pytest.mark.parametrize("place", [Place("", "eu-west-1"), Place(ACCOUNT, "")])
def test_there_is_no_key_without_an_account_and_a_region(place: Place) -> None:
    with pytest.raises(ValueError, match="needs an account and a region"):
        partition("trust", place)


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        ("arn:aws:s3:::wares", HERE.region),
        (f"arn:aws:ec2:eu-west-1:{ACCOUNT}:security-group/sg-1", "eu-west-1"),
    ],
)
def test_a_resource_known_by_its_arn_alone_is_where_the_arn_says_or_else_where_the_guard_stands(
    arn: str, region: str
) -> None:
    assert named_by(arn, HERE).place == Place(ACCOUNT, region)


# ------------------------------------------------------------------------------- the format


def test_every_state_record_names_its_format() -> None:
    item = item_of(StateRecord(trust_key(HERE, CONTROL)))
    assert item[FORMAT] == {"N": "1"}


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ({FORMAT: {"N": "2"}}, "is stored in format 2, .* upgrade Driftguard"),
        ({}, "does not name its format"),
        ({FORMAT: {"S": "1"}}, "does not name its format"),
    ],
)
def test_a_state_record_in_another_format_says_so_and_reads_as_none(
    named: dict[str, Any], why: str
) -> None:
    item = item_of(StateRecord(trust_key(HERE, CONTROL), {"records": {}}))
    record = record_of({name: value for name, value in item.items() if name != FORMAT} | named)
    assert re.search(f"trust#{ACCOUNT}#us-east-1 {CONTROL} {why}", record.unreadable)
    assert not record.document


@pytest.mark.parametrize("named", [{FORMAT: {"N": "2"}}, {FORMAT: {"S": "?"}}, {}])
def test_a_freeze_in_another_format_holds(world: World, named: dict[str, Any]) -> None:
    """A kill switch must not fail because somebody downgraded the guard, or wrote it by hand."""
    key = freeze_keys(HERE, ACCOUNT, CONTROL)[0]
    item = item_of(freezes.lifted(StateRecord(key), by="a", reason="b", at=world.clock.now()))
    del item[FORMAT], item["doc"]
    boto3.client("dynamodb").put_item(TableName="state", Item={**item, **named})
    assert freezes.holds(world.state.record(key), world.clock.now())


LONG = "arn:aws:ssm:eu-west-1:111122223333:parameter/" + "a/é" * 1_000


@pytest.mark.parametrize(
    "key",
    [
        exemptions_key(HERE, LONG),
        *(
            made
            for resource in (
                replace(BUCKET, arn=LONG),
                replace(BUCKET, arn=LONG, region=LONG),
                replace(BUCKET, arn=LONG, account=LONG),
            )
            for made in (
                baseline_key(CONTROL, resource),
                baseline_log_key(LONG, resource, 1),
                history_key(LONG, resource),
            )
        ),
    ],
)
def test_no_key_is_longer_than_dynamodb_takes(key: tuple[str, str]) -> None:
    assert 0 < len(key[0].encode()) <= 2_048
    assert 0 < len(key[1].encode()) <= 1_024


def test_two_long_resources_have_two_keys() -> None:
    one, other = (replace(BUCKET, arn=LONG + end) for end in "xy")
    assert history_key(CONTROL, one) != history_key(CONTROL, other)


def test_the_baseline_of_a_resource_with_a_long_arn_knows_it_in_full(world: World) -> None:
    resource = replace(BUCKET, arn=LONG)
    at = datetime(2026, 11, 30, tzinfo=UTC)
    record = StateRecord(baseline_key(CONTROL, resource))
    made, version = baseline.moved(
        record, CONTROL, resource, {"on": True}, at=at, by="guard", why="", anchored=True
    )
    world.state.write(made, version)
    assert baseline.resource_of(world.state.record(made.key)) == resource
