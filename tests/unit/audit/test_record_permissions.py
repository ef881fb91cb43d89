"""No role of the stack can erase the record, whatever else it is allowed; each can do its work.

Under moto's IAM enforcement, which asks about actions and not about resources or conditions: of
each role's policies only what is about the audit table is given to the role that acts here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import settings

from driftguard.audit import AuditTable
from driftguard.audit.seals import Sealer
from driftguard.audit.verify import Verifier
from driftguard.aws.calls import Client
from driftguard.aws.client import Aws
from driftguard.model import Status
from tests.support.audit import a_decision, decided, moved
from tests.support.template import flat, of_type, statements_of
from tests.support.world import HERE, make_tables

KEY = {"pk": {"S": "dg-1"}, "sk": {"S": "decision"}}
PARTIQL = "DELETE FROM audit WHERE pk = 'dg-1' AND sk = 'decision'"
ERASURES: dict[str, dict[str, Any]] = {
    "delete_item": {"TableName": "audit", "Key": KEY},
    "update_item": {"TableName": "audit", "Key": KEY},
    "batch_write_item": {"RequestItems": {"audit": [{"DeleteRequest": {"Key": KEY}}]}},
    "execute_statement": {"Statement": PARTIQL},
    "delete_table": {"TableName": "audit"},
    "update_time_to_live": {
        "TableName": "audit",
        "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "sealed"},
    },
}
# moto has one action a call, where IAM has one for what is done inside it.
MOTO_NAMES = {
    "dynamodb:PutItem": ("dynamodb:PutItem", "dynamodb:TransactWriteItems"),
    "dynamodb:PartiQLDelete": ("dynamodb:PartiQLDelete", "dynamodb:ExecuteStatement"),
}


ROLES = sorted(of_type("AWS::IAM::Role"))
WRITERS = {"GuardRole", "ReplyRole", "SignedApiRole", "SealRole"}


def about_the_record(role: str) -> list[dict[str, Any]]:
    return [
        {"Effect": one["Effect"], "Action": sorted(moto_names(one["Action"])), "Resource": "*"}
        for one in statements_of(role)
        if any("AuditTable" in arn or arn == "*" for arn in flat(one["Resource"]))
        and any(action.startswith("dynamodb:") for action in flat(one["Action"]))
    ]


def moto_names(actions: object) -> Iterator[str]:
    for action in flat(actions):
        yield from MOTO_NAMES.get(action, (action,))


def acting_as(role: str, monkeypatch: pytest.MonkeyPatch, *more: dict[str, Any]) -> Client:
    """DynamoDB under a role that has what the template says about the audit table, and `more`."""
    make_tables()
    iam = boto3.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = {"Version": "2012-10-17", "Statement": [*about_the_record(role), *more]}
    iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=json.dumps(policy))
    lent = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName=role)["Credentials"]
    client = boto3.client(
        "dynamodb",
        aws_access_key_id=lent["AccessKeyId"],
        aws_secret_access_key=lent["SecretAccessKey"],
        aws_session_token=lent["SessionToken"],
    )
    monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0.0)
    return client  # type: ignore[return-value]


def table_of(client: Client) -> AuditTable:
    aws = Aws()
    aws._clients[("dynamodb", "", False)] = client
    return AuditTable(aws, "audit")


def refused(client: Client, operation: str) -> bool:
    try:
        getattr(client, operation)(**ERASURES[operation])
    except ClientError as error:
        # moto answers a JSON API's refusal in XML: the code is in the text.
        return "<Code>AccessDenied</Code>" in str(error)
    return False


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_erase_the_record_even_if_it_were_allowed_all_of_dynamodb(
    account: None, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    everything = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    client = acting_as(role, monkeypatch, everything)
    assert client.get_item(TableName="audit", Key=KEY)
    assert [one for one in ERASURES if not refused(client, one)] == []


@pytest.mark.parametrize("role", sorted(WRITERS - {"SealRole"}))
def test_who_records_can_record(account: None, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    table = table_of(acting_as(role, monkeypatch))
    written = decided(table, a_decision())
    assert moved(table, written, Status.REVERTED, written.updated).version == 2
    assert table.get(written.id) is not None


def test_the_sealer_can_seal(account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(acting_as("SealRole", monkeypatch))
    (seal,) = Sealer(table).seal_until("2026-11-21", "2026-11-21T00:20:00.000Z", HERE)
    assert Sealer(table).last() == seal
    assert Verifier(table).everything("2026-11-21").whole


@pytest.mark.parametrize("role", ROLES)
def test_who_does_not_record_may_not(role: str) -> None:
    allowed = {
        action
        for one in about_the_record(role)
        if one["Effect"] == "Allow"
        for action in one["Action"]
    }
    if role in ("RemediatorRole",):
        # It puts tables' protection back: the table itself, never an item.
        assert not {action for action in allowed if "Item" in action}
    else:
        assert ("dynamodb:PutItem" in allowed) == (role in WRITERS)
        assert not allowed & {"dynamodb:UpdateItem", "dynamodb:UpdateTable"}


@pytest.mark.parametrize("role", ROLES)
def test_every_role_carries_the_denial(role: str) -> None:
    assert role in flat(of_type("AWS::IAM::ManagedPolicy")["NeverErasePolicy"]["Roles"])


@pytest.mark.parametrize("role", sorted(WRITERS))
def test_the_tables_own_policy_knows_who_records(role: str) -> None:
    """Else AWS would refuse what the role's policy allows: no emulator does."""
    tags = of_type("AWS::IAM::Role")[role]["Tags"]
    assert {"Key": "driftguard-record", "Value": "AWS::StackName"} in tags
    policy = of_type("AWS::DynamoDB::Table")["AuditTable"]["ResourcePolicy"]["PolicyDocument"]
    only = next(one for one in policy["Statement"] if one["Sid"] == "OnlyTheStackRecords")
    assert only["Condition"] == {
        "StringNotEquals": {"aws:PrincipalTag/driftguard-record": "AWS::StackName"}
    }


def test_decisions_and_seals_have_writers_of_their_own() -> None:
    keys = {
        role: {
            key
            for one in statements_of(role)
            if one["Effect"] == "Allow"
            and "dynamodb:PutItem" in flat(one["Action"])
            and "AuditTable.Arn" in flat(one["Resource"])
            for key in one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        }
        for role in WRITERS
    }
    assert keys.pop("SealRole") == {"seal", "seal#*"}
    assert set(map(frozenset, keys.values())) == {frozenset({"dg-*"})}
