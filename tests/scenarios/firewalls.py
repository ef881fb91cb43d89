"""Scenarios of the controls over web ACLs' rules and firewalls."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

waf = partial(change, "wafv2.amazonaws.com")
firewall = partial(change, "network-firewall.amazonaws.com")


def seen(name: str) -> dict[str, Any]:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}


def rule(name: str, priority: int, action: str) -> dict[str, Any]:
    """A rule that looks for a text, which the API has as bytes."""
    match = {
        "SearchString": name.encode(),
        "FieldToMatch": {"UriPath": {}},
        "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
        "PositionalConstraint": "CONTAINS",
    }
    return {
        "Name": name,
        "Priority": priority,
        "Statement": {"ByteMatchStatement": match},
        "Action": {action: {}},
        "VisibilityConfig": seen(name),
    }


def managed(override: str) -> dict[str, Any]:
    group = {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}
    return {
        "Name": "common",
        "Priority": 9,
        "Statement": {"ManagedRuleGroupStatement": group},
        "OverrideAction": {override: {}},
        "VisibilityConfig": seen("common"),
    }


def acl_weakened(default: str, *after: dict[str, Any]) -> Staged:
    client = boto3.client("wafv2")
    before = [rule("admin", 1, "Block"), rule("bots", 2, "Captcha"), managed("None")]
    made = [
        client.create_web_acl(
            Name=name,
            Scope="REGIONAL",
            DefaultAction={"Block": {}},
            Rules=before,
            VisibilityConfig=seen(name),
        )["Summary"]
        for name in ("shop", "others")
    ]
    named = {"Name": "shop", "Scope": "REGIONAL", "Id": made[0]["Id"]}

    def attack() -> Change:
        token = client.get_web_acl(**named)["LockToken"]
        action = {default: {}}
        client.update_web_acl(
            **named,
            DefaultAction=action,
            Rules=list(after),
            VisibilityConfig=seen("shop"),
            LockToken=token,
        )
        # Rules and default action, as far as the control reads them.
        rules = [{"name": one["Name"], "priority": one["Priority"]} for one in after]
        asked = {"name": "shop", "scope": "REGIONAL", "id": made[0]["Id"], "rules": rules}
        return waf("UpdateWebACL", {**asked, "defaultAction": {default.lower(): {}}})

    def snapshot() -> Any:
        found = [
            client.get_web_acl(Name=one["Name"], Scope="REGIONAL", Id=one["Id"])["WebACL"]
            for one in made
        ]
        return [(one["Name"], one["DefaultAction"], one["Rules"]) for one in found]

    return Staged(attack, snapshot, baseline=True)


HERE = f"arn:aws:network-firewall:us-east-1:{ACCOUNT}"


def firewalls(attack: Change, change_of: dict[str, Any], *, baseline: bool) -> Staged:
    """Two firewalls, of which one is changed."""
    arns = [f"{HERE}:firewall/{name}" for name in ("edge", "other")]
    known: dict[str, dict[str, Any]] = {
        arn: {"FirewallPolicyArn": f"{HERE}:firewall-policy/strict", "DeleteProtection": True}
        for arn in arns
    }

    def describe(asked: dict[str, Any]) -> dict[str, Any]:
        told = {
            "FirewallName": asked["FirewallArn"].rpartition("/")[2],
            "FirewallArn": asked["FirewallArn"],
            "VpcId": "vpc-0a1b2c3d4e5f60718",
            "SubnetMappings": [],
            "FirewallId": "a1b2c3d4-5678-90ab-cdef-EXAMPLE66666",
        }
        return {"Firewall": {**told, **known[asked["FirewallArn"]]}}

    def listed(_: dict[str, Any]) -> dict[str, Any]:
        found = [{"FirewallName": arn.rpartition("/")[2], "FirewallArn": arn} for arn in arns]
        return {"Firewalls": found}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        names = ("FirewallPolicyArn", "DeleteProtection")
        known[asked["FirewallArn"]] |= {name: asked[name] for name in names if name in asked}
        return {}

    def made() -> Change:
        known[arns[0]] |= change_of
        return attack

    named = {
        "DescribeFirewall": describe,
        "ListFirewalls": listed,
        "AssociateFirewallPolicy": update,
        "UpdateFirewallDeleteProtection": update,
    }
    fakes = {("network-firewall", name): fake for name, fake in named.items()}
    return Staged(
        made,
        lambda: {arn: dict(one) for arn, one in known.items()},
        fakes=fakes,
        baseline=baseline,
    )


def policy_changed() -> Staged:
    lax = f"{HERE}:firewall-policy/lax"
    # Named by its name alone.
    asked = {"firewallName": "edge", "firewallPolicyArn": lax}
    return firewalls(
        firewall("AssociateFirewallPolicy", asked), {"FirewallPolicyArn": lax}, baseline=True
    )


def protection_off() -> Staged:
    asked = {"firewallArn": f"{HERE}:firewall/edge", "deleteProtection": False}
    return firewalls(
        firewall("UpdateFirewallDeleteProtection", asked),
        {"DeleteProtection": False},
        baseline=False,
    )


SCENARIOS = (
    Scenario(
        "wafv2.rules-weakened",
        partial(acl_weakened, "Allow", rule("bots", 2, "Captcha"), managed("Count")),
    ),
    Scenario(
        "wafv2.rules-weakened",
        partial(
            acl_weakened,
            "Block",
            rule("admin", 1, "Count"),
            rule("bots", 2, "Captcha"),
            managed("None"),
        ),
        "counted",
    ),
    Scenario("network-firewall.policy-changed", policy_changed),
    Scenario("network-firewall.protection-off", protection_off),
)
