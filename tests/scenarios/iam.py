"""Scenarios of the iam controls about keys and passwords."""

from __future__ import annotations

from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged
from tests.support.aws_policies import aws_policy
from tests.support.records import exposed_key, iam


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
    # AWS leaves its own mark beside its event.
    policy = aws_policy("AWSCompromisedKeyQuarantineV3")
    client.attach_user_policy(UserName="builder", PolicyArn=policy)

    def reverted(before: Any) -> Any:
        keys = before["keys"] | {exposed: "Inactive"}
        return before | {"keys": keys, "inline": ["DriftguardRevokeOlderSessions"]}

    return Staged(lambda: exposed_key(exposed), lambda: user_snapshot("builder"), reverted, by_name)


def quarantined_user() -> Staged:
    client = boto3.client("iam")
    client.create_user(UserName="builder")
    for _ in range(2):
        client.create_access_key(UserName="builder")
    policy = aws_policy("AWSCompromisedKeyQuarantineV3")

    def attack() -> Change:
        client.attach_user_policy(UserName="builder", PolicyArn=policy)
        return iam("AttachUserPolicy", {"userName": "builder", "policyArn": policy})

    def reverted(before: Any) -> Any:
        attached = [{"PolicyName": policy.rpartition("/")[2], "PolicyArn": policy}]
        inline = ["DriftguardRevokeOlderSessions"]
        keys = dict.fromkeys(before["keys"], "Inactive")
        return before | {"keys": keys, "inline": inline, "attached": attached}

    return Staged(attack, lambda: user_snapshot("builder"), reverted, by_name)


def key_for_other_user() -> Staged:
    client = boto3.client("iam")
    client.create_user(UserName="builder", Path="/team/")
    client.create_access_key(UserName="builder")

    def attack() -> Change:
        made = client.create_access_key(UserName="builder")["AccessKey"]
        told = {
            "userName": "builder",
            "accessKeyId": made["AccessKeyId"],
            "status": "Active",
            "createDate": "Nov 24, 2026, 12:00:00 PM",
        }
        return iam("CreateAccessKey", {"userName": "builder"}, responseElements={"accessKey": told})

    def snapshot() -> Any:
        # The new key's id is only known once it is made: the newest is told by its place.
        found = client.list_access_keys(UserName="builder")["AccessKeyMetadata"]
        return [one["Status"] for one in found]

    return Staged(attack, snapshot, lambda before: [*before, "Inactive"])


def login_profile_created() -> Staged:
    client = boto3.client("iam")
    client.create_user(UserName="builder", Path="/team/")
    client.create_access_key(UserName="builder")

    def attack() -> Change:
        client.create_login_profile(UserName="builder", Password="not-hunter2")
        return iam("CreateLoginProfile", {"userName": "builder", "passwordResetRequired": False})

    def reverted(before: Any) -> Any:
        return before | {"inline": ["DriftguardDenyConsole"]}

    return Staged(attack, lambda: user_snapshot("builder"), reverted, by_name)


SCENARIOS = (
    Scenario("iam.leaked-key", leaked_key),
    Scenario("iam.leaked-key", quarantined_user, "quarantine", asked=True),
    Scenario("iam.key-for-other-user", key_for_other_user),
    Scenario("iam.login-profile-created", login_profile_created),
)
