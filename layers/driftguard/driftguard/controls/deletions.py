"""What a deletion lost: facts that AWS wrote, and how severe they leave it. Pure but for the reads.

Only what the one who deletes cannot choose makes a deletion routine: what AWS says of the resource,
its reserved tags, when it was made. What a caller says of itself (a user agent) lowers the severity
a little, and never below what is told at once. Whatever is not known counts as lost.

Sources: Amazon S3 API Reference, "DeleteBucket"; Amazon RDS API Reference, "DeleteDBInstance" and
"DBInstance"; Amazon EC2 API Reference, "Instance", "InstanceNetworkInterfaceAttachment" and
"EbsInstanceBlockDevice"; AWS General Reference, "Tag naming limits" (the prefix `aws:`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, moment, text
from driftguard.model import Change, Resource

# Nothing of value is lost: it is replaced by itself, or all of it stays elsewhere.
ROUTINE, KEPT = 10, 25
# What lived for less than a day, and what a stack deletes with itself, holds little or was meant.
SHORT_LIVED, WITH_ITS_STACK = 20, 30
# At most so severe where only the caller says that it is a tool.
CLAIMED = 50
_SHORT = timedelta(days=1)
_CLOUDFORMATION = "cloudformation.amazonaws.com"
_TOOLS = ("Terraform", "Pulumi", "karpenter", "Packer", "Crossplane")
_REPLACED = {"aws:autoscaling:groupName", "aws:ec2:fleet-id", "aws:ec2spot:fleet-request-id"}
# As many volumes are looked at; hardly an instance has more.
_VOLUMES = 128
# How CloudTrail writes the times in responses of Amazon RDS: `Jul 30, 2024 9:31:21 PM`.
_RDS_TIME = "%b %d, %Y %I:%M:%S %p %z"


class _Fact(NamedTuple):
    """A fact about what was deleted: how severe it is at most then, and what people are told."""

    severity: int
    words: str


_FACTS = {
    "empty": _Fact(KEPT, "a bucket is empty when it is deleted"),
    "final_snapshot": _Fact(KEPT, "its final snapshot stays"),
    "replica": _Fact(KEPT, "it was a replica, and its source stays"),
    "in_cluster": _Fact(KEPT, "its data is the cluster's, which stays"),
    "short_lived": _Fact(SHORT_LIVED, "it was made less than a day before"),
    "with_its_stack": _Fact(WITH_ITS_STACK, "CloudFormation deleted it with its stack"),
    "spot": _Fact(ROUTINE, "it was a Spot Instance"),
    "scaled": _Fact(ROUTINE, "it was one of a group that makes its instances anew"),
    "volumes_kept": _Fact(KEPT, "its volumes stay, or have a snapshot"),
    "claimed": _Fact(CLAIMED, "by a tool, as the caller says"),
}


def severity(state: Document, worst: int) -> tuple[int, str]:
    """How severe a deletion is by what is known of it, and why it is less than the worst."""
    known = [fact for name, fact in _FACTS.items() if state.get(name) is True]
    if not known:
        return worst, ""
    least = min(fact.severity for fact in known)
    return min(worst, least), "; ".join(fact.words for fact in known)


def by_record(change: Change) -> Document:
    """What the record of a deletion alone says of what was lost."""
    facts: dict[str, Json] = dict.fromkeys(_by_record(change), True)
    return facts


def by_caller(change: Change) -> Iterator[str]:
    """What a record says of whoever deletes: CloudFormation, or a tool as it calls itself."""
    # AWS writes this address itself where CloudFormation makes the call.
    if change.actor.source == _CLOUDFORMATION:
        yield "with_its_stack"
    if any(tool.lower() in change.actor.agent.lower() for tool in _TOOLS):
        yield "claimed"


def _by_record(change: Change) -> Iterator[str]:
    if change.name == "DeleteBucket":
        yield "empty"
    elif change.name in ("DeleteDBInstance", "DeleteDBCluster"):
        final = text(change.request, "finalDBSnapshotIdentifier")
        if final and flag(change.request.get("skipFinalSnapshot")) is not True:
            yield "final_snapshot"
        if text(change.response, "readReplicaSourceDBInstanceIdentifier"):
            yield "replica"
        if change.name == "DeleteDBInstance" and text(change.response, "dBClusterIdentifier"):
            yield "in_cluster"
    if was_short(_made(change.response), change.time):
        yield "short_lived"
    yield from by_caller(change)


def _made(response: Document) -> datetime | None:
    """When a database or its snapshot was made, as the response of its deletion says."""
    written = text(response, "instanceCreateTime", "clusterCreateTime", "snapshotCreateTime")
    known = moment(written)
    if known is not None or not written:
        return known
    try:
        # Newer records have a narrow space before AM and PM.
        return datetime.strptime(written.replace("\u202f", " ") + " +0000", _RDS_TIME)
    except ValueError:
        return None


def was_short(made: datetime | None, deleted: str) -> bool:
    """Whether what was made then lived for less than a day; False where either is not known."""
    ended = moment(deleted)
    return made is not None and ended is not None and timedelta() <= ended - made < _SHORT


def of_instance(resource: Resource, reader: Reader) -> Document:
    """What AWS still says of a terminated instance: it is described for about an hour."""
    asked = [{"Name": "instance-id", "Values": [resource.id]}]
    for reservation in reader.pages("ec2", "DescribeInstances", "Reservations", Filters=asked):
        for found in items(document(reservation).get("Instances")):
            facts: dict[str, Json] = dict.fromkeys(_of_instance(found, reader), True)
            return facts
    return {}


def _of_instance(found: Document, reader: Reader) -> Iterator[str]:
    if text(found, "InstanceLifecycle") == "spot":
        yield "spot"
    tags = {text(tag, "Key") for tag in items(found.get("Tags"))}
    if tags & _REPLACED:
        yield "scaled"
    if _lived_shortly(found):
        yield "short_lived"
    if _keeps_its_volumes(found, reader):
        yield "volumes_kept"


def _lived_shortly(found: Document) -> bool:
    """Whether the instance ended within a day of its first launch.

    Its launch time is that of the last start. The first network interface is there from the first
    launch on, and cannot be detached, so that stopping and starting makes nothing young.
    """
    ended = text(found, "StateTransitionReason").partition("(")[2].partition(" GMT")[0]
    for interface in items(found.get("NetworkInterfaces")):
        attachment = mapping(interface, "Attachment")
        if attachment.get("DeviceIndex") == 0:
            made = moment(text(attachment, "AttachTime"))
            return was_short(made, f"{ended.replace(' ', 'T')}Z")
    return False


def _keeps_its_volumes(found: Document, reader: Reader) -> bool:
    """Whether each volume outlives the instance, or has a snapshot; False where none is named."""
    disks = [mapping(one, "Ebs") for one in items(found.get("BlockDeviceMappings"))]
    if not disks or len(disks) > _VOLUMES:
        return False
    lost = {
        text(disk, "VolumeId")
        for disk in disks
        if flag(disk.get("DeleteOnTermination")) is not False
    }
    if not lost:
        return True
    asked = [
        {"Name": "volume-id", "Values": sorted(lost)},
        {"Name": "status", "Values": ["completed"]},
    ]
    saved: set[str] = set()
    for snapshot in reader.pages(
        "ec2", "DescribeSnapshots", "Snapshots", OwnerIds=["self"], Filters=asked
    ):
        saved.add(text(document(snapshot), "VolumeId"))
        if lost <= saved:
            return True
    return False
