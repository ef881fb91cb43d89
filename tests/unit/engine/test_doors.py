"""12.1: events and commands are two doors, and only roles of the stack have the second's key."""

from __future__ import annotations

from typing import Any

from tests.support.template import flat, of_type, resources, statements_of

COMMANDS = "CommandsQueue.Arn"


def policy_of(queue: str) -> list[dict[str, Any]]:
    """The statements of the queue policies that are for a queue."""
    return [
        statement
        for policy in of_type("AWS::SQS::QueuePolicy").values()
        if queue in flat(policy["Queues"])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def may_send(role: str) -> bool:
    return any(
        statement["Effect"] == "Allow"
        and "sqs:SendMessage" in flat(statement["Action"])
        and COMMANDS in flat(statement["Resource"])
        for statement in statements_of(role)
    )


def test_the_queue_of_commands_lets_nobody_in_by_its_own_policy() -> None:
    assert {statement["Effect"] for statement in policy_of("CommandsQueue")} == {"Deny"}


def test_the_roles_with_the_key_are_those_that_command_and_are_named_by_arn() -> None:
    """Source: IAM User Guide, "Condition operators" (a negated one holds where the key is absent).

    A service principal has no `aws:PrincipalArn`: EventBridge, whatever its rule, is denied.
    """
    (denied,) = [
        statement
        for statement in policy_of("CommandsQueue")
        if "sqs:SendMessage" in flat(statement["Action"])
    ]
    assert denied["Principal"] == "*"
    assert list(denied["Condition"]) == ["ArnNotEquals"]
    named = set(denied["Condition"]["ArnNotEquals"]["aws:PrincipalArn"])
    roles = {role for role in of_type("AWS::IAM::Role") if may_send(role)}
    assert named == {f"{role}.Arn" for role in roles}
    assert roles == {
        "GuardRole",
        "PublishRole",
        "ReplyRole",
        "SignedApiRole",
        "SweepRole",
        "TimersRole",
    }


def test_no_rule_leads_to_the_queue_of_commands() -> None:
    for name, resource in resources().items():
        if resource["Type"] == "AWS::Events::Rule":
            targets = {str(target["Arn"]) for target in resource["Properties"]["Targets"]}
            assert targets <= {"ChangesQueue.Arn"}, name


def test_the_guard_takes_from_both_doors() -> None:
    mapped = resources()["GuardFunction"]["Properties"]["Events"].values()
    assert {source["Properties"]["Queue"] for source in mapped} == {"ChangesQueue.Arn", COMMANDS}
