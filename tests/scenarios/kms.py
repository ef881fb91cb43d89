"""Scenarios of the kms controls."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged, policy_of
from tests.support.records import change

kms = partial(change, "kms.amazonaws.com")


def make_key() -> tuple[Any, str]:
    """KMS's client, and a key's id."""
    client = boto3.client("kms")
    return client, client.create_key(Description="orders")["KeyMetadata"]["KeyId"]


def key_snapshot(key: str) -> Any:
    """Everything about the key that a control could touch; dates of deletion are made anew."""
    client = boto3.client("kms")
    told = client.describe_key(KeyId=key)["KeyMetadata"]
    deleted = told["KeyState"] == "PendingDeletion"
    policy = client.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    return {
        "state": told["KeyState"],
        "rotated": not deleted and client.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"],
        "policy": policy,
        "grants": client.list_grants(KeyId=key)["Grants"],
    }


def parsed(snapshot: Any) -> Any:
    """With the policy parsed: a surgical edit may lay the text out anew."""
    return snapshot | {"policy": json.loads(snapshot["policy"])}


def schedule(client: Any, key: str) -> Change:
    client.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    return kms("ScheduleKeyDeletion", {"keyId": key, "pendingWindowInDays": 7})


def deletion_scheduled() -> Staged:
    client, key = make_key()
    return Staged(lambda: schedule(client, key), lambda: key_snapshot(key), baseline=True)


def deletion_unrecorded() -> Staged:
    client, key = make_key()

    def reverted(before: Any) -> Any:
        return before | {"state": "Disabled"}

    return Staged(lambda: schedule(client, key), lambda: key_snapshot(key), reverted)


def disabled() -> Staged:
    client, key = make_key()

    def attack() -> Change:
        client.disable_key(KeyId=key)
        return kms("DisableKey", {"keyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key}"})

    return Staged(attack, lambda: key_snapshot(key))


def rotation_off() -> Staged:
    client, key = make_key()
    client.enable_key_rotation(KeyId=key)

    def attack() -> Change:
        client.disable_key_rotation(KeyId=key)
        return kms("DisableKeyRotation", {"keyId": key})

    return Staged(attack, lambda: key_snapshot(key), baseline=True)


def open_policy() -> Staged:
    client, key = make_key()
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    ours = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    client.put_key_policy(KeyId=key, PolicyName="default", Policy=policy_of(ours))
    theirs = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }

    def attack() -> Change:
        written = policy_of(ours, theirs)
        client.put_key_policy(KeyId=key, PolicyName="default", Policy=written)
        return kms("PutKeyPolicy", {"keyId": key, "policyName": "default", "policy": written})

    return Staged(attack, lambda: key_snapshot(key), normal=parsed)


def foreign_grant() -> Staged:
    client, key = make_key()
    own, foreign = (f"arn:aws:iam::{one}:role/orders" for one in (ACCOUNT, STRANGER))
    constraints = {"EncryptionContextEquals": {"shop": "1"}}

    def grant(to: str, name: str) -> None:
        client.create_grant(
            KeyId=key,
            GranteePrincipal=to,
            Operations=["Decrypt", "DescribeKey"],
            Name=name,
            Constraints=constraints,
        )

    grant(own, "ours")

    def attack() -> Change:
        grant(foreign, "theirs")
        asked = {"keyId": key, "granteePrincipal": foreign, "operations": ["Decrypt"]}
        return kms("CreateGrant", asked)

    def without_ids(snapshot: Any) -> Any:
        grants = [{k: v for k, v in one.items() if k != "GrantId"} for one in snapshot["grants"]]
        return snapshot | {"grants": grants}

    return Staged(attack, lambda: key_snapshot(key), anew=without_ids)


SCENARIOS = (
    Scenario("kms.deletion-scheduled", deletion_scheduled),
    Scenario("kms.deletion-scheduled", deletion_unrecorded, "unrecorded"),
    Scenario("kms.disabled", disabled),
    Scenario("kms.rotation-off", rotation_off),
    Scenario("kms.public-policy", open_policy),
    Scenario("kms.external-grant", foreign_grant),
)
