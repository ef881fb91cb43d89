"""12.2, 12.5, 12.6: who may write, change or end the two tables, by the tables' own policies."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest

from driftguard.state.keys import partition
from tests.support.each import each
from tests.support.resource_policies import (
    CLOUDFORMATION,
    DEPLOYER,
    DEVELOPER,
    OPERATOR,
    OWNER,
    Call,
    denied,
    of_table,
)
from tests.support.template import flat, of_type, statements_of
from tests.support.world import HERE, ROOT

KEYS = "dynamodb:LeadingKeys"
ROLES = sorted(of_type("AWS::IAM::Role"))
TABLES = ("AuditTable", "StateTable")
ITEM_WRITES = [
    f"dynamodb:{name}"
    for name in (
        *("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"),
        *("PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"),
    )
]
# The tags that a session may be given by whoever starts it.
TAGGED = {
    "aws:PrincipalTag/driftguard-record": ["driftguard"],
    "aws:PrincipalTag/driftguard-operator": ["driftguard"],
}
# What of the table itself DynamoDB lets a policy of the table speak of.
# Source: Amazon DynamoDB Developer Guide, "DynamoDB API operations supported by resource-based
# policies": one other name, and the whole policy is refused.
ENDING = [
    f"dynamodb:{name}"
    for name in ("DeleteTable", "UpdateTimeToLive", "PutResourcePolicy", "DeleteResourcePolicy")
]
CHANGING = ["dynamodb:UpdateTable", "dynamodb:UpdateContinuousBackups"]


def kinds() -> set[str]:
    """The kinds of keys in the state table: every name that a partition key is made of.

    Found in the code, not listed. A kind that is handed on (`counted`, `Tally`) is found where it
    is handed over.
    """
    found = set()
    for path in (ROOT / "layers/driftguard/driftguard").rglob("*.py"):
        tree = ast.parse(path.read_text())
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found |= set(_kind(node, constants))
    return found


def _kind(call: ast.Call, constants: dict[str, Any]) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    given = {"partition": 0, "counted": 1}.get(name)
    values = [call.args[given]] if given is not None and len(call.args) > given else []
    values += [word.value for word in call.keywords if word.arg == "kind" and name == "Tally"]
    values += call.args[1:2] if name == "Tally" else []
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
        elif isinstance(value, ast.Name) and value.id in constants:
            yield str(constants[value.id])


KINDS = sorted(kinds())


def write(principal: str, action: str, *keys: str) -> Call:
    """A write of these partition keys at once."""
    return Call(principal, action, {KEYS: list(keys), **TAGGED} if keys else TAGGED)


def test_every_kind_of_key_is_found() -> None:
    assert {"advisory", "baseline", "freeze", "slack-digest", "slack-rate", "told", "trust"} <= set(
        KINDS
    )


# ---------------------------------------------------------------------------- the state table


@each("kind", [kind for kind in KINDS if kind != "freeze"])
@each("action", ITEM_WRITES)
def test_every_key_of_the_state_table_is_closed_to_others(kind: str, action: str) -> None:
    """12.6: whoever could write the count of messages silenced all of them."""
    call = write(DEVELOPER, action, partition(kind, HERE, "rate"))
    assert denied(of_table("StateTable"), call)
    assert denied(of_table("StateTable"), call, given=False)


def test_one_closed_key_closes_the_whole_request() -> None:
    keys = (partition("freeze", HERE), partition("told", HERE, "rate"))
    assert denied(of_table("StateTable"), write(DEVELOPER, "dynamodb:BatchWriteItem", *keys))


@pytest.mark.parametrize("action", ITEM_WRITES)
def test_a_write_without_a_key_is_nobodys(action: str) -> None:
    assert denied(of_table("StateTable"), write(DEVELOPER, action))


@pytest.mark.parametrize("role", ROLES)
def test_the_stack_writes_whether_or_not_dynamodb_tells_the_key(role: str) -> None:
    """12.15: one kind of request without the condition key, and no decision could be recorded."""
    told = denied(of_table("StateTable"), write(f"{role}.Arn", "dynamodb:PutItem", "told#1"))
    assert denied(of_table("StateTable"), write(f"{role}.Arn", "dynamodb:PutItem")) == told


@pytest.mark.parametrize("principal", [DEVELOPER, OPERATOR, OWNER])
def test_a_freeze_is_never_locked(principal: str) -> None:
    call = write(principal, "dynamodb:PutItem", partition("freeze", HERE))
    assert not denied(of_table("StateTable"), call)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "freeze"])
def test_operators_write_what_recording_baselines_writes_and_nothing_else(kind: str) -> None:
    call = write(OPERATOR, "dynamodb:PutItem", partition(kind, HERE, "x"))
    assert denied(of_table("StateTable"), call) != (kind in ("baseline", "baseline-log", "history"))
    assert denied(of_table("StateTable"), call, given=False)


@pytest.mark.parametrize("role", ROLES)
def test_the_state_table_lets_in_whose_own_policy_writes_it_and_no_other_role(role: str) -> None:
    """Else AWS would refuse what the role's policy allows: no emulator does."""
    writes = {
        action
        for one in statements_of(role)
        if one["Effect"] == "Allow" and "StateTable.Arn" in flat(one["Resource"])
        for action in flat(one["Action"])
        if action in ITEM_WRITES
    }
    call = write(f"{role}.Arn", "dynamodb:PutItem", partition("told", HERE, "rate"))
    assert denied(of_table("StateTable"), call) != bool(writes)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_writes_only_keys_that_its_own_policy_names(role: str) -> None:
    for one in statements_of(role):
        writes = set(flat(one["Action"])) & set(ITEM_WRITES)
        if one["Effect"] == "Allow" and writes and "StateTable.Arn" in flat(one["Resource"]):
            named = one["Condition"]["ForAllValues:StringLike"][KEYS]
            assert {key.removesuffix("#*") for key in named} <= set(KINDS), named


