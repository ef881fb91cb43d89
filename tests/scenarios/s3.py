"""Scenarios of the s3 controls."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged, policy_of
from tests.support.records import change, s3

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def bucket_snapshot(name: str) -> Any:
    """Everything about a bucket that a control could touch."""
    client = boto3.client("s3")

    def read(operation: str, key: str) -> Any:
        try:
            return getattr(client, operation)(Bucket=name)[key]
        except client.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    encryption = "ServerSideEncryptionConfiguration"
    return {
        "policy": read("get_bucket_policy", "Policy"),
        "grants": read("get_bucket_acl", "Grants"),
        "block": read("get_public_access_block", "PublicAccessBlockConfiguration"),
        "encryption": read("get_bucket_encryption", encryption),
        "versioning": client.get_bucket_versioning(Bucket=name).get("Status"),
        "logging": client.get_bucket_logging(Bucket=name).get("LoggingEnabled"),
        "lifecycle": read("get_bucket_lifecycle_configuration", "Rules"),
        "ownership": read("get_bucket_ownership_controls", "OwnershipControls"),
        "replication": read("get_bucket_replication", "ReplicationConfiguration"),
        "website": read("get_bucket_website", "IndexDocument"),
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


def public_object() -> Staged:
    """No emulator takes an object's ACL by its grants, as the remediation puts it."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="wares")
    owner = {"ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"}
    fine = [{"Grantee": {"Type": "CanonicalUser", **owner}, "Permission": "FULL_CONTROL"}]
    key = "prices/2026.csv"
    objects = {key: fine, "prices/2025.csv": fine}

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        return {"Owner": owner, "Grants": objects[asked["Key"]]}

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["Bucket"] == "wares"
        objects[asked["Key"]] = asked["AccessControlPolicy"]["Grants"]
        return {}

    def attack() -> Change:
        everybody = {"Grantee": {"Type": "Group", "URI": ALL_USERS}, "Permission": "READ"}
        objects[key] = [*fine, everybody]
        headers = {"x-amz-grant-read": f'uri="{ALL_USERS}"'}
        asked = {"bucketName": "wares", "key": key, "acl": "", "accessControlList": headers}
        return s3("PutObjectAcl", asked, managementEvent=False)

    return Staged(
        attack,
        lambda: {"bucket": bucket_snapshot("wares"), "objects": dict(objects)},
        fakes={("s3", "GetObjectAcl"): get, ("s3", "PutObjectAcl"): put},
    )


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


def bucket(name: str = "wares") -> Any:
    """A new bucket, and S3's client."""
    client = boto3.client("s3")
    client.create_bucket(Bucket=name)
    return client


def wares() -> Any:
    return bucket_snapshot("wares")


def external_policy() -> Staged:
    client = bucket()
    ours = f"arn:aws:iam::{ACCOUNT}:role/reader"
    fine = statement("Fine", {"AWS": ours})
    client.put_bucket_policy(Bucket="wares", Policy=policy_of(fine))

    def attack() -> Change:
        theirs = statement("Fine", {"AWS": [ours, f"arn:aws:iam::{STRANGER}:root"]})
        client.put_bucket_policy(Bucket="wares", Policy=policy_of(theirs))
        written = {"Version": "2012-10-17", "Statement": [theirs]}
        return s3("PutBucketPolicy", {"bucketName": "wares", "policy": "", "bucketPolicy": written})

    def normal(snapshot: Any) -> Any:
        """One principal in a list is the same as that principal alone."""
        read = parsed(snapshot)
        for one in read["policy"]["Statement"]:
            if isinstance(one["Principal"]["AWS"], list) and len(one["Principal"]["AWS"]) == 1:
                (one["Principal"]["AWS"],) = one["Principal"]["AWS"]
        return read

    return Staged(attack, wares, normal=normal)


