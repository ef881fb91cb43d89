"""How severe a deletion is follows from what was lost, by facts that AWS wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from driftguard.controls import control, deletions
from driftguard.controls.data import DataDeleted, DeletionSettings
from driftguard.documents import Document
from driftguard.events.cloudtrail import change_from_record
from driftguard.model import Change, Status
from tests.support.records import record
from tests.support.world import World

CREATED = "Jul 30, 2024 9:31:21 PM"


def deleted(name: str, request: Document, response: Document | None = None, **more: Any) -> Change:
    sources = {"DeleteBucket": "s3.amazonaws.com"}
    source = sources.get(name, "rds.amazonaws.com")
    made: dict[str, Any] = record(source, name, dict(request), **more)
    return change_from_record(made | {"responseElements": response})


def severity(change: Change) -> int:
    data = control("data.deleted")
    assert isinstance(data, DataDeleted)
    (candidate,) = data.screen(change, DeletionSettings())
    finding = data.assess(candidate.hint, None, DeletionSettings())
    assert finding is not None
    assert finding.severity is not None
    return finding.severity


LEDGER = {"dBInstanceIdentifier": "ledger", "skipFinalSnapshot": True}


@pytest.mark.parametrize(
    ("name", "request_", "response", "more", "expected"),
    [
        ("DeleteDBInstance", LEDGER, {}, {}, 70),
        ("DeleteDBInstance", LEDGER, {"instanceCreateTime": CREATED}, {}, 70),
        (
            "DeleteDBInstance",
            {
                "dBInstanceIdentifier": "ledger",
                "skipFinalSnapshot": False,
                "finalDBSnapshotIdentifier": "ledger-last",
            },
            {},
            {},
            deletions.KEPT,
        ),
        (
            "DeleteDBInstance",
            LEDGER,
            {"instanceCreateTime": CREATED},
            {"eventTime": "2024-07-31T09:00:00Z"},
            deletions.SHORT_LIVED,
        ),
        (
            "DeleteDBInstance",
            LEDGER,
            {"instanceCreateTime": CREATED.replace(" PM", "\u202fPM")},
            {"eventTime": "2024-07-31T21:31:20Z"},
            deletions.SHORT_LIVED,
        ),
        (
            "DeleteDBInstance",
            LEDGER,
            {"instanceCreateTime": CREATED},
            {"eventTime": "2024-07-31T21:31:21Z"},
            70,
        ),
        # A time that cannot be, or cannot be read, makes nothing young.
        (
            "DeleteDBInstance",
            LEDGER,
            {"instanceCreateTime": CREATED},
            {"eventTime": "2024-07-30T09:00:00Z"},
            70,
        ),
        ("DeleteDBInstance", LEDGER, {"instanceCreateTime": "yesterday"}, {}, 70),
        (
            "DeleteDBInstance",
            LEDGER,
            {"readReplicaSourceDBInstanceIdentifier": "ledger-main"},
            {},
            deletions.KEPT,
        ),
        ("DeleteDBInstance", LEDGER, {"dBClusterIdentifier": "orders"}, {}, deletions.KEPT),
        ("DeleteDBCluster", {"dBClusterIdentifier": "orders"}, {}, {}, 70),
        ("DeleteBucket", {"bucketName": "tests"}, None, {}, deletions.KEPT),
        (
            "DeleteDBInstance",
            LEDGER,
            {},
            {"sourceIPAddress": "cloudformation.amazonaws.com"},
            deletions.WITH_ITS_STACK,
        ),
    ],
)
def test_severity_follows_what_was_lost(
    name: str, request_: Document, response: Document | None, more: Document, expected: int
) -> None:
    assert severity(deleted(name, request_, response, **more)) == expected


@pytest.mark.parametrize(
    "agent",
    [
        "APN/1.0 HashiCorp/1.0 Terraform/1.9.5",
        "aws-sdk-go-v2/1.30 karpenter.sh-1.0",
        "cloudformation.amazonaws.com",
        "autoscaling.amazonaws.com",
    ],
)
def test_who_only_claims_to_be_a_tool_is_still_told_at_once(agent: str) -> None:
    """Anybody chooses a user agent: it makes nothing routine, and hides nothing in a digest."""
    assert severity(deleted("DeleteDBInstance", LEDGER, {}, userAgent=agent)) >= deletions.CLAIMED


def instance(**more: Any) -> dict[str, Any]:
    """What DescribeInstances says of an instance that was terminated after a year."""
    ended = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    return {
        "InstanceId": "i-1",
        "State": {"Name": "shutting-down"},
        "StateTransitionReason": f"User initiated ({ended:%Y-%m-%d %H:%M:%S} GMT)",
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-1", "DeleteOnTermination": True}}
        ],
        "NetworkInterfaces": [
            {"Attachment": {"DeviceIndex": 0, "AttachTime": ended - timedelta(days=365)}}
        ],
        # Started again an hour ago: that makes it no younger.
        "LaunchTime": ended - timedelta(hours=1),
    } | more


class Ec2:
    """Answers as EC2 does, with these snapshots of volumes."""

    def __init__(self, described: dict[str, Any] | None, *snapshots: str) -> None:
        self.described, self.snapshots = described, snapshots

    def pages(self, service: str, operation: str, key: str, /, **parameters: Any) -> list[Any]:
        if operation == "DescribeInstances":
            return [{"Instances": [self.described]}] if self.described else []
        (wanted,) = (one["Values"] for one in parameters["Filters"] if one["Name"] == "volume-id")
        return [{"VolumeId": one} for one in self.snapshots if one in wanted]


ENDED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
YOUNG = [{"Attachment": {"DeviceIndex": 0, "AttachTime": ENDED - timedelta(hours=2)}}]
KEEPS = [{"Ebs": {"VolumeId": "vol-1", "DeleteOnTermination": False}}]


@pytest.mark.parametrize(
    ("ec2", "expected"),
    [
        (Ec2(instance()), 70),
        (Ec2(None), 70),
        (Ec2(instance(BlockDeviceMappings=[])), 70),
        (Ec2(instance(), "vol-1"), deletions.KEPT),
        (Ec2(instance(), "vol-2"), 70),
        (Ec2(instance(BlockDeviceMappings=KEEPS)), deletions.KEPT),
        (Ec2(instance(NetworkInterfaces=YOUNG)), deletions.SHORT_LIVED),
        (Ec2(instance(InstanceLifecycle="spot")), deletions.ROUTINE),
        (
            Ec2(instance(Tags=[{"Key": "aws:autoscaling:groupName", "Value": "web"}])),
            deletions.ROUTINE,
        ),
        # Anybody can set a tag without the reserved prefix.
        (Ec2(instance(Tags=[{"Key": "karpenter.sh/nodepool", "Value": "web"}])), 70),
    ],
)
def test_what_goes_with_an_instance_decides(ec2: Any, expected: int) -> None:
    data = control("data.deleted")
    request = {"instancesSet": {"items": [{"instanceId": "i-1"}]}}
    change = change_from_record(record("ec2.amazonaws.com", "TerminateInstances", request))
    (candidate,) = data.screen(change, DeletionSettings())
    state = data.observe(candidate, ec2)
    assert state is not None
    finding = data.assess(state, None, DeletionSettings())
    assert finding is not None
    assert finding.severity == expected


def test_a_terminated_instance_is_recorded_told_and_never_asked_about(world: World) -> None:
    ec2 = boto3.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    run = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)
    id_ = run["Instances"][0]["InstanceId"]
    ec2.terminate_instances(InstanceIds=[id_])
    request = {"instancesSet": {"items": [{"instanceId": id_}]}}
    made = record("ec2.amazonaws.com", "TerminateInstances", request)
    decision = world.one(change_from_record(made))
    assert decision.status is Status.OBSERVED
    assert decision.severity <= 70
    assert "no safe remediation" in decision.reason
