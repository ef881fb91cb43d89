"""Which operations the SDK of the layers keeps: all that the Lambdas can call."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from driftguard import controls
from driftguard.aws.permissions import actions_of
from driftguard_cli.sdk.operations import Calls, called
from tests.support.world import ROOT

from .conftest import Trimmed

# What the rooms beside the controls call; a client's methods and texts alike.
OWN = {
    ("dynamodb", "BatchGetItem"),
    ("dynamodb", "Query"),
    ("dynamodb", "TransactWriteItems"),
    ("iam", "ListRoleTags"),
    ("iam", "ListUserTags"),
    ("lambda", "ListVersionsByFunction"),
    ("resourcegroupstaggingapi", "GetResources"),
    ("s3", "GetObject"),
    ("s3", "ListObjectsV2"),
    ("scheduler", "CreateSchedule"),
    ("secretsmanager", "GetSecretValue"),
    ("sns", "Publish"),
    ("sqs", "SendMessage"),
    ("ssm", "GetParameterHistory"),
    ("sts", "AssumeRole"),
}
# Permissions that AWS asks for beside the one that is named like the call: no operation has them.
NO_OPERATION = {
    "apigateway:SetWebACL",
    "elasticloadbalancing:CreateWebACLAssociation",
    "elasticloadbalancing:DeleteWebACLAssociation",
    "elasticloadbalancing:DescribeWebACLAssociation",
    "elasticloadbalancing:GetLoadBalancerWebACL",
    "elasticloadbalancing:SetWebAcl",
    "iam:PassRole",
    "lambda:InvokeFunction",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
}


def named_in_code(trimmed: Trimmed) -> Iterator[tuple[str, str]]:
    """Every service and operation that stand side by side: `read("ec2", "DescribeImages")`."""
    known = {
        service: trimmed.before.load_service_model(service, "service-2")["operations"]
        for service in trimmed.before.list_available_services("service-2")
        if service in trimmed.calls.services
    }
    for path in (ROOT / "layers" / "driftguard" / "driftguard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for service, operation in side_by_side(node):
                if operation in known.get(service, ()):
                    yield service, operation


def side_by_side(node: ast.AST) -> Iterator[tuple[str, str]]:
    values: list[ast.expr] = []
    if isinstance(node, ast.Call):
        values = node.args
    elif isinstance(node, (ast.Tuple, ast.List)):
        values = node.elts
    texts = [value.value if isinstance(value, ast.Constant) else None for value in values]
    for first, second in pairwise(texts):
        if isinstance(first, str) and isinstance(second, str):
            yield first, second


def test_every_operation_that_the_code_names_is_kept(trimmed: Trimmed) -> None:
    named = set(named_in_code(trimmed))
    assert len(named) > 200
    assert {pair for pair in named if pair[1] not in trimmed.kept.get(pair[0], ())} == set()


def test_every_declared_action_has_its_operation(trimmed: Trimmed) -> None:
    kept = {
        action
        for service, operations in trimmed.kept.items()
        for operation in operations
        for action in actions_of(service, operation)
    }
    declared = {
        action
        for control in controls.every()
        for action in (*control.reads, *control.reads_use, *control.writes)
    }
    assert declared - kept == NO_OPERATION


def test_what_the_other_rooms_call_is_kept(trimmed: Trimmed) -> None:
    assert {pair for pair in OWN if pair[1] not in trimmed.kept.get(pair[0], ())} == set()


def test_much_is_not_kept(trimmed: Trimmed) -> None:
    """A trigger's name is no call: nothing starts instances."""
    assert "RunInstances" not in trimmed.kept["ec2"]
    assert "athena" not in trimmed.kept
    assert sum(map(len, trimmed.kept.values())) < 750


SQS = frozenset({"sqs"})


@pytest.mark.parametrize(
    ("calls", "kept"),
    [
        (Calls(SQS, frozenset(), frozenset({"sqs:SendMessage"})), {"SendMessage"}),
        (Calls(SQS, SQS | {"send_message"}, frozenset()), {"SendMessage"}),
        (Calls(SQS, SQS | {"SendMessage"}, frozenset()), {"SendMessage"}),
        (Calls(SQS, frozenset({"send_message"}), frozenset()), set()),
        (Calls(frozenset(), SQS, frozenset({"sqs:SendMessage"})), set()),
    ],
    ids=["declared", "a method", "a text", "of another service", "a service that nothing names"],
)
def test_an_operation_is_called_if_it_is(calls: Calls, kept: set[str]) -> None:
    assert called("sqs", {"SendMessage": {}, "PurgeQueue": {}}, calls) == kept


def test_what_botocore_calls_by_itself_is_kept() -> None:
    calls = Calls(frozenset({"s3", "dynamodb"}), frozenset(), frozenset({"s3:GetBucketAcl"}))
    assert called("s3", {"GetBucketAcl": {}, "HeadBucket": {}, "CopyObject": {}}, calls) == {
        "GetBucketAcl",
        "HeadBucket",
    }
    discovering = {"Query": {}, "DescribeEndpoints": {"endpointoperation": True}}
    wanted = Calls(frozenset({"dynamodb"}), frozenset({"dynamodb", "query"}), frozenset())
    assert called("dynamodb", discovering, wanted) == {"Query", "DescribeEndpoints"}


def test_no_lambda_waits_by_a_waiter(trimmed: Trimmed) -> None:
    """Their models are not shipped."""
    assert not trimmed.calls.names & {"get_waiter"}
    controls_folder = ROOT / "layers" / "driftguard" / "driftguard" / "controls"
    assert not [path for path in controls_folder.rglob("*.py") if waits(path)]


def waits(path: Path) -> bool:
    return "get_waiter" in path.read_text()