TLS_ONLY = {
    "Sid": "TlsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::wares", "arn:aws:s3:::wares/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def deleted_policy() -> Staged:
    client = bucket()
    client.put_bucket_policy(Bucket="wares", Policy=policy_of(TLS_ONLY))

    def attack() -> Change:
        client.delete_bucket_policy(Bucket="wares")
        return s3("DeleteBucketPolicy", {"bucketName": "wares", "policy": ""})

    return Staged(attack, wares, baseline=True)


def policy_without_its_deny() -> Staged:
    client = bucket()
    fine = statement("Fine", {"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"})
    client.put_bucket_policy(Bucket="wares", Policy=policy_of(fine, TLS_ONLY))

    def attack() -> Change:
        client.put_bucket_policy(Bucket="wares", Policy=policy_of(fine))
        written = {"Version": "2012-10-17", "Statement": [fine]}
        return s3("PutBucketPolicy", {"bucketName": "wares", "policy": "", "bucketPolicy": written})

    return Staged(attack, wares, normal=parsed, baseline=True)


def acls_enabled() -> Staged:
    client = bucket()

    def own(how: str) -> None:
        client.put_bucket_ownership_controls(
            Bucket="wares", OwnershipControls={"Rules": [{"ObjectOwnership": how}]}
        )

    own("BucketOwnerEnforced")

    def attack() -> Change:
        own("ObjectWriter")
        asked = {"xmlns": XMLNS, "Rule": {"ObjectOwnership": "ObjectWriter"}}
        request = {"bucketName": "wares", "ownershipControls": "", "OwnershipControls": asked}
        return s3("PutBucketOwnershipControls", request)

    return Staged(attack, wares)


def ownership_deleted() -> Staged:
    client = bucket()
    client.put_bucket_ownership_controls(
        Bucket="wares", OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )

    def attack() -> Change:
        client.delete_bucket_ownership_controls(Bucket="wares")
        return s3("DeleteBucketOwnershipControls", {"bucketName": "wares"})

    return Staged(attack, wares, baseline=True)


def account_block() -> Staged:
    # An account's id stands before the host name of S3 Control: moto does not listen there.
    client = boto3.client("s3control", config=Config(inject_host_prefix=False))

    def put(**switches: bool) -> None:
        client.put_public_access_block(
            AccountId=ACCOUNT, PublicAccessBlockConfiguration=dict.fromkeys(FLAGS, True) | switches
        )

    def snapshot() -> Any:
        found = client.get_public_access_block(AccountId=ACCOUNT)
        return found["PublicAccessBlockConfiguration"]

    put(BlockPublicAcls=False)

    def attack() -> Change:
        put(BlockPublicAcls=False, BlockPublicPolicy=False, RestrictPublicBuckets=False)
        asked = dict.fromkeys(FLAGS, False) | {"IgnorePublicAcls": True, "xmlns": XMLNS}
        request = {"accountId": ACCOUNT, "PublicAccessBlockConfiguration": asked}
        return s3("PutAccountPublicAccessBlock", request)

    return Staged(attack, snapshot, baseline=True)


def account_block_deleted() -> Staged:
    client = boto3.client("s3control", config=Config(inject_host_prefix=False))
    client.put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=dict.fromkeys(FLAGS, True)
    )

    def snapshot() -> Any:
        try:
            found = client.get_public_access_block(AccountId=ACCOUNT)
        except client.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return found["PublicAccessBlockConfiguration"]

    def attack() -> Change:
        client.delete_public_access_block(AccountId=ACCOUNT)
        return change(
            "s3-control.amazonaws.com", "DeleteAccountPublicAccessBlock", {"accountId": ACCOUNT}
        )

    return Staged(attack, snapshot, baseline=True)


def default_encryption(algorithm: str, key: str = "") -> dict[str, Any]:
    """A bucket's encryption by one algorithm and key."""
    default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bool(key)}
    return {"Rules": [rule]}


def encryption_deleted() -> Staged:
    client = bucket()
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/wares"
    client.put_bucket_encryption(
        Bucket="wares", ServerSideEncryptionConfiguration=default_encryption("aws:kms", key)
    )

    def attack() -> Change:
        client.delete_bucket_encryption(Bucket="wares")
        return s3("DeleteBucketEncryption", {"bucketName": "wares", "encryption": ""})

    return Staged(attack, wares, baseline=True)


def strangers_key() -> Staged:
    client = bucket()
    client.put_bucket_encryption(
        Bucket="wares", ServerSideEncryptionConfiguration=default_encryption("AES256")
    )
    key = f"arn:aws:kms:us-east-1:{STRANGER}:key/ransom"

    def attack() -> Change:
        encryption = default_encryption("aws:kms", key)
        client.put_bucket_encryption(Bucket="wares", ServerSideEncryptionConfiguration=encryption)
        asked = {"xmlns": XMLNS, "Rule": encryption["Rules"][0]}
        request = {"bucketName": "wares", "ServerSideEncryptionConfiguration": asked}
        return s3("PutBucketEncryption", request)

    return Staged(attack, wares, baseline=True)


def versioning_suspended() -> Staged:
    client = bucket()

    def version(status: str) -> None:
        client.put_bucket_versioning(Bucket="wares", VersioningConfiguration={"Status": status})

    version("Enabled")

    def attack() -> Change:
        version("Suspended")
        asked = {"xmlns": XMLNS, "Status": "Suspended"}
        request = {"bucketName": "wares", "versioning": "", "VersioningConfiguration": asked}
        return s3("PutBucketVersioning", request)

    return Staged(attack, wares, baseline=True)


