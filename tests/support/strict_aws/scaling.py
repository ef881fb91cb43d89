"""EC2 Auto Scaling: which instances may go on standby, and which come back from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .rule import Account, Refusal, Request, of, refuses


def _members(request: Request, account: Account) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """The group that a call is about, and those of its instances that the call names."""
    asked = [request.get("AutoScalingGroupName")]
    answer = account.ask("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=asked)
    groups = (answer or {}).get("AutoScalingGroups", [])
    group: dict[str, Any] = groups[0] if groups else {}
    named = request.get("InstanceIds", [])
    return group, (one for one in group.get("Instances", []) if one["InstanceId"] in named)


@refuses(
    "autoscaling.standby-of-what-serves",
    "EC2 Auto Scaling User Guide, “Temporarily remove instances from your Auto Scaling group”: an "
    "instance that is InService goes on standby; API Reference, EnterStandby: with a decrement, "
    "“as long as the desired capacity … is equal to or greater than the minimum capacity”.",
    of("autoscaling", "EnterStandby"),
)
def enter(request: Request, account: Account) -> None:
    group, members = _members(request, account)
    for one in members:
        if one["LifecycleState"] != "InService":
            said = f"The instance {one['InstanceId']} is not in InService."
            raise Refusal("ValidationError", said)
    wanted = group.get("DesiredCapacity", 0) - len(request.get("InstanceIds", []))
    if request.get("ShouldDecrementDesiredCapacity") and wanted < group.get("MinSize", 0):
        said = "New SetDesiredCapacity value is below the group's MinSize."
        raise Refusal("ValidationError", said)


@refuses(
    "autoscaling.back-from-standby-only",
    "EC2 Auto Scaling API Reference, ExitStandby: “Moves the specified instances out of the "
    "standby state.”",
    of("autoscaling", "ExitStandby"),
)
def leave(request: Request, account: Account) -> None:
    for one in _members(request, account)[1]:
        if one["LifecycleState"] != "Standby":
            said = f"The instance {one['InstanceId']} is not in Standby."
            raise Refusal("ValidationError", said)


RULES = (enter, leave)
