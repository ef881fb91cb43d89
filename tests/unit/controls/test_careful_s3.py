"""Reverts of buckets that a careful engineer would have made, by the kind of fault they avoid."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any

import boto3
import pytest

from driftguard.approvals.desk import Desk
from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.controls.s3.acl import CLOUDFRONT_LOGS
from driftguard.controls.s3.blocks import FLAGS
from driftguard.documents import Document
from driftguard.engine.guard import Guard
from driftguard.events.commands import Undo
from driftguard.model import (
    Autonomy,
    Candidate,
    Certainty,
    Choice,
    Decision,
    Observation,
    Plan,
    Resource,
    Status,
    Vote,
)
from driftguard.policy.model import Policy
from driftguard.sweep.look import sweep
from tests.support import strict_aws
from tests.support.answering import answering
from tests.support.approving import BOB, approved
from tests.support.records import s3
from tests.support.world import ACCOUNT, REGION, World

RESTRICT = "RestrictPublicBuckets"
WARES = Resource("s3.bucket", "wares", ACCOUNT, REGION, "arn:aws:s3:::wares")
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
BLOCK_OFF = control("s3.bucket-bpa-off")
TIGHTENED = {"BlockPublicAcls": True, "IgnorePublicAcls": True}


@pytest.fixture
def client(world: World) -> Any:
    """S3's client; the bucket `wares` is there, and grants nothing to anybody."""
    made = boto3.client("s3")
    made.create_bucket(Bucket="wares")
    return made


