"""`driftguard baseline`: what is recorded, how it came about, how the resource differs from it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard import controls
from driftguard.model import Autonomy, Candidate, Certainty, Choice, Resource, Status, Vote
from driftguard.state.keys import baseline_key
from driftguard.sweep.look import sweep
from tests.support.api_requests import BOB
from tests.support.approving import asking
from tests.support.doors import Door
from tests.support.operating import acts, as_json, refused, told
from tests.support.records import change, s3
from tests.support.world import ACCOUNT, REGION, World

VERSIONING = "s3.versioning-suspended"
BUCKET = "arn:aws:s3:::wares"
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main"


CAROLS = f"arn:aws:iam::{ACCOUNT}:user/carols"


def set_versioning(status: str) -> None:
    boto3.client("s3").put_bucket_versioning(
        Bucket="wares", VersioningConfiguration={"Status": status}
    )


def swept(world: World, control: str) -> None:
    """Records what is clean, as the sweep does."""
    found = list(sweep(world.guard, REGION, only=[controls.control(control)]))
    assert {one.outcome for one in found} <= {"recorded", "unchanged"}


@pytest.fixture
def recorded(door: Door, world: World) -> None:
    """A bucket with versioning, recorded as it should be."""
    boto3.client("s3").create_bucket(Bucket="wares")
    set_versioning("Enabled")
    swept(world, VERSIONING)
    door.api.obeyed_at_once()


def test_show_says_who_why_and_since_when(recorded: None, world: World) -> None:
    known = as_json("baseline", "show", VERSIONING, BUCKET)

    assert (known["version"], known["by"], known["why"]) == (1, "guard", "swept")
    assert known["recorded"] == known["checked"] == world.guard.stamp()
    assert known["state"]["versioning"] == "Enabled"
    shown = told("baseline", "show", VERSIONING, BUCKET).stdout
    assert f"{world.guard.stamp()} by guard" in shown
    assert '"versioning": "Enabled"' in shown


def test_diff_is_silent_and_exits_0_where_nothing_differs(recorded: None) -> None:
    result = told("baseline", "diff", VERSIONING, BUCKET)
    assert (result.exit_code, result.stdout) == (0, "as in version 1\n")
    assert not as_json("baseline", "diff", VERSIONING, BUCKET)["differs"]


def test_diff_says_what_differs_and_exits_1(recorded: None) -> None:
    set_versioning("Suspended")

    result = told("baseline", "diff", VERSIONING, BUCKET)

    assert (result.exit_code, result.stdout) == (1, 'versioning: "Enabled" → "Suspended"\n')
    as_document = told("baseline", "diff", VERSIONING, BUCKET, "--json")
    assert as_document.exit_code == 1
    compared: Any = json.loads(as_document.stdout)
    assert compared["differences"] == 'versioning: "Enabled" → "Suspended"'
    assert compared["state"]["versioning"] == "Suspended"


def test_accepting_makes_the_state_as_it_is_the_baseline(recorded: None, world: World) -> None:
    set_versioning("Suspended")

    accepted = as_json("baseline", "accept", VERSIONING, BUCKET, "--reason", "an archive")

    assert accepted["counted"]
    known = as_json("baseline", "show", VERSIONING, BUCKET)
    assert (known["version"], known["why"]) == (2, "an archive")
    assert known["by"] == f"bob ({BOB})"
    assert known["state"] == known["anchor"]
    assert told("baseline", "diff", VERSIONING, BUCKET).exit_code == 0
    (act,) = acts(world)
    assert (act.status, act.candidate.resource.arn) == (Status.NOTED, BUCKET)
    suspended = s3("PutBucketVersioning", _request("Suspended"))
    assert world.handle(suspended) == []


def suspended_by(arn: str) -> Any:
    """The event of a bucket's versioning being suspended by a user."""
    who = {"type": "IAMUser", "arn": arn, "accountId": ACCOUNT, "principalId": "AIDAEXAMPLE"}
    return s3("PutBucketVersioning", _request("Suspended"), userIdentity=who)


def test_who_made_a_change_cannot_accept_it(recorded: None, world: World) -> None:
    set_versioning("Suspended")
    decision = world.one(suspended_by(BOB), asking(world))

    why = refused("baseline", "accept", VERSIONING, BUCKET, "--reason", "an archive")

    assert (
        f"Whoever made a change cannot accept it as the baseline: {decision.id} is about yours"
        in why
    )
    assert acts(world) == []
    assert as_json("baseline", "show", VERSIONING, BUCKET)["version"] == 1


