"""Scenarios of the rds controls."""

from __future__ import annotations

from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import STRANGER, Scenario, Staged
from tests.support.records import change

RDS = "rds.amazonaws.com"
PARTNER = "123456789012"
PROTECTIONS = (
    "PubliclyAccessible",
    "DeletionProtection",
    "BackupRetentionPeriod",
    "IAMDatabaseAuthenticationEnabled",
    "PreferredMaintenanceWindow",
    "MultiAZ",
    "StorageEncrypted",
)


def instance(name: str = "orders", **more: Any) -> Any:
    """A private, protected PostgreSQL instance."""
    given = {
        "DBInstanceIdentifier": name,
        "DBInstanceClass": "db.t4g.micro",
        "Engine": "postgres",
        "AllocatedStorage": 20,
        "MasterUsername": "admin",
        "MasterUserPassword": "an-example-only",
        "PubliclyAccessible": False,
        "DeletionProtection": True,
        "BackupRetentionPeriod": 7,
        "EnableIAMDatabaseAuthentication": True,
    }
    return boto3.client("rds").create_db_instance(**given | more)["DBInstance"]


def databases() -> Any:
    """What protects each instance and cluster."""
    client = boto3.client("rds")
    instances = client.describe_db_instances()["DBInstances"]
    clusters = client.describe_db_clusters()["DBClusters"]
    return {
        one.get("DBInstanceIdentifier") or one["DBClusterIdentifier"]: {
            name: one.get(name) for name in PROTECTIONS
        }
        for one in [*instances, *clusters]
    }


def public_instance() -> Staged:
    client = boto3.client("rds")
    instance()
    instance("billing")

    def attack() -> Change:
        client.modify_db_instance(DBInstanceIdentifier="orders", PubliclyAccessible=True)
        request = {
            "dBInstanceIdentifier": "orders",
            "publiclyAccessible": True,
            "applyImmediately": True,
            "allowMajorVersionUpgrade": False,
        }
        return change(RDS, "ModifyDBInstance", request)

    return Staged(attack, databases)


def restored_publicly() -> Staged:
    client = boto3.client("rds")
    instance()
    client.create_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier="nightly")
    restored = {
        "DBInstanceIdentifier": "copy",
        "DBSnapshotIdentifier": "nightly",
        "PubliclyAccessible": True,
    }

    def attack() -> Change:
        client.restore_db_instance_from_db_snapshot(**restored)
        request = {"dBInstanceIdentifier": "Copy", "dBSnapshotIdentifier": "nightly"}
        response = {"dBInstanceIdentifier": "copy", "publiclyAccessible": True}
        name = "RestoreDBInstanceFromDBSnapshot"
        return change(RDS, name, request, responseElements=response)

    def reverted(before: Any) -> Any:
        return before | {"copy": before["orders"]}

    return Staged(attack, databases, reverted)


def shared_snapshot() -> Staged:
    client = boto3.client("rds")
    instance()
    client.create_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier="nightly")

    def share(*accounts: str) -> None:
        client.modify_db_snapshot_attribute(
            DBSnapshotIdentifier="nightly", AttributeName="restore", ValuesToAdd=list(accounts)
        )

    def snapshot() -> Any:
        found = client.describe_db_snapshot_attributes(DBSnapshotIdentifier="nightly")
        return found["DBSnapshotAttributesResult"]["DBSnapshotAttributes"]

    share(PARTNER)

    def attack() -> Change:
        share(STRANGER, "all")
        request = {
            "dBSnapshotIdentifier": "nightly",
            "attributeName": "restore",
            "valuesToAdd": [STRANGER, "all"],
        }
        return change(RDS, "ModifyDBSnapshotAttribute", request)

    return Staged(attack, snapshot)


def cluster(name: str = "ledger") -> None:
    """A protected Aurora cluster."""
    boto3.client("rds").create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-postgresql",
        MasterUsername="keeper",
        MasterUserPassword="an-example-only",
        DeletionProtection=True,
        BackupRetentionPeriod=14,
        EnableIAMDatabaseAuthentication=True,
    )


def shared_cluster_snapshot() -> Staged:
    client = boto3.client("rds")
    cluster()
    client.create_db_cluster_snapshot(
        DBClusterIdentifier="ledger", DBClusterSnapshotIdentifier="nightly"
    )

    def share(*accounts: str) -> None:
        client.modify_db_cluster_snapshot_attribute(
            DBClusterSnapshotIdentifier="nightly",
            AttributeName="restore",
            ValuesToAdd=list(accounts),
        )

    def snapshot() -> Any:
        found = client.describe_db_cluster_snapshot_attributes(
            DBClusterSnapshotIdentifier="nightly"
        )
        return found["DBClusterSnapshotAttributesResult"]["DBClusterSnapshotAttributes"]

    share(PARTNER)

    def attack() -> Change:
        share(STRANGER)
        request = {
            "dBClusterSnapshotIdentifier": "nightly",
            "attributeName": "restore",
            "valuesToAdd": [STRANGER],
        }
        return change(RDS, "ModifyDBClusterSnapshotAttribute", request)

    return Staged(attack, snapshot)


def unprotected_instance() -> Staged:
    client = boto3.client("rds")
    instance()

    def attack() -> Change:
        client.modify_db_instance(
            DBInstanceIdentifier="orders",
            DeletionProtection=False,
            BackupRetentionPeriod=0,
            ApplyImmediately=True,
        )
        request = {
            "dBInstanceIdentifier": "orders",
            "deletionProtection": False,
            "backupRetentionPeriod": 0,
            "applyImmediately": True,
        }
        return change(RDS, "ModifyDBInstance", request)

    return Staged(attack, databases, baseline=True)


def unprotected_cluster() -> Staged:
    client = boto3.client("rds")
    cluster()

    def attack() -> Change:
        client.modify_db_cluster(
            DBClusterIdentifier="ledger",
            BackupRetentionPeriod=1,
            EnableIAMDatabaseAuthentication=False,
        )
        request = {
            "dBClusterIdentifier": "ledger",
            "backupRetentionPeriod": 1,
            "enableIAMDatabaseAuthentication": False,
        }
        return change(RDS, "ModifyDBCluster", request)

    return Staged(attack, databases, baseline=True)


SCENARIOS = (
    Scenario("rds.public-instance", public_instance),
    Scenario("rds.public-instance", restored_publicly, "restored"),
    Scenario("rds.snapshot-shared", shared_snapshot),
    Scenario("rds.snapshot-shared", shared_cluster_snapshot, "cluster"),
    Scenario("rds.protection-off", unprotected_instance),
    Scenario("rds.protection-off", unprotected_cluster, "cluster"),
)
