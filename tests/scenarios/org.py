"""Scenarios of the org controls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged, policy_of
from tests.support.records import change

DENY = {"Effect": "Deny", "Action": "cloudtrail:StopLogging", "Resource": "*"}


def detached(target_of: Callable[[str], str]) -> Staged:
    client = boto3.client("organizations")
    client.create_organization(FeatureSet="ALL")
    root = client.list_roots()["Roots"][0]["Id"]
    client.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    target = target_of(root)

    def policy(name: str) -> str:
        made = client.create_policy(
            Name=name,
            Description=name,
            Content=policy_of(DENY),
            Type="SERVICE_CONTROL_POLICY",
        )
        client.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=target)
        return str(made["Policy"]["PolicySummary"]["Id"])

    policy("other")
    guarding = policy("guarding")

    def attack() -> Change:
        client.detach_policy(PolicyId=guarding, TargetId=target)
        asked = {"policyId": guarding, "targetId": target}
        return change("organizations.amazonaws.com", "DetachPolicy", asked)

    def snapshot() -> Any:
        found = client.list_policies_for_target(TargetId=target, Filter="SERVICE_CONTROL_POLICY")
        return sorted(one["Name"] for one in found["Policies"])

    return Staged(attack, snapshot)


def account(root: str) -> str:
    made = boto3.client("organizations").create_account(
        AccountName="work", Email="work@example.com"
    )
    return str(made["CreateAccountStatus"]["AccountId"])


def unit(root: str) -> str:
    made = boto3.client("organizations").create_organizational_unit(ParentId=root, Name="work")
    return str(made["OrganizationalUnit"]["Id"])


SCENARIOS = (
    Scenario("org.policy-detached", partial(detached, account)),
    Scenario("org.policy-detached", partial(detached, unit), "unit"),
    Scenario("org.policy-detached", partial(detached, lambda root: root), "root"),
)
