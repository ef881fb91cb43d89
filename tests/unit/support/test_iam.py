"""The evaluator that judges our calls answers as IAM documents it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.iam.evaluator import Asked, Policies, Principal, Statement, allows
from tests.support.iam.requests import asked_for, asked_for_plan
from tests.support.iam.template import Stack

ROLE = Principal("arn:aws:iam::123456789012:role/guard", {"team": "a"})
QUEUE = "arn:aws:sqs:us-east-1:123456789012:commands"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/state"


def statement(action: str = "sqs:SendMessage", effect: str = "Allow", **more: Any) -> Statement:
    return {"Effect": effect, "Action": action, "Resource": QUEUE, **more}


def may(*identity: Statement, asked: Asked | None = None, **more: Any) -> bool:
    return allows(asked or Asked("sqs:SendMessage", QUEUE), ROLE, Policies(identity, **more))


def test_nothing_is_allowed_that_no_statement_allows() -> None:
    assert not may()
    assert may(statement())
    assert may(statement("sqs:*"))
    assert may(statement("SQS:sendmessage"))
    assert not may(statement("sqs:Receive*"))
    assert not may(statement(Resource="arn:aws:sqs:us-east-1:123456789012:other"))


def test_a_denial_wins_wherever_it_stands() -> None:
    denial = statement("sqs:*", "Deny")
    assert not may(statement(), denial)
    assert not may(statement(), resource=[{**denial, "Principal": "*"}])
    assert not may(statement(), session=[statement(), denial])


def test_a_session_allows_no_more_than_its_policy() -> None:
    assert may(statement(), session=[statement()])
    assert not may(statement(), session=[])
    assert not may(session=[statement()])


def test_a_resources_policy_alone_allows_within_an_account() -> None:
    assert may(resource=[statement(Principal={"AWS": ROLE.name})])
    assert may(resource=[statement(Principal={"AWS": "123456789012"})])
    assert not may(resource=[statement(Principal={"AWS": "arn:aws:iam::123456789012:role/x"})])
    assert not may(resource=[statement(Principal={"Service": "events.amazonaws.com"})])


def test_a_trust_policy_has_to_allow_as_well() -> None:
    assert not may(statement(), needs_both=True)
    assert may(statement(), resource=[statement(Principal={"AWS": ROLE.name})], needs_both=True)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"aws:PrincipalTag/team": "a"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": ["b", "c"]}}, False),
        ({"StringNotEquals": {"aws:PrincipalTag/team": "a"}}, False),
        ({"StringNotEquals": {"aws:PrincipalTag/other": "a"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/other": "a"}}, False),
        ({"StringEqualsIfExists": {"aws:PrincipalTag/other": "a"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/g*"}}, True),
        ({"ArnNotEquals": {"aws:PrincipalArn": [ROLE.name, "arn:x"]}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Null": {"aws:SourceArn": "true"}}, True),
        (
            {
                "StringEquals": {"aws:PrincipalTag/team": "a"},
                "Bool": {"aws:SecureTransport": "false"},
            },
            False,
        ),
    ],
)
def test_conditions(condition: dict[str, Any], holds: bool) -> None:
    assert may(statement(Condition=condition)) == holds


@pytest.mark.parametrize(
    ("quantifier", "keys", "holds"),
    [
        ("ForAllValues", ("trust#1", "history#2"), True),
        ("ForAllValues", ("trust#1", "freeze#2"), False),
        ("ForAllValues", (), True),
        ("ForAnyValue", ("trust#1", "freeze#2"), True),
        ("ForAnyValue", ("freeze#2",), False),
        ("ForAnyValue", (), False),
    ],
)
def test_all_keys_of_a_request_or_any(quantifier: str, keys: tuple[str, ...], holds: bool) -> None:
    condition = {f"{quantifier}:StringLike": {"dynamodb:LeadingKeys": ["trust#*", "history#*"]}}
    allowed = {**statement("dynamodb:BatchGetItem"), "Resource": TABLE, "Condition": condition}
    asked = Asked("dynamodb:BatchGetItem", TABLE, {"dynamodb:leadingkeys": keys})
    assert may(allowed, asked=asked) == holds


def test_a_transaction_is_asked_about_by_what_it_does_in_each_table() -> None:
    item = {"pk": {"S": "dg-1"}, "sk": {"S": "decision"}}
    written = {"TableName": "state", "Item": item}
    other = {"TableName": "state", "Item": {**item, "pk": {"S": "trust#1"}}}
    checked = {"TableName": "audit", "Key": item}
    transaction = [{"Put": written}, {"Put": other}, {"ConditionCheck": checked}]
    asked = list(asked_for("dynamodb", "TransactWriteItems", {"TransactItems": transaction}))
    assert [(one.action, one.resource.rpartition("/")[2]) for one in asked] == [
        ("dynamodb:PutItem", "state"),
        ("dynamodb:ConditionCheckItem", "audit"),
    ]
    assert asked[0].context["dynamodb:leadingkeys"] == ("dg-1", "trust#1")


def test_a_plans_call_is_asked_about_on_each_kind_that_it_must_be_allowed_on() -> None:
    group = "arn:aws:ec2:us-east-1:123456789012:security-group/sg-1"
    session = [{"Effect": "Allow", "Action": ["ec2:RevokeSecurityGroupIngress"], "Resource": group}]
    parameters = {"GroupId": "sg-1"}
    asked = list(asked_for_plan("ec2", "RevokeSecurityGroupIngress", parameters, session))
    assert asked == [(Asked("ec2:RevokeSecurityGroupIngress", group),)]
    ((without,),) = asked_for_plan("ec2", "RevokeSecurityGroupIngress", parameters, [])
    assert "security-group" in without.resource


def test_intrinsic_functions_are_resolved() -> None:
    text = """
    Parameters: {Wanted: {Type: String, Default: "yes"}}
    Conditions: {Made: !Equals [!Ref Wanted, "yes"]}
    Resources:
      Queue: {Type: AWS::SQS::Queue, Properties: {}}
      Topic: {Type: AWS::SNS::Topic, Condition: Made, Properties: {}}
    """
    stack = Stack(text=text, parameters={"Wanted": "no"})
    assert set(stack.resources) == {"Queue"}
    assert stack.resolved({"Fn::Sub": "${Queue.Arn}/x of ${AWS::StackName}"}) == (
        "arn:aws:sqs:us-east-1:123456789012:driftguard-Queue/x of driftguard"
    )
    nothing = {"Ref": "AWS::NoValue"}
    assert stack.resolved([1, {"Fn::If": ["Made", 2, nothing]}, {"Ref": "Wanted"}]) == [1, "no"]
