"""How large what the guard stores and sends may be: DynamoDB's items, SQS's and SNS's messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .rule import Account, Refusal, Request, Rule, of, refuses

ITEM = 400 * 1024
TRANSACTION = 4 * 1024 * 1024
ACTIONS = 100
# Of the parts of a key, and of the keys of an index, in bytes.
PARTITION_KEY = 2_048
SORT_KEY = 1_024
# The keys of the tables and of all their indexes: this gate knows the guard's tables only.
_PARTITION_KEYS = frozenset(
    {"pk", "day", "account", "region", "resource", "resource_id", "actor", "actor_name", "control"}
)
_SORT_KEYS = frozenset({"sk", "decided", "at"})
MESSAGE = 256 * 1024
SUBJECT = 100


def size_of(item: Mapping[str, Any]) -> int:
    """The bytes of an item: its attributes' names and values."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        # About a byte for two digits, and one more.
        return len(held.lstrip("-0")) // 2 + 2
    if kind == "B":
        return len(held)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "L":
        return 3 + sum(1 + _size(inner) for inner in held)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(inner) for name, inner in held.items())
    return sum(len(inner) if kind == "BS" else len(str(inner).encode()) for inner in held)


def _written(request: Request) -> Iterator[Mapping[str, Any]]:
    if request.operation == "PutItem":
        yield request.get("Item")
    for action in request.get("TransactItems") or []:
        if "Put" in action:
            yield action["Put"]["Item"]


@refuses(
    "dynamodb.item-size",
    "DynamoDB Developer Guide, “Quotas in Amazon DynamoDB”: “The maximum item size in DynamoDB is "
    "400 KB, which includes both attribute name binary length … and attribute value lengths”.",
    of("dynamodb", "PutItem", "TransactWriteItems"),
)
def item_size(request: Request, account: Account) -> None:
    if all(size_of(item) <= ITEM for item in _written(request)):
        return
    said = "Item size has exceeded the maximum allowed size"
    if request.operation == "PutItem":
        raise Refusal("ValidationException", said)
    reasons = ["ValidationError" if size_of(item) > ITEM else "None" for item in _written(request)]
    raise Refusal(
        "TransactionCanceledException",
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        f"[{', '.join(reasons)}]",
    )


@refuses(
    "dynamodb.transaction-size",
    "DynamoDB API Reference, TransactWriteItems: “up to 100 action requests”, “The aggregate size "
    "of the items in the transaction cannot exceed 4 MB”.",
    of("dynamodb", "TransactWriteItems"),
)
def transaction_size(request: Request, account: Account) -> None:
    actions = request.get("TransactItems") or []
    together = sum(size_of(item) for item in _written(request))
    if len(actions) > ACTIONS or together > TRANSACTION:
        raise Refusal("ValidationException", f"{len(actions)} actions, {together} bytes")


@refuses(
    "dynamodb.key-size",
    "DynamoDB Developer Guide, “Quotas in Amazon DynamoDB”: a partition key has 1 to 2048 bytes, a "
    "sort key 1 to 1024; those of an index likewise.",
    of("dynamodb", "PutItem", "TransactWriteItems"),
)
def key_size(request: Request, account: Account) -> None:
    for item in _written(request):
        for names, most in ((_PARTITION_KEYS, PARTITION_KEY), (_SORT_KEYS, SORT_KEY)):
            for name in names & set(item):
                if not 1 <= len(item[name].get("S", "x").encode()) <= most:
                    raise Refusal("ValidationException", f"Size of hashkey or rangekey: {name}")


def _is_allowed(character: str) -> bool:
    return (
        character in "\t\n\r"
        or " " <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character >= "\U00010000"
    )


@refuses(
    "sqs.characters",
    "SQS API Reference, SendMessage: a message and its attributes may hold #x9, #xA, #xD, #x20 to "
    "#xD7FF, #xE000 to #xFFFD and #x10000 to #x10FFFF; else InvalidMessageContents. SQS Developer "
    "Guide, “Amazon SQS message quotas”: attributes count toward the size.",
    of("sqs", "SendMessage"),
)
def sqs_characters(request: Request, account: Account) -> None:
    named = request.get("MessageAttributes") or {}
    texts = [request.get("MessageBody"), *(one["StringValue"] for one in named.values())]
    if not all(map(_is_allowed, "".join(texts))):
        raise Refusal("InvalidMessageContents", "Invalid characters found.")
    if not all(texts):
        raise Refusal("InvalidParameterValue", "An attribute's value must not be empty.")


@refuses(
    "sns.message-size",
    "SNS Developer Guide, “Publishing large messages with Amazon SNS”: by default a topic takes "
    "262,144 bytes of message and attributes; API Reference, Publish: a subject is at most 100 "
    "characters of ASCII without control characters.",
    of("sns", "Publish"),
)
def sns_message_size(request: Request, account: Account) -> None:
    attributes = request.get("MessageAttributes") or {}
    size = len(request.get("Message").encode()) + sum(
        len(name.encode()) + len(one["DataType"]) + len(one["StringValue"].encode())
        for name, one in attributes.items()
    )
    subject = request.get("Subject") or "-"
    printable = subject.isascii() and subject.isprintable()
    if size > MESSAGE or len(subject) > SUBJECT or not printable:
        raise Refusal("InvalidParameter", "Invalid parameter: Message too long")


RULES: tuple[Rule, ...] = (item_size, transaction_size, key_size, sqs_characters, sns_message_size)
