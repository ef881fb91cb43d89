"""Reads what EKS's records have in common."""

from __future__ import annotations

from driftguard.documents import Json

from ..control import Busy, Settling, Trigger

# Source: Amazon EKS API Reference, "UpdateClusterConfig".
BUSY = (Busy("ResourceInUseException"), Busy("InvalidRequestException", "in progress"))
SETTLING = Settling(
    30 * 60,
    "the cluster is UPDATING for minutes, is told as it was before, and takes no other update "
    "meanwhile (Amazon EKS API Reference, UpdateClusterConfig)",
)
GONE = ("ResourceNotFoundException",)
CLUSTER = "arn:{partition}:eks:{region}:{account}:cluster/*"


def on(call: str) -> Trigger:
    """The trigger of one of EKS's calls."""
    return Trigger("eks.amazonaws.com", call)


def texts(value: Json) -> list[str]:
    """The strings of a list, or of one string that stands for a list."""
    if isinstance(value, (list, tuple)):
        return [item for item in value if isinstance(item, str)]
    return [value] if isinstance(value, str) else []