def logging_disabled() -> Staged:
    client = bucket()
    bucket("ledger")
    deliver = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::ledger/*",
    }
    client.put_bucket_policy(Bucket="ledger", Policy=policy_of(deliver))
    enabled = {"TargetBucket": "ledger", "TargetPrefix": "wares/"}
    client.put_bucket_logging(Bucket="wares", BucketLoggingStatus={"LoggingEnabled": enabled})

    def attack() -> Change:
        client.put_bucket_logging(Bucket="wares", BucketLoggingStatus={})
        asked = {"xmlns": XMLNS}
        request = {"bucketName": "wares", "logging": "", "BucketLoggingStatus": asked}
        return s3("PutBucketLogging", request)

    return Staged(attack, wares, baseline=True)


def rule(name: str, days: int) -> dict[str, Any]:
    """A lifecycle rule that deletes after so many days."""
    filtered = {"Prefix": f"{name}/"}
    return {"ID": name, "Status": "Enabled", "Filter": filtered, "Expiration": {"Days": days}}


def early_expiry(*legitimate: dict[str, Any]) -> Staged:
    client = bucket("ledger")
    boto3.client("cloudtrail").create_trail(Name="all", S3BucketName="ledger")

    def put(*rules: dict[str, Any]) -> None:
        client.put_bucket_lifecycle_configuration(
            Bucket="ledger", LifecycleConfiguration={"Rules": list(rules)}
        )

    if legitimate:
        put(*legitimate)

    def attack() -> Change:
        put(*legitimate, rule("nuke", 1))
        rules = [*legitimate, rule("nuke", 1)]
        asked = {"xmlns": XMLNS, "Rule": rules if legitimate else rules[0]}
        request = {"bucketName": "ledger", "lifecycle": "", "LifecycleConfiguration": asked}
        return s3("PutBucketLifecycle", request)

    return Staged(attack, lambda: bucket_snapshot("ledger"))


def replicated(*legitimate: str) -> Staged:
    client = bucket()
    for name in ("wares", *legitimate):
        if name != "wares":
            bucket(name)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    role = f"arn:aws:iam::{ACCOUNT}:role/replication"

    def to(name: str, priority: int, **more: str) -> dict[str, Any]:
        return {
            "ID": name,
            "Status": "Enabled",
            "Priority": priority,
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{name}", **more},
        }

    def put(*rules: dict[str, Any]) -> None:
        client.put_bucket_replication(
            Bucket="wares", ReplicationConfiguration={"Role": role, "Rules": list(rules)}
        )

    fine = [to(name, 1) for name in legitimate]
    if fine:
        put(*fine)

    def attack() -> Change:
        theirs = to("elsewhere", 2, **({} if fine else {"Account": STRANGER}))
        put(*fine, theirs)
        asked = {"xmlns": XMLNS, "Role": role, "Rule": [*fine, theirs] if fine else theirs}
        request = {"bucketName": "wares", "ReplicationConfiguration": asked}
        return s3("PutBucketReplication", request)

    return Staged(attack, wares)


def website() -> Staged:
    client = bucket()

    def attack() -> Change:
        configuration = {"IndexDocument": {"Suffix": "index.html"}}
        client.put_bucket_website(Bucket="wares", WebsiteConfiguration=configuration)
        asked = configuration | {"xmlns": XMLNS}
        request = {"bucketName": "wares", "website": "", "WebsiteConfiguration": asked}
        return s3("PutBucketWebsite", request)

    return Staged(attack, wares, baseline=True)


SCENARIOS = (
    Scenario("s3.public-policy", public_policy),
    Scenario("s3.public-policy", only_public_policy, "emptied"),
    Scenario("s3.external-policy", external_policy),
    Scenario("s3.policy-deleted", deleted_policy),
    Scenario("s3.policy-deleted", policy_without_its_deny, "replaced"),
    Scenario("s3.public-acl", public_acl),
    Scenario("s3.public-object", public_object),
    Scenario("s3.acls-enabled", acls_enabled),
    Scenario("s3.acls-enabled", ownership_deleted, "deleted"),
    Scenario("s3.bucket-bpa-off", block_deleted),
    Scenario("s3.account-bpa-off", account_block),
    Scenario("s3.account-bpa-off", account_block_deleted, "deleted"),
    Scenario("s3.encryption-weakened", encryption_deleted),
    Scenario("s3.encryption-weakened", strangers_key, "foreign-key"),
    Scenario("s3.versioning-suspended", versioning_suspended),
    Scenario("s3.logging-disabled", logging_disabled),
    Scenario("s3.lifecycle-short-expiry", lambda: early_expiry(rule("yearly", 365))),
    Scenario("s3.lifecycle-short-expiry", early_expiry, "emptied"),
    Scenario("s3.replication-external", lambda: replicated("backup")),
    Scenario("s3.replication-external", replicated, "emptied"),
    Scenario("s3.website-enabled", website),
)
