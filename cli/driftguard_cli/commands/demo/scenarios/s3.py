"""S3: three buckets."""

from __future__ import annotations

import json

from ..account import PARTNER, Account
from ..events import Event, api_call
from .model import Scenario, Staged, allow, by_policy, policy_of

_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
_SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def _bucket(account: Account, name: str) -> str:
    bucket = f"shop-{name}-{account.id}"
    account.client("s3").create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter")
    # AWS blocks public access to every new bucket.
    account.client("s3").delete_public_access_block(Bucket=bucket)
    return bucket


def _event(account: Account, name: str, bucket: str, **asked: object) -> Event:
    host = f"{bucket}.s3.amazonaws.com"
    return api_call(account, "s3", name, {"bucketName": bucket, "Host": host, **asked})


def _open_policy(account: Account) -> Staged:
    s3, bucket = account.client("s3"), _bucket(account, "assets")
    everything = f"arn:aws:s3:::{bucket}"
    partner = {"AWS": f"arn:aws:iam::{PARTNER}:root"}
    good = allow("PartnerReads", partner, "s3:GetObject", resource=f"{everything}/catalogue/*")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_of(good))

    def strike() -> Event:
        bad = allow("Everybody", "*", "s3:GetObject", resource=f"{everything}/*")
        written = policy_of(good, bad)
        s3.put_bucket_policy(Bucket=bucket, Policy=written)
        return _event(
            account, "PutBucketPolicy", bucket, bucketPolicy=json.loads(written), policy=""
        )

    return by_policy(
        f"bucket {bucket}",
        "a partner may read the catalogue",
        lambda: str(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
        strike,
    )


def _open_acl(account: Account) -> Staged:
    s3, bucket = account.client("s3"), _bucket(account, "uploads")

    def strike() -> Event:
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        return _event(account, "PutBucketAcl", bucket, acl="", **{"x-amz-acl": "public-read"})

    def grants(*, risky: bool) -> list[object]:
        given = s3.get_bucket_acl(Bucket=bucket)["Grants"]
        return [grant for grant in given if (grant["Grantee"].get("URI") == _EVERYBODY) == risky]

    return Staged(
        f"bucket {bucket}",
        "private",
        strike,
        lambda: grants(risky=True),
        lambda: grants(risky=False),
    )


def _dropped_block(account: Account) -> Staged:
    s3, bucket = account.client("s3"), _bucket(account, "invoices")
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(_SWITCHES, True)
    )
    tags = {"TagSet": [{"Key": "data", "Value": "financial"}]}
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tags)

    def strike() -> Event:
        s3.delete_public_access_block(Bucket=bucket)
        return _event(account, "DeleteBucketPublicAccessBlock", bucket, publicAccessBlock="")

    def off() -> list[str]:
        try:
            block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
                raise
            block = {}
        return [switch for switch in _SWITCHES if not block.get(switch)]

    return Staged(
        f"bucket {bucket}",
        "all public access blocked",
        strike,
        off,
        lambda: s3.get_bucket_tagging(Bucket=bucket)["TagSet"],
    )


OPEN_POLICY = Scenario(
    "public-bucket-policy",
    "s3.public-policy",
    "adds a statement to a bucket's policy that lets everybody read",
    _open_policy,
)
OPEN_ACL = Scenario(
    "public-bucket-acl",
    "s3.public-acl",
    "makes another bucket public by its ACL",
    _open_acl,
)
DROPPED_BLOCK = Scenario(
    "public-access-block-deleted",
    "s3.bucket-bpa-off",
    "deletes the public access block of the bucket with the invoices",
    _dropped_block,
)
