"""Siblings of lists, rules, scans, databases, clusters and access points wake their controls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from driftguard.model import Certainty
from tests.support.records import ACCOUNT, REGION
from tests.support.siblings.shapes import Case, screened, without

HERE = f"{REGION}:{ACCOUNT}"
DETECTOR = "12abc34d567e8fa901bc2d34e56789f0"


def threat_list(name: str, kind: str) -> Case:
    """A list of threats that was switched off."""
    id_ = "0cb0141ab9fbde177613ab9436212e90"
    parameter = f"{name[6].lower()}{name[7:]}Id"
    return Case(
        "guardduty.threat-list-off",
        "guardduty",
        name,
        {"detectorId": DETECTOR, parameter: id_, "activate": False},
        None,
        f"arn:aws:guardduty:{HERE}:detector/{DETECTOR}/{kind}/{id_}",
        Certainty.EVIDENT,
    )


RULES = f"arn:aws:securityhub:{HERE}:automation-rulev2"
# 3: suppressed, as OCSF counts states of findings.
HIDING = [{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {"StatusId": 3}}]
PUBLIC_BROKERS = {
    "instanceType": "kafka.m7g.large",
    "connectivityInfo": {"publicAccess": {"type": "SERVICE_PROVIDED_EIPS"}},
}
CLUSTER = f"arn:aws:kafka:{HERE}:cluster/orders/aa1b2c3d-0001"


def cluster(name: str, request: dict[str, Any]) -> Case:
    """A cluster that is made with public brokers."""
    return Case(
        "kafka.public-access",
        "kafka",
        name,
        {"clusterName": "orders", **request},
        {"clusterArn": CLUSTER, "clusterName": "orders", "state": "CREATING"},
        CLUSTER,
        Certainty.EVIDENT,
    )


READ_BY_ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3::{ACCOUNT}:accesspoint/mfzwi23gnjvgw.mrap/object/*",
        }
    ],
}

CASES = (
    threat_list("UpdateThreatEntitySet", "threatentityset"),
    Case(
        "securityhub.findings-hidden",
        "securityhub",
        "CreateAutomationRuleV2",
        {"RuleName": "quiet", "RuleStatus": "ENABLED", "Actions": HIDING},
        {"RuleArn": f"{RULES}/a1b2c3", "RuleId": "a1b2c3"},
        f"{RULES}/a1b2c3",
        Certainty.EVIDENT,
    ),
    Case(
        "securityhub.findings-hidden",
        "securityhub",
        "UpdateAutomationRuleV2",
        {"Identifier": "a1b2c3", "Actions": HIDING},
        None,
        f"{RULES}/a1b2c3",
        Certainty.EVIDENT,
    ),
    Case(
        "ecr.scanning-off",
        "ecr",
        "PutRegistryScanningConfiguration",
        {"scanType": "BASIC", "rules": []},
        {"registryScanningConfiguration": {"scanType": "BASIC", "rules": []}},
        f"arn:aws:ecr:{HERE}:registry-scanning",
        Certainty.EVIDENT,
    ),
    Case(
        "lightsail.public-database",
        "lightsail",
        "CreateRelationalDatabaseFromSnapshot",
        {"relationalDatabaseName": "orders", "publiclyAccessible": True},
        None,
        f"arn:aws:lightsail:{HERE}:RelationalDatabase/orders",
        Certainty.EVIDENT,
    ),
    cluster("CreateCluster", {"brokerNodeGroupInfo": PUBLIC_BROKERS}),
    cluster("CreateClusterV2", {"provisioned": {"brokerNodeGroupInfo": PUBLIC_BROKERS}}),
    Case(
        "s3.public-access-point",
        "s3",
        "PutMultiRegionAccessPointPolicy",
        {
            "PutMultiRegionAccessPointPolicyRequest": {
                "ClientToken": "1",
                "Details": {"Name": "everywhere", "Policy": json.dumps(READ_BY_ANYBODY)},
            }
        },
        {"RequestTokenARN": f"arn:aws:s3:us-west-2:{ACCOUNT}:async-request/mrap/put-policy/1"},
        f"arn:aws:s3::{ACCOUNT}:accesspoint/everywhere",
        Certainty.EVIDENT,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_sibling_did_is_found_in_its_record(case: Case) -> None:
    (found,) = screened(case)
    assert (found.resource.arn, found.certainty) == (case.arn, case.certainty)


BY_NAME = {str(case): case for case in CASES}
HARMLESS = (
    without(BY_NAME["guardduty.threat-list-off-UpdateThreatEntitySet"], activate=True),
    without(
        BY_NAME["securityhub.findings-hidden-CreateAutomationRuleV2"],
        Actions=[{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {"SeverityId": 5}}],
    ),
    without(
        BY_NAME["securityhub.findings-hidden-UpdateAutomationRuleV2"],
        RuleStatus="DISABLED",
        Actions=None,
    ),
    without(
        BY_NAME["ecr.scanning-off-PutRegistryScanningConfiguration"],
        scanType="ENHANCED",
        rules=[
            {
                "scanFrequency": "CONTINUOUS_SCAN",
                "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
            }
        ],
    ),
    without(
        BY_NAME["lightsail.public-database-CreateRelationalDatabaseFromSnapshot"],
        publiclyAccessible=False,
    ),
    without(
        BY_NAME["kafka.public-access-CreateCluster"],
        brokerNodeGroupInfo={"connectivityInfo": {"publicAccess": {"type": "DISABLED"}}},
    ),
    without(
        BY_NAME["kafka.public-access-CreateClusterV2"],
        provisioned={"brokerNodeGroupInfo": {"instanceType": "kafka.m7g.large"}},
    ),
    without(
        BY_NAME["s3.public-access-point-PutMultiRegionAccessPointPolicy"],
        PutMultiRegionAccessPointPolicyRequest={
            "Details": {
                "Name": "everywhere",
                "Policy": json.dumps(READ_BY_ANYBODY).replace('"*"', json.dumps({"AWS": ACCOUNT})),
            }
        },
    ),
)


@pytest.mark.parametrize("case", HARMLESS, ids=str)
def test_a_sibling_that_did_nothing_of_the_kind_is_harmless(case: Case) -> None:
    assert screened(case) == []
