"""12.9: a record that hides what was done is never harmless."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from driftguard import controls
from driftguard.aws.client import Reader
from driftguard.controls.control import AnyControl
from driftguard.engine import hidden
from driftguard.events.cloudtrail import change_from_event
from driftguard.model import Candidate, Certainty, Change, Resource, Status
from tests.support.each import each
from tests.support.records import s3
from tests.support.world import ROOT, World

# What CloudTrail writes in the place of parameters that are too long.
OMITTED = {"reason": "requestParameters too large", "omitted": True, "originalSize": 149893}
HIDING = [
    event
    for event in sorted((ROOT / "events").glob("*/risky.json"))
    if json.loads(event.read_text()).get("detail", {}).get("requestParameters")
]


def hiding(event: Path) -> Change:
    """The change in a risky event, of which nothing is recorded but that it was made."""
    made: dict[str, Any] = json.loads(event.read_text())
    made["detail"]["requestParameters"] = OMITTED
    return change_from_event(made)


@each("event", HIDING, ids=lambda event: event.parent.name)
def test_no_risky_event_is_harmless_once_its_request_is_omitted(
    world: World, event: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_of_each(control: AnyControl, change: Change, _: Reader) -> Iterator[Candidate]:
        yield hidden.possible(Resource(control.id, "x", change.account, change.region, "arn:x"))

    monkeypatch.setattr(hidden, "candidates", one_of_each)
    screening = world.guard.screen(hiding(event))
    assert event.parent.name in {case.control.id for case in screening.cases}


UNLISTED = [control for control in controls.every() if not control.swept]


@each("control", UNLISTED, ids=lambda control: control.id)
def test_what_cannot_be_listed_is_told(control: AnyControl, world: World) -> None:
    change = s3("PutBucketPolicy", OMITTED)
    reader = world.guard.aws.reader(change.account, change.region)
    with pytest.raises(hidden.Hidden, match=f"{control.id} cannot list what it may have touched"):
        list(hidden.candidates(control, change, reader))


def open_bucket(name: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    boto3.client("s3").create_bucket(Bucket=name)
    boto3.client("s3").put_bucket_policy(
        Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def test_a_padded_policy_is_found_and_asked_about(world: World) -> None:
    """A policy of 100 KB of spaces opens a bucket, and nothing of it is recorded."""
    boto3.client("s3").create_bucket(Bucket="closed")
    open_bucket("wares")
    found = world.handle(s3("PutBucketPolicy", OMITTED))
    (decision,) = [made for made in found if made.control == "s3.public-policy"]
    assert decision.candidate.resource.id == "wares"
    assert decision.status is Status.ASKED
    assert hidden.WHY in decision.reason


def test_more_than_can_be_looked_at_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden, "MOST", 2)
    for name in ("anvils", "bolts", "cogs"):
        open_bucket(name)
    screening = world.guard.screen(s3("PutBucketPolicy", OMITTED))
    looked = [case for case in screening.cases if case.control.id == "s3.public-policy"]
    assert len(looked) == 2
    assert all(case.hidden for case in looked)
    assert {case.candidate.certainty for case in looked} == {Certainty.POSSIBLE}
    assert any("2 resources were looked at" in str(trouble) for trouble in screening.troubles)


def test_a_record_that_says_what_was_done_is_not_looked_for(world: World) -> None:
    request = {"bucketName": "wares", "bucketPolicy": {"Version": "2012-10-17", "Statement": []}}
    assert world.guard.screen(s3("PutBucketPolicy", request)).troubles == ()


# ------------------------------------------------------------- what is hidden in part

SECRET = "HIDDEN_DUE_TO_SECURITY_REASONS"


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all texts in a request."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))
    elif isinstance(value, str):
        yield path


def with_hidden(event: dict[str, Any], path: tuple[Any, ...]) -> Change:
    """The change in an event, one text of whose request is hidden."""
    made: dict[str, Any] = json.loads(json.dumps(event))
    part = made["detail"]["requestParameters"]
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = SECRET
    return change_from_event(made)


@each("event", HIDING, ids=lambda event: event.parent.name)
def test_hiding_what_a_control_reads_never_makes_a_risky_event_harmless(
    world: World, event: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_of_each(control: AnyControl, change: Change, _: Reader) -> Iterator[Candidate]:
        yield hidden.possible(Resource(control.id, "x", change.account, change.region, "arn:x"))

    monkeypatch.setattr(hidden, "candidates", one_of_each)

    def is_harmless(change: Change) -> bool:
        screening = world.guard.screen(change)
        found = {case.control.id for case in screening.cases}
        return event.parent.name not in found and not screening.troubles

    whole = json.loads(event.read_text())
    paths = leaves(whole["detail"]["requestParameters"])
    assert [path for path in paths if is_harmless(with_hidden(whole, path))] == []


def test_an_omitted_response_is_not_harmless_to_a_control_that_reads_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from driftguard.controls import control

    asked: list[str] = []

    def listing(control: AnyControl, change: Change, _: Reader) -> Iterator[Candidate]:
        asked.append(control.id)
        yield from ()

    monkeypatch.setattr(hidden, "candidates", listing)
    responding = []
    for event in HIDING:
        made = json.loads(event.read_text())
        if not isinstance(made["detail"].get("responseElements"), dict):
            continue
        made["detail"]["responseElements"] = {"omitted": True}
        screening = world.guard.screen(change_from_event(made))
        found = {case.control.id for case in screening.cases}
        responding.append(event.parent.name)
        assert event.parent.name in found or event.parent.name in asked
    assert responding
    assert all(control(name) for name in responding)


def test_what_the_record_names_is_looked_at_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidden, "MOST", 1)
    for name in ("anvils", "bolts", "cogs"):
        open_bucket(name)
    named = [{"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::cogs"}]
    screening = world.guard.screen(s3("PutBucketPolicy", OMITTED, resources=named))
    looked = [case for case in screening.cases if case.control.id == "s3.public-policy"]
    assert [case.candidate.resource.id for case in looked] == ["cogs"]
    assert not [one for one in screening.troubles if "s3.public-policy" in str(one)]
