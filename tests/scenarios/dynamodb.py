"""Scenarios of the dynamodb controls."""

from __future__ import annotations

import json
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged, policy_of
from tests.support.records import change

DYNAMODB = "dynamodb.amazonaws.com"
ARN = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders"


def table(**more: Any) -> Any:
    """The table `orders`, and DynamoDB's client. The guard's own two tables stand beside it."""
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        **more,
    )
    return client


def orders() -> Any:
    """What a control could touch of the table."""
    client = boto3.client("dynamodb")
    found = client.describe_table(TableName="orders")["Table"]
    backups = client.describe_continuous_backups(TableName="orders")
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    try:
        policy = client.get_resource_policy(ResourceArn=ARN)["Policy"]
    except client.exceptions.PolicyNotFoundException:
        policy = ""
    return {
        "protected": found["DeletionProtectionEnabled"],
        "billing": found["BillingModeSummary"],
        "recovery": recovery["PointInTimeRecoveryStatus"],
        "days": recovery.get("RecoveryPeriodInDays"),
        "policy": policy,
    }


def unprotected() -> Staged:
    client = table(DeletionProtectionEnabled=True)

    def attack() -> Change:
        client.update_table(TableName="orders", DeletionProtectionEnabled=False)
        request = {"tableName": "orders", "deletionProtectionEnabled": False}
        return change(DYNAMODB, "UpdateTable", request)

    return Staged(attack, orders, baseline=True)


def without_recovery() -> Staged:
    client = table()
    specification = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 14}
    client.update_continuous_backups(
        TableName="orders", PointInTimeRecoverySpecification=specification
    )

    def attack() -> Change:
        client.update_continuous_backups(
            TableName="orders",
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
        )
        asked = {"pointInTimeRecoveryEnabled": False}
        request = {"tableName": ARN, "pointInTimeRecoverySpecification": asked}
        return change(DYNAMODB, "UpdateContinuousBackups", request)

    return Staged(attack, orders, baseline=True)


def statement(principal: Any) -> dict[str, Any]:
    """A statement about the table."""
    return {
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["dynamodb:GetItem", "dynamodb:Query"],
        "Resource": ARN,
    }


def parsed(snapshot: Any) -> Any:
    return snapshot | {"policy": json.loads(snapshot["policy"] or "null")}


def open_policy() -> Staged:
    client = table()
    fine = statement({"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"})
    client.put_resource_policy(ResourceArn=ARN, Policy=policy_of(fine))

    def attack() -> Change:
        theirs = statement({"AWS": f"arn:aws:iam::{STRANGER}:root"})
        written = policy_of(fine, theirs)
        client.put_resource_policy(ResourceArn=ARN, Policy=written)
        return change(DYNAMODB, "PutResourcePolicy", {"resourceArn": ARN, "policy": written})

    return Staged(attack, orders, normal=parsed)


def only_open_policy() -> Staged:
    client = table()

    def attack() -> Change:
        written = policy_of(statement("*"))
        client.put_resource_policy(ResourceArn=ARN, Policy=written)
        return change(DYNAMODB, "PutResourcePolicy", {"resourceArn": ARN, "policy": written})

    return Staged(attack, orders)


SCENARIOS = (
    Scenario("dynamodb.protection-off", unprotected),
    Scenario("dynamodb.recovery-off", without_recovery),
    Scenario("dynamodb.public-policy", open_policy),
    Scenario("dynamodb.public-policy", only_open_policy, "emptied"),
)
