"""Who made a change, under whatever name: roles, sessions, source identities."""

from __future__ import annotations

from dataclasses import replace

import pytest

from driftguard.events.cloudtrail import change_from_record
from driftguard.model import Actor, arns_of
from driftguard.policy.model import Person, Policy
from tests.support.records import record, session_of

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/teams/Developer"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer"
SSO = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789ab"
)
OF_SSO = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin_0123456789ab"
MALLORY = arns_of(Actor(principal=ROLE, session=f"{SESSION}/mallory"))
CAROL = Person("carol", iam=(f"{SESSION}/carol",), email=("carol@example.com",))
DAN = Person("dan", iam=(f"{SESSION}/dan",))


@pytest.mark.parametrize(
    "identity", [f"{SESSION}/mallory", f"{SESSION}/other", ROLE, f"{SESSION}/session"]
)
def test_without_people_a_role_is_its_maker_under_any_sessions_name(identity: str) -> None:
    """12.5: the maker undid the revert of their own change as another session of the same role."""
    assert Policy().made_by(MALLORY, "", identity)


@pytest.mark.parametrize(
    "identity",
    [
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Auditor/mallory",
        "arn:aws:sts::999999999999:assumed-role/Developer/mallory",
        f"arn:aws:iam::{ACCOUNT}:user/Developer",
        "slack U1",
        "",
    ],
)
def test_another_role_account_or_user_is_somebody_else(identity: str) -> None:
    assert not Policy().made_by(MALLORY, "", identity)


def test_a_sessions_name_proves_nobody_unless_the_policy_names_both() -> None:
    """12.5: mallory assumed the role once more as `carol`, and approved."""
    policy = Policy(people=(CAROL, DAN))
    assert policy.made_by(MALLORY, "carol", f"{SESSION}/carol")
    dans = arns_of(Actor(principal=ROLE, session=f"{SESSION}/dan"))
    assert not policy.made_by(dans, "carol", f"{SESSION}/carol")
    assert policy.made_by(dans, "dan", "slack U4")
    assert policy.made_by((ROLE,), "carol", f"{SESSION}/carol")


def test_whoever_uses_the_makers_role_is_known_by_other_channels_too() -> None:
    assert Policy(people=(CAROL,)).made_by(MALLORY, "carol", "slack U3")
    anywhere = replace(CAROL, iam=("arn:aws:sts::*:assumed-role/Dev*/carol",))
    assert Policy(people=(anywhere,)).made_by(MALLORY, "carol", "slack U3")
    elsewhere = replace(CAROL, iam=("arn:aws:sts::*:assumed-role/Auditor/carol",))
    assert not Policy(people=(elsewhere,)).made_by(MALLORY, "carol", "slack U3")


def test_identity_center_names_its_sessions_itself() -> None:
    alices = arns_of(Actor(principal=SSO, session=f"{OF_SSO}/alice@example.com"))
    assert not Policy().made_by(alices, "", f"{OF_SSO}/carol@example.com")
    assert Policy().made_by(alices, "", f"{OF_SSO}/alice@example.com")
    # A role that only bears such a name is anybody's.
    made_up = SSO.replace("aws-reserved/sso.amazonaws.com/", "")
    theirs = arns_of(Actor(principal=made_up, session=f"{OF_SSO}/alice@example.com"))
    assert Policy().made_by(theirs, "", f"{OF_SSO}/carol@example.com")


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("carol", ""),
        ("", f"arn:aws:iam::{ACCOUNT}:user/carol@example.com"),
        ("", f"arn:aws:sts::{ACCOUNT}:assumed-role/Auditor/carol@example.com"),
    ],
)
def test_the_bearer_of_a_source_identity_is_the_maker_in_every_role(
    name: str, identity: str
) -> None:
    """12.5: it outlasts each change of role, and no session may change it."""
    user = session_of("arn:aws:iam::123456789012:role/Chained")
    user["sessionContext"]["sourceIdentity"] = "carol@example.com"
    made = change_from_record(record("ec2.amazonaws.com", "X", {}, userIdentity=user))
    assert made.actor.source_identity == "carol@example.com"
    policy = Policy(people=(CAROL, DAN))
    assert policy.made_by(arns_of(made.actor), name, identity)
    assert not policy.made_by(arns_of(made.actor), "dan", "slack U4")
