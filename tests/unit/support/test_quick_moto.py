"""What the tests have moto work out only once changes none of its answers."""

from __future__ import annotations

from datetime import datetime

import boto3
import pytest
from moto.core import serialize
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends

from tests.support import quick_moto
from tests.support.world import ACCOUNT, REGION, make_tables


def test_a_member_is_found_where_moto_finds_it(
    account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = []

    def both(
        self: serialize.AttributePicker, context: serialize.AttributePickerContext
    ) -> object | None:
        met.append(context.key)
        found = quick_moto._picked(self, context)
        again = quick_moto._pick(self, context)
        # Some members are the time of day.
        assert found == again or isinstance(found, datetime), context.key
        assert type(found) is type(again)
        return found

    monkeypatch.setattr(serialize.AttributePicker, "__call__", both)
    make_tables()
    boto3.client("dynamodb").describe_table(TableName="audit")
    boto3.client("ec2").describe_vpcs()
    boto3.client("rds").create_db_instance(
        DBInstanceIdentifier="orders", DBInstanceClass="db.m5.large", Engine="postgres"
    )
    boto3.client("rds").describe_db_instances()
    assert {"TableName", "IndexName", "DBInstanceIdentifier"} <= set(met)


def item(id_: str, text: str, **more: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": id_}, "sk": {"S": "x"}, "text": {"S": text}} | {
        name: {"S": value} for name, value in more.items()
    }


@pytest.fixture
def audit(account: None) -> DynamoDBBackend:
    boto3.client("dynamodb").create_table(
        TableName="audit",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    boto3.client("dynamodb").put_item(TableName="audit", Item=item("one", "before"))
    return dynamodb_backends[ACCOUNT][REGION]


def text_of(id_: str) -> str | None:
    key = {"pk": {"S": id_}, "sk": {"S": "x"}}
    found = boto3.client("dynamodb").get_item(TableName="audit", Key=key).get("Item")
    return found["text"]["S"] if found else None


def test_a_transaction_that_is_canceled_leaves_all_as_it_was(audit: DynamoDBBackend) -> None:
    client = boto3.client("dynamodb")
    client.put_item(TableName="audit", Item=item("gone", "there"))
    key = {"sk": {"S": "x"}}
    update = {
        "TableName": "audit",
        "Key": {"pk": {"S": "one"}, **key},
        "UpdateExpression": "SET #t = :t",
        "ExpressionAttributeNames": {"#t": "text"},
        "ExpressionAttributeValues": {":t": {"S": "after"}},
    }
    steps = [
        {"Update": update},
        {"Put": {"TableName": "audit", "Item": item("two", "new")}},
        {"Delete": {"TableName": "audit", "Key": {"pk": {"S": "gone"}, **key}}},
    ]
    refused = {
        "TableName": "audit",
        "Key": {"pk": {"S": "none"}, **key},
        "ConditionExpression": "attribute_exists(pk)",
    }
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(TransactItems=[*steps, {"ConditionCheck": refused}])
    assert (text_of("one"), text_of("two"), text_of("gone")) == ("before", None, "there")

    client.transact_write_items(TransactItems=steps)
    assert (text_of("one"), text_of("two"), text_of("gone")) == ("after", "new", None)


def test_an_item_that_is_too_large_is_refused_whether_put_or_updated(
    audit: DynamoDBBackend,
) -> None:
    client = boto3.client("dynamodb")
    parts = {f"part{number}": "x" * 100_000 for number in range(4)}
    client.put_item(TableName="audit", Item=item("fits", "x", **parts))
    for much in (item("large", "x" * 6_000, **parts), item("large", "ü" * 3_000, **parts)):
        with pytest.raises(client.exceptions.ClientError, match="Item size"):
            client.put_item(TableName="audit", Item=much)
    with pytest.raises(client.exceptions.ClientError, match="Item size"):
        client.update_item(
            TableName="audit",
            Key={"pk": {"S": "fits"}, "sk": {"S": "x"}},
            UpdateExpression="SET more = :m",
            ExpressionAttributeValues={":m": {"S": "x" * 6_000}},
        )
    assert text_of("large") is None


def test_each_account_begins_with_empty_tables(account: None) -> None:
    make_tables()
    names = boto3.client("dynamodb").list_tables()["TableNames"]
    assert names == ["audit", "state"]
    first = dynamodb_backends[ACCOUNT][REGION].tables["audit"]
    make_tables()
    second = dynamodb_backends[ACCOUNT][REGION].tables["audit"]
    assert first is not second
    assert first.items is not second.items
