"""A guard that takes sweep findings back, and groups for it to find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3

from driftguard.engine.guard import Guard
from driftguard.model import Autonomy
from driftguard.policy.bounds import Bounds, Sweep
from driftguard.policy.model import Policy
from tests.support.approving import PEOPLE
from tests.support.world import World


def open_up(group: str, port: int = 22) -> None:
    """Opens a port to the world, and no event tells of it."""
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0"
    )


def sweeping(world: World, autonomy: Autonomy, **changes: Any) -> Guard:
    """A guard whose policy lets what the sweep finds go so far."""

    def changed(policy: Policy) -> Policy:
        bounds = Bounds(**{"sweep": Sweep(autonomy), **changes.pop("bounds", {})})
        return replace(policy, bounds=bounds, people=PEOPLE, **changes)

    return world.with_policy(changed)
