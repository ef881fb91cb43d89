"""How near the template is to AWS's limits."""

from __future__ import annotations

import json
from typing import Any, cast

import yaml

from . import template as blocks
from .queue_policies import QUEUE_POLICY_LIMIT, bytes_of


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms as their text."""


def _short_form(loader: _Loader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node, deep=True)


_Loader.add_multi_constructor("!", _short_form)


_MANAGED = "AWS::IAM::ManagedPolicy"


def loaded(template: str) -> dict[str, Any]:
    """Return a template as values; CloudFormation's short forms are their text."""
    return cast("dict[str, Any]", yaml.load(template, _Loader))


def sizes(template: str) -> list[tuple[str, int, int]]:
    """How near the template is to AWS's limits: what, how much of it is used, the limit."""
    resources = loaded(template)["Resources"]
    of_kind: dict[str, list[dict[str, object]]] = {}
    for resource in resources.values():
        of_kind.setdefault(resource["Type"], []).append(resource["Properties"])
    rules = of_kind["AWS::Events::Rule"]
    policies = [json.dumps(policy.get("Roles")) for policy in of_kind[_MANAGED]]
    return [
        ("template, bytes", len(template.encode()), blocks.TEMPLATE_LIMIT),
        ("resources in the stack", len(resources), blocks.RESOURCES_A_STACK),
        ("rules on the bus", len(rules), blocks.RULES_A_BUS),
        (
            "characters in the longest event pattern",
            max(len(json.dumps(rule["EventPattern"])) for rule in rules),
            blocks.PATTERN_LIMIT,
        ),
        (
            "bytes of the longest policy of a queue, without people's ARNs",
            max(bytes_of(policy["PolicyDocument"]) for policy in of_kind["AWS::SQS::QueuePolicy"]),
            QUEUE_POLICY_LIMIT,
        ),
        (
            "characters of the remediator's permissions boundary",
            max(len(_compact(policy)) for policy in of_kind[_MANAGED] if "Roles" not in policy),
            blocks.POLICY_LIMIT,
        ),
        (
            "managed policies on a role",
            max(policies.count(roles) for roles in policies),
            blocks.POLICIES_A_ROLE,
        ),
    ]


def _compact(policy: dict[str, object]) -> str:
    return json.dumps(policy["PolicyDocument"], separators=(",", ":"))
