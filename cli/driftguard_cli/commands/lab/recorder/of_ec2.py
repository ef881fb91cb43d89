"""How CloudTrail spells EC2's calls: older ones with small letters, newer ones as they were sent.

Sources: records of EC2 that security teams have published (events/shapes.json names them); AWS
CloudTrail User Guide, "CloudTrail log file examples".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from botocore.model import ListShape, Shape, StructureShape

from driftguard.documents import Json

from .spelling import scalar
from .tree import tree_of, typed
from .wire import Named, operation_of

# Free text that may hold secrets.
_REMOVED = "<sensitiveDataRemoved>"
# Members of records that are called otherwise than the response's element of the same shape.
_NAMED = {
    "InstanceIds": "instancesSet",
    "TagSpecifications": "tagSpecificationSet",
    "Return": "_return",
}
_NAMED_BY = {
    ("CreateNetworkAclEntry", "Protocol"): "aclProtocol",
    ("ReplaceNetworkAclEntry", "Protocol"): "aclProtocol",
    ("CreateVolume", "AvailabilityZone"): "zone",
}
# What a record holds as an empty object where the call has no such list.
_EMPTY = {
    "AuthorizeSecurityGroupIngress": ("ipPermissions",),
    "AuthorizeSecurityGroupEgress": ("ipPermissions",),
    "RunInstances": ("blockDeviceMapping",),
}
_OF_A_RULE = ("groups", "ipRanges", "ipv6Ranges", "prefixListIds")
# What each instance of a launch is asked for, apart from what is the same for all.
_OF_EACH = ("imageId", "minCount", "maxCount", "keyName")


def request_of(call: Named, sent: Iterable[tuple[str, str]], asked: Mapping[str, Any]) -> Json:
    """What a call asks for. `sent` is the query as it came, `asked` the same, parsed."""
    shape = operation_of(call.service, call.operation).input_shape
    assert isinstance(shape, StructureShape)
    if _is_newer(shape):
        return {f"{call.operation}Request": _sent(sent) or ""}
    found: dict[str, Json] = {}
    for name, member in shape.members.items():
        if name in asked:
            named = _NAMED_BY.get((call.operation, name)) or _small(name, member)
            found[named] = _spelled(asked[name], member)
    for name in _EMPTY.get(call.operation, ()):
        found.setdefault(name, {})
    return _reshaped(call.operation, found)


def answer_of(call: Named, said: Mapping[str, Any], body: bytes, request_id: str) -> Json:
    """What a call has answered."""
    operation = operation_of(call.service, call.operation)
    if isinstance(operation.input_shape, StructureShape) and _is_newer(operation.input_shape):
        root = ElementTree.fromstring(body)
        tree = tree_of(root)
        members = tree if isinstance(tree, dict) else {}
        return {f"{call.operation}Response": {"requestId": request_id, **members}}
    spelled = _spelled(said, operation.output_shape) if operation.output_shape else {}
    members = spelled if isinstance(spelled, dict) else {}
    # A call without an answer of its own says that it was done.
    return {"requestId": request_id, **(members or {"_return": True})}


def _is_newer(shape: StructureShape) -> bool:
    """Whether a call is logged as it was sent: none of its members has a small name of old."""
    names = (member.serialization.get("name", "") for member in shape.members.values())
    return not any(name[:1].islower() for name in names)


def _sent(sent: Iterable[tuple[str, str]]) -> Json:
    """The query of a newer call: `FlowLogId.1=fl-1` is a member `FlowLogId` with a `tag`."""
    root: dict[str, Any] = {}
    for name, value in sent:
        if name in ("Action", "Version"):
            continue
        at = root
        *path, last = name.split(".")
        for part in path:
            at = at.setdefault(part, {})
        at[last] = value
    return _folded(root)


def _folded(node: Any) -> Json:
    if not isinstance(node, dict):
        return typed(str(node))
    if node and all(name.isdigit() for name in node):
        numbered = [_tagged(int(name), _folded(node[name])) for name in sorted(node, key=int)]
        return numbered[0] if len(numbered) == 1 else numbered
    return {name: _folded(inner) for name, inner in node.items()}


def _tagged(number: int, element: Json) -> Json:
    if isinstance(element, Mapping):
        return {**element, "tag": number}
    return {"tag": number, "content": element}


def _spelled(value: Any, shape: Shape) -> Json:
    if isinstance(shape, StructureShape):
        members = {
            _small(name, member): _spelled(value[name], member)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
        if shape.name == "IpPermission":
            members = {**members, **{name: members.get(name, {}) for name in _OF_A_RULE}}
        return members
    if isinstance(shape, ListShape):
        items = [_element(one, shape.member) for one in value]
        return {"items": items} if items else {}
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, bytes):
        return value.decode("ascii", "replace")
    return scalar(value)


def _element(value: Any, shape: Shape) -> Json:
    """An element of a list: a bare id is an object with the name of what it is an id of."""
    if isinstance(shape, StructureShape):
        return _spelled(value, shape)
    name = shape.serialization.get("name") or shape.name
    name = re.sub(r"^String$|^item$", "value", name)
    return {name[:1].lower() + name[1:]: scalar(value)}


def _small(name: str, member: Shape) -> str:
    if name in _NAMED:
        return _NAMED[name]
    written = member.serialization.get("name") or name
    return str(written[:1].lower() + written[1:])


def _reshaped(operation: str, found: dict[str, Json]) -> Json:
    """The request with what a few calls have in places of their own."""
    if operation == "RunInstances":
        each = {name: found.pop(name) for name in _OF_EACH if name in found}
        found = {"instancesSet": {"items": [each]}, **found}
    if operation == "CreateVolume" and "size" in found:
        found["size"] = str(found["size"])
    if "userData" in found:
        found["userData"] = _REMOVED
    if operation == "ModifyImageAttribute":
        found = _permission(found, "launchPermission")
        found["attributeType"] = "launchPermission"
    if operation == "ModifySnapshotAttribute":
        found = _permission(found, "createVolumePermission")
        found["attributeType"] = "CREATE_VOLUME_PERMISSION"
    return found


def _permission(found: dict[str, Json], member: str) -> dict[str, Json]:
    """The permission to share, where the call names users and groups beside an operation."""
    operation = found.pop("operationType", None)
    found.pop("attribute", None)
    listed = [found.pop(name, None) for name in ("userId", "userIds", "userGroup", "userGroups")]
    named = [one for names in listed if isinstance(names, Mapping) for one in _items(names)]
    if isinstance(operation, str) and named and member not in found:
        found[member] = {operation: {"items": named}}
    return found


def _items(names: Mapping[str, Json]) -> list[Json]:
    items = names.get("items")
    if not isinstance(items, list):
        return []
    return [
        {"group" if name.lower().endswith("group") else "userId": value}
        for one in items
        if isinstance(one, Mapping)
        for name, value in one.items()
    ]
