"""What the policies of queues and tables in the template deny and allow, and to whom.

Only what these policies use is understood; anything else is an error, and never "allowed".

Sources: IAM User Guide, "Policy evaluation logic", "Condition operators" (a negated operator holds
where its key is absent), "Multivalued context keys", "AWS global condition context keys".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.support.template import of_type, template

OWNER = "arn:aws:iam::123456789012:root"
OPERATOR = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/Operators_0a1b"
DEPLOYER = "arn:aws:iam::123456789012:role/deployer"
DEVELOPER = "arn:aws:iam::123456789012:role/developer"
CLOUDFORMATION = {"aws:CalledViaLast": ["cloudformation.amazonaws.com"]}

STACK_ID = "0c5a9f3d7e21"

# What is given for the parameters that name people.
GIVEN = {
    "OperatorArns": ["arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/Operators_*"],
    "AdministratorArns": [DEPLOYER],
}
NAMED = {"HasOperators": "OperatorArns", "HasAdministrators": "AdministratorArns"}


@dataclass(frozen=True)
class Call:
    """A request: who makes it, what it is, and the condition keys that AWS gives with it.

    `principal` is an ARN, a role's logical id with `.Arn`, or a service (`events.amazonaws.com`).
    """

    principal: str
    action: str
    context: Mapping[str, list[str]] = field(default_factory=dict)

    def keys(self) -> dict[str, list[str]]:
        """The condition keys of the request, each with its values."""
        service = self.principal.endswith(".amazonaws.com")
        known = {"aws:SecureTransport": ["true"], "aws:PrincipalIsAWSService": [str(service)]}
        if not service:
            known["aws:PrincipalArn"] = [self.principal]
        return {**known, **self.context}


def denied(statements: list[dict[str, Any]], call: Call, *, given: bool = True) -> bool:
    """Whether a statement denies the call. `given`: the stack names people."""
    return any(_holds(one, call, given) for one in statements if one["Effect"] == "Deny")


def allowed(statements: list[dict[str, Any]], call: Call, *, given: bool = True) -> bool:
    """Whether the policy itself lets the call in, which only services need."""
    lets_in = any(_holds(one, call, given) for one in statements if one["Effect"] == "Allow")
    return lets_in and not denied(statements, call, given=given)


def _holds(statement: Mapping[str, Any], call: Call, given: bool) -> bool:
    actions = list(_resolved(statement["Action"], given))
    if not any(fnmatchcase(call.action, action) for action in actions):
        return False
    principal = statement["Principal"]
    if principal != "*" and principal != {"Service": call.principal}:
        return False
    keys = call.keys()
    return all(
        _matches(operator, keys.get(key), list(_resolved(wanted, given)))
        for operator, pairs in statement.get("Condition", {}).items()
        for key, wanted in pairs.items()
    )


def _resolved(value: Any, given: bool) -> Iterator[str]:
    """The texts of a value, its conditions and its parameters resolved."""
    if isinstance(value, list) and len(value) == 3 and value[0] in template()["Conditions"]:
        condition, then, otherwise = value
        yield from _resolved(then if given or condition not in NAMED else otherwise, given)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        yield text_of(value)
    elif isinstance(value, list):
        for inner in value:
            yield from _resolved(inner, given)
    elif value in GIVEN:
        yield from GIVEN[value]
    elif value != "AWS::NoValue":
        yield text_of(value)


def text_of(value: Any) -> str:
    """The text of a `!Sub`, its pseudo parameters and the stack's own id resolved."""
    text = str(value[0] if isinstance(value, list) else value)
    for name, known in (
        ("${AWS::Partition}", "aws"),
        ("${AWS::AccountId}", "123456789012"),
        ("${AWS::Region}", "us-east-1"),
        ("${Id}", STACK_ID),
    ):
        text = text.replace(name, known)
    return text


def _matches(operator: str, values: list[str] | None, wanted: list[str]) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    plain = plain.removesuffix("IfExists")
    if plain == "Null":
        return (values is None) == (wanted == ["true"])
    if values is None:
        return "Not" in plain or quantifier == "ForAllValues" or operator.endswith("IfExists")
    found = [_one(plain, value, wanted) for value in values]
    if quantifier == "ForAnyValue":
        return any(found)
    assert quantifier or len(values) == 1, f"{operator} is for keys with one value"
    return all(found)


def _one(operator: str, value: str, wanted: list[str]) -> bool:
    if operator in ("ArnEquals", "ArnLike", "StringLike"):
        return any(fnmatchcase(value, pattern) for pattern in wanted)
    if operator in ("ArnNotEquals", "ArnNotLike", "StringNotLike"):
        return not any(fnmatchcase(value, pattern) for pattern in wanted)
    if operator == "StringEquals":
        return value in wanted
    if operator == "StringNotEquals":
        return value not in wanted
    if operator == "Bool":
        return value.lower() in [text.lower() for text in wanted]
    raise AssertionError(f"the condition operator {operator} is not understood here")


def of_queue(queue: str) -> list[dict[str, Any]]:
    """The statements of the policy of a queue, by its logical id."""
    return [
        statement
        for policy in of_type("AWS::SQS::QueuePolicy").values()
        if queue in policy["Queues"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def of_table(table: str) -> list[dict[str, Any]]:
    """The statements of the policy of a table, by its logical id."""
    policy = of_type("AWS::DynamoDB::Table")[table]["ResourcePolicy"]["PolicyDocument"]
    found: list[dict[str, Any]] = policy["Statement"]
    return found
