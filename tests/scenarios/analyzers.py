"""Scenarios of the accessanalyzer and inspector controls."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

analyzer = partial(change, "access-analyzer.amazonaws.com")
inspector = partial(change, "inspector2.amazonaws.com")
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def analyzer_deleted() -> Staged:
    rule = {"ruleName": "backup", "filter": {"principal.AWS": {"eq": ["444455556666"]}}}
    unused = {"unusedAccess": {"unusedAccessAge": 90}}
    made: dict[str, Any] = {
        "outside": {"type": "ACCOUNT", "archiveRules": [rule], "tags": {"owner": "security"}},
        "unused": {"type": "ACCOUNT_UNUSED_ACCESS", "configuration": unused},
    }

    def described(name: str) -> dict[str, Any]:
        arn = f"arn:aws:access-analyzer:us-east-1:{ACCOUNT}:analyzer/{name}"
        told = {"arn": arn, "name": name, "createdAt": WHEN, "status": "ACTIVE"}
        known = {key: value for key, value in made[name].items() if key != "archiveRules"}
        return {**told, **known}

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["analyzerName"] not in made:
            return {"Error": {"Code": "ResourceNotFoundException"}}
        return {"analyzer": described(asked["analyzerName"])}

    def rules(asked: dict[str, Any]) -> dict[str, Any]:
        found = made[asked["analyzerName"]].get("archiveRules", [])
        return {"archiveRules": [{**one, "createdAt": WHEN, "updatedAt": WHEN} for one in found]}

    def create(asked: dict[str, Any]) -> dict[str, Any]:
        made[asked["analyzerName"]] = {
            key: value for key, value in asked.items() if key != "analyzerName"
        }
        return {"arn": described(asked["analyzerName"])["arn"]}

    def delete(asked: dict[str, Any]) -> dict[str, Any]:
        del made[asked["analyzerName"]]
        return {}

    def attack() -> Change:
        del made["outside"]
        return analyzer("DeleteAnalyzer", {"analyzerName": "outside"})

    named = {
        "GetAnalyzer": get,
        "ListAnalyzers": lambda _: {"analyzers": [described(name) for name in sorted(made)]},
        "ListArchiveRules": rules,
        "CreateAnalyzer": create,
        "DeleteAnalyzer": delete,
    }
    fakes = {("accessanalyzer", name): fake for name, fake in named.items()}
    return Staged(attack, lambda: dict(made), fakes=fakes, baseline=True)


def scans_disabled() -> Staged:
    client = boto3.client("inspector2")
    client.enable(accountIds=[ACCOUNT], resourceTypes=["EC2", "ECR", "LAMBDA"])

    def attack() -> Change:
        asked = {"accountIds": [ACCOUNT], "resourceTypes": ["EC2", "ECR"]}
        client.disable(**asked)
        return inspector("Disable", asked)

    def snapshot() -> Any:
        found = client.batch_get_account_status(accountIds=[ACCOUNT])
        return [one["resourceState"] for one in found["accounts"]]

    return Staged(attack, snapshot, baseline=True)


def suppressed() -> Staged:
    arns = [
        f"arn:aws:inspector2:us-east-1:{ACCOUNT}:owner/{ACCOUNT}/filter/{name}" for name in "ab"
    ]
    filters = dict.fromkeys(arns, "NONE")

    def listed(asked: dict[str, Any]) -> dict[str, Any]:
        told = {"ownerId": ACCOUNT, "criteria": {}, "createdAt": WHEN, "updatedAt": WHEN}
        return {
            "filters": [
                {**told, "arn": arn, "name": arn[-1], "action": filters[arn]}
                for arn in asked["arns"]
            ]
        }

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        filters[asked["filterArn"]] = asked["action"]
        return {"arn": asked["filterArn"]}

    def attack() -> Change:
        filters[arns[0]] = "SUPPRESS"
        return inspector("UpdateFilter", {"filterArn": arns[0], "action": "SUPPRESS"})

    fakes = {("inspector2", "ListFilters"): listed, ("inspector2", "UpdateFilter"): update}
    return Staged(attack, lambda: dict(filters), fakes=fakes)


SCENARIOS = (
    Scenario("accessanalyzer.deleted", analyzer_deleted),
    Scenario("inspector.disabled", scans_disabled),
    Scenario("inspector.suppressed", suppressed),
)
