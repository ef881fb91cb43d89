"""Buckets made public in three ways, and an access key found in public."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.e2e.making import make_bucket, named
from tests.e2e.world import World, eventually, seconds_until

pytestmark = pytest.mark.e2e

_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
_ALL_BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def test_a_public_statement_goes_and_the_legitimate_one_stays(lab: World) -> None:
    bucket = make_bucket(lab)
    partner = {
        "Sid": "Partner",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    everybody = partner | {"Sid": "Everybody", "Principal": "*"}
    written = {"Version": "2012-10-17", "Statement": [partner, everybody]}
    lab.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(written))
    lab.api_call("s3", "PutBucketPolicy", named(bucket, bucketPolicy=written, policy=""))

    def statements() -> Any:
        return json.loads(lab.s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]

    eventually(lambda: statements() == [partner], "the partner's alone", also=lab.log_tail)
    # The partner's statement is a foreign account's: that is asked about, and stays meanwhile.
    assert lab.decision(bucket, "reverted", "s3.public-policy")
    assert lab.decision(bucket, "asked", "s3.external-policy")


def test_a_public_grant_goes_and_the_owners_stays(lab: World) -> None:
    bucket = make_bucket(lab)
    before = lab.s3.get_bucket_acl(Bucket=bucket)["Grants"]
    lab.s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    lab.api_call("s3", "PutBucketAcl", named(bucket, **{"acl": "", "x-amz-acl": "public-read"}))

    def grants() -> Any:
        return lab.s3.get_bucket_acl(Bucket=bucket)["Grants"]

    eventually(lambda: grants() == before, "the owner's grant alone", also=lab.log_tail)
    assert lab.decision(bucket, "reverted")["control"] == "s3.public-acl"


def test_a_deleted_public_access_block_comes_back(lab: World) -> None:
    bucket = make_bucket(lab)
    lab.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_ALL_BLOCKED)
    lab.s3.delete_public_access_block(Bucket=bucket)
    lab.api_call("s3", "DeleteBucketPublicAccessBlock", named(bucket, publicAccessBlock=""))

    def block() -> Any:
        try:
            answer = lab.s3.get_public_access_block(Bucket=bucket)
        except ClientError:
            return None
        return answer["PublicAccessBlockConfiguration"]

    eventually(lambda: block() == _ALL_BLOCKED, "all four switches on", also=lab.log_tail)
    assert lab.decision(bucket, "reverted")["control"] == "s3.bucket-bpa-off"


def test_an_exposed_key_goes_inactive_and_the_other_keeps_working(lab: World) -> None:
    user = f"user-{uuid4()}"
    lab.iam.create_user(UserName=user)
    exposed, other = (
        lab.iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"] for _ in range(2)
    )
    policy = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
    lab.iam.attach_user_policy(UserName=user, PolicyArn=policy)
    code = "AWS_RISK_CREDENTIALS_EXPOSED"
    lab.send(
        "aws.health",
        "AWS Health Event",
        {
            "eventArn": f"arn:aws:health:us-east-1::event/RISK/{code}/{code}-{uuid4()}",
            "service": "RISK",
            "eventTypeCode": code,
            "eventTypeCategory": "issue",
            "startTime": "Tue, 24 Nov 2026 20:00:00 GMT",
            "eventDescription": [{"language": "en_US", "latestDescription": "A key was found."}],
            "affectedEntities": [{"entityValue": exposed}],
        },
    )

    def keys() -> dict[str, str]:
        listed = lab.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in listed}

    wanted = {exposed: "Inactive", other: "Active"}
    assert seconds_until(lambda: keys() == wanted, "the key inactive", also=lab.log_tail) < 10.0
    assert lab.decision(exposed, "reverted")["control"] == "iam.leaked-key"
