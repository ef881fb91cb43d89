"""Scenarios of the config controls."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

config = partial(change, "config.amazonaws.com")
NAMED = {"configurationRecorderName": "default"}


def record_all() -> Any:
    """A recorder that records everything to its channel, and a rule."""
    client = boto3.client("config")
    client.put_configuration_recorder(
        ConfigurationRecorder={
            "name": "default",
            "roleARN": f"arn:aws:iam::{ACCOUNT}:role/recorder",
            "recordingGroup": {"allSupported": True, "includeGlobalResourceTypes": True},
        }
    )
    client.put_delivery_channel(
        DeliveryChannel={
            "name": "default",
            "s3BucketName": "history",
            "configSnapshotDeliveryProperties": {"deliveryFrequency": "Six_Hours"},
        }
    )
    client.start_configuration_recorder(ConfigurationRecorderName="default")
    client.put_config_rule(
        ConfigRule={
            "ConfigRuleName": "versioned",
            "Scope": {"ComplianceResourceTypes": ["AWS::S3::Bucket"]},
            "Source": {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_VERSIONING_ENABLED"},
        },
        Tags=[{"Key": "owner", "Value": "security"}],
    )
    return client


def config_snapshot() -> Any:
    """Everything of AWS Config in the account."""
    client = boto3.client("config")
    status = client.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    rules = client.describe_config_rules()["ConfigRules"]
    return {
        "recorders": client.describe_configuration_recorders()["ConfigurationRecorders"],
        "recording": [one["recording"] for one in status],
        "channels": client.describe_delivery_channels()["DeliveryChannels"],
        "rules": rules,
        "tags": [
            client.list_tags_for_resource(ResourceArn=one["ConfigRuleArn"])["Tags"] for one in rules
        ],
    }


def without_ids(snapshot: Any) -> Any:
    """Without the ids that AWS gives a rule anew."""
    made = ("ConfigRuleArn", "ConfigRuleId")
    rules = [{k: v for k, v in one.items() if k not in made} for one in snapshot["rules"]]
    return snapshot | {"rules": rules}


def recorder_stopped() -> Staged:
    client = record_all()

    def attack() -> Change:
        client.stop_configuration_recorder(ConfigurationRecorderName="default")
        return config("StopConfigurationRecorder", NAMED)

    return Staged(attack, config_snapshot)


def recording_narrowed() -> Staged:
    client = record_all()
    (recorder,) = client.describe_configuration_recorders()["ConfigurationRecorders"]

    def attack() -> Change:
        only = {"allSupported": False, "resourceTypes": ["AWS::S3::Bucket"]}
        asked = {"name": "default", "roleARN": recorder["roleARN"], "recordingGroup": only}
        client.put_configuration_recorder(ConfigurationRecorder=asked)
        return config("PutConfigurationRecorder", {"configurationRecorder": asked})

    return Staged(attack, config_snapshot, baseline=True)


def recorder_deleted() -> Staged:
    client = record_all()

    def attack() -> Change:
        client.delete_configuration_recorder(ConfigurationRecorderName="default")
        return config("DeleteConfigurationRecorder", NAMED)

    return Staged(attack, config_snapshot, baseline=True)


def channel_deleted() -> Staged:
    client = record_all()

    def attack() -> Change:
        client.stop_configuration_recorder(ConfigurationRecorderName="default")
        client.delete_delivery_channel(DeliveryChannelName="default")
        return config("DeleteDeliveryChannel", {"deliveryChannelName": "default"})

    return Staged(attack, config_snapshot, baseline=True)


def both_deleted() -> Staged:
    """The three calls that switch AWS Config off; each part needs the other to come back."""
    client = record_all()

    def attack() -> Change:
        client.stop_configuration_recorder(ConfigurationRecorderName="default")
        client.delete_delivery_channel(DeliveryChannelName="default")
        client.delete_configuration_recorder(ConfigurationRecorderName="default")
        return config("DeleteConfigurationRecorder", NAMED)

    return Staged(attack, config_snapshot, baseline=True)


def rule_deleted() -> Staged:
    client = record_all()

    def attack() -> Change:
        client.delete_config_rule(ConfigRuleName="versioned")
        return config("DeleteConfigRule", {"configRuleName": "versioned"})

    return Staged(attack, config_snapshot, baseline=True, normal=without_ids)


SCENARIOS = (
    Scenario("config.recorder-stopped", recorder_stopped),
    Scenario("config.recording-narrowed", recording_narrowed),
    Scenario("config.recorder-deleted", recorder_deleted),
    Scenario("config.recorder-deleted", both_deleted, "with-its-channel"),
    Scenario("config.delivery-removed", channel_deleted),
    Scenario("config.rule-deleted", rule_deleted),
)
