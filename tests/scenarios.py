"""One scenario a control: a legitimate state, an attacker's change, and what to compare.

The round-trip tests run each of them: changed → reverted, the rest untouched → undone, the state
exactly as the attacker left it. The permission tests run each under IAM enforcement.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from tests.records import exposed_key, iam, nested_ingress, permission, s3

from driftguard.model import Change

ACCOUNT = "123456789012"
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True)
class Staged:
    """A scenario in an account: make the risky change, and look at everything it could touch."""

    attack: Callable[[], Change]
    snapshot: Callable[[], Any]
    # What a revert leads to, from the state before the attack; where not simply that state.
    reverted: Callable[[Any], Any] = lambda before: before
    # How both are made comparable; an undo is compared without it, to the byte.
    normal: Callable[[Any], Any] = lambda snapshot: snapshot


@dataclass(frozen=True)
class Scenario:
    """How to stage a control's scenario."""

    control: str
    stage: Callable[[], Staged]
    name: str = ""

    def __str__(self) -> str:
        return f"{self.control}{'-' if self.name else ''}{self.name}"


# ------------------------------------------------------------------------------------- ec2


def rules_of(group: str) -> list[dict[str, Any]]:
    """A group's rules without the ids that AWS makes anew."""
    found = boto3.client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )
    made_anew = ("SecurityGroupRuleId", "SecurityGroupRuleArn")
    rules = [
        {k: v for k, v in rule.items() if k not in made_anew}
        for rule in found["SecurityGroupRules"]
    ]
    return sorted(rules, key=lambda rule: json.dumps(rule, sort_keys=True))


def open_ingress() -> Staged:
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]

    def allow(port: int, **sources: Any) -> None:
        allowed = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **sources}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[allowed])

    allow(443, IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "the web"}])
    allow(22, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "from inside"}])

    def attack() -> Change:
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": 22,
                    "ToPort": 22,
                    "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "for a moment"}],
                    "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
                }
            ],
            TagSpecifications=[
                {
                    "ResourceType": "security-group-rule",
                    "Tags": [{"Key": "by", "Value": "mallory"}],
                }
            ],
        )
        return nested_ingress(group, permission(22, "0.0.0.0/0", v6=("::/0",)))

    return Staged(attack, lambda: rules_of(group))


# -------------------------------------------------------------------------------------- s3


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


def policy_of(*statements: dict[str, Any]) -> str:
    """A policy document as people write it."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)


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


# ------------------------------------------------------------------------------------- iam


def user_snapshot(name: str) -> Any:
    """A user's keys and policies."""
    client = boto3.client("iam")
    keys = client.list_access_keys(UserName=name)["AccessKeyMetadata"]
    inline = client.list_user_policies(UserName=name)["PolicyNames"]
    return {
        "keys": {one["AccessKeyId"]: one["Status"] for one in keys},
        "inline": {
            one: client.get_user_policy(UserName=name, PolicyName=one)["PolicyDocument"]
            for one in inline
        },
        "attached": client.list_attached_user_policies(UserName=name)["AttachedPolicies"],
    }


def by_name(snapshot: Any) -> Any:
    """A user's snapshot with inline policies by name only: a revocation holds the time."""
    return snapshot | {"inline": sorted(snapshot["inline"])}


def leaked_key() -> Staged:
    client = boto3.client("iam")
    client.create_user(UserName="builder", Path="/team/")
    exposed, _ = (
        client.create_access_key(UserName="builder")["AccessKey"]["AccessKeyId"] for _ in range(2)
    )

    def reverted(before: Any) -> Any:
        keys = before["keys"] | {exposed: "Inactive"}
        return before | {"keys": keys, "inline": ["DriftguardRevokeOlderSessions"]}

    return Staged(lambda: exposed_key(exposed), lambda: user_snapshot("builder"), reverted, by_name)


def quarantined_user() -> Staged:
    client = boto3.client("iam")
    client.create_user(UserName="builder")
    for _ in range(2):
        client.create_access_key(UserName="builder")
    name = "AWSCompromisedKeyQuarantineV3"
    deny = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}

    def attack() -> Change:
        client.put_user_policy(UserName="builder", PolicyName=name, PolicyDocument=policy_of(deny))
        return iam("PutUserPolicy", {"userName": "builder", "policyName": name})

    def reverted(before: Any) -> Any:
        inline = sorted([name, "DriftguardRevokeOlderSessions"])
        return before | {"keys": dict.fromkeys(before["keys"], "Inactive"), "inline": inline}

    return Staged(attack, lambda: user_snapshot("builder"), reverted, by_name)


SCENARIOS = (
    Scenario("ec2.open-ingress", open_ingress),
    Scenario("s3.public-policy", public_policy),
    Scenario("s3.public-policy", only_public_policy, "emptied"),
    Scenario("s3.public-acl", public_acl),
    Scenario("s3.bucket-bpa-off", block_deleted),
    Scenario("iam.leaked-key", leaked_key),
    Scenario("iam.leaked-key", quarantined_user, "quarantine"),
)
