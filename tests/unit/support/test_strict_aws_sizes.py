"""Rules about sizes and characters of what the guard stores and sends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.strict_aws.stand_in import strict


def put(**item: dict[str, Any]) -> dict[str, Any]:
    return {"TableName": "t", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}} | item}


def together(*puts: dict[str, Any]) -> dict[str, Any]:
    return {"TransactItems": [{"Put": one} for one in puts]}


LARGE, HALF = {"S": "x" * 410_000}, {"S": "x" * 390_000}


@pytest.mark.parametrize(
    ("rule", "service", "operation", "taken", "refused", "code"),
    [
        (
            *("dynamodb.item-size", "dynamodb", "PutItem"),
            *(put(text=HALF), put(text=LARGE), "ValidationException"),
        ),
        (
            *("dynamodb.item-size", "dynamodb", "TransactWriteItems"),
            *(together(put(text=HALF)), together(put(), put(text=LARGE))),
            "TransactionCanceledException",
        ),
        (
            *("dynamodb.transaction-size", "dynamodb", "TransactWriteItems"),
            *(together(*[put(text=HALF)] * 10), together(*[put(text=HALF)] * 11)),
            "ValidationException",
        ),
        (
            *("dynamodb.transaction-size", "dynamodb", "TransactWriteItems"),
            *(together(*[put()] * 100), together(*[put()] * 101), "ValidationException"),
        ),
        (
            *("dynamodb.key-size", "dynamodb", "PutItem"),
            *(put(actor={"S": "x" * 2_048}), put(actor={"S": ""}), "ValidationException"),
        ),
        (
            *("dynamodb.key-size", "dynamodb", "PutItem"),
            *(put(decided={"S": "x" * 1_024}), put(decided={"S": "x" * 1_025})),
            "ValidationException",
        ),
        (
            *("sqs.characters", "sqs", "SendMessage"),
            {"QueueUrl": "q", "MessageBody": "a\tb\u00fc"},
            {"QueueUrl": "q", "MessageBody": "a\x1bb"},
            "InvalidMessageContents",
        ),
        (
            *("sns.message-size", "sns", "Publish"),
            {"TopicArn": "t", "Message": "x" * 262_144},
            {"TopicArn": "t", "Message": "x" * 262_145},
            "InvalidParameter",
        ),
        (
            *("sns.message-size", "sns", "Publish"),
            {"TopicArn": "t", "Message": "x", "Subject": "x" * 100},
            {"TopicArn": "t", "Message": "x", "Subject": "x\n"},
            "InvalidParameter",
        ),
    ],
)
def test_what_is_too_large_or_acts_is_refused(
    rule: str,
    service: str,
    operation: str,
    taken: dict[str, Any],
    refused: dict[str, Any],
    code: str,
) -> None:
    aws = strict(rule)
    aws.allowed(service, operation, **taken)
    assert aws.refused(service, operation, **refused)[0] == code
