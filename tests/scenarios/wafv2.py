"""Scenarios of the wafv2 controls."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

waf = partial(change, "wafv2.amazonaws.com")
BALANCER = (
    f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:loadbalancer/app/shop/50dc6c495c0c9188"
)
BUCKET = "arn:aws:s3:::aws-waf-logs-shop"
LOG_GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:aws-waf-logs-shop"
STREAM = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/aws-waf-logs-shop"
STAGE = "arn:aws:apigateway:us-east-1::/restapis/a1b2c3/stages/live"


def make_acl() -> str:
    """A web ACL's ARN."""
    seen = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "shop"}
    made = boto3.client("wafv2").create_web_acl(
        Name="shop", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen
    )
    return str(made["Summary"]["ARN"])


def disassociated(arn: str, kind: str) -> Staged:
    acl = make_acl()
    protected = {arn: acl}

    def listed(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["WebACLArn"] == acl
        return {"ResourceArns": sorted(protected) if asked["ResourceType"] == kind else []}

    def found(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["ResourceArn"] not in protected:
            return {}
        seen = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "a"}
        told = {"Name": "shop", "Id": "1", "DefaultAction": {"Allow": {}}, "VisibilityConfig": seen}
        return {"WebACL": {**told, "ARN": protected[asked["ResourceArn"]]}}

    def associate(asked: dict[str, Any]) -> dict[str, Any]:
        protected[asked["ResourceArn"]] = asked["WebACLArn"]
        return {}

    def disassociate(asked: dict[str, Any]) -> dict[str, Any]:
        del protected[asked["ResourceArn"]]
        return {}

    def attack() -> Change:
        disassociate({"ResourceArn": arn})
        return waf("DisassociateWebACL", {"resourceArn": arn})

    named = {
        "AssociateWebACL": associate,
        "DisassociateWebACL": disassociate,
        "GetWebACLForResource": found,
        "ListResourcesForWebACL": listed,
    }
    fakes = {("wafv2", name): fake for name, fake in named.items()}
    return Staged(attack, lambda: dict(protected), fakes=fakes, baseline=True)


def logging_deleted(destination: str) -> Staged:
    client, acl = boto3.client("wafv2"), make_acl()
    client.put_logging_configuration(
        LoggingConfiguration={
            "ResourceArn": acl,
            "LogDestinationConfigs": [destination],
            "RedactedFields": [{"SingleHeader": {"Name": "authorization"}}],
        }
    )

    def attack() -> Change:
        client.delete_logging_configuration(ResourceArn=acl)
        return waf("DeleteLoggingConfiguration", {"resourceArn": acl})

    def snapshot() -> Any:
        return client.list_logging_configurations(Scope="REGIONAL")["LoggingConfigurations"]

    return Staged(attack, snapshot, baseline=True)


SCENARIOS = (
    Scenario(
        "wafv2.disassociated",
        partial(disassociated, BALANCER, "APPLICATION_LOAD_BALANCER"),
        "load-balancer",
    ),
    Scenario("wafv2.disassociated", partial(disassociated, STAGE, "API_GATEWAY"), "stage"),
    Scenario("wafv2.logging-deleted", partial(logging_deleted, BUCKET), "to-a-bucket"),
    Scenario("wafv2.logging-deleted", partial(logging_deleted, LOG_GROUP), "to-a-log-group"),
    Scenario("wafv2.logging-deleted", partial(logging_deleted, STREAM), "to-a-stream"),
)
