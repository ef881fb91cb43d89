"""How CloudTrail spells what a call asks for and what it answers, by the service's model.

AWS publishes no schema of its records. What follows is what recorded events and AWS's guides show
(events/shapes.json says which): a member's first letter is small, what a path names has the path's
name, secrets are hidden, bytes are left out, an empty answer is null. EC2 and S3 have spellings of
their own: see `of_ec2.py` and `of_s3.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from driftguard.documents import Json

from .wire import Named, operation_of

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

# Security Hub's records spell members as its API does.
# Source: AWS Security Hub User Guide, "Logging Security Hub API calls with CloudTrail".
_AS_IN_THE_API = frozenset({"securityhub"})
# These log a member of the path as it is encoded there: seen in records of EKS, and of Security Hub
# where it stands alone in the path.
_ENCODED = frozenset({"eks", "securityhub"})
# What records name otherwise than the model. The Route 53 Developer Guide's records of changes in a
# hosted zone have `hostedZoneId`, where the model says `Id`.
_NAMED = {
    ("route53", "EnableHostedZoneDNSSEC", "HostedZoneId"): "hostedZoneId",
    ("route53", "DisableHostedZoneDNSSEC", "HostedZoneId"): "hostedZoneId",
}


def request_of(call: Named, asked: Mapping[str, Any]) -> Json:
    """What a call asks for, as its record has it; null if for nothing."""
    shape = operation_of(call.service, call.operation).input_shape
    if not isinstance(shape, StructureShape):
        return None
    found: dict[str, Json] = {}
    for name, member in shape.members.items():
        if name not in asked or _is_bytes(member):
            continue
        in_the_path = member.serialization.get("location") == "uri"
        label = member.serialization.get("name", name) if in_the_path else name
        named = _NAMED.get((call.service, call.operation, name)) or _small(call.service, label)
        encoded = in_the_path and call.service in _ENCODED
        value = call.in_the_path.get(label, asked[name]) if encoded else asked[name]
        found[named] = spelled(value, member, call.service)
    return found or None


def answer_of(call: Named, said: Mapping[str, Any]) -> Json:
    """What a call has answered, as its record has it; null if nothing."""
    return spelled(said, operation_of(call.service, call.operation).output_shape, call.service)


def spelled(value: Any, shape: Shape | None, service: str = "") -> Json:
    """A value of a model's shape, as records spell it."""
    if value is None or shape is None:
        return None
    if shape.metadata.get("sensitive"):
        return HIDDEN
    if isinstance(shape, StructureShape):
        members = {
            _small(service, name): spelled(value[name], member, service)
            for name, member in shape.members.items()
            if value.get(name) is not None and not _is_bytes(member)
        }
        return members or None
    if isinstance(shape, ListShape):
        return [spelled(one, shape.member, service) for one in value]
    if isinstance(shape, MapShape):
        return {str(name): spelled(one, shape.value, service) for name, one in value.items()}
    return scalar(value)


def scalar(value: Any) -> Json:
    """A value that has no members: a day is written in words."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%b %-d, %Y, %-I:%M:%S %p}"
    if isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _is_bytes(shape: Shape) -> bool:
    return bool(shape.type_name == "blob")


def _small(service: str, name: str) -> str:
    return name if service in _AS_IN_THE_API else name[:1].lower() + name[1:]
