"""Rules about standby in an Auto Scaling group."""

from __future__ import annotations

from typing import Any

from tests.support.each import each
from tests.support.strict_aws.stand_in import Strict, strict

NAMED = {"AutoScalingGroupName": "web", "InstanceIds": ["i-1"]}


def group(rule: str, state: str, *, least: int, desired: int) -> Strict:
    member = {
        "InstanceId": "i-1",
        "AvailabilityZone": "us-east-1a",
        "LifecycleState": state,
        "HealthStatus": "Healthy",
        "ProtectedFromScaleIn": False,
    }
    described: dict[str, Any] = {
        "AutoScalingGroupName": "web",
        "MinSize": least,
        "MaxSize": 4,
        "DesiredCapacity": desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["us-east-1a"],
        "HealthCheckType": "EC2",
        "CreatedTime": "2026-11-24T12:00:00Z",
        "Instances": [member],
    }
    return strict(rule, DescribeAutoScalingGroups={"AutoScalingGroups": [described]})


@each(
    ("state", "least", "desired", "decrement", "refused"),
    [
        ("InService", 1, 2, True, False),
        ("InService", 2, 2, True, True),
        ("InService", 2, 2, False, False),
        ("Standby", 1, 2, True, True),
        ("Pending", 1, 2, False, True),
    ],
)
def test_what_serves_goes_on_standby_while_the_group_may_want_less(
    state: str, least: int, desired: int, decrement: bool, refused: bool
) -> None:
    aws = group("autoscaling.standby-of-what-serves", state, least=least, desired=desired)
    asked = {**NAMED, "ShouldDecrementDesiredCapacity": decrement}
    if refused:
        code, _ = aws.refused("autoscaling", "EnterStandby", **asked)
        assert code == "ValidationError"
    else:
        aws.allowed("autoscaling", "EnterStandby", **asked)


def test_only_what_is_on_standby_comes_back() -> None:
    rule = "autoscaling.back-from-standby-only"
    aws = group(rule, "InService", least=1, desired=2)
    code, _ = aws.refused("autoscaling", "ExitStandby", **NAMED)
    assert code == "ValidationError"
    group(rule, "Standby", least=1, desired=2).allowed("autoscaling", "ExitStandby", **NAMED)
