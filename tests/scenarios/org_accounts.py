"""Scenarios of the org controls over policies' texts, accounts and services."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged, policy_of
from tests.scenarios.org import DENY, account, unit
from tests.support.records import change

organizations = partial(change, "organizations.amazonaws.com")
LEAVING = {
    "Sid": "Leaving",
    "Effect": "Deny",
    "Action": "organizations:LeaveOrganization",
    "Resource": "*",
}
REGIONS = {"Sid": "Regions", "Effect": "Deny", "Action": "ec2:*", "Resource": "*"}


def organization() -> tuple[Any, str]:
    """Organizations' client, and the root's id."""
    client = boto3.client("organizations")
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    client.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    return client, root


def make_policy(name: str, content: str, kind: str = "SERVICE_CONTROL_POLICY") -> str:
    made = boto3.client("organizations").create_policy(
        Name=name, Description=name, Content=content, Type=kind
    )
    return str(made["Policy"]["PolicySummary"]["Id"])


def rewritten(before: str, after: str, reverted: str, kind: str) -> Staged:
    client, _ = organization()
    ids = [make_policy(name, before, kind) for name in ("guarding", "other")]

    def attack() -> Change:
        client.update_policy(PolicyId=ids[0], Content=after)
        return organizations("UpdatePolicy", {"policyId": ids[0], "content": after})

    def snapshot() -> Any:
        found = [client.describe_policy(PolicyId=one)["Policy"] for one in ids]
        return [(one["PolicySummary"]["Name"], one["Content"]) for one in found]

    def parsed(found: Any) -> Any:
        return [(name, json.loads(content)) for name, content in found]

    def as_reverted(found: Any) -> Any:
        return [("guarding", json.loads(reverted)), *found[1:]]

    return Staged(attack, snapshot, as_reverted, parsed, baseline=True)


def opted_out(value: str) -> str:
    return json.dumps({"services": {"default": {"opt_out_policy": {"@@assign": value}}}})


def moved() -> Staged:
    client, root = organization()
    guarded, free = unit(root), other_unit(root)
    client.attach_policy(
        PolicyId=make_policy("guarding", policy_of(DENY, LEAVING)), TargetId=guarded
    )
    ids = [account(root), other_account()]
    for one in ids:
        client.move_account(AccountId=one, SourceParentId=root, DestinationParentId=guarded)

    def attack() -> Change:
        client.move_account(AccountId=ids[0], SourceParentId=guarded, DestinationParentId=free)
        asked = {"accountId": ids[0], "sourceParentId": guarded, "destinationParentId": free}
        return organizations("MoveAccount", asked)

    return Staged(
        attack, lambda: [client.list_parents(ChildId=one)["Parents"][0]["Id"] for one in ids]
    )


def other_unit(root: str) -> str:
    made = boto3.client("organizations").create_organizational_unit(ParentId=root, Name="free")
    return str(made["OrganizationalUnit"]["Id"])


def other_account() -> str:
    made = boto3.client("organizations").create_account(
        AccountName="play", Email="play@example.com"
    )
    return str(made["CreateAccountStatus"]["AccountId"])


def delegated() -> Staged:
    client, root = organization()
    member, other = account(root), other_account()
    service, own = "guardduty.amazonaws.com", "macie.amazonaws.com"
    client.register_delegated_administrator(AccountId=other, ServicePrincipal=service)
    client.register_delegated_administrator(AccountId=member, ServicePrincipal=own)

    def attack() -> Change:
        client.register_delegated_administrator(AccountId=member, ServicePrincipal=service)
        asked = {"accountId": member, "servicePrincipal": service}
        return organizations("RegisterDelegatedAdministrator", asked)

    def snapshot() -> Any:
        return {
            one: sorted(
                found["ServicePrincipal"]
                for found in client.list_delegated_services_for_account(AccountId=one)[
                    "DelegatedServices"
                ]
            )
            for one in (member, other)
        }

    return Staged(attack, snapshot)


def distrusted() -> Staged:
    client, _ = organization()
    service = "config.amazonaws.com"
    for one in (service, "guardduty.amazonaws.com"):
        client.enable_aws_service_access(ServicePrincipal=one)

    def attack() -> Change:
        client.disable_aws_service_access(ServicePrincipal=service)
        return organizations("DisableAWSServiceAccess", {"servicePrincipal": service})

    def snapshot() -> Any:
        found = client.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
        return sorted(one["ServicePrincipal"] for one in found)

    return Staged(attack, snapshot)


SCENARIOS = (
    Scenario(
        "org.policy-weakened",
        partial(
            rewritten,
            policy_of(LEAVING, DENY),
            policy_of(DENY),
            policy_of(LEAVING, DENY),
            "SERVICE_CONTROL_POLICY",
        ),
    ),
    Scenario(
        "org.policy-weakened",
        partial(
            rewritten,
            policy_of(LEAVING, DENY),
            policy_of(DENY, REGIONS),
            policy_of(LEAVING, DENY, REGIONS),
            "SERVICE_CONTROL_POLICY",
        ),
        "with-another-deny",
        asked=True,
    ),
    Scenario(
        "org.policy-weakened",
        partial(
            rewritten,
            opted_out("optOut"),
            opted_out("optIn"),
            opted_out("optOut"),
            "AISERVICES_OPT_OUT_POLICY",
        ),
        "settings",
        asked=True,
    ),
    Scenario("org.account-moved", moved),
    Scenario("org.delegated-administrator", delegated),
    Scenario("org.service-access-disabled", distrusted),
)
