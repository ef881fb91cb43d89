"""Scenarios of the sso controls."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.iam_privileges import EVERYTHING, READS
from tests.scenarios.model import STRANGER, Scenario, Staged, policy_of
from tests.support.records import change

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def sso(name: str, request: dict[str, Any]) -> Change:
    return change("sso.amazonaws.com", name, request)


def permission_set(name: str = "work") -> dict[str, str]:
    """Makes a permission set; answers the two parameters that name it."""
    client = boto3.client("sso-admin")
    instance = client.list_instances()["Instances"][0]["InstanceArn"]
    made = client.create_permission_set(InstanceArn=instance, Name=name)["PermissionSet"]
    return {"InstanceArn": instance, "PermissionSetArn": made["PermissionSetArn"]}


def in_record(asked: dict[str, Any]) -> dict[str, Any]:
    return {name[0].lower() + name[1:]: value for name, value in asked.items()}


def policies(of: dict[str, str]) -> Any:
    client = boto3.client("sso-admin")
    managed = client.list_managed_policies_in_permission_set(**of)["AttachedManagedPolicies"]
    inline = client.get_inline_policy_for_permission_set(**of).get("InlinePolicy") or ""
    named = client.list_customer_managed_policy_references_in_permission_set(**of)
    return {
        "managed": [one["Arn"] for one in managed],
        "inline": inline,
        "customer": named["CustomerManagedPolicyReferences"],
    }


def assignment(of: dict[str, str], who: str) -> dict[str, Any]:
    target = {"TargetId": STRANGER, "TargetType": "AWS_ACCOUNT"}
    return {**of, **target, "PrincipalType": "USER", "PrincipalId": who}


def assigned(give: str) -> Staged:
    client = boto3.client("sso-admin")
    of = permission_set()
    if give == "managed":
        client.attach_managed_policy_to_permission_set(ManagedPolicyArn=ADMIN, **of)
    else:
        client.put_inline_policy_to_permission_set(InlinePolicy=policy_of(EVERYTHING), **of)
    alice, mallory = "a4f8c408-1001-7000-aaaa-000000000001", "a4f8c408-1001-7000-aaaa-000000000002"
    client.create_account_assignment(**assignment(of, alice))

    def attack() -> Change:
        asked = assignment(of, mallory)
        client.create_account_assignment(**asked)
        return sso("CreateAccountAssignment", in_record(asked))

    def snapshot() -> Any:
        found = client.list_account_assignments(AccountId=STRANGER, **of)["AccountAssignments"]
        return sorted(one["PrincipalId"] for one in found)

    return Staged(attack, snapshot)


def attached() -> Staged:
    client = boto3.client("sso-admin")
    of = permission_set()
    client.attach_managed_policy_to_permission_set(ManagedPolicyArn=READ_ONLY, **of)
    # An account that has the permission set: it must be provisioned anew.
    client.provision_permission_set(TargetType="ALL_PROVISIONED_ACCOUNTS", **of)

    def attack() -> Change:
        asked = {**of, "ManagedPolicyArn": ADMIN}
        client.attach_managed_policy_to_permission_set(**asked)
        return sso("AttachManagedPolicyToPermissionSet", in_record(asked))

    return Staged(attack, lambda: policies(of))


def referred() -> Staged:
    """Kind 9: a policy of the customer's own, which the permission set only names."""
    client = boto3.client("sso-admin")
    of = permission_set()
    boto3.client("iam").create_policy(
        PolicyName="everything", Path="/work/", PolicyDocument=policy_of(EVERYTHING)
    )

    def attack() -> Change:
        asked = {**of, "CustomerManagedPolicyReference": {"Name": "everything", "Path": "/work/"}}
        client.attach_customer_managed_policy_reference_to_permission_set(**asked)
        recorded = {
            **in_record(of),
            "customerManagedPolicyReference": {"name": "everything", "path": "/work/"},
        }
        return sso("AttachCustomerManagedPolicyReferenceToPermissionSet", recorded)

    return Staged(attack, lambda: policies(of))


def written(*statements: dict[str, Any], left: str) -> Staged:
    client = boto3.client("sso-admin")
    of = permission_set()

    def attack() -> Change:
        asked = {**of, "InlinePolicy": policy_of(*statements)}
        client.put_inline_policy_to_permission_set(**asked)
        return sso("PutInlinePolicyToPermissionSet", in_record(asked))

    def normal(found: Any) -> Any:
        return found | {"inline": json.loads(found["inline"] or "null")}

    def reverted(before: Any) -> Any:
        return before | {"inline": json.loads(left or "null")}

    return Staged(attack, lambda: policies(of), reverted, normal)


SCENARIOS = (
    Scenario("sso.admin-assigned", partial(assigned, "managed")),
    Scenario("sso.admin-assigned", partial(assigned, "inline"), "inline"),
    Scenario("sso.admin-permission-set", attached),
    Scenario("sso.admin-permission-set", referred, "customer"),
    Scenario("sso.admin-permission-set", partial(written, EVERYTHING, left=""), "inline"),
    Scenario(
        "sso.admin-permission-set",
        partial(written, READS, EVERYTHING, left=policy_of(READS)),
        "mixed",
    ),
)
