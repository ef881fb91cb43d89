"""Reads what EC2's records and resources have in common.

EC2 logs its older calls with small first letters, and its newer ones as they are in the API.
Sources: AWS CloudTrail User Guide, "CloudTrail record contents"; Service Authorization Reference,
"Actions, resources, and condition keys for Amazon EC2".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.tags import settable
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import Candidate, Certainty, Change, Resource

from ..control import Busy, Trigger, partition_of, resource

EC2 = "ec2.amazonaws.com"

# For the calls that have no resource level: they set something of the whole region.
WHOLE_REGION = ("*",)

# What EC2 answers while it is still at work on a resource.
# Source: Amazon EC2 Developer Guide, "Error codes for the Amazon EC2 API".
BUSY = (Busy("IncorrectState"), Busy("IncorrectInstanceState"))

# Stands for the id of resources that a record leaves out for its size.
EVERY = "*"

_NO_MORE = ("shutting-down", "terminated")


def on(call: str) -> Trigger:
    """The trigger of one of EC2's calls."""
    return Trigger(EC2, call)


def any_of(kind: str) -> str:
    """The ARN pattern of every resource of a kind in the account."""
    return f"arn:{{partition}}:ec2:{{region}}:{{account}}:{kind}/*"


def value(container: Document, name: str) -> Json:
    """The value under a name in either spelling, `vpcId` or `VpcId`."""
    return container.get(name, container.get(name[:1].upper() + name[1:]))


def string(container: Document, name: str) -> str:
    """Like `value`, as a string."""
    return text(container, name, name[:1].upper() + name[1:])


def inner(container: Document, name: str) -> Document:
    """Like `value`, for an object; an empty one where there is none."""
    found = value(container, name)
    return found if isinstance(found, dict) else {}


def named(
    change: Change, kind: str, id_: str, certainty: Certainty, hint: Document | None = None
) -> Candidate:
    """A resource of the account, named as EC2's ARNs name it."""
    tail = f"ec2:{{region}}:{{account}}:{kind}/{id_}"
    return Candidate(resource(change, f"ec2.{kind}", id_, tail), certainty, hint or {})


def setting(change: Change, name: str, certainty: Certainty) -> Candidate:
    """A setting of the region. AWS has no ARN for it; this one only names it in the record."""
    tail = f"ec2:{{region}}:{{account}}:{name}"
    return Candidate(resource(change, f"ec2.{name}", name, tail), certainty)


def setting_of(reader: Reader, name: str) -> Resource:
    """The same setting, as the sweep finds it."""
    arn = f"arn:{partition_of(reader.region)}:ec2:{reader.region}:{reader.account}:{name}"
    return Resource(f"ec2.{name}", name, reader.account, reader.region, arn)


def found(reader: Reader, kind: str, id_: str) -> Resource:
    """A resource of the account, as the sweep finds it."""
    where = f"ec2:{reader.region}:{reader.account}:{kind}/{id_}"
    arn = f"arn:{partition_of(reader.region)}:{where}"
    return Resource(f"ec2.{kind}", id_, reader.account, reader.region, arn)


def instances(reader: Reader, **parameters: object) -> Iterator[Document]:
    """The instances that there are, those being terminated left out."""
    for reservation in reader.pages("ec2", "DescribeInstances", "Reservations", **parameters):
        for item in items(document(reservation).get("Instances")):
            if text(mapping(item, "State"), "Name") not in _NO_MORE:
                yield item


def instance(reader: Reader, id_: str) -> Document | None:
    """One instance, None when it is gone. By a filter: an unknown id is then no error."""
    return next(instances(reader, Filters=[{"Name": "instance-id", "Values": [id_]}]), None)


def tag_specifications(kind: str, resource_tags: Json) -> dict[str, Json]:
    """The parameter that gives a resource made anew its tags back, all but AWS's own."""
    tags: list[Json] = [dict(tag) for tag in settable(resource_tags)]
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


# Where a state names the tags that AWS keeps to itself, so that an undo cannot set them.
RESERVED = "ReservedTags"


def tags_told(described: Document) -> dict[str, Json]:
    """A resource's tags as a state keeps them: those that can be set again, the others by name."""
    names: list[Json] = [
        key for tag in items(described.get("Tags")) if (key := text(tag, "Key")).startswith("aws:")
    ]
    kept: list[Json] = list(settable(described.get("Tags")))
    return {"Tags": kept, **({RESERVED: names} if names else {})}


def reserved_in_words(made_anew: Iterable[Document]) -> str:
    """What an undo cannot bring back of what it makes anew; "" for nothing."""
    lost: set[str] = set()
    for state in made_anew:
        names = state.get(RESERVED)
        lost.update(map(str, names) if isinstance(names, (list, tuple)) else ())
    if not lost:
        return ""
    return f"An undo cannot set {', '.join(sorted(lost))} again: AWS keeps these tags to itself."
