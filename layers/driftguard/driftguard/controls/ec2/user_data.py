"""Finds secrets in the user data of instances, which everything on them can read.

Sources: Amazon EC2 API Reference, "DescribeInstanceAttribute" (`userData`, base64) and
"RunInstances" (a launch template's user data); Amazon EC2 User Guide, "Run commands when you launch
an EC2 instance with user data input".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Candidate, Certainty, Change, Resource

from ..control import NOTHING, References
from ..mechanisms.exposed_secret import OpenSecret, Shown
from . import records
from .records import named, on, string, value


def instances(change: Change) -> Iterator[Candidate]:
    """The instance whose user data a change has set; CloudTrail hides the data itself.

    The first of the instances launched together stands for all: they share the user data.
    """
    id_ = string(change.request, "instanceId")
    given = value(change.request, "userData") is not None
    if change.name == "RunInstances":
        made = [text(item, "instanceId") for item in items(change.response.get("instancesSet"))]
        id_ = made[0] if made else ""
        # A launch template may bring user data of its own.
        given = given or value(change.request, "launchTemplate") is not None
    elif string(change.request, "attribute") == "userData":
        given = True
    if id_ and (given or omitted(change.request)):
        yield named(change, "instance", id_, Certainty.POSSIBLE)


def user_data(instance: Resource, reader: Reader) -> Shown | None:
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
    return Shown([("UserData", text(mapping(document(found), "UserData"), "Value"))])


def _every_instance(reader: Reader) -> Iterator[Resource]:
    for instance in records.instances(reader):
        yield records.found(reader, "instance", text(instance, "InstanceId"))


TRIGGERS = (on("RunInstances"), on("ModifyInstanceAttribute"))

SECRET_IN_USER_DATA = OpenSecret(
    id="ec2.secret-in-user-data",
    title="Secret in an instance's user data",
    severity=75,
    references=References(attack=("T1552.001", "T1552.005")),
    triggers=TRIGGERS,
    reads=("ec2:DescribeInstanceAttribute", "ec2:DescribeInstances"),
    found_by=_every_instance,
    cuts=NOTHING,
    revert="User data can be changed only while an instance is stopped.",
    candidates=instances,
    values=user_data,
)

CONTROLS = (SECRET_IN_USER_DATA,)