def test_another_identity_of_who_made_it_cannot_accept_it_either(
    recorded: None,
    world: World,
    door: Door,
) -> None:
    policy = door.asked.desk.policy
    bob = next(one for one in policy.people if one.name == "bob")
    deployer = f"arn:aws:iam::{ACCOUNT}:user/bobs-deployer"
    others = tuple(one for one in policy.people if one.name != "bob")
    two = replace(policy, people=(*others, replace(bob, iam=(*bob.iam, deployer))))
    door.api.api = replace(door.api.api, desk=replace(door.asked.desk, policy=two))
    set_versioning("Suspended")
    world.one(suspended_by(deployer), asking(world))

    why = refused("baseline", "accept", VERSIONING, BUCKET, "--reason", "an archive")
    assert "Whoever made a change cannot accept it" in why


def test_whose_change_is_accepted_is_in_the_record(recorded: None, world: World) -> None:
    set_versioning("Suspended")
    decision = world.one(suspended_by(CAROLS), asking(world))

    assert as_json("baseline", "accept", VERSIONING, BUCKET, "--reason", "an archive")["counted"]

    (act,) = acts(world)
    assert act.title == "Baseline accepted"
    note = world.audit.log(act.id)[0].note
    assert note.endswith(f"it was changed by carols ({decision.id}): an archive")


def test_where_nobody_knows_who_made_it_the_record_says_so(recorded: None, world: World) -> None:
    set_versioning("Suspended")
    as_json("baseline", "accept", VERSIONING, BUCKET, "--reason", "an archive")
    (act,) = acts(world)
    assert "it is not known who changed it" in world.audit.log(act.id)[0].note


def test_what_was_reverted_or_accepted_before_is_nobodys_hindrance(
    recorded: None, world: World
) -> None:
    set_versioning("Suspended")
    guard = world.with_policy(lambda one: replace(one, default=Autonomy.REVERT, autonomy={}))
    assert world.one(suspended_by(BOB), guard).status is Status.REVERTED
    set_versioning("Suspended")
    world.clock.pass_by(minutes=1)
    world.one(suspended_by(CAROLS), asking(world))

    assert as_json("baseline", "accept", VERSIONING, BUCKET, "--reason", "an archive")["counted"]


def test_an_event_that_comes_after_the_acceptance_is_judged_as_before_it(
    recorded: None, world: World
) -> None:
    """Bob changes it, and accepts it before the record of his change has come."""
    set_versioning("Suspended")
    assert as_json("baseline", "accept", VERSIONING, BUCKET, "--reason", "mine")["counted"]

    guard = world.with_policy(lambda one: replace(one, default=Autonomy.REVERT, autonomy={}))
    decision = world.one(suspended_by(BOB), guard)

    assert decision.status is Status.REVERTED
    found = boto3.client("s3").get_bucket_versioning(Bucket="wares")
    assert found["Status"] == "Enabled"


def test_an_earlier_version_can_be_compared_with(recorded: None) -> None:
    set_versioning("Suspended")
    told("baseline", "accept", VERSIONING, BUCKET, "--reason", "an archive")

    result = told("baseline", "diff", VERSIONING, BUCKET, "--version", "1")

    assert result.stdout == 'versioning: "Enabled" → "Suspended"\n'
    for none in ("3", "99"):
        why = refused("baseline", "diff", VERSIONING, BUCKET, "--version", none)
        assert f"There is no version {none} of this baseline; it is at 2." in why


def test_history_tells_every_version_and_what_it_changed(recorded: None) -> None:
    set_versioning("Suspended")
    told("baseline", "accept", VERSIONING, BUCKET, "--reason", "an archive")

    versions = as_json("baseline", "history", VERSIONING, BUCKET)

    assert [(one["version"], one["why"]) for one in versions] == [
        (1, "swept"),
        (2, "an archive"),
    ]
    shown = told("baseline", "history", VERSIONING, BUCKET).stdout
    assert "the first" in shown
    assert 'versioning: "Enabled" → "Suspended"' in shown


