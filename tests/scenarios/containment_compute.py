"""Scenarios of the controls that contain an instance or a function.

No emulator has GuardDuty's findings.
"""

from __future__ import annotations

from typing import Any

import boto3
from moto.ec2.models import ec2_backends

from tests.scenarios.model import ACCOUNT


def _subnets(ec2: Any) -> tuple[str, list[str]]:
    """The default VPC, and two of its subnets in different zones."""
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    asked = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    found = ec2.describe_subnets(Filters=asked)["Subnets"]
    return vpc["VpcId"], [subnet["SubnetId"] for subnet in found[:2]]


class Fleet:
    """An Auto Scaling group of three behind a load balancer; one of them is compromised."""

    def __init__(self, *, least: int = 1) -> None:
        self.ec2, self.elb = boto3.client("ec2"), boto3.client("elbv2")
        self.scaling = boto3.client("autoscaling")
        self.vpc, subnets = _subnets(self.ec2)
        self.groups = [
            self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)[
                "GroupId"
            ]
            for name in ("web", "admin")
        ]
        self.target_groups = [
            self.elb.create_target_group(
                Name=name, Protocol="HTTP", Port=port, VpcId=self.vpc, TargetType="instance"
            )["TargetGroups"][0]["TargetGroupArn"]
            for name, port in (("web", 80), ("metrics", 9100))
        ]
        balancer = self.elb.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]
        self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Port=80,
            Protocol="HTTP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.target_groups[0]}],
        )
        image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        self.scaling.create_launch_configuration(
            LaunchConfigurationName="web",
            ImageId=image,
            InstanceType="t3.micro",
            SecurityGroups=self.groups,
        )
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName="web",
            LaunchConfigurationName="web",
            MinSize=least,
            MaxSize=4,
            DesiredCapacity=3,
            VPCZoneIdentifier=",".join(subnets),
            TargetGroupARNs=self.target_groups[:1],
        )
        (group,) = self.scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        self.instance, *self.siblings = sorted(one["InstanceId"] for one in group["Instances"])
        for one in (self.instance, *self.siblings):
            # moto adds an instance's first groups to its interfaces' groups, whatever these are.
            ec2_backends[ACCOUNT][self.ec2.meta.region_name].get_instance(one).security_groups = []
        self.elb.register_targets(
            TargetGroupArn=self.target_groups[1],
            Targets=[{"Id": one, "Port": 9100} for one in (self.instance, *self.siblings)],
        )
