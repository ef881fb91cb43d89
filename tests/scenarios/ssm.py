"""Scenarios of the ssm controls."""

from __future__ import annotations

import json
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged
from tests.support.records import change

CONTENT = {
    "schemaVersion": "2.2",
    "description": "restart",
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": ["true"]}}
    ],
}
SETTING = "/ssm/documents/console/public-sharing-permission"


def shared() -> Staged:
    client = boto3.client("ssm")
    client.create_document(Content=json.dumps(CONTENT), Name="restart", DocumentType="Command")

    def share(*accounts: str) -> None:
        client.modify_document_permission(
            Name="restart", PermissionType="Share", AccountIdsToAdd=[*accounts]
        )

    share(ACCOUNT)

    def attack() -> Change:
        share(STRANGER)
        asked = {
            "name": "restart",
            "permissionType": "Share",
            "accountIdsToAdd": [STRANGER],
        }
        return change("ssm.amazonaws.com", "ModifyDocumentPermission", asked)

    def snapshot() -> Any:
        found = client.describe_document_permission(Name="restart", PermissionType="Share")
        return sorted(found["AccountIds"])

    return Staged(attack, snapshot)


def shared_with_everybody() -> Staged:
    client = boto3.client("ssm")
    client.create_document(Content=json.dumps(CONTENT), Name="restart", DocumentType="Command")

    def attack() -> Change:
        client.modify_document_permission(
            Name="restart", PermissionType="Share", AccountIdsToAdd=["all"]
        )
        asked = {"name": "restart", "permissionType": "Share", "accountIdsToAdd": ["all"]}
        return change("ssm.amazonaws.com", "ModifyDocumentPermission", asked)

    def snapshot() -> Any:
        found = client.describe_document_permission(Name="restart", PermissionType="Share")
        return sorted(found["AccountIds"])

    return Staged(attack, snapshot)


def allowed() -> Staged:
    setting = {"SettingId": SETTING, "SettingValue": "Disable"}

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        setting["SettingValue"] = asked["SettingValue"]
        return {}

    def attack() -> Change:
        asked = {"SettingId": SETTING, "SettingValue": "Enable"}
        put(asked)
        return change(
            "ssm.amazonaws.com",
            "UpdateServiceSetting",
            {"settingId": SETTING, "settingValue": "Enable"},
        )

    return Staged(
        attack,
        lambda: dict(setting),
        fakes={
            ("ssm", "GetServiceSetting"): lambda asked: {"ServiceSetting": dict(setting)},
            ("ssm", "UpdateServiceSetting"): put,
        },
    )


SCENARIOS = (
    Scenario("ssm.document-public", shared),
    Scenario("ssm.document-public", shared_with_everybody, "everybody"),
    Scenario("ssm.public-sharing-allowed", allowed),
)
