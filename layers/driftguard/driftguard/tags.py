"""The tags of a resource, read now: guardrails that name tags rest on them.

Sources: Resource Groups Tagging API Reference, "Services that support the Resource Groups Tagging
API" (GetResources does not know IAM's users and roles); IAM API Reference, "ListUserTags".
"""

from __future__ import annotations

from .aws import AwsError, Reader
from .model import Resource
from .trail import text

_NAMED_BY = {"user": ("ListUserTags", "UserName"), "role": ("ListRoleTags", "RoleName")}


def tags_of(resource: Resource, reader: Reader) -> dict[str, str]:
    """The resource's tags; none where it is gone, or its service keeps none.

    What is of a user or a role (an inline policy) has the tags of whom it is of.
    """
    service, _, _, what = resource.arn.split(":", 5)[2:]
    kind, _, rest = what.partition("/")
    if service == "iam" and kind in _NAMED_BY:
        operation, parameter = _NAMED_BY[kind]
        return _of_iam(operation, parameter, rest.partition("/")[0], reader)
    answer = reader.read(
        "resourcegroupstaggingapi",
        "GetResources",
        absent=("InvalidParameterException",),
        ResourceARNList=[resource.arn],
    )
    found = (answer or {}).get("ResourceTagMappingList", [])
    assert isinstance(found, list)
    return {text(one, "Key"): text(one, "Value") for each in found for one in each["Tags"]}


def _of_iam(operation: str, parameter: str, name: str, reader: Reader) -> dict[str, str]:
    try:
        found = list(reader.pages("iam", operation, "Tags", **{parameter: name}))
    except AwsError as error:
        if error.code == "NoSuchEntity":
            return {}
        raise
    return {str(one["Key"]): str(one["Value"]) for one in found}
