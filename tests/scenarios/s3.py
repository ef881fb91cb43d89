"""Scenarios of the s3 controls."""

from __future__ import annotations

import json
from typing import Any

import boto3

from driftguard.model import Change
from tests.records import s3
from tests.scenarios.model import ACCOUNT, Scenario, Staged, policy_of

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def bucket_snapshot(name: str) -> Any:
    """Everything about a bucket that a control could touch."""
    client = boto3.client("s3")

    def read(operation: str, key: str) -> Any:
        try:
            return getattr(client, operation)(Bucket=name)[key]
        except client.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    return {
        "policy": read("get_bucket_policy", "Policy"),
        "grants": read("get_bucket_acl", "Grants"),
        "block": read("get_public_access_block", "PublicAccessBlockConfiguration"),
    }


def statement(sid: str, principal: Any) -> dict[str, Any]:
    """A statement about the bucket `wares`."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::wares/*",
    }


def parsed(snapshot: Any) -> Any:
    """A bucket's snapshot with its policy parsed: a surgical edit may lay the text out anew."""
    written = snapshot["policy"]
    return snapshot | {"policy": json.loads(written) if written.startswith("{") else written}


def public_policy() -> Staged:
    client = boto3.client("s3")
    client.create_bucket(Bucket="wares")
    fine = statement("Fine", {"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"})
    client.put_bucket_policy(Bucket="wares", Policy=policy_of(fine))

    def attack() -> Change:
        statements = [fine, statement("Oops", "*")]
        client.put_bucket_policy(Bucket="wares", Policy=policy_of(*statements))
        written = {"Version": "2012-10-17", "Statement": statements}
        return s3("PutBucketPolicy", {"bucketName": "wares", "policy": "", "bucketPolicy": written})

    return Staged(attack, lambda: bucket_snapshot("wares"), normal=parsed)


def only_public_policy() -> Staged:
    client = boto3.client("s3")
    client.create_bucket(Bucket="wares")

    def attack() -> Change:
        public = statement("Oops", "*")
        client.put_bucket_policy(Bucket="wares", Policy=policy_of(public))
        written = {"Version": "2012-10-17", "Statement": [public]}
        return s3("PutBucketPolicy", {"bucketName": "wares", "policy": "", "bucketPolicy": written})

    return Staged(attack, lambda: bucket_snapshot("wares"))


def public_acl() -> Staged:
    client = boto3.client("s3")
    client.create_bucket(Bucket="wares")
    owner = client.get_bucket_acl(Bucket="wares")["Owner"]
    group = "http://acs.amazonaws.com/groups/s3/LogDelivery"
    fine = [
        {"Grantee": {"Type": "CanonicalUser", "ID": owner["ID"]}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"Type": "Group", "URI": group}, "Permission": "WRITE"},
    ]

    def put(grants: list[Any]) -> None:
        client.put_bucket_acl(
            Bucket="wares", AccessControlPolicy={"Owner": owner, "Grants": grants}
        )

    put(fine)

    def attack() -> Change:
        put([*fine, {"Grantee": {"Type": "Group", "URI": ALL_USERS}, "Permission": "READ"}])
        grant = {"Grantee": {"xsi:type": "Group", "URI": ALL_USERS}, "Permission": "READ"}
        body = {"AccessControlList": {"Grant": [grant]}}
        return s3("PutBucketAcl", {"bucketName": "wares", "AccessControlPolicy": body})

    return Staged(attack, lambda: bucket_snapshot("wares"))


def block_deleted() -> Staged:
    client = boto3.client("s3")
    client.create_bucket(Bucket="wares")
    client.put_public_access_block(
        Bucket="wares", PublicAccessBlockConfiguration=dict.fromkeys(FLAGS, True)
    )

    def attack() -> Change:
        client.delete_public_access_block(Bucket="wares")
        return s3("DeleteBucketPublicAccessBlock", {"bucketName": "wares"})

    return Staged(attack, lambda: bucket_snapshot("wares"))


SCENARIOS = (
    Scenario("s3.public-policy", public_policy),
    Scenario("s3.public-policy", only_public_policy, "emptied"),
    Scenario("s3.public-acl", public_acl),
    Scenario("s3.bucket-bpa-off", block_deleted),
)
