"""Scenarios of the emr controls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from driftguard.model import Change
from tests.scenarios.model import Fake, Scenario, Staged
from tests.support.records import ALICE, change


def block_off() -> Staged:
    """Clusters may be launched open to the internet. (The emulator cannot switch the block off.)"""
    ssh = {"MinRange": 22, "MaxRange": 22}
    now: dict[str, Any] = {
        "BlockPublicSecurityGroupRules": True,
        "PermittedPublicSecurityGroupRuleRanges": [ssh],
    }

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        now.update(asked["BlockPublicAccessConfiguration"])
        return {}

    def get(_: dict[str, Any]) -> dict[str, Any]:
        made = {"CreationDateTime": datetime.now(UTC), "CreatedByArn": ALICE["arn"]}
        return {
            "BlockPublicAccessConfiguration": dict(now),
            "BlockPublicAccessConfigurationMetadata": made,
        }

    def attack() -> Change:
        now["BlockPublicSecurityGroupRules"] = False
        asked = {
            "blockPublicAccessConfiguration": {
                "blockPublicSecurityGroupRules": False,
                "permittedPublicSecurityGroupRuleRanges": [{"minRange": 22, "maxRange": 22}],
            }
        }
        name = "PutBlockPublicAccessConfiguration"
        return change("elasticmapreduce.amazonaws.com", name, asked)

    fakes: dict[tuple[str, str], Fake] = {
        ("emr", "GetBlockPublicAccessConfiguration"): get,
        ("emr", "PutBlockPublicAccessConfiguration"): put,
    }
    return Staged(attack, lambda: dict(now), fakes=fakes, baseline=True)


SCENARIOS = (Scenario("emr.bpa-off", block_off),)
