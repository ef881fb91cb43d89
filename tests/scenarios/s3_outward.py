"""Scenarios of what a bucket keeps locked, and whom it tells."""

from __future__ import annotations

from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Fake, Scenario, Staged
from tests.support.records import s3


def bucket(**more: Any) -> Any:
    """S3's client, and the bucket `ledgers`."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="ledgers", **more)
    return client


# --------------------------------------------------------------------------------- retention


def locked(now: dict[str, Any] | None) -> Staged:
    client = bucket(ObjectLockEnabledForBucket=True)

    def put(retention: dict[str, Any] | None) -> dict[str, Any]:
        rule = {"Rule": {"DefaultRetention": retention}} if retention else {}
        asked = {"ObjectLockEnabled": "Enabled", **rule}
        client.put_object_lock_configuration(Bucket="ledgers", ObjectLockConfiguration=asked)
        return asked

    put({"Mode": "COMPLIANCE", "Years": 1})

    def attack() -> Change:
        asked = put(now)
        request = {"bucketName": "ledgers", "ObjectLockConfiguration": asked, "object-lock": ""}
        return s3("PutObjectLockConfiguration", request)

    def snapshot() -> Any:
        found = client.get_object_lock_configuration(Bucket="ledgers")["ObjectLockConfiguration"]
        retention = found.get("Rule", {}).get("DefaultRetention", {})
        return {name: value for name, value in retention.items() if value}

    return Staged(attack, snapshot, baseline=True)


# ------------------------------------------------------------------------------- inventories


def inventory(id_: str, account: str, to: str) -> dict[str, Any]:
    return {
        "Id": id_,
        "IsEnabled": True,
        "IncludedObjectVersions": "Current",
        "Schedule": {"Frequency": "Daily"},
        "Destination": {
            "S3BucketDestination": {
                "AccountId": account,
                "Bucket": f"arn:aws:s3:::{to}",
                "Format": "CSV",
            }
        },
    }


def inventories() -> Staged:
    """moto cannot delete an inventory: they are kept by their ids."""
    client = bucket()
    client.create_bucket(Bucket="lists")
    kept = {"ours": inventory("ours", ACCOUNT, "lists")}

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["Id"] == asked["InventoryConfiguration"]["Id"]
        kept[asked["Id"]] = asked["InventoryConfiguration"]
        return {}

    def drop(asked: dict[str, Any]) -> dict[str, Any]:
        del kept[asked["Id"]]
        return {}

    def told(asked: dict[str, Any]) -> dict[str, Any]:
        found = [*kept.values()] if asked["Bucket"] == "ledgers" else []
        return {"InventoryConfigurationList": found, "IsTruncated": False}

    fakes: dict[tuple[str, str], Fake] = {
        ("s3", "ListBucketInventoryConfigurations"): told,
        ("s3", "PutBucketInventoryConfiguration"): put,
        ("s3", "DeleteBucketInventoryConfiguration"): drop,
    }

    def attack() -> Change:
        made = inventory("theirs", STRANGER, "collected")
        put({"Id": "theirs", "InventoryConfiguration": made})
        request = {
            "bucketName": "ledgers",
            "InventoryConfiguration": made,
            "inventory": "",
            "id": ["theirs"],
        }
        return s3("PutBucketInventoryConfiguration", request)

    return Staged(attack, lambda: dict(kept), fakes=fakes)


# ----------------------------------------------------------------------------- notifications


def notifications() -> Staged:
    client = bucket()
    ours = f"arn:aws:sns:us-east-1:{ACCOUNT}:uploads"
    theirs = f"arn:aws:sns:us-east-1:{STRANGER}:uploads"
    boto3.client("sns").create_topic(Name="uploads")

    def told(*topics: str) -> list[dict[str, Any]]:
        events = ["s3:ObjectCreated:*"]
        return [
            {"Id": f"n{number}", "TopicArn": topic, "Events": events}
            for number, topic in enumerate(topics)
        ]

    def put(*topics: str) -> None:
        client.put_bucket_notification_configuration(
            Bucket="ledgers",
            NotificationConfiguration={"TopicConfigurations": told(*topics)},
            SkipDestinationValidation=True,
        )

    put(ours)

    def attack() -> Change:
        put(ours, theirs)
        logged = [
            {"Id": one["Id"], "Topic": one["TopicArn"], "Event": one["Events"]}
            for one in told(ours, theirs)
        ]
        request = {
            "bucketName": "ledgers",
            "NotificationConfiguration": {"TopicConfiguration": logged},
            "notification": "",
        }
        return s3("PutBucketNotification", request)

    def snapshot() -> Any:
        found = client.get_bucket_notification_configuration(Bucket="ledgers")
        return found.get("TopicConfigurations")

    return Staged(attack, snapshot)


SCENARIOS = (
    Scenario("s3.inventory-external", inventories),
    Scenario("s3.notification-external", notifications),
    Scenario("s3.object-lock-weakened", lambda: locked(None)),
    Scenario("s3.object-lock-weakened", lambda: locked({"Mode": "COMPLIANCE", "Days": 1}), "days"),
    Scenario("s3.object-lock-weakened", lambda: locked({"Mode": "GOVERNANCE", "Years": 1}), "mode"),
)
