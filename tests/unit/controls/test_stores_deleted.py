"""Which deletions lose data: every trigger names what is gone, and what a last snapshot keeps."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import stores_deleted
from driftguard.controls.data import DeletionSettings
from driftguard.controls.stores_deleted import StoreDeleted
from driftguard.model import Candidate
from tests.support.each import each
from tests.support.records import ACCOUNT, REGION, change

HERE = f"{REGION}:{ACCOUNT}"

# (source, call, what is asked, the tail of the ARN that is gone)
LOST: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("dynamodb", "DeleteTable", {"tableName": "orders"}, f"dynamodb:{HERE}:table/orders"),
    (
        "dynamodb",
        "DeleteTable",
        {"tableName": f"arn:aws:dynamodb:{HERE}:table/orders"},
        f"dynamodb:{HERE}:table/orders",
    ),
    (
        "dynamodb",
        "DeleteBackup",
        {"backupArn": f"arn:aws:dynamodb:{HERE}:table/orders/backup/1"},
        f"dynamodb:{HERE}:table/orders/backup/1",
    ),
    ("ec2", "DeleteVolume", {"volumeId": "vol-1"}, f"ec2:{HERE}:volume/vol-1"),
    (
        "rds",
        "DeleteDBInstanceAutomatedBackup",
        {"dbiResourceId": "db-A"},
        f"rds:{HERE}:auto-backup:db-A",
    ),
    (
        "rds",
        "DeleteDBInstanceAutomatedBackup",
        {"dBInstanceAutomatedBackupsArn": f"arn:aws:rds:{HERE}:auto-backup:ab-1"},
        f"rds:{HERE}:auto-backup:ab-1",
    ),
    (
        "rds",
        "DeleteDBClusterAutomatedBackup",
        {"dbClusterResourceId": "cluster-A"},
        f"rds:{HERE}:cluster-auto-backup:cluster-A",
    ),
    (
        "redshift",
        "DeleteCluster",
        {"clusterIdentifier": "sales", "skipFinalClusterSnapshot": True},
        f"redshift:{HERE}:cluster:sales",
    ),
    (
        "redshift",
        "DeleteClusterSnapshot",
        {"snapshotIdentifier": "s", "snapshotClusterIdentifier": "sales"},
        f"redshift:{HERE}:snapshot:sales/s",
    ),
    (
        "redshift",
        "BatchDeleteClusterSnapshots",
        {"identifiers": [{"snapshotIdentifier": "s"}]},
        f"redshift:{HERE}:snapshot:*/s",
    ),
    (
        "redshift-serverless",
        "DeleteNamespace",
        {"namespaceName": "sales"},
        f"redshift-serverless:{HERE}:namespace/sales",
    ),
    (
        "redshift-serverless",
        "DeleteSnapshot",
        {"snapshotName": "s"},
        f"redshift-serverless:{HERE}:snapshot/s",
    ),
    (
        "ecr",
        "DeleteRepository",
        {"repositoryName": "team/shop", "force": True},
        f"ecr:{HERE}:repository/team/shop",
    ),
    (
        "elasticache",
        "DeleteReplicationGroup",
        {"replicationGroupId": "sessions"},
        f"elasticache:{HERE}:replicationgroup:sessions",
    ),
    (
        "elasticache",
        "DeleteServerlessCache",
        {"serverlessCacheName": "sessions"},
        f"elasticache:{HERE}:serverlesscache:sessions",
    ),
    ("elasticache", "DeleteSnapshot", {"snapshotName": "s"}, f"elasticache:{HERE}:snapshot:s"),
    ("memorydb", "DeleteCluster", {"clusterName": "carts"}, f"memorydb:{HERE}:cluster/carts"),
    ("memorydb", "DeleteSnapshot", {"snapshotName": "s"}, f"memorydb:{HERE}:snapshot/s"),
    ("es", "DeleteDomain", {"domainName": "logs"}, f"es:{HERE}:domain/logs"),
    ("es", "DeleteElasticsearchDomain", {"domainName": "logs"}, f"es:{HERE}:domain/logs"),
    ("fsx", "DeleteFileSystem", {"fileSystemId": "fs-1"}, f"fsx:{HERE}:file-system/fs-1"),
    ("fsx", "DeleteBackup", {"backupId": "backup-1"}, f"fsx:{HERE}:backup/backup-1"),
    ("kinesis", "DeleteStream", {"streamName": "orders"}, f"kinesis:{HERE}:stream/orders"),
    (
        "kinesis",
        "DeleteStream",
        {"streamARN": f"arn:aws:kinesis:{HERE}:stream/orders"},
        f"kinesis:{HERE}:stream/orders",
    ),
)
KEPT: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "redshift",
        "DeleteCluster",
        {"clusterIdentifier": "sales", "finalClusterSnapshotIdentifier": "s"},
    ),
    (
        "redshift-serverless",
        "DeleteNamespace",
        {"namespaceName": "sales", "finalSnapshotName": "s"},
    ),
    ("ecr", "DeleteRepository", {"repositoryName": "shop"}),
    (
        "elasticache",
        "DeleteReplicationGroup",
        {"replicationGroupId": "sessions", "finalSnapshotIdentifier": "s"},
    ),
    (
        "elasticache",
        "DeleteServerlessCache",
        {"serverlessCacheName": "sessions", "finalSnapshotName": "s"},
    ),
    ("memorydb", "DeleteCluster", {"clusterName": "carts", "finalSnapshotName": "s"}),
    (
        "fsx",
        "DeleteFileSystem",
        {"fileSystemId": "fs-1", "openZFSConfiguration": {"skipFinalBackup": False}},
    ),
)


def found(source: str, call: str, asked: dict[str, Any]) -> list[Candidate]:
    made = change(f"{source}.amazonaws.com", call, asked)
    return [
        candidate
        for one in stores_deleted.CONTROLS
        for candidate in one.screen(made, DeletionSettings())
    ]


@each(("source", "call", "asked", "tail"), LOST)
def test_a_deletion_names_what_is_gone(
    source: str, call: str, asked: dict[str, Any], tail: str
) -> None:
    (candidate,) = found(source, call, asked)
    assert candidate.resource.arn == f"arn:aws:{tail}"


@pytest.mark.parametrize(("source", "call", "asked"), KEPT)
def test_what_a_last_snapshot_keeps_is_not_lost(
    source: str, call: str, asked: dict[str, Any]
) -> None:
    assert found(source, call, asked) == []


@pytest.mark.parametrize("control", stores_deleted.CONTROLS, ids=lambda one: one.id)
def test_every_trigger_is_tried(control: StoreDeleted) -> None:
    tried = {(f"{source}.amazonaws.com", call) for source, call, *_ in LOST}
    assert {(one.source, one.name) for one in control.triggers} <= tried
