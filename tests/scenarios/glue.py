"""Scenarios of the glue controls."""

from __future__ import annotations

import json
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged, policy_of
from tests.support.records import change

GLUE = "glue.amazonaws.com"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/glue-catalog"
SETTINGS = {
    "EncryptionAtRest": {
        "CatalogEncryptionMode": "SSE-KMS-WITH-SERVICE-ROLE",
        "SseAwsKmsKeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/catalog",
        "CatalogEncryptionServiceRole": ROLE,
    },
    "ConnectionPasswordEncryption": {
        "ReturnConnectionPasswordEncrypted": True,
        "AwsKmsKeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/passwords",
    },
}


def statement(principal: Any) -> dict[str, Any]:
    """A statement that lets somebody read the catalog's tables."""
    return {
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["glue:GetTable", "glue:GetTables"],
        "Resource": f"arn:aws:glue:us-east-1:{ACCOUNT}:*",
    }


def catalog() -> Any:
    """What a control could touch of the catalog."""
    client = boto3.client("glue")
    found = client.get_data_catalog_encryption_settings()
    return {
        "policy": client.get_resource_policy().get("PolicyInJson", "null"),
        "encryption": found["DataCatalogEncryptionSettings"],
    }


def parsed(snapshot: Any) -> Any:
    return snapshot | {"policy": json.loads(snapshot["policy"])}


def open_policy() -> Staged:
    client = boto3.client("glue")
    fine = statement({"AWS": f"arn:aws:iam::{ACCOUNT}:role/analyst"})
    client.put_resource_policy(PolicyInJson=policy_of(fine))

    def attack() -> Change:
        written = policy_of(fine, statement({"AWS": [f"arn:aws:iam::{STRANGER}:root"]}))
        client.put_resource_policy(PolicyInJson=written)
        return change(GLUE, "PutResourcePolicy", {"policyInJson": written})

    return Staged(attack, catalog, normal=parsed)


def only_open_policy() -> Staged:
    client = boto3.client("glue")

    def attack() -> Change:
        written = policy_of(statement("*"))
        client.put_resource_policy(PolicyInJson=written)
        return change(GLUE, "PutResourcePolicy", {"policyInJson": written})

    return Staged(attack, catalog)


def unencrypted() -> Staged:
    client = boto3.client("glue")
    client.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=SETTINGS)

    def attack() -> Change:
        client.put_data_catalog_encryption_settings(
            DataCatalogEncryptionSettings=SETTINGS
            | {"EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"}}
        )
        asked = {
            "encryptionAtRest": {"catalogEncryptionMode": "DISABLED"},
            "connectionPasswordEncryption": {"returnConnectionPasswordEncrypted": True},
        }
        name = "PutDataCatalogEncryptionSettings"
        return change(GLUE, name, {"dataCatalogEncryptionSettings": asked})

    return Staged(attack, catalog, baseline=True)


SCENARIOS = (
    Scenario("glue.public-policy", open_policy),
    Scenario("glue.public-policy", only_open_policy, "emptied"),
    Scenario("glue.encryption-off", unencrypted),
)
