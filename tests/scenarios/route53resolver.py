"""Scenarios of the route53resolver controls. No emulator takes a configuration off a VPC."""

from __future__ import annotations

from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged
from tests.support.records import change


def disassociated() -> Staged:
    client = boto3.client("route53resolver")
    made = client.create_resolver_query_log_config(
        Name="dns-queries", DestinationArn="arn:aws:s3:::dns-queries", CreatorRequestId="1"
    )
    config = made["ResolverQueryLogConfig"]["Id"]
    networks = boto3.client("ec2")
    vpc, other = (
        networks.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in (1, 2)
    )
    logged = [vpc, other]

    def associated(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["Filters"] == [{"Name": "ResolverQueryLogConfigId", "Values": [config]}]
        return {
            "ResolverQueryLogConfigAssociations": [
                {"ResolverQueryLogConfigId": config, "ResourceId": one, "Status": "ACTIVE"}
                for one in logged
            ]
        }

    def associate(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["ResolverQueryLogConfigId"] == config
        logged.append(asked["ResourceId"])
        return {}

    def disassociate(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["ResolverQueryLogConfigId"] == config
        logged.remove(asked["ResourceId"])
        return {}

    def attack() -> Change:
        asked = {"ResolverQueryLogConfigId": config, "ResourceId": vpc}
        disassociate(asked)
        return change(
            "route53resolver.amazonaws.com",
            "DisassociateResolverQueryLogConfig",
            {"resolverQueryLogConfigId": config, "resourceId": vpc},
        )

    named = {
        "AssociateResolverQueryLogConfig": associate,
        "DisassociateResolverQueryLogConfig": disassociate,
        "ListResolverQueryLogConfigAssociations": associated,
    }
    fakes = {("route53resolver", name): fake for name, fake in named.items()}
    return Staged(attack, lambda: sorted(logged), fakes=fakes)


SCENARIOS = (Scenario("route53resolver.query-logging-disassociated", disassociated),)
