"""12.20: the remediator's permissions boundary is what the controls declare, and nothing else."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from driftguard.controls import every
from driftguard_cli.generate.boundary import actions_of, length_of, operations
from driftguard_cli.generate.template import POLICY_LIMIT
from tests.support.iam import reference
from tests.support.template import flat, of_type, statements_of

DECLARED = {action for control in every() for action in control.writes}


def boundary() -> list[str]:
    """The actions that the boundary allows, as patterns."""
    role = of_type("AWS::IAM::Role")["RemediatorRole"]
    assert role["PermissionsBoundary"] == "RemediatorBoundary"
    policy = of_type("AWS::IAM::ManagedPolicy")["RemediatorBoundary"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    return list(flat(statement["Action"]))


def capped(action: str) -> bool:
    """Whether the boundary forbids this, whatever the role's policies say."""
    return not any(fnmatchcase(action, pattern) for pattern in boundary())


def test_it_allows_whatever_the_roles_own_policies_allow() -> None:
    allowed = {
        action
        for statement in statements_of("RemediatorRole")
        if statement["Effect"] == "Allow"
        for action in flat(statement["Action"])
    }
    assert allowed == DECLARED
    assert {action for action in allowed if capped(action)} == set()


def test_the_remediator_cannot_put_an_earlier_version_of_its_bounds_in_force() -> None:
    """12.20: `iam:SetDefaultPolicyVersion` is a control's, and the boundary is a policy as well."""
    (never,) = [one for one in statements_of("RemediatorRole") if one.get("Action") == "iam:*"]
    assert never["Effect"] == "Deny"
    assert {"RemediatorBoundary", "NeverErasePolicy"} <= set(flat(never["Resource"]))


def test_of_all_that_these_services_can_do_it_allows_nothing_else() -> None:
    beyond = {
        f"{service}:{operation}"
        for service in {action.partition(":")[0] for action in DECLARED}
        for operation in operations(service)
        if not capped(f"{service}:{operation}")
    }
    assert beyond <= DECLARED


def test_of_all_actions_that_iam_knows_it_allows_nothing_else() -> None:
    """The SDK's models are not all: some actions of IAM have no operation of their name."""
    beyond = {
        action
        for service in {action.partition(":")[0] for action in DECLARED}
        for action in reference.actions_of(service)
        if not capped(action)
    }
    assert beyond <= DECLARED


def test_single_actions_are_named_by_a_pattern_only_where_the_policy_is_full() -> None:
    three = ["iam:PassRole", "route53:CreateQueryLoggingConfig", "sqs:SetQueueAttributes"]
    assert actions_of(three) == three
    assert actions_of(three, length_of(three)) == three
    some = actions_of(three, length_of(three) - 1)
    assert len({*some} & {*three}) == 2
    # What is no operation keeps its name.
    assert actions_of(three, 0) == ["iam:PassRole", "route53:CreateQuery*", "sqs:Set*"]


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateUser",
        "iam:CreateAccessKey",
        "iam:CreatePolicyVersion",
        "iam:CreateRole",
        "sts:AssumeRole",
        "ec2:RunInstances",
        "s3:GetObject",
        "lambda:CreateFunction",
        "dynamodb:DeleteTable",
        "dynamodb:PutItem",
        "sqs:SendMessage",
    ],
)
def test_what_is_attached_to_the_role_later_gives_no_more(action: str) -> None:
    assert capped(action)


def test_every_action_is_named_or_matched_by_whole_words() -> None:
    for pattern in boundary():
        if "*" in pattern:
            assert [action for action in DECLARED if fnmatchcase(action, pattern)], pattern
    assert POLICY_LIMIT == 6144
    assert len('","'.join(boundary())) < POLICY_LIMIT - 200


def test_a_pattern_never_matches_what_was_not_declared() -> None:
    assert actions_of(["iam:AttachUserPolicy", "iam:AttachGroupPolicy"]) == [
        "iam:AttachGroupPolicy",
        "iam:AttachUserPolicy",
    ]
    three = {f"iam:Attach{kind}Policy" for kind in ("User", "Group", "Role")}
    assert actions_of(three) == ["iam:Attach*"]
    assert actions_of(["s3:PutBucketAcl", "s3:PutBucketPolicy"]) == [
        "s3:PutBucketAcl",
        "s3:PutBucketPolicy",
    ]
