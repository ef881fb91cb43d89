"""Scenarios of the secretsmanager controls."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged, policy_of
from tests.support.records import change

secrets = partial(change, "secretsmanager.amazonaws.com")


def make_secret() -> tuple[Any, str]:
    """Secrets Manager's client, and a secret's ARN."""
    client = boto3.client("secretsmanager")
    return client, client.create_secret(Name="orders/db", SecretString="swordfish")["ARN"]


def secret_snapshot(arn: str) -> Any:
    """Everything about the secret that a control could touch."""
    client = boto3.client("secretsmanager")
    told = client.describe_secret(SecretId=arn)
    deleted = "DeletedDate" in told
    policy = "{}" if deleted else client.get_resource_policy(SecretId=arn).get("ResourcePolicy")
    return {
        "deleted": deleted,
        "rotated": told.get("RotationEnabled", False),
        "rules": told.get("RotationRules"),
        "policy": policy,
    }


def parsed(snapshot: Any) -> Any:
    """With the policy parsed: a surgical edit may lay the text out anew."""
    return snapshot | {"policy": json.loads(snapshot["policy"] or "null")}


def statement(who: str) -> dict[str, Any]:
    """A statement that lets somebody read the secret."""
    action = "secretsmanager:GetSecretValue"
    return {"Effect": "Allow", "Principal": {"AWS": who}, "Action": action, "Resource": "*"}


def put(client: Any, arn: str, *statements: dict[str, Any]) -> Change:
    written = policy_of(*statements)
    client.put_resource_policy(SecretId=arn, ResourcePolicy=written, BlockPublicPolicy=False)
    return secrets(
        "PutResourcePolicy",
        {"secretId": "orders/db", "resourcePolicy": written, "blockPublicPolicy": False},
        responseElements={"aRN": arn, "name": "orders/db"},
    )


def open_policy() -> Staged:
    client, arn = make_secret()
    ours = statement(f"arn:aws:iam::{ACCOUNT}:role/orders")
    theirs = statement(f"arn:aws:iam::{STRANGER}:root")
    put(client, arn, ours)
    attack = partial(put, client, arn, ours, theirs)
    return Staged(attack, lambda: secret_snapshot(arn), normal=parsed)


def only_open_policy() -> Staged:
    client, arn = make_secret()
    return Staged(partial(put, client, arn, statement("*")), lambda: secret_snapshot(arn))


def deleted() -> Staged:
    client, arn = make_secret()

    def attack() -> Change:
        client.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
        asked = {"secretId": "orders/db", "recoveryWindowInDays": 7}
        return secrets("DeleteSecret", asked, responseElements={"arn": arn, "name": "orders/db"})

    return Staged(attack, lambda: secret_snapshot(arn))


def rotation_cancelled() -> Staged:
    _, arn = make_secret()
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:rotate"
    secret: dict[str, Any] = {
        "ARN": arn,
        "RotationEnabled": True,
        "RotationLambdaARN": function,
        "RotationRules": {"AutomaticallyAfterDays": 30},
    }

    def rotate(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["RotateImmediately"] is False
        rules = {key: asked[key] for key in ("RotationLambdaARN", "RotationRules")}
        secret.update(rules, RotationEnabled=True)
        return {"ARN": arn}

    def cancel(_: dict[str, Any]) -> dict[str, Any]:
        secret["RotationEnabled"] = False
        return {"ARN": arn}

    def attack() -> Change:
        cancel({})
        return secrets("CancelRotateSecret", {"secretId": arn})

    # moto runs the rotation's function in Docker.
    named = {
        "CancelRotateSecret": cancel,
        "DescribeSecret": lambda _: dict(secret),
        "RotateSecret": rotate,
    }
    fakes = {("secretsmanager", name): fake for name, fake in named.items()}
    return Staged(attack, lambda: dict(secret), fakes=fakes)


SCENARIOS = (
    Scenario("secretsmanager.public-policy", open_policy),
    Scenario("secretsmanager.public-policy", only_open_policy, "emptied"),
    Scenario("secretsmanager.secret-deleted", deleted),
    Scenario("secretsmanager.rotation-cancelled", rotation_cancelled),
)
