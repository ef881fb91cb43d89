"""Scenarios of the redshift controls."""

from __future__ import annotations

from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Fake, Scenario, Staged
from tests.support.records import change

REDSHIFT = "redshift.amazonaws.com"


def public_cluster() -> Staged:
    client = boto3.client("redshift")
    for name in ("sales", "stock"):
        client.create_cluster(
            ClusterIdentifier=name,
            NodeType="ra3.large",
            ClusterType="single-node",
            MasterUsername="keeper",
            MasterUserPassword="An-example-0nly",
            PubliclyAccessible=False,
        )

    def snapshot() -> Any:
        found = client.describe_clusters()["Clusters"]
        names = ("PubliclyAccessible", "NodeType", "Encrypted", "EnhancedVpcRouting")
        return {one["ClusterIdentifier"]: {name: one[name] for name in names} for one in found}

    def attack() -> Change:
        client.modify_cluster(ClusterIdentifier="sales", PubliclyAccessible=True)
        request = {"clusterIdentifier": "sales", "publiclyAccessible": True}
        return change(REDSHIFT, "ModifyCluster", request)

    return Staged(attack, snapshot)


def shared_snapshot() -> Staged:
    """moto has no snapshot access: a fake keeps the accounts."""
    accounts = [ACCOUNT]

    def described() -> dict[str, Any]:
        return {
            "SnapshotIdentifier": "nightly",
            "ClusterIdentifier": "sales",
            "AccountsWithRestoreAccess": [{"AccountId": one} for one in accounts],
        }

    def describe(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["SnapshotIdentifier"] != "nightly":
            return {"Error": {"Code": "ClusterSnapshotNotFound"}}
        return {"Snapshots": [described()]}

    def authorize(asked: dict[str, Any]) -> dict[str, Any]:
        accounts.append(asked["AccountWithRestoreAccess"])
        return {"Snapshot": described()}

    def revoke(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["AccountWithRestoreAccess"] not in accounts:
            return {"Error": {"Code": "AuthorizationNotFound"}}
        accounts.remove(asked["AccountWithRestoreAccess"])
        return {"Snapshot": described()}

    fakes: dict[tuple[str, str], Fake] = {
        ("redshift", "DescribeClusterSnapshots"): describe,
        ("redshift", "AuthorizeSnapshotAccess"): authorize,
        ("redshift", "RevokeSnapshotAccess"): revoke,
    }

    def attack() -> Change:
        request = {"snapshotIdentifier": "nightly", "accountWithRestoreAccess": STRANGER}
        boto3.client("redshift").authorize_snapshot_access(
            SnapshotIdentifier="nightly", AccountWithRestoreAccess=STRANGER
        )
        response = {"snapshotIdentifier": "nightly", "clusterIdentifier": "sales"}
        return change(REDSHIFT, "AuthorizeSnapshotAccess", request, responseElements=response)

    return Staged(attack, lambda: sorted(accounts), fakes=fakes)


SCENARIOS = (
    Scenario("redshift.public", public_cluster),
    Scenario("redshift.snapshot-shared", shared_snapshot),
)
