"""The template as values: its resources, and the statements of their policies."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from tests.support.world import ROOT


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms as their text."""


_Loader.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_scalar(node)
        if isinstance(node, yaml.ScalarNode)
        else loader.construct_sequence(node, deep=True)
    ),
)


@cache
def template() -> dict[str, Any]:
    """The whole template."""
    read: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Loader)
    return read


def resources() -> dict[str, Any]:
    """The template's resources by their logical ids."""
    return dict(template()["Resources"])


def of_type(kind: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in resources().items() if one["Type"] == kind}


def flat(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from flat(one)
    else:
        yield str(value)


def statements_of(role: str) -> list[dict[str, Any]]:
    """What the template gives a role, inline and attached."""
    documents = [
        one["PolicyDocument"] for one in of_type("AWS::IAM::Role")[role].get("Policies", [])
    ]
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        documents += [
            one["PolicyDocument"]
            for one in of_type(kind).values()
            if role in flat(one.get("Roles", []))
        ]
    return [
        each
        for document in documents
        for statement in document["Statement"]
        # What is there on a condition reads as the condition, the statement and nothing.
        for each in (statement[1:2] if isinstance(statement, list) else [statement])
    ]
