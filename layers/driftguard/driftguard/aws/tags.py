"""Reads the tags of a resource, which guardrails may depend on, and those that can be set again.

Sources: Resource Groups Tagging API Reference, "Services that support the Resource Groups Tagging
API" (GetResources does not know IAM's users and roles); IAM API Reference, "ListUserTags";
Tagging AWS Resources, "Tag naming limits and requirements" (the prefix `aws:` is reserved); Service
Authorization Reference, "Amazon Elastic Kubernetes Service" (an access entry's ARN ends in an id
that no record tells).
"""

from __future__ import annotations

from driftguard.documents import Document, Json, items, text
from driftguard.model import Resource

from .calls import AwsError
from .client import Reader

_NAMED_BY = {"user": ("ListUserTags", "UserName"), "role": ("ListRoleTags", "RoleName")}


def settable(tags: Json) -> list[Document]:
    """The tags that a request may set, in one order: AWS keeps those of `aws:` to itself.

    A control that makes a resource anew observes these, so that an undo is exact in all that can be
    brought back.
    """
    found = (tag for tag in items(tags) if not text(tag, "Key", "key").startswith("aws:"))
    return sorted(found, key=lambda tag: text(tag, "Key", "key"))


def left_out(tags: Json) -> list[str]:
    """The tags that cannot be set again, in words."""
    keys = sorted(text(tag, "Key", "key") for tag in items(tags))
    return [f"the tag {key}" for key in keys if key.startswith("aws:")]


def tags_of(resource: Resource, reader: Reader) -> dict[str, str]:
    """The resource's tags; none where it is gone, or its service keeps none.

    An inline policy, or another part of a user or a role, has the tags of that user or role; an
    access entry of EKS has those of its cluster.
    """
    service, _, _, what = resource.arn.split(":", 5)[2:]
    kind, _, rest = what.partition("/")
    if service == "iam" and kind in _NAMED_BY:
        operation, parameter = _NAMED_BY[kind]
        return _of_iam(operation, parameter, rest.partition("/")[0], reader)
    arn = resource.arn
    if (service, kind) == ("eks", "access-entry"):
        arn = f"{arn.partition(':access-entry/')[0]}:cluster/{rest.partition('/')[0]}"
    answer = reader.read(
        "resourcegroupstaggingapi",
        "GetResources",
        absent=("InvalidParameterException",),
        ResourceARNList=[arn],
    )
    found = (answer or {}).get("ResourceTagMappingList", [])
    assert isinstance(found, list)
    return {text(tag, "Key"): text(tag, "Value") for mapped in found for tag in mapped["Tags"]}


def _of_iam(operation: str, parameter: str, name: str, reader: Reader) -> dict[str, str]:
    try:
        found = list(reader.pages("iam", operation, "Tags", **{parameter: name}))
    except AwsError as error:
        if error.code == "NoSuchEntity":
            return {}
        raise
    return {str(tag["Key"]): str(tag["Value"]) for tag in found}
