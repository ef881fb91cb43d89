"""What a revert would cut is looked up before it is cut (kind 4): instances and subnets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from driftguard.controls import control
from driftguard.model import NOT_IN_USE, Candidate, Certainty, Resource, Use
from tests.support.world import ACCOUNT, REGION, Fakes, World


def used(world: World, control_id: str, kind: str, id_: str, state: Any) -> Use:
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/{id_}"
    resource = Resource(f"ec2.{kind}", id_, ACCOUNT, REGION, arn)
    candidate = Candidate(resource, Certainty.EVIDENT)
    reader = world.guard.aws.reader(ACCOUNT, REGION)
    return control(control_id).in_use(candidate, state, reader)


def metric(fakes: Fakes, *sums: float) -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    points = [{"Timestamp": at, "Sum": one} for one in sums]
    answered: Any = {"Datapoints": points}
    fakes.install({("cloudwatch", "GetMetricStatistics"): lambda _: answered})


@pytest.mark.parametrize(
    ("sums", "hops", "by", "unknown"),
    [
        ((0.0, 0.0), 2, False, False),
        ((0.0, 3.0), 2, True, False),
        ((), 2, False, True),
        ((0.0,), 1, False, True),
    ],
    ids=["nobody asks without", "somebody does", "no data", "containers behind one hop"],
)
def test_software_that_asks_without_a_token_is_seen_in_the_metric(
    world: World, fakes: Fakes, sums: tuple[float, ...], hops: int, by: bool, unknown: bool
) -> None:
    metric(fakes, *sums)
    state = {"HttpTokens": "optional", "HttpPutResponseHopLimit": hops}
    answer = used(world, "ec2.imdsv1-allowed", "instance", "i-1", state)
    assert (bool(answer.by), bool(answer.unknown)) == (by, unknown)


def subnet() -> str:
    client = boto3.client("ec2")
    vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = client.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=f"{REGION}a")
    return str(made["Subnet"]["SubnetId"])


def test_a_subnet_that_nothing_launches_into_by_itself_is_not_in_use(world: World) -> None:
    id_ = subnet()
    assert used(world, "ec2.subnet-auto-public-ip", "subnet", id_, {}) == NOT_IN_USE


@pytest.mark.parametrize("tag", ["kubernetes.io/cluster/prod", "kubernetes.io/role/elb"])
def test_a_clusters_subnet_is_in_use(world: World, tag: str) -> None:
    id_ = subnet()
    tags = [{"Key": tag, "Value": "1"}]
    boto3.client("ec2").create_tags(Resources=[id_], Tags=tags)
    assert tag in used(world, "ec2.subnet-auto-public-ip", "subnet", id_, {}).by


def test_a_node_groups_subnet_is_in_use(world: World) -> None:
    id_, client = subnet(), boto3.client("autoscaling")
    image = boto3.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    client.create_launch_configuration(
        LaunchConfigurationName="nodes", ImageId=image, InstanceType="t3.micro"
    )
    client.create_auto_scaling_group(
        AutoScalingGroupName="nodes",
        LaunchConfigurationName="nodes",
        MinSize=0,
        MaxSize=1,
        VPCZoneIdentifier=id_,
    )
    assert "nodes" in used(world, "ec2.subnet-auto-public-ip", "subnet", id_, {}).by


def test_public_snapshots_are_in_use(world: World, fakes: Fakes) -> None:
    """Blocking all sharing hides them."""
    answered: Any = {"Snapshots": [{"SnapshotId": "snap-1"}]}
    fakes.install({("ec2", "DescribeSnapshots"): lambda _: answered})
    answer = used(world, "ec2.snapshot-bpa-off", "setting", "region", {"state": "unblocked"})
    assert "snap-1" in answer.by


def test_logs_and_protection_of_a_load_balancer_cut_nobody_off(world: World) -> None:
    weakened: dict[str, Any] = {"access_logs.s3.enabled": "false"}
    assert used(world, "elb.weakened", "load-balancer", "web", weakened) == NOT_IN_USE
    headers = "routing.http.drop_invalid_header_fields.enabled"
    weakened[headers] = "false"
    assert used(world, "elb.weakened", "load-balancer", "web", weakened).unknown
