"""What the recorder writes of real calls: the guard finds in it what it finds in the examples."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from driftguard.documents import stamp
from driftguard.events.cloudtrail import change_from_record
from driftguard.model import Change, Status
from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario
from tests.support.recording import recorded
from tests.support.round_trips import RoundTrip, staged_trip
from tests.support.world import ROOT, Fakes, World

# Of each protocol and each event source that moto plays; of EC2 and S3 each way to spell a call.
DRIVEN = (
    "backup.vault-unlocked",
    "cloudtrail.stopped",
    "config.recording-narrowed",
    "dynamodb.protection-off",
    "ec2.ami-shared",
    "ec2.endpoint-service-shared",
    "ec2.imdsv1-allowed",
    "ec2.nacl-open-created",
    "ec2.open-ingress",
    "ec2.open-ingress-edited",
    "ec2.snapshot-shared",
    "ec2.subnet-auto-public-ip",
    "ecr.tags-mutable",
    "efs.public-policy",
    "eks.public-endpoint",
    "elb.listener-weakened-policy",
    "guardduty.disabled",
    "iam.admin-attached-role",
    "iam.admin-inline-user",
    "iam.key-for-other-user",
    "kms.public-policy",
    "lambda.public-invoke",
    "opensearch.public-policy",
    "org.policy-detached",
    "rds.snapshot-shared",
    "redshift.public",
    "s3.account-bpa-off",
    "s3.bucket-bpa-off",
    "s3.public-access-point",
    "s3.public-acl",
    "s3.public-policy",
    "s3.replication-external",
    "secretsmanager.public-policy",
    "sns.public-policy",
    "sqs.public-policy",
    "ssm.document-public",
    "sso.admin-permission-set",
)


@pytest.mark.parametrize(
    "scenario", [one for one in SCENARIOS if str(one) in DRIVEN], ids=lambda one: str(one)
)
def test_the_guard_finds_the_risk_in_the_record_of_the_call(
    scenario: Scenario, world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staged_trip(world, fakes, scenario) as trip:
        with recorded(monkeypatch) as records, trip.gate.waited_out(trip.queue.settled):
            example = trip.staged.attack()
        assert not trip.staged.fakes
        changes = [change_from_record(json.loads(json.dumps(one))) for one in records]
        change = next(one for one in changes if one.name == example.name)
        assert candidates(trip, change) == candidates(trip, example) != set()
        decision = trip.decided(replace(change, time=stamp(world.clock.now())))
        assert decision.status is (Status.ASKED if scenario.asked else Status.REVERTED)


def candidates(trip: RoundTrip, change: Change) -> set[tuple[str, str]]:
    """What the scenario's control makes of a record alone."""
    return {
        (case.candidate.resource.arn, case.candidate.certainty.name)
        for case in trip.guard.screen(change).cases
        if case.control.id == trip.scenario.control
    }


def test_each_driven_scenario_is_one() -> None:
    assert {str(one) for one in SCENARIOS} >= set(DRIVEN)


def record_of_call(monkeypatch: pytest.MonkeyPatch, call: Any, **asked: Any) -> dict[str, Any]:
    """The record of one call, made or refused."""
    with recorded(monkeypatch) as records, suppress(ClientError):
        call(**asked)
    (record,) = records
    return record


def group() -> str:
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    return str(made["GroupId"])


RULE = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@pytest.mark.usefixtures("account")
def test_a_record_has_the_members_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    call = boto3.client("ec2").authorize_security_group_ingress
    record = record_of_call(monkeypatch, call, GroupId=group(), IpPermissions=[RULE])
    file = ROOT / "events" / "ec2.open-ingress" / "risky.json"
    example = json.loads(file.read_text())["detail"]
    assert set(record) == set(example) - {"tlsDetails"}
    asked = example["requestParameters"]
    assert record["requestParameters"]["groupId"].startswith("sg-")
    assert record["requestParameters"]["ipPermissions"] == {
        "items": [
            {
                "ipProtocol": "tcp",
                "fromPort": 22,
                "toPort": 22,
                "groups": {},
                "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
                "ipv6Ranges": {},
                "prefixListIds": {},
            }
        ]
    }
    assert set(record["requestParameters"]) == set(asked)
    answer = record["responseElements"]
    assert answer["_return"] is True
    (rule,) = answer["securityGroupRuleSet"]["items"]
    assert rule["securityGroupRuleId"].startswith("sgr-")


@pytest.mark.usefixtures("account")
def test_the_flat_form_of_an_ingress_has_no_permissions(monkeypatch: pytest.MonkeyPatch) -> None:
    call = boto3.client("ec2").authorize_security_group_ingress
    flat = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
    record = record_of_call(monkeypatch, call, GroupId=group(), **flat)
    asked = record["requestParameters"]
    assert (asked["ipPermissions"], asked["cidrIp"], asked["fromPort"]) == ({}, "0.0.0.0/0", 22)


@pytest.mark.usefixtures("account")
def test_a_refused_call_has_its_error_and_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    ec2, iam = boto3.client("ec2"), boto3.client("iam")
    gone = record_of_call(
        monkeypatch, ec2.authorize_security_group_ingress, GroupId="sg-0", IpPermissions=[RULE]
    )
    assert gone["errorCode"] == "Client.InvalidGroup.NotFound"
    assert gone["responseElements"] is None
    assert gone["requestParameters"]["groupId"] == "sg-0"
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    none = record_of_call(monkeypatch, iam.attach_role_policy, RoleName="none", PolicyArn=admin)
    assert none["errorCode"] == "NoSuchEntity"
    assert change_from_record(none).error


@pytest.mark.usefixtures("account")
def test_reads_and_what_no_control_watches_are_not_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with recorded(monkeypatch) as records:
        group()
        boto3.client("ec2").describe_security_groups()
        boto3.client("s3").list_buckets()
    assert records == []


@pytest.mark.usefixtures("account")
def test_a_secret_is_hidden_and_what_is_too_large_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ssm = boto3.client("ssm")
    kept = record_of_call(monkeypatch, ssm.put_parameter, Name="/db", Type="String", Value="s3cr3t")
    assert kept["requestParameters"]["value"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert kept["responseElements"]["version"] == 1
    boto3.client("s3").create_bucket(Bucket="wares")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "x" * 110_000}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    put = boto3.client("s3").put_bucket_policy
    large = record_of_call(monkeypatch, put, Bucket="wares", Policy=policy)
    assert large["requestParameters"]["omitted"] == "true"
    assert int(large["requestParameters"]["originalSize"]) > 110_000
    assert large["eventName"] == "PutBucketPolicy"


@pytest.mark.usefixtures("account")
def test_global_services_are_logged_in_one_region(monkeypatch: pytest.MonkeyPatch) -> None:
    call = boto3.client("iam", region_name="eu-west-1").create_user
    assert record_of_call(monkeypatch, call, UserName="eve")["awsRegion"] == "us-east-1"
