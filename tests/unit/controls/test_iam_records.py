"""What the records of IAM alone say: who did what to whom, in every shape they come in."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.model import Certainty, Change
from tests.scenarios.model import policy_of
from tests.support.records import ACCOUNT, iam, session_of

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
EVERYTHING = policy_of({"Effect": "Allow", "Action": "*", "Resource": "*"})
IDENTITY_CENTER = session_of(
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO"
)
OMITTED = {
    "reason": "requestParameters too large",
    "omitted": "true",
    "originalSize": "149893",
}


def certainties(control_id: str, change: Change) -> list[Certainty]:
    """How sure a control is of each resource that the record makes it look at."""
    one = control(control_id)
    return [candidate.certainty for candidate in one.screen(change, one.settings())]


def made_key(user: str | None, **more: Any) -> Change:
    asked = None if user is None else {"userName": user}
    made = {"accessKeyId": "AKIAI44QH8DHBEXAMPLE", "userName": user or "alice"}
    return iam("CreateAccessKey", asked, responseElements={"accessKey": made}, **more)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (made_key(None), []),
        (made_key("alice"), []),
        (made_key("builder"), [Certainty.EVIDENT]),
        # A session of a role called as the user is not the user.
        (
            made_key("alice", userIdentity=session_of(f"arn:aws:iam::{ACCOUNT}:role/alice")),
            [Certainty.EVIDENT],
        ),
    ],
)
def test_a_key_counts_when_it_is_made_for_somebody_else(
    change: Change, found: list[Certainty]
) -> None:
    assert certainties("iam.key-for-other-user", change) == found


def test_a_service_that_provisions_its_own_roles_is_left_alone() -> None:
    asked = {"roleName": "AWSReservedSSO_AdministratorAccess_0123456789abcdef", "policyArn": ADMIN}

    by_people = iam("AttachRolePolicy", asked)
    by_aws = iam("AttachRolePolicy", asked, userIdentity=IDENTITY_CENTER)

    assert certainties("iam.admin-attached", by_people) == [Certainty.EVIDENT]
    assert certainties("iam.admin-attached", by_aws) == []


def test_what_a_policy_of_ones_own_allows_has_to_be_read() -> None:
    own = f"arn:aws:iam::{ACCOUNT}:policy/reports"
    change = iam("AttachGroupPolicy", {"groupName": "readers", "policyArn": own})

    assert certainties("iam.admin-attached", change) == [Certainty.POSSIBLE]


@pytest.mark.parametrize("written", ["HIDDEN_DUE_TO_SECURITY_REASONS", None, "{"])
def test_a_policy_that_cannot_be_read_in_the_record_is_looked_at(written: str | None) -> None:
    asked = {"userName": "builder", "policyName": "work", "policyDocument": written}

    assert certainties("iam.admin-inline", iam("PutUserPolicy", asked)) == [Certainty.POSSIBLE]


@pytest.mark.parametrize("request_", [None, {}, OMITTED])
def test_a_record_that_names_nobody_is_no_error(request_: Any) -> None:
    for name, control_id in [
        ("AttachUserPolicy", "iam.admin-attached"),
        ("PutRolePolicy", "iam.admin-inline"),
        ("AddUserToGroup", "iam.group-admin-member"),
        ("CreateLoginProfile", "iam.login-profile-created"),
        ("UpdateAssumeRolePolicy", "iam.trust-external"),
        ("DeleteUserPermissionsBoundary", "iam.boundary-removed"),
        ("CreateSAMLProvider", "iam.idp-added"),
    ]:
        assert certainties(control_id, iam(name, request_)) == []


@pytest.mark.parametrize(
    ("default", "found"), [(True, [Certainty.EVIDENT]), ("true", [Certainty.EVIDENT]), (False, [])]
)
def test_a_policy_version_counts_when_it_becomes_the_default(
    default: object, found: list[Certainty]
) -> None:
    asked = {
        "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/reports",
        "policyDocument": EVERYTHING,
        "setAsDefault": default,
    }

    assert certainties("iam.policy-version-admin", iam("CreatePolicyVersion", asked)) == found
