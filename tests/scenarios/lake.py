"""Scenarios of the controls over event data stores and remediations. No emulator has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Fake, Scenario, Staged
from tests.support.records import change

cloudtrail = partial(change, "cloudtrail.amazonaws.com")
config = partial(change, "config.amazonaws.com")


def selector(name: str, category: str) -> dict[str, Any]:
    return {"Name": name, "FieldSelectors": [{"Field": "eventCategory", "Equals": [category]}]}


MANAGEMENT, DATA = selector("calls", "Management"), selector("data", "Data")


class Lake:
    """As much of CloudTrail Lake as the controls see: two stores, listed one a page."""

    def __init__(self) -> None:
        names = ("EXAMPLE-ee54-4813-92d5-999aeEXAMPLE", "EXAMPLE-f852-4e8f-8bd1-bcf6cEXAMPLE")
        here = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:eventdatastore"
        self.arn, self.other = (f"{here}/{name}" for name in names)
        self.stores = {arn: self._made() for arn in (self.arn, self.other)}

    @staticmethod
    def _made() -> dict[str, Any]:
        return {
            "Status": "ENABLED",
            "AdvancedEventSelectors": [MANAGEMENT, DATA],
            "MultiRegionEnabled": True,
            "OrganizationEnabled": False,
            "RetentionPeriod": 2557,
            "TerminationProtectionEnabled": True,
            "CreatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
        }

    def get(self, asked: dict[str, Any]) -> dict[str, Any]:
        arn = asked["EventDataStore"]
        return {"EventDataStoreArn": arn, **self.stores[arn]}

    def list(self, asked: dict[str, Any]) -> dict[str, Any]:
        arn = self.other if asked.get("NextToken") else self.arn
        more = {} if arn == self.other else {"NextToken": "second-page"}
        return {"EventDataStores": [{"EventDataStoreArn": arn, "Name": "lake"}], **more}

    def update(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.stores[asked["EventDataStore"]] |= {
            name: value for name, value in asked.items() if name != "EventDataStore"
        }
        return {}

    def status(self, status: str) -> Fake:
        def put(asked: dict[str, Any]) -> dict[str, Any]:
            self.stores[asked["EventDataStore"]]["Status"] = status
            return {}

        return put

    def staged(self, attack: Callable[[], Change], *, baseline: bool = False) -> Staged:
        named = {
            "GetEventDataStore": self.get,
            "ListEventDataStores": self.list,
            "UpdateEventDataStore": self.update,
            "DeleteEventDataStore": self.status("PENDING_DELETION"),
            "RestoreEventDataStore": self.status("ENABLED"),
            "StartEventDataStoreIngestion": self.status("ENABLED"),
            "StopEventDataStoreIngestion": self.status("STOPPED_INGESTION"),
        }
        fakes = {("cloudtrail", name): fake for name, fake in named.items()}

        def snapshot() -> Any:
            return {arn: dict(store) for arn, store in self.stores.items()}

        return Staged(attack, snapshot, fakes=fakes, baseline=baseline)


def store(name: str, status: str) -> Staged:
    lake = Lake()

    def attack() -> Change:
        lake.stores[lake.arn]["Status"] = status
        return cloudtrail(name, {"eventDataStore": lake.arn})

    return lake.staged(attack)


def store_weakened(**weak: Any) -> Staged:
    lake = Lake()

    def attack() -> Change:
        lake.stores[lake.arn] |= weak
        asked = {f"{name[0].lower()}{name[1:]}": value for name, value in weak.items()}
        # Named by its id alone.
        id_ = lake.arn.rpartition("/")[2]
        return cloudtrail("UpdateEventDataStore", {"eventDataStore": id_, **asked})

    return lake.staged(attack, baseline=True)


def remediation_deleted() -> Staged:
    client = boto3.client("config")
    for name in ("closed", "encrypted"):
        source = {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_VERSIONING_ENABLED"}
        client.put_config_rule(ConfigRule={"ConfigRuleName": name, "Source": source})
    role = f"arn:aws:iam::{ACCOUNT}:role/remediation"
    kept: dict[str, dict[str, Any]] = {
        name: {
            "ConfigRuleName": name,
            "TargetType": "SSM_DOCUMENT",
            "TargetId": "AWS-DisablePublicAccessForSecurityGroup",
            "Parameters": {"AutomationAssumeRole": {"StaticValue": {"Values": [role]}}},
            "Automatic": True,
            "MaximumAutomaticAttempts": 5,
            "RetryAttemptSeconds": 60,
        }
        for name in ("closed", "encrypted")
    }

    def describe(asked: dict[str, Any]) -> dict[str, Any]:
        arn = f"arn:aws:config:us-east-1:{ACCOUNT}:remediation-configuration/1"
        found = [kept[name] for name in asked["ConfigRuleNames"] if name in kept]
        return {"RemediationConfigurations": [{**one, "Arn": arn} for one in found]}

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        kept.update({one["ConfigRuleName"]: one for one in asked["RemediationConfigurations"]})
        return {}

    def delete(asked: dict[str, Any]) -> dict[str, Any]:
        del kept[asked["ConfigRuleName"]]
        return {}

    def attack() -> Change:
        del kept["closed"]
        return config("DeleteRemediationConfiguration", {"configRuleName": "closed"})

    fakes = {
        ("config", "DescribeRemediationConfigurations"): describe,
        ("config", "PutRemediationConfigurations"): put,
        ("config", "DeleteRemediationConfiguration"): delete,
    }
    return Staged(attack, lambda: dict(kept), fakes=fakes, baseline=True)


SCENARIOS = (
    Scenario(
        "cloudtrail.store-deleted", partial(store, "DeleteEventDataStore", "PENDING_DELETION")
    ),
    Scenario(
        "cloudtrail.store-stopped",
        partial(store, "StopEventDataStoreIngestion", "STOPPED_INGESTION"),
    ),
    Scenario(
        "cloudtrail.store-weakened",
        partial(store_weakened, TerminationProtectionEnabled=False, RetentionPeriod=7),
    ),
    Scenario(
        "cloudtrail.store-weakened",
        partial(store_weakened, AdvancedEventSelectors=[MANAGEMENT]),
        "selectors",
    ),
    Scenario("config.remediation-deleted", remediation_deleted),
)
