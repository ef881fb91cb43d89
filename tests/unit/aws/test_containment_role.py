"""The containment role: what it may by the template, and that a stack has it only if asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from driftguard.aws.calls import AwsError
from driftguard.aws.client import Aws
from driftguard.aws.granting import containing_left_to_people
from driftguard.aws.remediator import session_policy
from driftguard.model import Call, Plan, Step
from tests.support.iam.evaluator import Asked, Policies, refusal
from tests.support.iam.template import Stack, of_the_tests
from tests.support.world import ACCOUNT, GRANTING, REMEDIATOR

ROLE = "ContainmentRole"
ANYTHING = ({"Effect": "Allow", "Action": ["*"], "Resource": ["*"]},)
WITHOUT = replace(of_the_tests(), parameters={"MayGrant": "true"})
WEB = f"arn:aws:iam::{ACCOUNT}:role/shop/web"
DENY = Call(
    "iam",
    "PutRolePolicy",
    {"RoleName": "web", "PolicyName": "DriftguardContainment", "PolicyDocument": "{}"},
    on=(WEB,),
)
RELEASE = Call(
    "iam",
    "DeleteRolePolicy",
    {"RoleName": "web", "PolicyName": "DriftguardContainment"},
    on=(WEB,),
    settled_by=("NoSuchEntity",),
)
PLAN = Plan((Step(DENY, (RELEASE,)),), advice="Look in CloudTrail.")


def why_refused(stack: Stack, action: str, arn: str, attached: Any = ()) -> str:
    """What IAM says to the role, whose session allows everything."""
    policies = Policies(
        identity=[*stack.identity(ROLE), *attached],
        boundary=stack.boundary(ROLE),
        session=ANYTHING,
    )
    return refusal(Asked(action, arn, {}), stack.principal(ROLE), policies)


def test_it_writes_inline_policies_of_roles_and_users_and_switches_keys() -> None:
    user = f"arn:aws:iam::{ACCOUNT}:user/robots/deploy"
    for action, arn in (
        ("iam:PutRolePolicy", WEB),
        ("iam:DeleteRolePolicy", WEB),
        ("iam:PutUserPolicy", user),
        ("iam:DeleteUserPolicy", user),
        ("iam:UpdateAccessKey", user),
    ):
        assert why_refused(of_the_tests(), action, arn) == "", action


@pytest.mark.parametrize("attached", [(), ANYTHING], ids=["its own", "whatever is attached"])
@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("iam:AttachRolePolicy", WEB),
        ("iam:AttachUserPolicy", f"arn:aws:iam::{ACCOUNT}:user/mallory"),
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/mallory"),
        ("iam:UpdateAssumeRolePolicy", WEB),
        ("iam:DeleteRole", WEB),
        ("s3:DeleteBucket", "arn:aws:s3:::logs"),
        ("sts:AssumeRole", WEB),
    ],
)
def test_it_may_nothing_else_whatever_is_attached_to_it(
    action: str, arn: str, attached: Any
) -> None:
    assert why_refused(of_the_tests(), action, arn, attached)


def test_it_contains_no_role_of_the_stack() -> None:
    stack = of_the_tests()
    for role in stack.roles:
        for action in ("iam:PutRolePolicy", "iam:DeleteRolePolicy"):
            assert why_refused(stack, action, stack.arn(role)), role


def test_the_guard_knows_all_roles_of_its_stack() -> None:
    for stack in (of_the_tests(), WITHOUT):
        told = stack.environment("GuardFunction")["OWN_ROLE_ARNS"].split(",")
        # A role that the stack lacks leaves an empty place.
        assert sorted(filter(None, told)) == sorted(map(stack.arn, stack.roles))


def test_the_watcher_of_conduct_knows_the_roles_under_which_plans_run() -> None:
    """The guard looks at nothing that they do, and so a look would be wasted."""
    parameters = {**of_the_tests().parameters, "UnusualConduct": "all"}
    stack = replace(of_the_tests(), parameters=parameters)
    told = stack.environment("ConductFunction")["ACTING_ROLE_ARNS"].split(",")
    guard = stack.environment("GuardFunction")
    names = ("REMEDIATOR_ROLE_ARN", "GRANTING_ROLE_ARN", "CONTAINMENT_ROLE_ARN")
    assert told == [guard[name] for name in names]


def test_no_stack_has_it_unless_somebody_says_so() -> None:
    assert ROLE not in WITHOUT.roles
    assert WITHOUT.environment("GuardFunction")["CONTAINMENT_ROLE_ARN"] == ""
    assert "ContainmentPolicy" not in WITHOUT.resources
    assert "ContainmentBoundary" not in WITHOUT.resources


def test_a_session_may_contain_the_one_principal_of_its_plan() -> None:
    (statement,) = session_policy(step.call for step in PLAN.steps)["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["iam:PutRolePolicy"], [WEB])


def test_nothing_is_called_of_a_containment_without_its_role() -> None:
    aws = Aws(REMEDIATOR, granting_role_arn=GRANTING)
    with (
        pytest.raises(AwsError, match=r"parameter Containment.*aws iam put-role-policy") as refused,
        aws.acting_on(PLAN, "dg-1", "us-east-1", contains=True),
    ):
        raise AssertionError("it must not begin")
    assert refused.value.code == "NoContainmentRole"


def test_all_of_a_containment_is_left_to_people_without_its_role() -> None:
    left = containing_left_to_people(PLAN)
    assert left.steps == ()
    assert "aws iam put-role-policy --role-name web" in left.advice
    assert left.advice.endswith("Look in CloudTrail.")
    assert containing_left_to_people(Plan((), advice="By hand.")) == Plan((), advice="By hand.")
