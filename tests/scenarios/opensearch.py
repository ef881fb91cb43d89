"""Scenarios of the opensearch controls."""

from __future__ import annotations

import json
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged, policy_of
from tests.support.records import change

ES = "es.amazonaws.com"


def open_domain() -> Staged:
    client = boto3.client("opensearch")

    def statement(principal: Any) -> dict[str, Any]:
        return {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "es:ESHttp*",
            "Resource": f"arn:aws:es:us-east-1:{ACCOUNT}:domain/search/*",
        }

    fine = statement({"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"})
    client.create_domain(
        DomainName="search", EngineVersion="OpenSearch_2.19", AccessPolicies=policy_of(fine)
    )

    def snapshot() -> Any:
        found = client.describe_domain_config(DomainName="search")["DomainConfig"]
        return {
            name: found[name].get("Options")
            for name in ("AccessPolicies", "EngineVersion", "ClusterConfig", "EBSOptions")
        }

    def attack() -> Change:
        written = policy_of(fine, statement({"AWS": "*"}))
        client.update_domain_config(DomainName="search", AccessPolicies=written)
        request = {"domainName": "search", "accessPolicies": written}
        return change(ES, "UpdateDomainConfig", request)

    def parsed(snapshot: Any) -> Any:
        return snapshot | {"AccessPolicies": json.loads(snapshot["AccessPolicies"])}

    return Staged(attack, snapshot, normal=parsed)


SCENARIOS = (Scenario("opensearch.public-policy", open_domain),)
