"""Secrets in the user data of instances, which everything on them can read.

Source: Amazon EC2 API Reference, "DescribeInstanceAttribute" (`userData`, base64).
"""

from __future__ import annotations

from collections.abc import Iterator

from ...aws import Reader, document
from ...model import Certainty, Change, Resource, Suspect
from ...trail import items, mapping, text
from ..control import References
from ..open_secrets import OpenSecret
from .records import named, on


def instances(change: Change) -> Iterator[Suspect]:
    """The instances whose user data a change has set."""
    if change.name == "RunInstances":
        if "userData" in change.request:
            made = items(mapping(change.response, "instancesSet"))
            for one in made:
                yield from _named(change, text(one, "instanceId"))
    elif "userData" in change.request or text(change.request, "attribute") == "userData":
        yield from _named(change, text(change.request, "instanceId"))


def _named(change: Change, instance: str) -> Iterator[Suspect]:
    if instance:
        yield named(change, "instance", instance, Certainty.POSSIBLE)


def user_data(instance: Resource, reader: Reader) -> list[tuple[str, str]] | None:
    """An instance's user data, as EC2 keeps it: base64 of perhaps gzip'ed text."""
    found = reader.read(
        "ec2",
        "DescribeInstanceAttribute",
        absent=("InvalidInstanceID.NotFound",),
        InstanceId=instance.id,
        Attribute="userData",
    )
    if found is None:
        return None
    return [("UserData", text(mapping(document(found), "UserData"), "Value"))]


TRIGGERS = (on("RunInstances"), on("ModifyInstanceAttribute"))

SECRET_IN_USER_DATA = OpenSecret(
    id="ec2.secret-in-user-data",
    title="Secret in an instance's user data",
    severity=75,
    references=References(attack=("T1552.001", "T1552.005")),
    triggers=TRIGGERS,
    reads=("ec2:DescribeInstanceAttribute",),
    revert="User data can be changed only while an instance is stopped.",
    suspects=instances,
    values=user_data,
)

CONTROLS = (SECRET_IN_USER_DATA,)
