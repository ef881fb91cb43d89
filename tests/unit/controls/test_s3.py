"""The three bucket controls: the statement, the grant, the switch; nothing else."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.events.commands import Undo
from driftguard.model import Change, Status
from tests.support.records import s3
from tests.support.world import ACCOUNT, World

EVERYONE = "http://acs.amazonaws.com/groups/global/AllUsers"
LEGITIMATE = {
    "Sid": "Partner",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::wares/*",
}
PUBLIC = {**LEGITIMATE, "Sid": "Oops", "Principal": "*"}


class Bucket:
    """A bucket with one legitimate statement."""

    name = "wares"

    def __init__(self) -> None:
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket=self.name)
        self.put(LEGITIMATE)

    def put(self, *statements: dict[str, Any]) -> str:
        text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)
        self.s3.put_bucket_policy(Bucket=self.name, Policy=text)
        return text

    @property
    def policy(self) -> str:
        return str(self.s3.get_bucket_policy(Bucket=self.name)["Policy"])

    @property
    def acl(self) -> dict[str, Any]:
        found = self.s3.get_bucket_acl(Bucket=self.name)
        return {"Owner": found["Owner"], "Grants": found["Grants"]}

    @property
    def block(self) -> dict[str, bool] | None:
        try:
            found = self.s3.get_public_access_block(Bucket=self.name)
        except self.s3.exceptions.ClientError:
            return None
        return dict(found["PublicAccessBlockConfiguration"])

    def set_block(self, *, on: bool, **but: bool) -> None:
        names = (
            "BlockPublicAcls",
            "IgnorePublicAcls",
            "BlockPublicPolicy",
            "RestrictPublicBuckets",
        )
        self.s3.put_public_access_block(
            Bucket=self.name,
            PublicAccessBlockConfiguration=dict.fromkeys(names, on) | but,
        )

    def policy_change(self, *statements: dict[str, Any]) -> Change:
        """The record has the parsed document; `policy` only marks the sub-resource."""
        written = {"Version": "2012-10-17", "Statement": list(statements)}
        return s3(
            "PutBucketPolicy",
            {
                "bucketName": self.name,
                "Host": "wares.s3.amazonaws.com",
                "policy": "",
                "bucketPolicy": written,
            },
        )


@pytest.fixture
def bucket(world: World) -> Bucket:
    return Bucket()


def undo(world: World, decision: str) -> Status:
    return world.guard.undo(Undo(decision, "alice", "a test")).status


def account_block(*, on: bool) -> None:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    boto3.client("s3control", config=Config(inject_host_prefix=False)).put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=dict.fromkeys(names, on)
    )


# --------------------------------------------------------------------------- by its policy


def test_only_the_public_statement_goes_and_undo_is_to_the_byte(
    world: World, bucket: Bucket
) -> None:
    as_the_attacker_left_it = bucket.put(LEGITIMATE, PUBLIC)

    decision = world.one(bucket.policy_change(LEGITIMATE, PUBLIC))

    assert decision.status is Status.REVERTED
    assert json.loads(bucket.policy)["Statement"] == [LEGITIMATE]
    assert decision.plan.untouched == ("statement Partner",)
    assert undo(world, decision.id) is Status.UNDONE
    assert bucket.policy == as_the_attacker_left_it


def test_a_policy_with_nothing_else_is_deleted_and_comes_back(world: World, bucket: Bucket) -> None:
    written = bucket.put(PUBLIC)
    decision = world.one(bucket.policy_change(PUBLIC))
    assert decision.status is Status.REVERTED
    with pytest.raises(bucket.s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        _ = bucket.policy
    undo(world, decision.id)
    assert bucket.policy == written


def test_a_private_policy_costs_no_look(bucket: Bucket) -> None:
    change = bucket.policy_change(LEGITIMATE)
    assert list(control("s3.public-policy").screen(change, NoSettings())) == []


@pytest.mark.parametrize("level", ["bucket", "account"])
def test_a_block_that_restricts_public_buckets_makes_the_policy_harmless(
    world: World, bucket: Bucket, level: str
) -> None:
    bucket.put(PUBLIC)
    if level == "bucket":
        bucket.set_block(on=True)
    else:
        account_block(on=True)
    assert world.handle(bucket.policy_change(PUBLIC)) == []


def test_a_bucket_deleted_meanwhile_is_nothing_to_do(world: World, bucket: Bucket) -> None:
    change = bucket.policy_change(PUBLIC)
    bucket.s3.delete_bucket(Bucket=bucket.name)
    assert world.handle(change) == []
    assert world.handle(s3("DeleteBucketPublicAccessBlock", {"bucketName": bucket.name})) == []
    assert (
        world.handle(s3("PutBucketAcl", {"bucketName": "wares", "x-amz-acl": "public-read"})) == []
    )


# ------------------------------------------------------------------------------ by its ACL


@pytest.mark.parametrize("spelling", ["public-read", ["public-read"]])
def test_only_the_public_grant_goes(world: World, bucket: Bucket, spelling: Any) -> None:
    before = bucket.acl
    bucket.s3.put_bucket_acl(Bucket=bucket.name, ACL="public-read")
    as_the_attacker_left_it = bucket.acl

    decision = world.one(
        s3("PutBucketAcl", {"bucketName": bucket.name, "acl": "", "x-amz-acl": spelling})
    )

    assert decision.status is Status.REVERTED
    assert bucket.acl == before
    undo(world, decision.id)
    assert bucket.acl == as_the_attacker_left_it


def test_a_grant_in_the_body_of_the_request_is_seen(world: World, bucket: Bucket) -> None:
    owner = bucket.acl["Owner"]
    grants = [
        *bucket.acl["Grants"],
        {"Grantee": {"Type": "Group", "URI": EVERYONE}, "Permission": "WRITE"},
    ]
    bucket.s3.put_bucket_acl(
        Bucket=bucket.name, AccessControlPolicy={"Owner": owner, "Grants": grants}
    )
    grant = {"Grantee": {"xsi:type": "Group", "URI": EVERYONE}, "Permission": "WRITE"}
    body = {"AccessControlList": {"Grant": grant}, "Owner": owner}

    decision = world.one(
        s3("PutBucketAcl", {"bucketName": bucket.name, "AccessControlPolicy": body})
    )

    assert decision.status is Status.REVERTED
    assert bucket.acl["Grants"] == grants[:-1]


def test_an_acl_has_no_effect_where_it_is_ignored_or_disabled(world: World, bucket: Bucket) -> None:
    bucket.s3.put_bucket_acl(Bucket=bucket.name, ACL="public-read")
    change = s3("PutBucketAcl", {"bucketName": bucket.name, "x-amz-acl": "public-read"})
    bucket.set_block(on=False, IgnorePublicAcls=True)
    assert world.handle(change) == []
    bucket.set_block(on=False)
    bucket.s3.put_bucket_ownership_controls(
        Bucket=bucket.name,
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    )
    assert world.handle(change) == []


# ---------------------------------------------------------------- its public access block


def test_a_deleted_block_is_put_back_and_undo_deletes_it_again(
    world: World, bucket: Bucket
) -> None:
    decision = world.one(s3("DeleteBucketPublicAccessBlock", {"bucketName": bucket.name}))
    assert decision.status is Status.REVERTED
    assert bucket.block is not None
    assert all(bucket.block.values())
    undo(world, decision.id)
    assert bucket.block is None


def test_a_weakened_block_keeps_the_switches_that_are_on(world: World, bucket: Bucket) -> None:
    bucket.set_block(on=True, BlockPublicPolicy=False)
    weakened = bucket.block
    change = s3(
        "PutBucketPublicAccessBlock",
        {
            "bucketName": bucket.name,
            "publicAccessBlock": [""],
            "PublicAccessBlockConfiguration": {"xmlns": "…", **(weakened or {})},
        },
    )
    decision = world.one(change)
    assert decision.plan.untouched == (
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "RestrictPublicBuckets",
    )
    assert bucket.block is not None
    assert all(bucket.block.values())
    undo(world, decision.id)
    assert bucket.block == weakened


def test_the_accounts_block_makes_up_for_the_buckets(world: World, bucket: Bucket) -> None:
    account_block(on=True)
    change = s3("DeleteBucketPublicAccessBlock", {"bucketName": bucket.name})
    assert world.handle(change) == []


def test_a_block_with_everything_on_costs_no_look() -> None:
    flags = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    change = s3(
        "PutBucketPublicAccessBlock",
        {"bucketName": "wares", "PublicAccessBlockConfiguration": flags},
    )
    assert list(control("s3.bucket-bpa-off").screen(change, NoSettings())) == []
