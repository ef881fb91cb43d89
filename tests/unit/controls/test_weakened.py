"""What was weak from the start is no drift; what a record tells of is, baseline or not."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import boto3

from driftguard.controls import control
from driftguard.documents import stamp
from driftguard.model import Autonomy, Change, Resource, Status
from driftguard.sweep.look import sweep
from tests.scenarios.dynamodb import DYNAMODB, orders, table
from tests.scenarios.rds import RDS, databases, instance
from tests.support.records import change, s3
from tests.support.world import ACCOUNT, REGION, World


def unprotect() -> Change:
    """A record that turns the table's protection off, as pipelines do that always say all."""
    request = {"tableName": "orders", "deletionProtectionEnabled": False}
    return change(DYNAMODB, "UpdateTable", request)


def record_baseline(world: World, control_id: str) -> set[str]:
    return {one.outcome for one in sweep(world.guard, REGION, only=[control(control_id)])}


def test_a_sweep_records_what_was_never_protected(world: World) -> None:
    table()

    assert record_baseline(world, "dynamodb.protection-off") == {"recorded"}
    assert world.handle(unprotect()) == []
    assert orders()["protected"] is False


def test_without_a_baseline_the_records_word_counts(world: World) -> None:
    table()

    decision = world.one(unprotect())

    assert decision.summary == "the table's deletion protection is off"
    (step,) = decision.plan.steps
    assert step.call.parameters == {"TableName": "orders", "DeletionProtectionEnabled": True}


def test_without_a_baseline_or_a_default_people_are_told(world: World) -> None:
    instance(BackupRetentionPeriod=0)

    request = {"dBInstanceIdentifier": "orders", "backupRetentionPeriod": 0}
    later = stamp(world.clock.now() + timedelta(days=1))
    decision = world.one(change(RDS, "ModifyDBInstance", request, eventTime=later))

    assert decision.plan.steps == ()
    assert decision.status is Status.OBSERVED
    assert decision.autonomy is Autonomy.OBSERVE


def test_only_the_field_that_got_weaker_is_set_back(world: World) -> None:
    instance(DeletionProtection=False)
    record_baseline(world, "rds.protection-off")
    boto3.client("rds").modify_db_instance(DBInstanceIdentifier="orders", BackupRetentionPeriod=2)

    request = {"dBInstanceIdentifier": "orders", "backupRetentionPeriod": 2}
    decision = world.one(change(RDS, "ModifyDBInstance", request))

    assert decision.summary == "backups are kept for 2 days, not 7"
    (step,) = decision.plan.steps
    assert step.call.parameters == {"DBInstanceIdentifier": "orders", "BackupRetentionPeriod": 7}
    assert databases()["orders"]["DeletionProtection"] is False


def test_a_pending_change_is_judged_as_if_it_were_made(world: World) -> None:
    """RDS puts it off until the maintenance window; the backups would be gone by then."""
    found = {"BackupRetentionPeriod": 7, "PendingModifiedValues": {"BackupRetentionPeriod": 0}}

    class Reading:
        def read(self, *_: Any, **__: Any) -> Any:
            return {"DBInstances": [found]}

    arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:orders"
    orders_db = Resource("rds.instance", "orders", ACCOUNT, REGION, arn)
    state = control("rds.protection-off").read(orders_db, Reading())  # type: ignore[attr-defined]

    assert state["backup_days"] == 0


# ------------------------------------------------------------------------------- what was denied


def test_a_policy_that_denied_nothing_may_be_deleted(world: World) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="wares")
    reader = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::wares/*",
    }
    written = json.dumps({"Version": "2012-10-17", "Statement": reader})
    client.put_bucket_policy(Bucket="wares", Policy=written)
    record_baseline(world, "s3.policy-deleted")
    client.delete_bucket_policy(Bucket="wares")

    assert world.handle(s3("DeleteBucketPolicy", {"bucketName": "wares"})) == []


def test_of_a_deleted_policy_that_nobody_recorded_people_are_told(world: World) -> None:
    boto3.client("s3").create_bucket(Bucket="wares")

    decision = world.one(s3("DeleteBucketPolicy", {"bucketName": "wares"}))

    assert decision.status is Status.OBSERVED
    assert decision.plan.advice == "What the policy denied is not recorded."