def test_a_look_that_found_it_unchanged_is_no_version_of_its_own(
    recorded: None, world: World
) -> None:
    world.clock.pass_by(days=8)
    swept(world, VERSIONING)

    assert as_json("baseline", "show", VERSIONING, BUCKET)["checked"] == world.guard.stamp()
    assert len(as_json("baseline", "history", VERSIONING, BUCKET)) == 1
    seen_again = told("baseline", "diff", VERSIONING, BUCKET, "--version", "2")
    assert seen_again.stdout == "as in version 1\n"


def test_what_was_deleted_is_compared_too(door: Door, world: World) -> None:
    boto3.client("s3").create_bucket(Bucket="records")
    boto3.client("cloudtrail").create_trail(Name="main", S3BucketName="records")
    swept(world, "cloudtrail.deleted")
    boto3.client("cloudtrail").delete_trail(Name="main")
    deleted = change("cloudtrail.amazonaws.com", "DeleteTrail", {"name": TRAIL})

    unknown = refused("baseline", "diff", "cloudtrail.deleted", TRAIL)
    assert f"finds no {TRAIL} in account {ACCOUNT}, {REGION}, and never decided on it" in unknown
    (decision,) = (one for one in world.handle(deleted) if one.control == "cloudtrail.deleted")
    assert decision.candidate.certainty is Certainty.EVIDENT

    result = told("baseline", "diff", "cloudtrail.deleted", TRAIL)
    assert result.exit_code == 1
    assert "exists: true → false" in result.stdout


def test_a_resource_that_is_gone_is_said_to_be_so(recorded: None, world: World) -> None:
    set_versioning("Suspended")
    assert world.handle(s3("PutBucketVersioning", _request("Suspended")))
    boto3.client("s3").delete_bucket(Bucket="wares")

    result = told("baseline", "diff", VERSIONING, BUCKET)
    assert (result.exit_code, result.stdout) == (1, "it is gone\n")
    why = refused("baseline", "accept", VERSIONING, BUCKET, "--reason", "x")
    assert f"{BUCKET} is gone: there is no state to accept." in why


@pytest.mark.parametrize("command", ["show", "history", "diff"])
def test_without_a_baseline_each_command_says_so(recorded: None, command: str) -> None:
    why = refused("baseline", command, VERSIONING, "arn:aws:s3:::other")
    assert f"{VERSIONING} has no baseline of arn:aws:s3:::other" in why


def test_what_is_no_arn_is_a_sentence(recorded: None) -> None:
    assert "`wares` is not an ARN" in refused(
        "baseline", "accept", VERSIONING, "wares", "--reason", "x"
    )


def test_what_only_a_record_tells_is_not_part_of_the_baseline(recorded: None, world: World) -> None:
    """A hint says what a change did: left in, it would make a version of every other look."""
    set_versioning("Suspended")
    told("baseline", "accept", VERSIONING, BUCKET, "--reason", "an archive")
    world.handle(s3("PutBucketVersioning", _request("Suspended")))
    swept(world, VERSIONING)

    bucket = Resource("s3.bucket", "wares", ACCOUNT, REGION, BUCKET)
    state = world.state.record(baseline_key(VERSIONING, bucket)).document["state"]
    looked = controls.control(VERSIONING).observe(
        Candidate(bucket, Certainty.POSSIBLE), world.guard.aws.reader(ACCOUNT, REGION)
    )
    assert state == looked
    assert len(as_json("baseline", "history", VERSIONING, BUCKET)) == 2


def test_what_a_person_accepts_is_the_baseline_as_the_sweep_would_see_it(
    recorded: None,
    door: Door,
    world: World,
) -> None:
    set_versioning("Suspended")
    decision = world.one(s3("PutBucketVersioning", _request("Suspended")), door.asked.guard)
    keep = Vote("bob", Choice.ACCEPT, "slack", world.guard.stamp(), decision.before)

    assert door.asked.desk.vote(decision.id, keep).counted

    known = as_json("baseline", "show", VERSIONING, BUCKET)
    assert (known["state"], known["by"]) == ({"versioning": "Suspended"}, "bob")
    assert known["why"] == f"accepted in {decision.id}"


def _request(status: str) -> dict[str, Any]:
    return {"bucketName": "wares", "VersioningConfiguration": {"Status": status}}
