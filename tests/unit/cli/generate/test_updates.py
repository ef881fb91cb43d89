"""12.16, 12.17: names that fit and cannot collide, and updates that CloudFormation takes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.each import each
from tests.support.updates import NAMES, RELEASED, current, essence, refused

UUID = "5f1c2b7a-1d2e-4c3b-9a8f-0c5a9f3d7e21"
# The longest that CloudFormation takes, with hyphens, which stand in the stack's id too.
LONG = "driftguard-" + "a-" * 58 + "x"
# What AWS takes in all of these names.
LETTERS = re.compile(r"[A-Za-z0-9_-]+")


def resolved(value: Any, stack: str) -> str:
    """A value of the template as CloudFormation resolves it in a stack of this name."""
    known = {
        "AWS::StackName": stack,
        "AWS::StackId": f"arn:aws:cloudformation:us-east-1:123456789012:stack/{stack}/{UUID}",
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::AccountId": "123456789012",
    }
    if isinstance(value, str):
        return value
    ((function, given),) = value.items()
    if function == "Ref":
        return known[given]
    if function == "Fn::Select":
        number, (split, (separator, text)) = int(given[0]), next(iter(given[1].items()))
        assert split == "Fn::Split"
        return resolved(text, stack).split(separator)[number]
    assert function == "Fn::Sub"
    text, variables = given if isinstance(given, list) else (given, {})
    for name, inner in {**known, **variables}.items():
        text = text.replace("${" + name + "}", resolved(inner, stack))
    return str(text)


def names() -> dict[str, tuple[Any, int]]:
    """The names of our choice in the template, by resource, with AWS's limits."""
    found = {}
    for logical, resource in current()["Resources"].items():
        name, limit = NAMES.get(resource["Type"], ("", 0))
        # An inline policy's name is its role's own.
        if name in resource.get("Properties", {}) and resource["Type"] != "AWS::IAM::Policy":
            found[logical] = (resource["Properties"][name], limit)
    return found


def test_the_stacks_name_is_as_long_as_it_may_be() -> None:
    assert len(LONG) == 128


@each("stack", ["d", "driftguard", LONG])
@each("logical", sorted(names()))
def test_a_name_fits_whatever_the_stack_is_called(logical: str, stack: str) -> None:
    """12.17: names that CloudFormation cut to 64 fell out of policies silently."""
    value, limit = names()[logical]
    name = resolved(value, stack)
    assert len(name) <= limit
    assert LETTERS.fullmatch(name), name


@each("logical", sorted(names()))
def test_a_name_is_no_other_stacks(logical: str) -> None:
    """12.16: what a rolled-back create left behind stood in the way of the next."""
    assert UUID[-12:] in resolved(names()[logical][0], "driftguard")


def test_nothing_is_made_of_the_stacks_name() -> None:
    """Neither a name nor a pattern: AWS cuts the one, and the other then matches nothing."""
    assert "AWS::StackName" not in json.dumps(current())


def test_every_rule_is_one_that_the_queues_let_in() -> None:
    template = current()["Resources"]
    for queue in ("ChangesQueue", "DeadLetterQueue"):
        lets_in, *_ = template[f"{queue}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        pattern = resolved(lets_in["Condition"]["ArnLike"]["aws:SourceArn"], LONG)
        for rule in template.values():
            if rule["Type"] == "AWS::Events::Rule":
                name = resolved(rule["Properties"]["Name"], LONG)
                arn = f"arn:aws:events:us-east-1:123456789012:rule/{name}"
                assert arn.startswith(pattern.removesuffix("*")), name


# -------------------------------------------------------------------------- a create rolled back


def test_what_is_protected_from_deletion_is_kept_by_a_rolled_back_create() -> None:
    """CloudFormation could not delete it, and the stack could neither be used nor made anew.

    Source: AWS CloudFormation User Guide, "AWS::DynamoDB::Table" (`DeletionProtectionEnabled`).
    """
    for name, resource in current()["Resources"].items():
        if resource.get("Properties", {}).get("DeletionProtectionEnabled"):
            assert resource["DeletionPolicy"] == "Retain", name


def test_a_function_waits_for_its_roles_policy() -> None:
    """Lambda makes no event source mapping before the role may read the source."""
    template = current()["Resources"]
    for name, resource in template.items():
        if resource["Type"] == "AWS::Serverless::Function":
            (role, _) = resource["Properties"]["Role"]["Fn::GetAtt"]
            policy = resource["DependsOn"]
            assert template[policy]["Properties"]["Roles"] == [{"Ref": role}], name


# -------------------------------------------------------------------------------- an update


def test_an_update_from_the_last_release_is_taken() -> None:
    """Where this fails, split the change over two releases, or give the resource another name."""
    assert refused(json.loads(RELEASED.read_text()), essence(current())) == []


def _with_two_indexes_more(template: Any) -> None:
    table = template["Resources"]["AuditTable"]["Properties"]
    for name in ("by-a", "by-b"):
        table["GlobalSecondaryIndexes"].append(
            {**table["GlobalSecondaryIndexes"][0], "IndexName": name}
        )


def _with_another_projection(template: Any) -> None:
    table = template["Resources"]["AuditTable"]["Properties"]
    table["GlobalSecondaryIndexes"][0]["Projection"] = {"ProjectionType": "ALL"}


def _with_another_key(template: Any) -> None:
    template["Resources"]["StateTable"]["Properties"]["KeySchema"].pop()


def _replaced_under_its_name(template: Any) -> None:
    template["Resources"]["ChangesQueue"]["Properties"]["FifoQueue"] = True


def _of_another_type(template: Any) -> None:
    template["Resources"]["GuardPolicy"]["Type"] = "AWS::IAM::ManagedPolicy"


def _without_a_secret(template: Any) -> None:
    del template["Resources"]["LinkKey"]


def _mapped_under_another_name(template: Any) -> None:
    events = template["Resources"]["GuardFunction"]["Properties"]["Events"]
    events["Events"] = events.pop("Changes")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_with_two_indexes_more, "AuditTable changes 2 indexes at once: by-a, by-b"),
        (_with_another_projection, "AuditTable changes the index by-day in place"),
        (_with_another_key, "StateTable is replaced, and what it holds is left behind: KeySchema"),
        (
            _replaced_under_its_name,
            "ChangesQueue has a name of our choice and is to be replaced: FifoQueue",
        ),
        (
            _of_another_type,
            "GuardPolicy changes its type from AWS::IAM::Policy to AWS::IAM::ManagedPolicy",
        ),
        (_without_a_secret, "LinkKey is gone, with what it holds"),
        (
            _mapped_under_another_name,
            "GuardFunction maps a source under another name, Events, while the old one exists",
        ),
    ],
)
def test_what_cloudformation_refuses_is_told(change: Callable[[Any], None], said: str) -> None:
    before = current()
    after = copy.deepcopy(before)
    change(after)
    assert refused(essence(before), essence(after)) == [said]


def test_one_index_more_is_taken() -> None:
    before = current()
    after = copy.deepcopy(before)
    indexes = after["Resources"]["AuditTable"]["Properties"]["GlobalSecondaryIndexes"]
    indexes.append({**indexes[0], "IndexName": "by-a"})
    assert refused(essence(before), essence(after)) == []
