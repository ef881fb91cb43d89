"""Kind 8: what is deleted while a listing is read does not end the listing."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from tests.support.answers import answering, refused_with
from tests.support.records import ACCOUNT, REGION, change

GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"
ACL = f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/"
BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/shop/1"


def but_for_gone(key: str, code: str, found: Any) -> Any:
    """Answers what was found, and an error for whatever is called `gone`."""

    def answer(asked: dict[str, Any]) -> Any:
        if "gone" in str(asked[key]):
            raise refused_with(code)
        return found

    return answer


def test_a_log_group() -> None:
    groups = [{"logGroupName": name, "arn": f"{GROUP}{name}:*"} for name in ("gone", "there")]
    filters = but_for_gone(
        "logGroupName",
        "ResourceNotFoundException",
        {"subscriptionFilters": [{"filterName": "to-the-siem"}]},
    )
    reader = answering(
        logs__DescribeLogGroups={"logGroups": groups}, logs__DescribeSubscriptionFilters=filters
    )

    found = control("logs.subscription-filter-deleted").inventory(reader)

    assert [filter_.arn for filter_ in found] == [f"{GROUP}there:subscription-filter:to-the-siem"]


def test_a_bus() -> None:
    rules = but_for_gone(
        "EventBusName",
        "ResourceNotFoundException",
        {"Rules": [{"Name": "findings", "EventPattern": '{"source": ["aws.guardduty"]}'}]},
    )
    reader = answering(
        events__ListEventBuses={"EventBuses": [{"Name": "gone"}, {"Name": "there"}]},
        events__ListRules=rules,
        events__ListTagsForResource={},
    )

    found = control("events.rule-deleted").inventory(reader)

    assert [rule.id for rule in found] == ["there/findings"]


def test_a_web_acl() -> None:
    def resources(asked: dict[str, Any]) -> Any:
        if "gone" in asked["WebACLArn"]:
            raise refused_with("WAFNonexistentItemException")
        application = asked["ResourceType"] == "APPLICATION_LOAD_BALANCER"
        return {"ResourceArns": [BALANCER] if application else []}

    reader = answering(
        wafv2__ListWebACLs={"WebACLs": [{"ARN": f"{ACL}gone/1"}, {"ARN": f"{ACL}there/2"}]},
        wafv2__ListResourcesForWebACL=resources,
    )

    assert [found.arn for found in control("wafv2.disassociated").inventory(reader)] == [BALANCER]


@pytest.mark.parametrize(("managed", "told"), [(True, False), (False, True)])
def test_a_password_that_rds_manages_is_nobodys_act(managed: bool, told: bool) -> None:
    """Kind 10: RDS makes it, rotates it and keeps it as a secret."""
    request = {"dBInstanceIdentifier": "one", "manageMasterUserPassword": managed}
    response = {"pendingModifiedValues": {"masterUserPassword": "****"}}
    by = change("rds.amazonaws.com", "ModifyDBInstance", request, responseElements=response)

    assert bool(list(control("rds.master-password").screen(by, NoSettings()))) is told
