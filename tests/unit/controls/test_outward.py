"""What leaves the account or opens it: the corners of judgments that scenarios do not reach."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from driftguard.access.principals import Trusted
from driftguard.controls import control
from driftguard.controls.control import NoSettings, TrustSettings
from driftguard.controls.events.buses import written
from driftguard.controls.networks.endpoints import ENDPOINT_OPENED
from driftguard.model import Candidate, Certainty, Change
from tests.support.records import ACCOUNT, change, ec2, s3
from tests.support.world import REGION, World

STRANGER, PARTNER = "999999999999", "888888888888"
TRUSTING = TrustSettings(Trusted(accounts=frozenset({PARTNER})))


def screened(control_id: str, made: Change, settings: Any = None) -> list[Candidate]:
    one = control(control_id)
    return list(one.screen(made, one.settings() if settings is None else settings))


# ----------------------------------------------------------------------------------- policies


def test_a_permission_on_a_bus_is_judged_by_its_condition() -> None:
    """The console makes a statement for an organization of everybody and a condition."""
    asked = {
        "action": "events:PutEvents",
        "principal": "*",
        "statementId": "ours",
        "condition": {"type": "StringEquals", "key": "aws:PrincipalOrgID", "value": "o-ours12345"},
    }
    made = change("events.amazonaws.com", "PutPermission", asked)
    statement: Any = written(made)
    (only,) = statement["Statement"]
    assert only["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-ours12345"}}
    assert screened("events.public-bus", made) == []


@pytest.mark.parametrize(
    ("given", "bus"),
    [
        ({}, "default"),
        ({"eventBusName": "orders"}, "orders"),
        ({"eventBusName": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/orders"}, "orders"),
    ],
)
def test_a_bus_is_found_however_it_is_named(given: dict[str, str], bus: str) -> None:
    made = change(
        "events.amazonaws.com",
        "PutPermission",
        {**given, "action": "events:PutEvents", "principal": STRANGER, "statementId": "theirs"},
    )
    (found,) = screened("events.public-bus", made)
    assert found.resource.id == bus
    assert found.resource.arn == f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}"
    assert found.certainty is Certainty.EVIDENT


def test_the_policy_of_one_log_group_is_not_taken_for_one_of_the_account() -> None:
    asked = {
        "policyName": "delivery",
        "policyDocument": '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}',
        "resourceArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:orders",
    }
    assert (
        screened("logs.public-policy", change("logs.amazonaws.com", "PutResourcePolicy", asked))
        == []
    )


def test_a_repository_in_another_accounts_domain_is_not_ours() -> None:
    asked = {"domain": "acme", "repository": "shop", "policyDocument": "{}"}
    name = "PutRepositoryPermissionsPolicy"
    source = "codeartifact.amazonaws.com"
    theirs = change(source, name, {**asked, "domainOwner": STRANGER})
    ours = change(source, name, {**asked, "domainOwner": ACCOUNT})
    assert screened("codeartifact.public-repository", theirs) == []
    assert len(screened("codeartifact.public-repository", ours)) == 1


# ---------------------------------------------------------------------------------- endpoints

EVERYTHING = (
    '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'
)


@pytest.mark.parametrize(
    ("policy", "full"),
    [
        (EVERYTHING, True),
        (EVERYTHING.replace('"Principal": "*"', '"Principal": {"AWS": ["*"]}'), True),
        (EVERYTHING.replace("[{", "{").replace("}]", "}"), True),
        (EVERYTHING.replace('"Action": "*"', '"Action": "s3:GetObject"'), False),
        (
            EVERYTHING.replace("}]", ', "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]'),
            False,
        ),
        (EVERYTHING.replace("Allow", "Deny"), False),
        ("no policy", True),
    ],
)
def test_an_endpoint_lets_everything_through_only_where_nothing_restricts_it(
    policy: str, full: bool
) -> None:
    asked = {"VpcEndpointId": "vpce-1", "PolicyDocument": policy}
    made = ec2("ModifyVpcEndpoint", {"ModifyVpcEndpointRequest": asked})
    assert bool(screened("ec2.endpoint-policy-opened", made)) is full


def test_an_endpoint_that_lets_everything_through_from_the_start_is_no_drift() -> None:
    """The default policy does; a sweep records it."""
    state = {"policy": EVERYTHING}
    assert ENDPOINT_OPENED.assess(state, None, NoSettings()) is None
    assert ENDPOINT_OPENED.assess(state, {"policy": EVERYTHING}, NoSettings()) is None


def test_a_reset_endpoint_is_looked_at() -> None:
    asked = {"VpcEndpointId": "vpce-1", "ResetPolicy": True}
    made = ec2("ModifyVpcEndpoint", {"ModifyVpcEndpointRequest": asked})
    assert len(screened("ec2.endpoint-policy-opened", made)) == 1


@pytest.mark.parametrize(
    ("to", "every_group", "looked_at"),
    [("0.0.0.0/0", True, True), ("10.0.0.0/8", True, False), ("0.0.0.0/0", False, False)],
)
def test_a_vpn_is_open_where_all_groups_reach_all_addresses(
    to: str, every_group: bool, looked_at: bool
) -> None:
    asked = {
        "ClientVpnEndpointId": "cvpn-endpoint-1",
        "TargetNetworkCidr": to,
        "AuthorizeAllGroups": every_group,
    }
    made = ec2("AuthorizeClientVpnIngress", {"AuthorizeClientVpnIngressRequest": asked})
    assert bool(screened("ec2.vpn-open-to-all", made)) is looked_at


# ------------------------------------------------------------------------------------- ports


@pytest.mark.parametrize(
    ("port", "risky"),
    [
        ({"fromPort": 22, "toPort": 22, "cidrs": ["0.0.0.0/0"]}, True),
        ({"fromPort": 22, "toPort": 22}, True),
        ({"fromPort": 22, "toPort": 22, "cidrListAliases": ["lightsail-connect"]}, False),
        ({"fromPort": 22, "toPort": 22, "cidrs": ["192.0.2.0/24"]}, False),
        ({"fromPort": 22, "toPort": 22, "cidrs": ["192.0.2.0/24"], "ipv6Cidrs": ["::/0"]}, True),
        ({"fromPort": 443, "toPort": 443, "cidrs": ["0.0.0.0/0"]}, False),
        ({"fromPort": 0, "toPort": 65535, "cidrs": ["0.0.0.0/0"]}, True),
    ],
)
def test_a_port_is_open_to_everybody(port: dict[str, Any], risky: bool) -> None:
    asked = {"instanceName": "shop", "portInfo": {"protocol": "tcp", **port}}
    made = change("lightsail.amazonaws.com", "OpenInstancePublicPorts", asked)
    assert bool(screened("lightsail.public-port", made)) is risky


# ----------------------------------------------------------------------------------- exports


@pytest.mark.parametrize(
    ("source", "name", "asked"),
    [
        ("ec2", "CreateInstanceExportTask", {"exportToS3": {"s3Bucket": "collected"}}),
        ("ec2", "CreateInstanceExportTask", {"exportToS3Task": {"s3Bucket": "collected"}}),
        (
            "ec2",
            "ExportImage",
            {"ExportImageRequest": {"S3ExportLocation": {"S3Bucket": "collected"}}},
        ),
        ("ec2", "CreateStoreImageTask", {"CreateStoreImageTaskRequest": {"Bucket": "collected"}}),
        ("rds", "StartExportTask", {"s3BucketName": "collected"}),
        ("dynamodb", "ExportTableToPointInTime", {"s3Bucket": "collected"}),
        ("logs", "CreateExportTask", {"destination": "collected"}),
    ],
)
def test_every_export_names_its_bucket(
    world: World, source: str, name: str, asked: dict[str, Any]
) -> None:
    made = change(f"{source}.amazonaws.com", name, asked)
    (found,) = screened("data.exported", made)
    assert found.resource.arn == "arn:aws:s3:::collected"
    reader = world.guard.aws.reader(ACCOUNT, REGION)
    assert control("data.exported").observe(found, reader) is not None

    boto3.client("s3").create_bucket(Bucket="collected")
    assert control("data.exported").observe(found, reader) is None


def test_an_export_to_a_trusted_account_is_none_to_a_stranger() -> None:
    asked = {"s3Bucket": "collected", "s3BucketOwner": PARTNER}
    made = change("dynamodb.amazonaws.com", "ExportTableToPointInTime", asked)
    assert screened("data.exported", made, TRUSTING) == []
    assert len(screened("data.exported", made)) == 1


@pytest.mark.parametrize(
    "logged",
    [
        {"TopicConfiguration": {"Topic": "arn:aws:sns:us-east-1:{}:t"}},
        {"QueueConfiguration": [{"Queue": "arn:aws:sqs:us-east-1:{}:q"}]},
        {"CloudFunctionConfiguration": {"CloudFunction": "arn:aws:lambda:us-east-1:{}:function:f"}},
    ],
    ids=["topic", "queue", "function"],
)
def test_a_notified_stranger_is_found_in_each_kind_of_target(logged: Any) -> None:
    for account, strangers in ((STRANGER, 1), (PARTNER, 0), (ACCOUNT, 0)):
        whole = json.loads(json.dumps(logged).replace("{}", account))
        made = s3("PutBucketNotification", {"bucketName": "b", "NotificationConfiguration": whole})
        assert len(screened("s3.notification-external", made, TRUSTING)) == strangers


# ---------------------------------------------------------------------------- public endpoints


def test_a_policy_that_cannot_be_read_counts_as_public() -> None:
    asked = {"type": "network", "name": "logs", "policy": "[{"}
    made = change("aoss.amazonaws.com", "UpdateSecurityPolicy", asked)
    assert len(screened("aoss.public-network", made)) == 1
    other = change("aoss.amazonaws.com", "UpdateSecurityPolicy", {**asked, "type": "encryption"})
    assert screened("aoss.public-network", other) == []


def test_a_replication_instance_is_public_unless_it_is_said_otherwise() -> None:
    asked = {"replicationInstanceIdentifier": "migrate"}
    made = change("dms.amazonaws.com", "CreateReplicationInstance", asked)
    (found,) = screened("dms.public-instance", made)
    assert found.certainty is Certainty.POSSIBLE
