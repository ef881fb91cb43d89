"""The stricter AWS as a whole: its rules, and how a process's clients meet them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import boto3
import botocore.loaders
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support import strict_aws
from tests.support.each import each
from tests.support.strict_aws import RULES, Rule
from tests.support.strict_aws import __main__ as table
from tests.support.world import Clock, Fakes

DEAD = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "AROAEXAMPLEDEADROLE01"},
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::bucket/*",
            }
        ],
    }
)


def test_there_are_many_rules_and_each_has_a_name_of_its_own() -> None:
    assert len(RULES) >= 60
    assert len({rule.id for rule in RULES}) == len(RULES)


@cache
def operations_of(service: str) -> frozenset[str]:
    model = botocore.loaders.Loader().load_service_model(service, "service-2")
    return frozenset(model["operations"])


@each("rule", RULES, ids=str)
def test_a_rule_names_its_source_and_operations_that_exist(rule: Rule) -> None:
    assert len(rule.source) > 40
    for service, operation in rule.operations:
        assert operation in operations_of(service)


@each("rule", RULES, ids=str)
def test_a_rule_has_a_test(rule: Rule) -> None:
    tests = [path.read_text() for path in Path(__file__).parent.glob("test_strict_aws_*.py")]

    assert any(f'"{rule.id}"' in text for text in tests)


@pytest.fixture
def bucket() -> Iterator[str]:
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield "bucket"


def test_a_client_is_refused_in_the_services_own_words(bucket: str) -> None:
    client = boto3.client("s3")
    client.put_bucket_policy(Bucket=bucket, Policy=DEAD)

    with strict_aws.enforced(), pytest.raises(ClientError) as refused:
        client.put_bucket_policy(Bucket=bucket, Policy=DEAD)

    assert refused.value.response["Error"] == {
        "Code": "MalformedPolicy",
        "Message": "Invalid principal in policy",
    }
    client.put_bucket_policy(Bucket=bucket, Policy=DEAD)


def test_a_refusal_is_of_the_class_that_the_service_models(account: None) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="s", SecretString="x")
    rules = {"AutomaticallyAfterDays": 30, "ScheduleExpression": "rate(30 days)"}

    with strict_aws.enforced(), pytest.raises(client.exceptions.InvalidParameterException):
        client.rotate_secret(SecretId="s", RotationRules=rules)


def test_rules_can_be_left_out(bucket: str) -> None:
    with strict_aws.enforced(without=["s3.policy-names-dead-principal"]):
        boto3.client("s3").put_bucket_policy(Bucket=bucket, Policy=DEAD)


def test_a_rule_asks_other_services_without_meeting_rules(account: None) -> None:
    made = boto3.client("iam").create_role(RoleName="alive", AssumeRolePolicyDocument="{}")
    alive = DEAD.replace("AROAEXAMPLEDEADROLE01", made["Role"]["RoleId"])

    with strict_aws.enforced(without=["s3.new-buckets-are-blocked"]):
        boto3.client("s3").create_bucket(Bucket="bucket")
        boto3.client("s3").put_bucket_policy(Bucket="bucket", Policy=alive)


def test_a_paginator_follows_the_pages(account: None) -> None:
    client = boto3.client("iam")
    for number in range(103):
        client.create_user(UserName=f"user-{number:03}")

    with strict_aws.enforced():
        assert len(client.list_users()["Users"]) == 100
        pages = list(client.get_paginator("list_users").paginate())

    assert [len(page["Users"]) for page in pages] == [100, 3]


def test_rules_stand_above_fakes_and_follow_a_clock(account: None, fakes: Fakes) -> None:
    clock, client = Clock(datetime(2026, 11, 29, tzinfo=UTC)), boto3.client("ec2")
    level = {"ImageBlockPublicAccessState": "unblocked"}
    fakes.install(
        {
            ("ec2", "GetImageBlockPublicAccessState"): lambda _: dict(level),
            ("ec2", "EnableImageBlockPublicAccess"): lambda asked: level.update(asked) or level,
        }
    )

    with strict_aws.enforced(now=clock.now):
        client.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")
        told = client.get_image_block_public_access_state()
        assert told["ImageBlockPublicAccessState"] == "unblocked"
        clock.pass_by(minutes=11)
        told = client.get_image_block_public_access_state()
        assert told["ImageBlockPublicAccessState"] == "block-new-sharing"


def test_a_region_settles_by_itself(account: None) -> None:
    with strict_aws.enforced():
        here, there = (boto3.client("dynamodb", region_name=r) for r in ("us-east-1", "eu-west-1"))
        for client in (here, there):
            client.create_table(
                TableName="t",
                AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
        here.update_table(TableName="t", DeletionProtectionEnabled=True)

        with pytest.raises(here.exceptions.ResourceInUseException):
            here.update_table(TableName="t", DeletionProtectionEnabled=False)
        there.update_table(TableName="t", DeletionProtectionEnabled=True)


def test_somebody_who_waits_is_let_through_and_a_look_meets_no_rule(account: None) -> None:
    clock, client = Clock(), boto3.client("eks")
    client.create_cluster(
        name="prod", roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig={}
    )
    on = {"clusterLogging": [{"types": ["audit"], "enabled": True}]}

    with strict_aws.enforced(now=clock.now) as gate:
        client.update_cluster_config(name="prod", logging=on)
        with gate.lifted():
            assert client.describe_cluster(name="prod")["cluster"]["status"] == "ACTIVE"
        assert client.describe_cluster(name="prod")["cluster"]["status"] == "UPDATING"

        with gate.waited_out(lambda: clock.pass_by(minutes=11)):
            client.update_cluster_config(name="prod", logging=on)


def test_the_rules_are_printed_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    table.main()

    printed = capsys.readouterr().out
    assert all(f"| `{rule.id}` |" in printed and rule.source in printed for rule in RULES)


def test_fakes_that_come_after_the_rules_are_noticed(account: None, fakes: Fakes) -> None:
    with pytest.raises(AssertionError, match="install them first"), strict_aws.enforced():
        fakes.install({})
