"""RDS: last night's snapshot."""

from __future__ import annotations

from ..account import PARTNER, STRANGER, Account
from ..events import Event, api_call
from .model import Scenario, Staged


def _shared_snapshot(account: Account) -> Staged:
    rds, snapshot = account.client("rds"), "orders-nightly"
    rds.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="keeper",
        MasterUserPassword="an-example-only",
    )
    rds.create_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier=snapshot)

    def share(with_account: str) -> None:
        rds.modify_db_snapshot_attribute(
            DBSnapshotIdentifier=snapshot, AttributeName="restore", ValuesToAdd=[with_account]
        )

    def shared() -> set[str]:
        found = rds.describe_db_snapshot_attributes(DBSnapshotIdentifier=snapshot)
        [restore] = found["DBSnapshotAttributesResult"]["DBSnapshotAttributes"]
        return set(restore["AttributeValues"])

    def strike() -> Event:
        share(STRANGER)
        asked = {"dBSnapshotIdentifier": snapshot, "attributeName": "restore"}
        return api_call(
            account, "rds", "ModifyDBSnapshotAttribute", {**asked, "valuesToAdd": [STRANGER]}
        )

    share(PARTNER)
    return Staged(
        f"snapshot {snapshot}",
        "shared with the partner",
        strike,
        lambda: shared() - {PARTNER},
        lambda: shared() - {STRANGER},
    )


SHARED_SNAPSHOT = Scenario(
    "shared-snapshot",
    "rds.snapshot-shared",
    "shares last night's snapshot of the orders with a strange account",
    _shared_snapshot,
)
