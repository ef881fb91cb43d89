"""Which identity policies make an administrator of whoever carries them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from driftguard.controls.privilege import UnreadableError, broad_by_name, why_admin, without_admin
from tests.support.each import each

OWN = "arn:aws:iam::123456789012"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def but(action: Any, effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "NotAction": action, "Resource": "*"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def when(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


@each(
    "statements",
    [
        [allow("*")],
        [allow("*:*")],
        [allow(["s3:GetObject", "**"])],
        [allow("*", ["arn:aws:s3:::a", "*"])],
        [allow("*", "arn:aws:*")],
        [allow("iam:*")],
        [allow("IAM:PutRolePolicy")],
        [allow("iam:Put*")],
        [allow("i?m:attachuserpolicy")],
        [allow("iam:PutRolePolicy", f"{OWN}:role/*")],
        [allow("iam:CreateAccessKey", "arn:aws:iam::*:user/*")],
        [but(["iam:*", "organizations:*"])],
        [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::secret"}],
        # Who, when and from where leave an administrator one.
        [allow("*", **when("Bool", "aws:MultiFactorAuthPresent", "true"))],
        [allow("*", **when("IpAddress", "aws:SourceIp", "192.0.2.0/24"))],
        # A condition that is met when the key is missing, or by any value, binds nothing.
        [allow("*", **when("StringEqualsIfExists", "aws:ResourceTag/team", "a"))],
        [allow("*", **when("StringLike", "aws:ResourceTag/team", "*"))],
        [allow("*", **when("StringNotEquals", "iam:PermissionsBoundary", "a"))],
        # A Deny of something else, or under a condition, takes nothing of it back.
        [allow("*"), deny("iam:*")],
        [allow("iam:*"), deny("iam:PutRolePolicy")],
        [allow("*"), deny("*", **when("Bool", "aws:MultiFactorAuthPresent", "false"))],
    ],
)
def test_an_administrator(statements: list[dict[str, Any]]) -> None:
    assert why_admin(policy(*statements))
    assert why_admin(json.dumps(policy(*statements)))


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [allow("s3:*")],
        [allow("*", "arn:aws:s3:::reports/*")],
        [allow("iam:Get*")],
        [allow("iam:PassRole")],
        [allow("iam:PutRolePolicy", f"{OWN}:role/team/*")],
        [allow("iam:PutRolePolicy", f"{OWN}:role/work")],
        [allow("iam:PutRolePolicy", **when("StringEquals", "iam:PermissionsBoundary", "a"))],
        [allow("*", **when("StringEquals", "aws:ResourceTag/team", "a"))],
        [but("*")],
        [deny("*")],
        [allow("*"), deny("*")],
        [allow("*"), but("s3:*", "Deny")],
        [allow("iam:PutRolePolicy"), deny("iam:Put*")],
        [allow("iam:*"), deny("iam:*")],
    ],
)
def test_no_administrator(statements: list[dict[str, Any]]) -> None:
    assert why_admin(policy(*statements)) == ""


def test_the_reason_names_the_actions() -> None:
    assert why_admin(policy(allow("*"))) == "allows every action on all resources"
    why = why_admin(policy(allow("iam:Put*")))
    assert why == (
        "allows iam:PutGroupPolicy, iam:PutRolePolicy, iam:PutUserPolicy on all resources"
    )


def test_one_statement_need_not_stand_in_a_list() -> None:
    assert why_admin({"Version": "2012-10-17", "Statement": allow("*")})


@pytest.mark.parametrize("written", ["", "no JSON", "[]", "HIDDEN_DUE_TO_SECURITY_REASONS"])
def test_what_is_no_policy_is_told_apart(written: str) -> None:
    with pytest.raises(UnreadableError):
        why_admin(written)


def test_only_the_statements_that_make_an_administrator_go() -> None:
    reads, refuses = allow("s3:GetObject"), deny("s3:DeleteBucket")

    assert without_admin(policy(reads, allow("iam:*"), refuses)) == policy(reads, refuses)
    assert without_admin(policy(allow("*"))) is None


@pytest.mark.parametrize(
    ("arn", "broad"),
    [
        ("arn:aws:iam::aws:policy/AdministratorAccess", True),
        ("arn:aws-us-gov:iam::aws:policy/IAMFullAccess", True),
        ("arn:aws-cn:iam::aws:policy/PowerUserAccess", True),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", False),
        ("arn:aws:iam::aws:policy/AdministratorAccess-Amplify", False),
        ("arn:aws:iam::123456789012:policy/AdministratorAccess", False),
    ],
)
def test_policies_of_aws_go_by_their_names(arn: str, broad: bool) -> None:
    assert broad_by_name(arn) is broad