def statement(principal: Any, **more: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::wares/*",
        **more,
    }


def put_policy(client: Any, *statements: dict[str, Any]) -> None:
    written = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    client.put_bucket_policy(Bucket="wares", Policy=written)


def put_block(client: Any, **switches: bool) -> Any:
    whole = {name: switches.get(name, False) for name in FLAGS}
    client.put_public_access_block(Bucket="wares", PublicAccessBlockConfiguration=whole)
    asked = {"bucketName": "wares", "PublicAccessBlockConfiguration": whole}
    return s3("PutBucketPublicAccessBlock", asked)


def block(client: Any) -> dict[str, bool]:
    found = client.get_public_access_block(Bucket="wares")
    return dict(found["PublicAccessBlockConfiguration"])


# ------------------------------------------------------------------- the public access block


def test_kind_1_a_web_site_whose_block_is_tightened_stays_up(world: World, client: Any) -> None:
    """Kind 1, shipped: two switches of four go on, and the guard shut the site with the others."""
    client.put_bucket_website(
        Bucket="wares", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}}
    )
    put_policy(client, statement("*"))
    decision = world.one(put_block(client, **TIGHTENED))
    assert decision.status is Status.ASKED
    assert "the bucket serves a web site" in decision.reason
    assert block(client) == {name: name in TIGHTENED for name in FLAGS}
    (step,) = decision.plan.steps
    switches = step.call.parameters["PublicAccessBlockConfiguration"]
    assert isinstance(switches, dict) and not switches[RESTRICT]


@pytest.mark.parametrize(
    "let_in",
    [
        lambda client: put_policy(client, statement("*")),
        lambda client: put_policy(client, statement({"AWS": "999999999999"})),
        lambda client: client.put_bucket_acl(Bucket="wares", ACL="public-read"),
        lambda client: client.put_bucket_acl(
            Bucket="wares", GrantRead=f"id={'0a' * 32}", GrantFullControl=own_id(client)
        ),
        lambda client: client.put_object(Bucket="wares", Key="a.png", Body=b""),
    ],
    ids=["public policy", "foreign account", "public ACL", "grant to others", "object's own ACL"],
)
def test_kind_4_without_a_baseline_whoever_may_be_let_in_is_asked_about(
    world: World, client: Any, let_in: Any
) -> None:
    """Kind 4: a switch goes on by itself only where neither policy nor ACL lets anybody in."""
    let_in(client)
    assert world.one(put_block(client, **TIGHTENED)).status is Status.ASKED
    assert block(client) == {name: name in TIGHTENED for name in FLAGS}


def test_kind_8_a_policy_that_denies_reads_hides_no_block(
    world: World, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kind 8: whom it lets in is not known, so people are asked."""
    put_policy(client, statement("*"))
    answering(monkeypatch, "GetBucketPolicy", "AccessDenied")
    decision = world.one(put_block(client, **TIGHTENED))
    assert decision.status is Status.ASKED
    assert "cannot be read" in decision.reason
    (step,) = decision.plan.steps
    switches = step.call.parameters["PublicAccessBlockConfiguration"]
    assert isinstance(switches, dict) and not switches[RESTRICT]


def own_id(client: Any) -> str:
    return f"id={client.get_bucket_acl(Bucket='wares')['Owner']['ID']}"


def test_where_nobody_is_let_in_the_switches_go_on_by_themselves(world: World, client: Any) -> None:
    put_policy(client, statement({"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"}))
    client.put_object(Bucket="wares", Key="a.png", Body=b"")
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    client.put_bucket_ownership_controls(Bucket="wares", OwnershipControls=enforced)
    assert world.one(put_block(client, **TIGHTENED)).status is Status.REVERTED
    assert block(client) == dict.fromkeys(FLAGS, True)


def test_kind_2_the_baseline_says_what_was_on(world: World, client: Any) -> None:
    """Kinds 2 and 3: what was never on does not go on."""
    put_block(client, **dict.fromkeys(FLAGS, True))
    assert [one.outcome for one in sweep(world.guard, REGION, [BLOCK_OFF])] == ["recorded"]
    decision = world.one(put_block(client, **TIGHTENED))
    assert decision.status is Status.REVERTED
    assert "no longer has" in decision.summary


def plan_of(before: Document | None, now: Document, *, public: bool) -> tuple[Any, Plan]:
    state: Document = {"block": now, "account_block": None, "public_policy": public}
    baseline = None if before is None else {**state, "block": before}
    found = BLOCK_OFF.assess(state, baseline, NoSettings())
    candidate = Candidate(WARES, Certainty.EVIDENT)
    return found, BLOCK_OFF.plan(candidate, Observation(state, ""), baseline, NoSettings())


BLOCKS = [dict(zip(FLAGS, switches, strict=True)) for switches in product([False, True], repeat=4)]


@pytest.mark.parametrize("public", [False, True])
def test_kinds_1_to_3_hold_for_every_block_before_and_after(public: bool) -> None:
    """Kinds 1, 2, 3: over all blocks before (or none recorded) and all that are put."""
    for before in (None, *BLOCKS):
        for now in BLOCKS:
            finding, plan = plan_of(before, now, public=public)
            if finding is None:
                assert before is not None or all(on or name == RESTRICT for name, on in now.items())
                continue
            after = plan.steps[0].call.parameters["PublicAccessBlockConfiguration"]
            assert isinstance(after, dict)
            for name in FLAGS:
                assert after[name] or not now[name]
                if before is not None and not before[name]:
                    assert after[name] == now[name]
            if public and before is None:
                assert after[RESTRICT] == now[RESTRICT]
            if public and after[RESTRICT] and not now[RESTRICT]:
                assert finding.at_most is Autonomy.ASK


# ----------------------------------------------------------------------------- policy and ACL


def test_kind_1_what_people_accepted_is_asked_about_when_more_is_opened(
    world: World, client: Any
) -> None:
    """Kind 1: a policy is put whole, so an accepted statement stands in the change too."""
    downloads = statement("*", Sid="Downloads", Resource="arn:aws:s3:::wares/public/*")
    put_policy(client, downloads)
    record = {"bucketName": "wares", "bucketPolicy": {"Statement": [downloads]}}
    asking = world.with_policy(lambda given: granting("s3.public-policy", Autonomy.ASK, given))
    (decision,) = world.handle(s3("PutBucketPolicy", record), asking)
    accept(asking, decision)

    both = [downloads, statement("*", Sid="Oops")]
    put_policy(client, *both)
    again = world.one(s3("PutBucketPolicy", {**record, "bucketPolicy": {"Statement": both}}))
    assert again.status is Status.ASKED
    assert "people accepted" in again.reason


def granting(id_: str, autonomy: Autonomy, given: Policy) -> Policy:
    return replace(given, autonomy={**given.autonomy, id_: autonomy})


def accept(guard: Guard, decision: Decision) -> None:
    policy = replace(guard.policy, people=(*guard.policy.people, BOB))
    desk = Desk(guard.audit, guard.state, policy, guard.now)
    keep = Vote(BOB.name, Choice.ACCEPT, "slack", "now", decision.before, reason="downloads")
    assert desk.vote(decision.id, keep).counted


@pytest.mark.parametrize(
    ("hidden", "certainty"),
    [
        ({"x-amz-grant-read": f'uri="{ALL_USERS}"'}, Certainty.EVIDENT),
        ({"x-amz-grant-read": [f"uri={ALL_USERS}"]}, Certainty.EVIDENT),
        ({"x-amz-acl": "public-read"}, Certainty.EVIDENT),
        (f'x-amz-grant-read: uri="{ALL_USERS}"', Certainty.EVIDENT),
        (f"x-amz-grant-read=uri={ALL_USERS}, x-amz-grant-write=id=0a", Certainty.EVIDENT),
        (f'{{"x-amz-grant-read": "uri={ALL_USERS}"}}', Certainty.EVIDENT),
        ([f'x-amz-grant-read: uri="{ALL_USERS}"'], Certainty.EVIDENT),
        (f"x-amz-grant-read: id={'0a' * 32}", None),
        ("", None),
        ("HIDDEN_DUE_TO_SECURITY_REASONS", Certainty.POSSIBLE),
        (["x", "y"], Certainty.POSSIBLE),
        ({"x-amz-grant-read": f"id={'0a' * 32}"}, None),
    ],
)
def test_kind_9_grant_headers_are_read_where_the_record_has_them(
    hidden: Any, certainty: Certainty | None
) -> None:
    """Kind 9: CloudTrail nests them under `accessControlList`."""
    change = s3("PutBucketAcl", {"bucketName": "wares", "acl": "", "accessControlList": hidden})
    found = [one.certainty for one in control("s3.public-acl").screen(change, NoSettings())]
    assert found == ([] if certainty is None else [certainty])


def test_kind_5_an_undo_that_the_block_forbids_is_told_as_that(world: World, client: Any) -> None:
    """Kind 5: S3 says AccessDenied, and no permission of the guard's is missing."""
    put_policy(client, statement("*"))
    put_block(client, BlockPublicPolicy=True)
    record = {"bucketName": "wares", "bucketPolicy": {"Statement": [statement("*")]}}
    with strict_aws.enforced(now=world.clock.now):
        decision = world.one(s3("PutBucketPolicy", record))
        assert decision.status is Status.REVERTED
        undone = world.guard.undo(Undo(decision.id, "alice", "a test"))
    assert undone.status is Status.FAILED
    assert "S3 Block Public Access" in undone.reason
    assert "Give the role" not in undone.reason


# ------------------------------------------------------------------------- what was denied

OFFICE_ONLY = {
    "Sid": "OfficeOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::wares", "arn:aws:s3:::wares/*"],
    "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
}
ENDPOINT_ONLY = {
    **OFFICE_ONLY,
    "Sid": "EndpointOnly",
    "Condition": {"StringNotEquals": {"aws:sourceVpce": "vpce-1a2b3c4d"}},
}
ELSEWHERE = {**OFFICE_ONLY, "Sid": "Elsewhere", "Resource": "arn:aws:s3:::other/*"}


def policy_of(*statements: dict[str, Any]) -> Document:
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


@pytest.mark.parametrize(
    ("now", "asked"),
    [
        ([ENDPOINT_ONLY], True),
        ([{**OFFICE_ONLY, "Condition": {}}], True),
        ([{**ENDPOINT_ONLY, "NotAction": "s3:Get*", "Action": None}], True),
        ([ELSEWHERE], False),
        ([statement({"AWS": ACCOUNT})], False),
    ],
    ids=["another condition", "the same Sid", "not comparable", "another bucket", "an Allow"],
)
def test_kind_4_a_deny_in_the_place_of_a_deny_is_a_question(
    now: list[dict[str, Any]], asked: bool
) -> None:
    """Kind 4: the old Deny beside the new one may let nobody in."""
    deleted = control("s3.policy-deleted")
    now = [{name: value for name, value in one.items() if value is not None} for one in now]
    state, baseline = policy_of(*now), policy_of(OFFICE_ONLY)
    finding = deleted.assess(state, baseline, NoSettings())
    assert finding is not None
    assert (finding.at_most is Autonomy.ASK) is asked
    candidate = Candidate(WARES, Certainty.POSSIBLE)
    plan = deleted.plan(candidate, Observation(state, ""), baseline, NoSettings())
    written = plan.steps[0].call.parameters["Policy"]
    put = json.loads(str(written))["Statement"]
    assert put == ([OFFICE_ONLY] if asked else [*now, OFFICE_ONLY])


# ------------------------------------------------------------------------------- the others


def test_kind_3_versioning_that_was_perhaps_never_on_is_a_question(
    world: World, client: Any
) -> None:
    """Kind 3: a tool that writes `Suspended` for a bucket without versions loses nothing."""
    guard = world.with_policy(
        lambda given: granting("s3.versioning-suspended", Autonomy.REVERT, given)
    )
    client.put_bucket_versioning(Bucket="wares", VersioningConfiguration={"Status": "Suspended"})
    asked = {"bucketName": "wares", "VersioningConfiguration": {"Status": "Suspended"}}
    (decision,) = world.handle(s3("PutBucketVersioning", asked), guard)
    assert decision.status is Status.ASKED


def test_kind_4_acls_that_cloudfronts_logs_need_are_told(world: World, client: Any) -> None:
    """Kinds 4 and 5: S3 would refuse to enforce ownership, and the logs come by the ACL."""
    put = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    client.put_bucket_ownership_controls(Bucket="wares", OwnershipControls=put)
    enabled = control("s3.acls-enabled")
    guard = world.with_policy(lambda given: granting(enabled.id, Autonomy.REVERT, given))
    assert [one.outcome for one in sweep(guard, REGION, [enabled])] == ["recorded"]
    preferred = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    client.put_bucket_ownership_controls(Bucket="wares", OwnershipControls=preferred)
    there = client.get_bucket_acl(Bucket="wares")
    grantee = {"Type": "CanonicalUser", "ID": CLOUDFRONT_LOGS}
    grants = [*there["Grants"], {"Grantee": grantee, "Permission": "FULL_CONTROL"}]
    client.put_bucket_acl(
        Bucket="wares", AccessControlPolicy={"Owner": there["Owner"], "Grants": grants}
    )
    asked = {"OwnershipControls": {"Rule": {"ObjectOwnership": "BucketOwnerPreferred"}}}
    record = {"bucketName": "wares", **asked}
    (decision,) = world.handle(s3("PutBucketOwnershipControls", record), guard)
    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()
    assert "CloudFront" in decision.plan.advice


def test_an_approved_block_goes_on(world: World, client: Any) -> None:
    put_policy(client, statement({"AWS": "999999999999"}))
    decision = world.one(put_block(client))
    assert approved(world.guard, decision).status is Status.REVERTED
    assert block(client) == dict.fromkeys(FLAGS, True)
