"""Scenarios of the cloudtrail controls."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/audit"
cloudtrail = partial(change, "cloudtrail.amazonaws.com")

FULL = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}],
    "ExcludeManagementEventSources": [],
}
NARROW = FULL | {"ReadWriteType": "ReadOnly", "IncludeManagementEvents": False}


def make_trail() -> Any:
    """A trail that records everything and is followed by a log group."""
    s3 = boto3.client("s3")
    for bucket in ("audit-logs", "elsewhere"):
        s3.create_bucket(Bucket=bucket)
    client = boto3.client("cloudtrail")
    client.create_trail(
        Name="audit",
        S3BucketName="audit-logs",
        IsMultiRegionTrail=True,
        IncludeGlobalServiceEvents=True,
        EnableLogFileValidation=True,
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:audit:*",
        CloudWatchLogsRoleArn=f"arn:aws:iam::{ACCOUNT}:role/trail-to-logs",
        TagsList=[{"Key": "owner", "Value": "security"}],
    )
    client.start_logging(Name="audit")
    return client


def trail_snapshot() -> Any:
    """Everything about the trail that a control could touch."""
    client = boto3.client("cloudtrail")
    trails = client.describe_trails(includeShadowTrails=False)["trailList"]
    if not trails:
        return None
    changing = ("HasCustomEventSelectors", "HasInsightSelectors")
    selectors = client.get_event_selectors(TrailName="audit")
    return {
        "trail": {key: value for key, value in trails[0].items() if key not in changing},
        "logging": client.get_trail_status(Name="audit")["IsLogging"],
        "basic": selectors.get("EventSelectors"),
        "advanced": selectors.get("AdvancedEventSelectors"),
        "insights": client.get_insight_selectors(TrailName="audit").get("InsightSelectors"),
        "tags": client.list_tags(ResourceIdList=[TRAIL])["ResourceTagList"],
    }


def stopped() -> Staged:
    client = make_trail()

    def attack() -> Change:
        client.stop_logging(Name="audit")
        return cloudtrail("StopLogging", {"name": TRAIL})

    return Staged(attack, trail_snapshot)


def narrowed_request(selector: dict[str, Any]) -> Change:
    """PutEventSelectors as it is logged: keys in lower case."""
    logged = {key[:1].lower() + key[1:]: value for key, value in selector.items()}
    logged["dataResources"] = [{"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}]
    asked = {"trailName": "audit", "eventSelectors": [logged]}
    return cloudtrail("PutEventSelectors", asked, responseElements={**asked, "trailARN": TRAIL})


def narrowed() -> Staged:
    client = make_trail()
    excluding = FULL | {"ExcludeManagementEventSources": ["kms.amazonaws.com"]}
    client.put_event_selectors(TrailName="audit", EventSelectors=[excluding])

    def attack() -> Change:
        client.put_event_selectors(TrailName="audit", EventSelectors=[NARROW])
        return narrowed_request(NARROW)

    return Staged(attack, trail_snapshot, baseline=True)


def narrowed_without_baseline() -> Staged:
    client = make_trail()
    client.put_event_selectors(TrailName="audit", EventSelectors=[FULL])

    def attack() -> Change:
        client.put_event_selectors(TrailName="audit", EventSelectors=[NARROW])
        return narrowed_request(NARROW)

    return Staged(attack, trail_snapshot)


def narrowed_in_fields() -> Staged:
    client = make_trail()
    management = {"Field": "eventCategory", "Equals": ["Management"]}
    functions = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::Lambda::Function"]},
    ]
    whole = {"Name": "Management events", "FieldSelectors": [management]}
    data = {"Name": "Functions", "FieldSelectors": functions}
    reads = {"FieldSelectors": [management, {"Field": "readOnly", "Equals": ["true"]}]}
    client.put_event_selectors(TrailName="audit", AdvancedEventSelectors=[whole, data])

    def attack() -> Change:
        client.put_event_selectors(TrailName="audit", AdvancedEventSelectors=[reads, data])
        logged = [
            {"field": "eventCategory", "equals": ["Management"]},
            {"field": "readOnly", "equals": ["true"]},
        ]
        asked = {"trailName": "audit", "advancedEventSelectors": [{"fieldSelectors": logged}]}
        return cloudtrail("PutEventSelectors", asked)

    return Staged(attack, trail_snapshot)


def weakened() -> Staged:
    client = make_trail()

    def attack() -> Change:
        client.update_trail(
            Name="audit",
            S3BucketName="elsewhere",
            IsMultiRegionTrail=False,
            EnableLogFileValidation=False,
            CloudWatchLogsLogGroupArn="",
            CloudWatchLogsRoleArn="",
        )
        return cloudtrail(
            "UpdateTrail",
            {
                "name": "audit",
                "s3BucketName": "elsewhere",
                "isMultiRegionTrail": False,
                "enableLogFileValidation": False,
                "cloudWatchLogsLogGroupArn": "",
                "cloudWatchLogsRoleArn": "",
            },
        )

    return Staged(attack, trail_snapshot, baseline=True)


def weakened_for_an_organization() -> Staged:
    client = make_trail()
    client.update_trail(Name="audit", IsOrganizationTrail=True)

    def attack() -> Change:
        client.update_trail(Name="audit", IsMultiRegionTrail=False)
        return cloudtrail("UpdateTrail", {"name": "audit", "isMultiRegionTrail": False})

    return Staged(attack, trail_snapshot, baseline=True)


def deleted() -> Staged:
    client = make_trail()
    client.put_event_selectors(TrailName="audit", EventSelectors=[FULL])
    client.put_insight_selectors(
        TrailName="audit", InsightSelectors=[{"InsightType": "ApiCallRateInsight"}]
    )

    def attack() -> Change:
        client.delete_trail(Name="audit")
        return cloudtrail("DeleteTrail", {"name": "audit"})

    return Staged(attack, trail_snapshot, baseline=True)


SCENARIOS = (
    Scenario("cloudtrail.stopped", stopped),
    Scenario("cloudtrail.selectors-narrowed", narrowed),
    Scenario("cloudtrail.selectors-narrowed", narrowed_without_baseline, "unrecorded", asked=True),
    Scenario("cloudtrail.selectors-narrowed", narrowed_in_fields, "advanced", asked=True),
    Scenario("cloudtrail.weakened", weakened),
    Scenario("cloudtrail.weakened", weakened_for_an_organization, "organization"),
    Scenario("cloudtrail.deleted", deleted),
)
