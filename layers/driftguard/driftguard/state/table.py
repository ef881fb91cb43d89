"""The state table: what people and the guard remember, each a record of JSON with a version.

All records that a decision is made by are read in one batch. What follows from a decision is
written in the transaction that records it, each record only if nobody has written it meanwhile.
(Channels and the cache of advisories keep items of their own kinds beside the state records.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from driftguard.aws.calls import AwsError, Client, Throttled, told_apart
from driftguard.aws.client import Aws
from driftguard.aws.dynamodb import Item, Key, Moved, Write, _key, cancellation_reasons
from driftguard.frozen import dataclass
from driftguard.model import Place

from .keys import StateRecord, StateRecords, item_of, record_of

# A freeze written by hand may have no version; whoever lifts it has seen it.
_UNMOVED = "v = :seen OR (attribute_exists(pk) AND attribute_not_exists(v))"
_BATCH = 100
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class StateTable:
    """Reads and writes state records. `place` is where the guard stands whose table it is."""

    aws: Aws
    name: str
    place: Place

    @property
    def client(self) -> Client:
        """DynamoDB's client, made when the table is first used."""
        return self.aws.client("dynamodb")

    def recall(self, *keys: Key) -> StateRecords:
        """The state records of these keys, read consistently.

        Raises `Throttled` when DynamoDB still leaves some unread after several rounds.
        """
        found: list[Item] = []
        for start in range(0, len(keys), _BATCH):
            asked: Mapping[str, object] = {
                self.name: {
                    "Keys": [_key(key) for key in keys[start : start + _BATCH]],
                    "ConsistentRead": True,
                }
            }
            for _ in range(_ROUNDS):
                with told_apart("dynamodb", "BatchGetItem"):
                    answer = self.client.batch_get_item(RequestItems=asked)
                found += answer["Responses"].get(self.name, [])
                asked = answer.get("UnprocessedKeys") or {}
                if not asked:
                    break
            else:
                raise Throttled(
                    "dynamodb:BatchGetItem was throttled: state records were left unread"
                )
        return StateRecords.of(self.place, found)

    def record(self, key: Key) -> StateRecord:
        """One state record, read consistently; an empty one where there is none."""
        with told_apart("dynamodb", "GetItem"):
            found = self.client.get_item(TableName=self.name, Key=_key(key), ConsistentRead=True)
        return record_of(found["Item"]) if "Item" in found else StateRecord(key)

    def under(self, pk: str) -> list[StateRecord]:
        """All state records of one partition, in the order of their sort keys."""
        query = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "ConsistentRead": True,
        }
        with told_apart("dynamodb", "Query"):
            pages = list(self.client.get_paginator("query").paginate(**query))
        return [record_of(item) for page in pages for item in page["Items"]]

    def newest(self, pk: str, since: str = "") -> Iterator[StateRecord]:
        """The state records of one partition whose sort keys do not come before that, last first.

        Read as they are asked for.
        """
        query = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk AND sk >= :since",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":since": {"S": since or "0"}},
            "ConsistentRead": True,
            "ScanIndexForward": False,
        }
        with told_apart("dynamodb", "Query"):
            for page in self.client.get_paginator("query").paginate(**query):
                yield from map(record_of, page["Items"])

    def writes(self, *records: StateRecord) -> list[Write]:
        """The writes that put these state records over the versions that were read."""
        made: list[Write] = []
        for record in records:
            put: dict[str, object] = {"TableName": self.name, "Item": item_of(record)}
            if record.unreadable:
                # Junk has no version to go by, and must not keep anything from being remembered.
                pass
            elif record.version:
                put["ConditionExpression"] = _UNMOVED
                put["ExpressionAttributeValues"] = {":seen": {"N": str(record.version)}}
            else:
                put["ConditionExpression"] = "attribute_not_exists(pk)"
            made.append({"Put": put})
        return made

    def write(self, *records: StateRecord) -> None:
        """Writes state records, all or none.

        Raises `Moved` when somebody else wrote one meanwhile, `Throttled` when DynamoDB was busy.
        """
        try:
            with told_apart("dynamodb", "TransactWriteItems"):
                self.client.transact_write_items(TransactItems=self.writes(*records))
        except AwsError as error:
            if error.code != "TransactionCanceledException":
                raise
            reasons = cancellation_reasons(str(error))
            if {"ConditionalCheckFailed", "TransactionConflict"} & set(reasons):
                raise Moved(str(error)) from error
            raise Throttled(str(error), code=error.code) from error

    def put(self, record: StateRecord) -> StateRecord:
        """Writes one state record, for half of what a transaction costs; the record as it is then.

        Raises `Moved` when somebody else wrote it meanwhile.
        """
        (write,) = self.writes(record)
        try:
            with told_apart("dynamodb", "PutItem"):
                self.client.put_item(**write["Put"])
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                raise Moved(str(error)) from error
            raise
        return replace(record, version=record.version + 1, unreadable="")

    def overwrite(self, record: StateRecord) -> None:
        """Writes a state record whatever was there before, for a kill switch must not wait."""
        with told_apart("dynamodb", "PutItem"):
            self.client.put_item(TableName=self.name, Item=item_of(record))
