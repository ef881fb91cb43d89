"""Scenarios of the controls over findings: of GuardDuty, Security Hub and Macie.

No emulator has these APIs.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Fake, Scenario, Staged
from tests.support.records import change

guardduty = partial(change, "guardduty.amazonaws.com")
securityhub = partial(change, "securityhub.amazonaws.com")
macie = partial(change, "macie2.amazonaws.com")
DETECTOR = "12abc34d567e8fa901bc2d34e56789f0"
HERE = f"arn:aws:securityhub:us-east-1:{ACCOUNT}"


def monitoring_stopped() -> Staged:
    members = {"222222222222": "Enabled", STRANGER: "Enabled"}

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["DetectorId"] == DETECTOR
        found = [
            {
                "AccountId": one,
                "MasterId": ACCOUNT,
                "Email": "owner@example.com",
                "RelationshipStatus": members[one],
                "UpdatedAt": "2026-11-24T12:00:00Z",
            }
            for one in asked["AccountIds"]
        ]
        return {"Members": found, "UnprocessedAccounts": []}

    def setting(status: str, asked: dict[str, Any]) -> dict[str, Any]:
        members.update(dict.fromkeys(asked["AccountIds"], status))
        return {"UnprocessedAccounts": []}

    def attack() -> Change:
        members[STRANGER] = "Disabled"
        asked = {"detectorId": DETECTOR, "accountIds": [STRANGER]}
        return guardduty("StopMonitoringMembers", asked)

    fakes: dict[tuple[str, str], Fake] = {
        ("guardduty", "GetMembers"): get,
        ("guardduty", "StartMonitoringMembers"): partial(setting, "Enabled"),
        ("guardduty", "StopMonitoringMembers"): partial(setting, "Disabled"),
    }
    return Staged(attack, lambda: dict(members), fakes=fakes)


def threat_list_off(called: str = "ThreatIntelSet") -> Staged:
    parameter = f"{called}Id"
    ours, other = "0cb0141ab9fbde177613ab9436212e90", "1cb0141ab9fbde177613ab9436212e91"
    lists = {ours: "ACTIVE", other: "ACTIVE"}

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["DetectorId"] == DETECTOR
        status = lists[asked[parameter]]
        location = "https://s3.amazonaws.com/lists/threats.txt"
        return {"Name": "threats", "Format": "TXT", "Location": location, "Status": status}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        lists[asked[parameter]] = "ACTIVE" if asked["Activate"] else "INACTIVE"
        return {}

    def attack() -> Change:
        lists[ours] = "INACTIVE"
        logged = f"{parameter[0].lower()}{parameter[1:]}"
        asked = {"detectorId": DETECTOR, logged: ours, "activate": False}
        return guardduty(f"Update{called}", asked)

    fakes = {("guardduty", f"Get{called}"): get, ("guardduty", f"Update{called}"): update}
    return Staged(attack, lambda: dict(lists), fakes=fakes)


SUPPRESSING = {
    "Type": "FINDING_FIELDS_UPDATE",
    "FindingFieldsUpdate": {"Workflow": {"Status": "SUPPRESSED"}},
}
NOTING = {
    "Type": "FINDING_FIELDS_UPDATE",
    "FindingFieldsUpdate": {"Note": {"Text": "seen", "UpdatedBy": "security"}},
}


def findings_hidden(*, created: bool) -> Staged:
    ours, other = (f"{HERE}:automation-rule/{name}" for name in ("a1b2c3", "d4e5f6"))
    rules: dict[str, dict[str, Any]] = {
        ours: {"RuleStatus": "DISABLED", "Actions": [SUPPRESSING]},
        other: {"RuleStatus": "ENABLED", "Actions": [NOTING]},
    }

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        return {"Rules": [{"RuleArn": arn, **rules[arn]} for arn in asked["AutomationRulesArns"]]}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        for one in asked["UpdateAutomationRulesRequestItems"]:
            rules[one["RuleArn"]]["RuleStatus"] = one["RuleStatus"]
        changed = [one["RuleArn"] for one in asked["UpdateAutomationRulesRequestItems"]]
        return {"ProcessedAutomationRules": changed, "UnprocessedAutomationRules": []}

    def attack() -> Change:
        rules[ours]["RuleStatus"] = "ENABLED"
        if created:
            asked = {"RuleName": "quiet", "RuleOrder": 1, "Actions": [SUPPRESSING]}
            return securityhub("CreateAutomationRule", asked, responseElements={"RuleArn": ours})
        updated = {"RuleArn": ours, "RuleStatus": "ENABLED", "Actions": [SUPPRESSING]}
        asked = {"UpdateAutomationRulesRequestItems": [updated]}
        return securityhub("BatchUpdateAutomationRules", asked)

    fakes = {
        ("securityhub", "BatchGetAutomationRules"): get,
        ("securityhub", "BatchUpdateAutomationRules"): update,
    }
    return Staged(attack, lambda: {arn: dict(one) for arn, one in rules.items()}, fakes=fakes)


def findings_hidden_v2(*, created: bool) -> Staged:
    """The same for findings of the second version, whose states are numbers."""
    ours, other = (f"{HERE}:automation-rulev2/{name}" for name in ("a1b2c3", "d4e5f6"))
    hiding = {"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {"StatusId": 3}}
    noting = {"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {"Comment": "seen"}}
    rules: dict[str, dict[str, Any]] = {
        ours: {"RuleStatus": "DISABLED", "Actions": [hiding]},
        other: {"RuleStatus": "ENABLED", "Actions": [noting]},
    }

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        return {"RuleArn": asked["Identifier"], **rules[asked["Identifier"]]}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        rules[asked["Identifier"]]["RuleStatus"] = asked["RuleStatus"]
        return {}

    def attack() -> Change:
        rules[ours]["RuleStatus"] = "ENABLED"
        if created:
            asked: dict[str, Any] = {"RuleName": "quiet", "RuleOrder": 1, "Actions": [hiding]}
            return securityhub("CreateAutomationRuleV2", asked, responseElements={"RuleArn": ours})
        asked = {"Identifier": ours.replace("/", "%2F"), "Actions": [hiding]}
        return securityhub("UpdateAutomationRuleV2", asked)

    fakes = {
        ("securityhub", "GetAutomationRuleV2"): get,
        ("securityhub", "UpdateAutomationRuleV2"): update,
    }
    return Staged(attack, lambda: {arn: dict(one) for arn, one in rules.items()}, fakes=fakes)


def import_disabled() -> Staged:
    products = {
        f"{HERE}:product-subscription/aws/guardduty": "us-east-1::product/aws/guardduty",
        f"{HERE}:product-subscription/acme/scan": "us-east-1:444455556666:product/acme/scan",
    }
    arns = {one: f"arn:aws:securityhub:{tail}" for one, tail in products.items()}
    enabled = set(arns)
    (ours, _) = arns

    def enable(asked: dict[str, Any]) -> dict[str, Any]:
        found = next(one for one, arn in arns.items() if arn == asked["ProductArn"])
        enabled.add(found)
        return {"ProductSubscriptionArn": found}

    def disable(asked: dict[str, Any]) -> dict[str, Any]:
        enabled.remove(asked["ProductSubscriptionArn"])
        return {}

    def attack() -> Change:
        enabled.remove(ours)
        return securityhub("DisableImportFindingsForProduct", {"ProductSubscriptionArn": ours})

    named: dict[str, Fake] = {
        "DescribeProducts": lambda _: {"Products": [{"ProductArn": one} for one in arns.values()]},
        "ListEnabledProductsForImport": lambda _: {"ProductSubscriptions": sorted(enabled)},
        "EnableImportFindingsForProduct": enable,
        "DisableImportFindingsForProduct": disable,
    }
    fakes = {("securityhub", name): fake for name, fake in named.items()}
    return Staged(attack, lambda: sorted(enabled), fakes=fakes)


def macie_suppressed() -> Staged:
    filters = {"ours": "NOOP", "other": "NOOP"}

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        return {"id": asked["id"], "name": asked["id"], "action": filters[asked["id"]]}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        filters[asked["id"]] = asked["action"]
        return {"id": asked["id"]}

    def attack() -> Change:
        filters["ours"] = "ARCHIVE"
        return macie("UpdateFindingsFilter", {"id": "ours", "action": "ARCHIVE"})

    fakes = {("macie2", "GetFindingsFilter"): get, ("macie2", "UpdateFindingsFilter"): update}
    return Staged(attack, lambda: dict(filters), fakes=fakes)


SCENARIOS = (
    Scenario("guardduty.monitoring-stopped", monitoring_stopped),
    Scenario("guardduty.threat-list-off", threat_list_off),
    Scenario("guardduty.threat-list-off", partial(threat_list_off, "ThreatEntitySet"), "entities"),
    Scenario("securityhub.findings-hidden", partial(findings_hidden, created=False)),
    Scenario("securityhub.findings-hidden", partial(findings_hidden, created=True), "created"),
    Scenario("securityhub.findings-hidden", partial(findings_hidden_v2, created=False), "v2"),
    Scenario(
        "securityhub.findings-hidden", partial(findings_hidden_v2, created=True), "v2-created"
    ),
    Scenario("securityhub.import-disabled", import_disabled),
    Scenario("macie.suppressed", macie_suppressed),
)
