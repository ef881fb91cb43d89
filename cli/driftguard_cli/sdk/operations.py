"""Says which API operations the Lambdas can call.

Two sources, together. What controls call is declared as IAM actions, and the round trips hold the
declarations to the calls that are made; each action is traced back to the operations that need it.
What the other rooms and the functions call stands in their code by name, as a client's method or as
a text. Both give a few operations too many, and none too few.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from botocore import xform_name

from driftguard import controls
from driftguard.aws.permissions import actions_of

# A service's operations by name, as botocore's models have them.
Operations: TypeAlias = "Mapping[str, Mapping[str, object]]"

# What botocore calls by itself while it makes another call.
# Source: Amazon S3 API Reference, "CreateSession" and "HeadBucket" (directory buckets; a bucket's
# region).
_OF_THE_SDK = {"s3": frozenset({"CreateSession", "HeadBucket"})}


@dataclass(frozen=True, slots=True)
class Calls:
    """What says that an operation is called.

    `services` are texts of all code, one of which names a service that is called. `names` are texts
    and attributes of the code that declares nothing. `actions` are IAM actions that are declared.
    """

    services: frozenset[str]
    names: frozenset[str]
    actions: frozenset[str]


def calls_of(library: Path, functions: Path) -> Calls:
    """What the library and the functions call; `library` is the package's folder."""
    modules = sorted((*library.rglob("*.py"), *functions.rglob("*.py")))
    declaring = library / "controls"
    own = [module for module in modules if declaring not in module.parents]
    actions = {
        action
        for control in controls.every()
        for action in (*control.reads, *control.reads_use, *control.writes)
    }
    return Calls(frozenset(_names(modules)), frozenset(_names(own)), frozenset(actions))


def _names(modules: Iterable[Path]) -> Iterator[str]:
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(), str(module))):
            if isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def called(service: str, operations: Operations, calls: Calls) -> frozenset[str]:
    """The operations of a service, by boto3's name of it, that may be called."""
    if service not in calls.services:
        return frozenset()
    named = service in calls.names
    found = {
        operation
        for operation in operations
        if not calls.actions.isdisjoint(actions_of(service, operation))
        or (named and {operation, str(xform_name(operation))} & calls.names)
    }
    return frozenset(found | _beside(service, operations)) if found else frozenset()


def _beside(service: str, operations: Operations) -> set[str]:
    """What botocore may call before an operation of the service."""
    discovering = {name for name, model in operations.items() if model.get("endpointoperation")}
    return discovering | (_OF_THE_SDK.get(service, frozenset()) & operations.keys())
