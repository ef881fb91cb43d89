"""Scenarios of the securityhub controls. No emulator has its standards."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Fake, Scenario, Staged
from tests.support.records import change

securityhub = partial(change, "securityhub.amazonaws.com")
HERE = f"arn:aws:securityhub:us-east-1:{ACCOUNT}"
BEST = "aws-foundational-security-best-practices/v/1.0.0"
CIS = "cis-aws-foundations-benchmark/v/1.2.0"
KNOWN = {
    f"arn:aws:securityhub:us-east-1::standards/{BEST}": f"{HERE}:subscription/{BEST}",
    f"arn:aws:securityhub:::ruleset/{CIS}": f"{HERE}:subscription/{CIS}",
}
NOT_SUBSCRIBED = {"Error": {"Code": "InvalidAccessException"}}


class Hub:
    """As much of Security Hub as the controls see."""

    def __init__(self) -> None:
        self.on = True
        self.generator, self.new_controls = "SECURITY_CONTROL", False
        self.tags = {"owner": "security"}
        self.standards = set(KNOWN)
        self.controls = {f"{HERE}:control/{BEST}/{name}": "" for name in ("IAM.1", "IAM.2")}
        # By standard, as it is named outside of any account.
        self.associated = {
            (standard, name): ("ENABLED", "") for standard in KNOWN for name in ("IAM.1", "IAM.2")
        }

    def snapshot(self) -> Any:
        return {
            "on": self.on,
            "standards": sorted(self.standards),
            "controls": dict(self.controls),
            "associated": sorted(self.associated.items()),
            "generator": self.generator,
            "new controls": self.new_controls,
            "tags": self.tags,
        }

    def fakes(self) -> dict[tuple[str, str], Fake]:
        named = {
            "BatchGetStandardsControlAssociations": self.association,
            "BatchUpdateStandardsControlAssociations": self.associate,
            "BatchDisableStandards": self.unsubscribe,
            "BatchEnableStandards": self.subscribe,
            "DescribeHub": self.describe,
            "DescribeStandards": self.known,
            "DescribeStandardsControls": self.list_controls,
            "DisableSecurityHub": self.disable,
            "EnableSecurityHub": self.enable,
            "GetEnabledStandards": self.subscribed,
            "ListTagsForResource": lambda _: {"Tags": {**self.tags, "aws:stack": "s"}},
            "UpdateSecurityHubConfiguration": self.configure,
            "UpdateStandardsControl": self.update,
        }
        return {("securityhub", name): fake for name, fake in named.items()}

    def describe(self, _: dict[str, Any]) -> dict[str, Any]:
        if not self.on:
            return NOT_SUBSCRIBED
        return {
            "HubArn": f"{HERE}:hub/default",
            "ControlFindingGenerator": self.generator,
            "AutoEnableControls": self.new_controls,
        }

    def enable(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["EnableDefaultStandards"] is False
        self.on, self.generator = True, asked["ControlFindingGenerator"]
        self.new_controls, self.tags = True, asked.get("Tags", {})
        return {}

    def configure(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.new_controls = asked["AutoEnableControls"]
        return {}

    def disable(self, _: dict[str, Any]) -> dict[str, Any]:
        self.on, self.standards = False, set()
        self.new_controls, self.tags = True, {}
        return {}

    def known(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"Standards": [{"StandardsArn": one} for one in KNOWN]}

    def subscribed(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "StandardsSubscriptions": [
                {
                    "StandardsSubscriptionArn": KNOWN[one],
                    "StandardsArn": one,
                    "StandardsInput": {},
                    "StandardsStatus": "READY",
                }
                for one in sorted(self.standards)
            ]
        }

    def subscribe(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.standards |= {one["StandardsArn"] for one in asked["StandardsSubscriptionRequests"]}
        return {}

    def unsubscribe(self, asked: dict[str, Any]) -> dict[str, Any]:
        gone = asked["StandardsSubscriptionArns"]
        self.standards = {one for one in self.standards if KNOWN[one] not in gone}
        return {}

    def list_controls(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["StandardsSubscriptionArn"] == f"{HERE}:subscription/{BEST}"
        return {
            "Controls": [
                {
                    "StandardsControlArn": arn,
                    "ControlStatus": "DISABLED" if reason else "ENABLED",
                    **({"DisabledReason": reason} if reason else {}),
                }
                for arn, reason in self.controls.items()
            ]
        }

    def update(self, asked: dict[str, Any]) -> dict[str, Any]:
        disabled = asked["ControlStatus"] == "DISABLED"
        self.controls[asked["StandardsControlArn"]] = asked["DisabledReason"] if disabled else ""
        return {}

    def association(self, asked: dict[str, Any]) -> dict[str, Any]:
        (one,) = asked["StandardsControlAssociationIds"]
        status, reason = self.associated[one["StandardsArn"], one["SecurityControlId"]]
        arn = f"{HERE}:security-control/{one['SecurityControlId']}"
        detail = {**one, "SecurityControlArn": arn, "AssociationStatus": status}
        if reason:
            detail["UpdatedReason"] = reason
        return {"StandardsControlAssociationDetails": [detail]}

    def associate(self, asked: dict[str, Any]) -> dict[str, Any]:
        for one in asked["StandardsControlAssociationUpdates"]:
            status, reason = one["AssociationStatus"], one.get("UpdatedReason", "")
            key = (one["StandardsArn"], one["SecurityControlId"])
            self.associated[key] = (status, reason if status == "DISABLED" else "")
        return {"UnprocessedAssociationUpdates": []}


def disabled() -> Staged:
    hub = Hub()

    def attack() -> Change:
        hub.disable({})
        return securityhub("DisableSecurityHub", None)

    return Staged(attack, hub.snapshot, fakes=hub.fakes(), baseline=True)


def standard_disabled() -> Staged:
    hub = Hub()

    def attack() -> Change:
        arns = [f"{HERE}:subscription/{CIS}"]
        hub.unsubscribe({"StandardsSubscriptionArns": arns})
        return securityhub("BatchDisableStandards", {"StandardsSubscriptionArns": arns})

    return Staged(attack, hub.snapshot, fakes=hub.fakes())


def control_disabled() -> Staged:
    hub = Hub()
    arn = f"{HERE}:control/{BEST}/IAM.1"

    def attack() -> Change:
        hub.controls[arn] = "noise"
        asked = {"ControlStatus": "DISABLED", "DisabledReason": "noise"}
        named = {"StandardsControlArn": quote(arn, safe="")}
        return securityhub("UpdateStandardsControl", named | asked)

    return Staged(attack, hub.snapshot, fakes=hub.fakes())


def control_disabled_in_a_standard() -> Staged:
    """Disabled as the console does it since controls are the same in all standards."""
    hub = Hub()
    standard = f"arn:aws:securityhub:us-east-1::standards/{BEST}"
    named = {"StandardsArn": standard, "SecurityControlId": "IAM.1"}
    asked = [{**named, "AssociationStatus": "DISABLED", "UpdatedReason": "noise"}]

    def attack() -> Change:
        request = {"StandardsControlAssociationUpdates": asked}
        return securityhub(
            "BatchUpdateStandardsControlAssociations",
            request,
            responseElements=hub.associate(request),
        )

    return Staged(attack, hub.snapshot, fakes=hub.fakes())


SCENARIOS = (
    Scenario("securityhub.disabled", disabled),
    Scenario("securityhub.standard-disabled", standard_disabled),
    Scenario("securityhub.control-disabled", control_disabled),
    Scenario("securityhub.control-disabled", control_disabled_in_a_standard, "in-a-standard"),
)
