"""Scenarios of the backup controls."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged, policy_of
from tests.support.records import change

backup = partial(change, "backup.amazonaws.com")
KEEP = {
    "Sid": "Keep",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "backup:DeleteRecoveryPoint",
    "Resource": "*",
}
COPY = {
    "Sid": "Copy",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "backup:CopyIntoBackupVault",
    "Resource": "*",
}


def make_vaults() -> Any:
    client = boto3.client("backup")
    for name in ("orders", "others"):
        client.create_backup_vault(BackupVaultName=name)
    return client


def unlocked(*, shortened: bool) -> Staged:
    client = make_vaults()
    for name in ("orders", "others"):
        client.put_backup_vault_lock_configuration(
            BackupVaultName=name, MinRetentionDays=30, MaxRetentionDays=365
        )

    def attack() -> Change:
        named = {"backupVaultName": "orders"}
        if shortened:
            client.put_backup_vault_lock_configuration(BackupVaultName="orders", MinRetentionDays=1)
            return backup("PutBackupVaultLockConfiguration", {**named, "minRetentionDays": 1})
        client.delete_backup_vault_lock_configuration(BackupVaultName="orders")
        return backup("DeleteBackupVaultLockConfiguration", named)

    def snapshot() -> Any:
        names = ("Locked", "MinRetentionDays", "MaxRetentionDays")
        found = [client.describe_backup_vault(BackupVaultName=one) for one in ("orders", "others")]
        return [{name: one.get(name) for name in names} for one in found]

    return Staged(attack, snapshot, baseline=True)


def policy_lost(after: str | None) -> Staged:
    make_vaults()
    policies = {"orders": policy_of(KEEP, COPY), "others": policy_of(KEEP)}

    def found(asked: dict[str, Any]) -> dict[str, Any]:
        policy = policies.get(asked["BackupVaultName"])
        if policy is None:
            return {"Error": {"Code": "ResourceNotFoundException"}}
        return {"BackupVaultName": asked["BackupVaultName"], "Policy": policy}

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        policies[asked["BackupVaultName"]] = asked["Policy"]
        return {}

    def delete(asked: dict[str, Any]) -> dict[str, Any]:
        del policies[asked["BackupVaultName"]]
        return {}

    def attack() -> Change:
        named = {"backupVaultName": "orders"}
        if after is None:
            del policies["orders"]
            return backup("DeleteBackupVaultAccessPolicy", named)
        policies["orders"] = after
        return backup("PutBackupVaultAccessPolicy", {**named, "policy": after})

    def normal(snapshot: Any) -> Any:
        """Statements in one order: what was lost comes back behind the others."""
        parsed = {name: json.loads(written)["Statement"] for name, written in snapshot.items()}
        return {name: sorted(all_, key=lambda one: one["Sid"]) for name, all_ in parsed.items()}

    fakes = {
        ("backup", "GetBackupVaultAccessPolicy"): found,
        ("backup", "PutBackupVaultAccessPolicy"): put,
        ("backup", "DeleteBackupVaultAccessPolicy"): delete,
    }
    return Staged(attack, lambda: dict(policies), normal=normal, fakes=fakes, baseline=True)


SCENARIOS = (
    Scenario("backup.vault-unlocked", partial(unlocked, shortened=False)),
    Scenario("backup.vault-unlocked", partial(unlocked, shortened=True), "shortened"),
    Scenario("backup.vault-policy-lost", partial(policy_lost, None)),
    Scenario("backup.vault-policy-lost", partial(policy_lost, policy_of(COPY)), "replaced"),
)