@each("kind", KINDS)
def test_every_kind_of_key_has_a_writer(kind: str) -> None:
    assert any(
        f"{kind}#*" in one.get("Condition", {}).get("ForAllValues:StringLike", {}).get(KEYS, [])
        and set(flat(one["Action"])) & set(ITEM_WRITES)
        for role in ROLES
        for one in statements_of(role)
    )


# ---------------------------------------------------------------------------- the audit table


@pytest.mark.parametrize("role", ROLES)
def test_the_record_is_written_by_roles_and_not_by_tags(role: str) -> None:
    """12.5: `aws:PrincipalTag` also holds session tags, so a tagged session was a recorder."""
    puts = any(
        one["Effect"] == "Allow"
        and "AuditTable.Arn" in flat(one["Resource"])
        and "dynamodb:PutItem" in flat(one["Action"])
        for one in statements_of(role)
    )
    call = write(f"{role}.Arn", "dynamodb:PutItem", "dg-1")
    assert denied(of_table("AuditTable"), call) != puts


@each("principal", [DEVELOPER, DEPLOYER, OPERATOR, OWNER])
@each("action", ITEM_WRITES)
def test_nobody_else_writes_the_record(principal: str, action: str) -> None:
    assert denied(of_table("AuditTable"), write(principal, action, "dg-1"))


def test_no_policy_of_the_stack_asks_for_a_tag_of_a_principal() -> None:
    text = (ROOT / "template.yaml").read_text()
    assert "aws:PrincipalTag" not in text
    assert "driftguard-record" not in text


# ----------------------------------------------------------------------- the tables themselves


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("action", [*ENDING, *CHANGING])
def test_only_administrators_change_or_end_a_table(table: str, action: str) -> None:
    statements = of_table(table)
    for given in (True, False):
        assert denied(statements, Call(DEVELOPER, action, TAGGED), given=given)
        assert denied(statements, Call("GuardRole.Arn", action), given=given)
        assert denied(statements, Call("RemediatorRole.Arn", action), given=given) == (
            action in ENDING
        )
    by_stack = Call(DEVELOPER, action, CLOUDFORMATION)
    assert not denied(statements, by_stack, given=False)
    assert denied(statements, by_stack, given=True), "who is named is the only one"
    assert not denied(statements, Call(DEPLOYER, action, CLOUDFORMATION), given=True)
    assert not denied(statements, Call(OWNER, action), given=False)


@pytest.mark.parametrize("table", TABLES)
def test_dynamodb_takes_the_tables_policies(table: str) -> None:
    """Source: Amazon DynamoDB API Reference, "PutResourcePolicy" (20 KB)."""
    named = {action for one in of_table(table) for action in flat(one["Action"])}
    assert named <= {*ITEM_WRITES, *ENDING, *CHANGING}
    assert len(str(of_table(table))) < 10_000
