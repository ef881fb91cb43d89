"""Envelope and record are checked against each other, and a contradiction is never acted on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from driftguard.events.cloudtrail import change_from_event
from driftguard.events.envelope import Mismatch
from tests.support.each import each
from tests.support.records import envelope, record
from tests.support.world import ROOT

EVENTS = sorted((ROOT / "events").glob("*/*.json"))
RECORDS = [
    path for path in EVENTS if "eventSource" in json.loads(path.read_text()).get("detail", {})
]


@each("path", EVENTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_a_service_sends_agrees_with_itself(path: Any) -> None:
    change_from_event(json.loads(path.read_text()))


@each("path", RECORDS[::7], ids=lambda path: f"{path.parent.name}-{path.stem}")
@each(
    ("field", "forged"),
    [
        ("source", "aws.ec3"),
        ("account", "999999999999"),
        ("time", "2020-01-01T00:00:00Z"),
        ("detail-type", "AWS Health Event"),
    ],
)
def test_an_envelope_that_contradicts_its_record_is_not_read(
    path: Any, field: str, forged: str
) -> None:
    """12.1: a record was believed whatever the event around it said."""
    event = json.loads(path.read_text())
    with pytest.raises(Mismatch):
        change_from_event({**event, field: forged})


def of(service: str, region: str) -> dict[str, Any]:
    """An event in us-east-1 with a record of this region."""
    made = record(f"{service}.amazonaws.com", "PutBucketPolicy", {}, awsRegion=region)
    return {**envelope(made), "region": "us-east-1"}


@pytest.mark.parametrize("service", ["iam", "organizations", "route53domains", "account", "sts"])
def test_a_global_service_is_heard_of_in_one_region_wherever_it_was_called(service: str) -> None:
    assert change_from_event(of(service, "eu-central-1")).region == "eu-central-1"


def test_a_regional_service_is_heard_of_where_it_was_called() -> None:
    with pytest.raises(Mismatch):
        change_from_event(of("s3", "eu-central-1"))


def test_an_hour_late_is_no_contradiction() -> None:
    event = envelope(record("s3.amazonaws.com", "PutBucketPolicy", {}))
    assert change_from_event({**event, "time": "2026-11-24T13:00:00Z"})


def test_what_says_it_comes_via_cloudtrail_and_holds_no_record_is_not_read() -> None:
    event = envelope(record("s3.amazonaws.com", "PutBucketPolicy", {}))
    with pytest.raises(ValueError, match="holds no record"):
        change_from_event({**event, "detail": {"eventTypeCode": "AWS_RISK_CREDENTIALS_EXPOSED"}})
