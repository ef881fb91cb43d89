"""EC2: security groups, what is shared, instances, networks, and what is set for a whole region."""

from __future__ import annotations

from . import (
    advice,
    instances,
    mirroring,
    network,
    network_acls,
    profiles,
    region,
    security_groups,
    sharing,
)
from .open_ingress import OpenIngress, OpenIngressSettings

__all__ = ["CONTROLS", "OpenIngressSettings"]

CONTROLS = (
    OpenIngress(),
    *advice.CONTROLS,
    *instances.CONTROLS,
    *mirroring.CONTROLS,
    *network.CONTROLS,
    *network_acls.CONTROLS,
    *profiles.CONTROLS,
    *region.CONTROLS,
    *security_groups.CONTROLS,
    *sharing.CONTROLS,
)
