"""12.20: the remediator's permissions boundary is what the controls declare, and nothing else."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from driftguard.aws.granting import GIVE_RIGHTS, WITH_GRANTS
from driftguard.controls import every
from driftguard_cli.generate.boundary import actions_of, known, length_of, operations
from driftguard_cli.generate.template import POLICY_LIMIT
from tests.support.iam import reference
from tests.support.template import flat, of_type, statements_of

DECLARED = {action for control in every() if not control.contains for action in control.writes}
CONTAINING = {action for control in every() if control.contains for action in control.writes}


def boundary(name: str = "Remediator") -> list[str]:
    """The actions that a role's boundary allows on any resource, as patterns."""
    role = of_type("AWS::IAM::Role")[f"{name}Role"]
    assert role["PermissionsBoundary"] == f"{name}Boundary"
    policy = of_type("AWS::IAM::ManagedPolicy")[f"{name}Boundary"]
    everywhere, *bound = policy["PolicyDocument"]["Statement"]
    assert {one["Effect"] for one in (everywhere, *bound)} == {"Allow"}
    for one in bound:
        # Nobody but the service can assume it, and IAM refuses whoever changes it.
        assert all(":role/aws-service-role/" in arn for arn in flat(one["Resource"]))
    return list(flat(everywhere["Action"]))


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
    assert allowed - GIVE_RIGHTS == DECLARED - GIVE_RIGHTS
    assert {action for action in allowed - GIVE_RIGHTS if capped(action)} == set()
    assert allowed & GIVE_RIGHTS == {"iam:PutRolePolicy"}


def test_the_containment_role_contains_and_does_nothing_else() -> None:
    patterns = boundary("Containment")
    services = {action.partition(":")[0] for action in CONTAINING}
    matched = {
        f"{service}:{operation}"
        for service in services
        for operation in operations(service)
        if any(fnmatchcase(f"{service}:{operation}", pattern) for pattern in patterns)
    }
    assert matched == CONTAINING


def test_the_granting_role_gives_what_controls_give_and_nothing_else() -> None:
    patterns = boundary("Granting")
    services = {action.partition(":")[0] for action in GIVE_RIGHTS}
    matched = {
        f"{service}:{operation}"
        for service in services
        for operation in operations(service)
        if any(fnmatchcase(f"{service}:{operation}", pattern) for pattern in patterns)
    }
    assert matched == GIVE_RIGHTS | WITH_GRANTS
    assert GIVE_RIGHTS <= DECLARED


def test_the_remediator_cannot_put_an_earlier_version_of_its_bounds_in_force() -> None:
    """12.20: `iam:SetDefaultPolicyVersion` is a control's, and the boundary is a policy as well."""
    (never,) = [one for one in statements_of("RemediatorRole") if one.get("Action") == "iam:*"]
    assert never["Effect"] == "Deny"
    bounds = {"RemediatorBoundary", "GrantingBoundary", "NeverErasePolicy"}
    assert bounds <= set(flat(never["Resource"]))
    assert never in statements_of("GrantingRole")


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
    assert actions_of(three, 0) == ["iam:Pass*", "route53:CreateQuery*", "sqs:Set*"]
    # What nothing knows keeps its name.
    assert actions_of(["iam:NoSuchAction"], 0) == ["iam:NoSuchAction"]


def test_what_is_beside_the_operations_is_what_the_reference_names() -> None:
    """Without it a pattern could match an action that no model of the SDK has."""
    for service in {action.partition(":")[0] for action in DECLARED}:
        missing = {one.partition(":")[2] for one in reference.actions_of(service)} - known(service)
        assert missing == set(), service


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
