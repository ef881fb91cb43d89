"""Reads what an instance is part of: volumes, interfaces, Auto Scaling group, load balancers.

Sources: Amazon EC2 API Reference, "DescribeInstances", "DescribeNetworkInterfaces" and
"DescribeSnapshots"; Amazon EC2 Auto Scaling API Reference, "DescribeAutoScalingInstances"; Elastic
Load Balancing API Reference, "DescribeTargetHealth"; Amazon EC2 Auto Scaling User Guide, "Amazon
EC2 Auto Scaling instance lifecycle"; Elastic Load Balancing API Reference (2012-06-01),
"DescribeLoadBalancers" (its `Instances` say who is registered), "DescribeInstanceHealth" and
"InstanceState".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text

from ..control import partition_of
from ..ec2.records import instance
from . import own_groups, quarantine
from .instance_plan import FINDING_TAG, IN_SERVICE, INSTANCE_TAG, STANDBY
from .quarantine import CLASSIC

READS = (
    *own_groups.READS,
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "ec2:DescribeInstanceAttribute",
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSnapshots",
    "elasticloadbalancing:DescribeInstanceHealth",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
)

# What changes by itself, or is not the instance's own: no vote and no undo is bound to it.
VOLATILE = frozenset(
    {"desired", "evidence", "profile", "quarantine", "running", "shares", "volumes", "vpcs"}
)

# States of a target whose requests it answers; health checks may be off.
_SERVING = ("healthy", "unavailable")
# Why a target is no longer registered, or is about to be so.
_NOT_REGISTERED = ("Target.NotRegistered", "Target.DeregistrationInProgress")
# What a Classic Load Balancer says of an instance whose connections it drains.
_LEAVING = "deregistration currently in progress"


def state_of(id_: str, finding: str, reader: Reader) -> Document | None:
    """The state of an instance; None once it is terminated. `finding` is the finding's id.

    Shape: `interfaces` are `{interface, vpc, groups}`, with `managed` where a service of AWS keeps
    them; `quarantine` are the instance's own groups, `{vpc, group, Ingress, Egress}`; `targets` are
    `{group, id, port?, zone?}`, the group being the ARN of a target group or of a Classic Load
    Balancer; `shares` say of each of these groups how many targets serve, how many of those are
    ours, and how many others are contained; `vpcs` says of each whether it is
    dual-stack; `evidence` are the snapshots that were taken because of this finding. `protected` is
    null where AWS has no such protection.
    """
    described = instance(reader, id_)
    if described is None:
        return None
    interfaces = sorted(_interfaces(id_, reader), key=lambda one: text(one, "interface"))
    vpcs = sorted({text(one, "vpc") for one in interfaces})
    movable = sorted({text(one, "vpc") for one in interfaces if not one.get("managed")})
    addresses = {address for one in interfaces for address in _strings(one["addresses"])}
    targets, serving = _targets({id_, *addresses}, vpcs, reader)
    for balancer in _balancers(id_, vpcs, reader):
        targets.append({"group": text(balancer, "group"), "id": id_})
        serving.append(balancer)
    contained = _contained(id_, vpcs, reader) if targets else {}
    volumes = [
        {"device": text(one, "DeviceName"), "volume": text(mapping(one, "Ebs"), "VolumeId")}
        for one in items(described.get("BlockDeviceMappings"))
        if text(mapping(one, "Ebs"), "VolumeId")
    ]
    return {
        "instance": id_,
        "running": text(mapping(described, "State"), "Name"),
        "profile": text(mapping(described, "IamInstanceProfile"), "Arn"),
        "protected": _protected(described, reader),
        "interfaces": [
            {name: value for name, value in one.items() if name != "addresses"}
            for one in interfaces
        ],
        "scaling": _scaling(id_, reader),
        "targets": list(targets),
        "shares": [
            {**one, "contained": contained.get(quarantine.taken_from(text(one, "group")), 0)}
            for one in serving
        ],
        "volumes": list(volumes),
        "evidence": list(_evidence(id_, finding, reader)) if volumes else [],
        "vpcs": dict(own_groups.addresses(vpcs, reader)),
        "quarantine": list(own_groups.groups(id_, movable, reader)) if movable else [],
    }


def _strings(value: Json) -> list[str]:
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else []


def _filter(**wanted: Iterable[str]) -> list[dict[str, object]]:
    return [
        {"Name": name.replace("_", "-"), "Values": [*values]} for name, values in wanted.items()
    ]


def _protected(described: Document, reader: Reader) -> bool | None:
    """Whether the instance is protected from termination; None for a Spot Instance.

    Source: Amazon EC2 User Guide, "Change instance termination protection".
    """
    if text(described, "InstanceLifecycle") == "spot":
        return None
    answer = reader.read(
        "ec2",
        "DescribeInstanceAttribute",
        InstanceId=text(described, "InstanceId"),
        Attribute="disableApiTermination",
        absent=("InvalidInstanceID.NotFound",),
    )
    return flag(mapping(document(answer), "DisableApiTermination").get("Value")) is True


def _interfaces(id_: str, reader: Reader) -> Iterator[dict[str, Json]]:
    asked = [{"Name": "attachment.instance-id", "Values": [id_]}]
    for found in reader.pages(
        "ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", Filters=asked
    ):
        one = document(found)
        addresses = [
            *(
                text(private, "PrivateIpAddress")
                for private in items(one.get("PrivateIpAddresses"))
            ),
            *(text(sixth, "Ipv6Address") for sixth in items(one.get("Ipv6Addresses"))),
        ]
        managed = flag(one.get("RequesterManaged")) is True
        yield {
            "interface": text(one, "NetworkInterfaceId"),
            "vpc": text(one, "VpcId"),
            "groups": [text(group, "GroupId") for group in items(one.get("Groups"))],
            "addresses": list(addresses),
            **({"managed": True} if managed else {}),
        }


def _scaling(id_: str, reader: Reader) -> Document:
    """The instance's Auto Scaling group and where it stands in it; empty where it has none.

    On its way into a state it stands in it already: EC2 Auto Scaling goes on by itself.
    """
    answer = document(reader.read("autoscaling", "DescribeAutoScalingInstances", InstanceIds=[id_]))
    for member in items(answer.get("AutoScalingInstances")):
        name, state = text(member, "AutoScalingGroupName"), text(member, "LifecycleState")
        for group in reader.pages(
            "autoscaling",
            "DescribeAutoScalingGroups",
            "AutoScalingGroups",
            AutoScalingGroupNames=[name],
        ):
            described = document(group)
            return {
                "group": name,
                "arn": text(described, "AutoScalingGroupARN"),
                "standing": _STANDING.get(state.partition(":")[0], state),
                "min": int(text(described, "MinSize") or 0),
                "desired": int(text(described, "DesiredCapacity") or 0),
            }
    return {}


_STANDING = {"EnteringStandby": STANDBY, "Pending": IN_SERVICE}


# -------------------------------------------------------------------------- target groups


def _targets(
    ids: set[str], vpcs: list[str], reader: Reader
) -> tuple[list[Document], list[Document]]:
    """The targets that these ids are registered as, and how many serve in each of their groups."""
    ours: list[Document] = []
    shares: list[Document] = []
    for found in reader.pages("elbv2", "DescribeTargetGroups", "TargetGroups"):
        group = document(found)
        if text(group, "VpcId") not in vpcs or text(group, "TargetType") not in ("instance", "ip"):
            continue
        arn = text(group, "TargetGroupArn")
        answer = reader.read(
            "elbv2", "DescribeTargetHealth", TargetGroupArn=arn, absent=("TargetGroupNotFound",)
        )
        described = list(items(document(answer).get("TargetHealthDescriptions")))
        here = [_target(arn, one) for one in described if _is_registered(one, ids)]
        if here:
            ours += here
            shares.append(_share(arn, described, ids))
    order = ("group", "id", "port")
    return sorted(ours, key=lambda one: [text(one, name) for name in order]), shares


def _target(group: str, described: Document) -> Document:
    target = mapping(described, "Target")
    named = (("id", "Id"), ("port", "Port"), ("zone", "AvailabilityZone"))
    return {"group": group, **{name: target[key] for name, key in named if target.get(key)}}


def _is_registered(described: Document, ids: set[str]) -> bool:
    """Whether a target is one of these, and is not leaving its group."""
    health = mapping(described, "TargetHealth")
    leaving = text(health, "State") == "draining" or text(health, "Reason") in _NOT_REGISTERED
    return text(mapping(described, "Target"), "Id") in ids and not leaving


def _share(group: str, described: list[Document], ids: set[str]) -> Document:
    serving = [
        text(mapping(one, "Target"), "Id")
        for one in described
        if text(mapping(one, "TargetHealth"), "State") in _SERVING
    ]
    return {
        "group": group,
        "serving": len(set(serving)),
        "ours": len({target for target in serving if target in ids}),
    }


def _balancers(id_: str, vpcs: list[str], reader: Reader) -> Iterator[Document]:
    """The Classic Load Balancers that an instance is registered with, as shares."""
    begins = f"arn:{partition_of(reader.region)}:elasticloadbalancing:{reader.region}"
    for found in reader.pages("elb", "DescribeLoadBalancers", "LoadBalancerDescriptions"):
        balancer = document(found)
        registered = [text(one, "InstanceId") for one in items(balancer.get("Instances"))]
        if text(balancer, "VPCId") not in vpcs or id_ not in registered:
            continue
        name = text(balancer, "LoadBalancerName")
        answer = reader.read(
            "elb", "DescribeInstanceHealth", LoadBalancerName=name, absent=("LoadBalancerNotFound",)
        )
        states = {
            text(one, "InstanceId"): one for one in items(document(answer).get("InstanceStates"))
        }
        if _LEAVING in text(states.get(id_, {}), "Description"):
            continue
        serving = [one for one in states if text(states[one], "State") == "InService"]
        yield {
            "group": f"{begins}:{reader.account}:{CLASSIC}{name}",
            "serving": len(serving),
            "ours": serving.count(id_),
        }


def _contained(id_: str, vpcs: list[str], reader: Reader) -> dict[str, int]:
    """How many other contained instances each target group lacks: by the tags of their groups."""
    missing: dict[str, set[str]] = {}
    for found in reader.pages(
        "ec2",
        "DescribeSecurityGroups",
        "SecurityGroups",
        Filters=_filter(vpc_id=vpcs, tag_key=[quarantine.TAG]),
    ):
        tags = {text(tag, "Key"): text(tag, "Value") for tag in items(document(found).get("Tags"))}
        for key in tags:
            if key.startswith(quarantine.TAKEN) and tags[quarantine.TAG] != id_:
                missing.setdefault(key, set()).add(tags[quarantine.TAG])
    return {key: len(instances) for key, instances in missing.items()}


# ------------------------------------------------------------------------------- evidence


def _evidence(id_: str, finding: str, reader: Reader) -> Iterator[Document]:
    """The snapshots of the instance's volumes that were taken because of a finding."""
    tags = ((INSTANCE_TAG, id_), (FINDING_TAG, finding))
    asked = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags]
    for found in reader.pages(
        "ec2", "DescribeSnapshots", "Snapshots", OwnerIds=["self"], Filters=asked
    ):
        one = document(found)
        if text(one, "State") != "error":
            yield {"snapshot": text(one, "SnapshotId"), "volume": text(one, "VolumeId")}
