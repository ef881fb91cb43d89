"""The audit table's client: reads decisions, and appends steps to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from driftguard.aws.calls import AwsError, Client, Throttled, told_apart
from driftguard.aws.client import Aws
from driftguard.aws.dynamodb import Moved, Write, cancellation_reasons, is_key
from driftguard.frozen import dataclass
from driftguard.model import Decision, Status

from .bounds import bounded, bounded_name, bounded_note
from .chain import LOG, Entry, entry_item, entry_of, next_entry
from .items import DECISION, Item, apart_of, decision_of, item_of, new_parts, whole
from .parts import keys_of, named_in, unpacked

Key: TypeAlias = "tuple[str, str]"

# What one BatchGetItem may ask for, and how often what it left unread is asked for again.
_BATCH = 100
_ROUNDS = 8


class Conflict(Exception):
    """Another worker took this step first."""


@dataclass(frozen=True, slots=True)
class AuditTable:
    """Reads and appends decisions. It cannot delete one, and IAM does not let it."""

    aws: Aws
    name: str

    @property
    def client(self) -> Client:
        """DynamoDB's client, made when the table is first used."""
        return self.aws.client("dynamodb")

    def recall(self, decision: str, *others: tuple[str, Key]) -> tuple[Decision | None, list[Item]]:
        """The decision, and items of other tables, in one consistent read.

        Raises `Throttled` when DynamoDB leaves some of the read undone.
        """
        wanted: dict[str, dict[str, object]] = {}
        mine_key = [(self.name, (decision, DECISION))] if is_key(decision) else []
        for table, (pk, sk) in (*mine_key, *others):
            read = wanted.setdefault(table, {"Keys": [], "ConsistentRead": True})
            keys = read["Keys"]
            assert isinstance(keys, list)
            keys.append({"pk": {"S": pk}, "sk": {"S": sk}})
        if not wanted:
            return None, []
        with told_apart("dynamodb", "BatchGetItem"):
            answer = self.client.batch_get_item(RequestItems=wanted)
        if answer.get("UnprocessedKeys"):
            raise Throttled("dynamodb:BatchGetItem was throttled: keys were left unread")
        found = answer["Responses"]
        mine = found.get(self.name, [])
        rest = [item for table, _ in others for item in found.get(table, [])]
        return (self.whole(mine[0]) if mine else None), rest

    def whole(self, item: Item) -> Decision:
        """The decision in its projection's item, with the parts that are held apart read too."""
        apart = named_in(item)
        if apart is None:
            return decision_of(item)
        keys = [(str(item["pk"]["S"]), key) for key in keys_of(apart)] if not apart.lost else []
        return whole(item, *unpacked(apart, self._items(keys)))

    def get(self, decision: str) -> Decision | None:
        """The decision as it stands, read consistently."""
        return self.recall(decision)[0]

    def append(
        self,
        decision: Decision,
        *,
        event: str,
        note: str,
        by: str = "guard",
        also: Sequence[Write] = (),
    ) -> Decision:
        """Writes the next version of a decision with its log entry, or raises `Conflict`.

        `updated` says when: it is the entry's time, and decides the day it is sealed with. What is
        written `also` is written in the same transaction, or nothing is; `Moved` is raised when
        somebody was first there. Returns the decision as written: what is too large is cut, and
        says so.
        """
        written, writes = self.prepared(decision, event=event, note=note, by=by)
        try:
            with told_apart("dynamodb", "TransactWriteItems"):
                self.client.transact_write_items(TransactItems=[*writes, *also])
        except AwsError as error:
            if error.code != "TransactionCanceledException":
                raise
            raise _cancelled(decision.id, str(error)) from error
        return written

    def prepared(
        self, decision: Decision, *, event: str, note: str, by: str = "guard"
    ) -> tuple[Decision, list[Write]]:
        """The next version of a decision, and what writes it as part of a transaction.

        What is held apart is written at once: nothing reads it before the decision names it.
        """
        written = bounded(replace(decision, version=decision.version + 1))
        for part in new_parts(written):
            with told_apart("dynamodb", "PutItem"):
                self.client.put_item(TableName=self.name, Item=part)
        written = replace(written, apart=apart_of(written))
        entry = next_entry(written, event=event, note=bounded_note(note), by=bounded_name(by))
        written = replace(written, head=entry.hash)
        new = {"ConditionExpression": "attribute_not_exists(pk)"}
        seen = {
            "ConditionExpression": "version = :seen",
            "ExpressionAttributeValues": {":seen": {"N": str(decision.version)}},
        }
        to_tell = {"tell": {"BOOL": _is_news(written, event)}}
        projection = {"TableName": self.name, "Item": item_of(written) | to_tell}
        log = {"TableName": self.name, "Item": entry_item(written.id, entry)}
        return written, [
            {"Put": {**projection, **(seen if decision.version else new)}},
            {"Put": {**log, **new}},
        ]

    def log(self, decision: str) -> list[Entry]:
        """The decision's log, oldest entry first.

        Sorted by number and not by key: the keys of more than ten thousand entries do not sort in
        order, and a long log must not look broken.
        """
        if not is_key(decision):
            return []
        query = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :log)",
            "ExpressionAttributeValues": {":pk": {"S": decision}, ":log": {"S": LOG}},
            "ConsistentRead": True,
        }
        return sorted(
            (entry_of(item) for item in self.query(query)), key=lambda entry: entry.number
        )

    def of_day(self, day: str) -> Iterator[Decision]:
        """The decisions made on a day (`2026-11-24`, UTC), newest first."""
        query = {
            "TableName": self.name,
            "IndexName": "by-day",
            "KeyConditionExpression": "#day = :day",
            "ExpressionAttributeNames": {"#day": "day"},
            "ExpressionAttributeValues": {":day": {"S": day}},
            "ScanIndexForward": False,
        }
        found = [str(item["pk"]["S"]) for item in self.query(query)]
        for start in range(0, len(found), _BATCH):
            yield from self.many(found[start : start + _BATCH])

    def many(self, decisions: Iterable[str]) -> list[Decision]:
        """The decisions of these ids as they stand, in that order; at most a hundred.

        Ids without a decision are left out. Raises `Throttled` when DynamoDB still
        leaves some unread after several rounds.
        """
        wanted = list(decisions)
        keys = [(id_, DECISION) for id_ in wanted]
        found = {str(item["pk"]["S"]): self.whole(item) for item in self._items(keys)}
        return [found[id_] for id_ in wanted if id_ in found]

    def _items(self, keys: Sequence[Key]) -> list[Item]:
        """The items of these keys, at most a hundred, in no order. Raises `Throttled`."""
        if not keys:
            return []
        found: list[Item] = []
        wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys]
        asked: Mapping[str, object] = {self.name: {"Keys": wanted, "ConsistentRead": True}}
        for _ in range(_ROUNDS):
            with told_apart("dynamodb", "BatchGetItem"):
                answer = self.client.batch_get_item(RequestItems=asked)
            found += answer["Responses"].get(self.name, [])
            asked = answer.get("UnprocessedKeys") or {}
            if not asked:
                return found
        raise Throttled("dynamodb:BatchGetItem was throttled: keys were left unread")

    def partition(self, decision: str) -> list[Item]:
        """Everything stored under a decision's key: the decision and its log, read consistently."""
        query = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": decision}},
            "ConsistentRead": True,
        }
        return list(self.query(query))

    def query(self, query: Mapping[str, object]) -> Iterator[Item]:
        """The items of a query, over all its pages."""
        with told_apart("dynamodb", "Query"):
            for page in self.client.get_paginator("query").paginate(**query):
                yield from page["Items"]


def _cancelled(decision: str, message: str) -> Conflict | Moved | Throttled:
    """What a cancelled transaction means, by the reasons for each of its items."""
    reasons = cancellation_reasons(message)
    refused = "ConditionalCheckFailed"
    if refused in reasons[:2] or (not reasons and refused in message):
        return Conflict(f"another worker moved {decision} first")
    # Another transaction at the same item: both are right to read again and try anew.
    if refused in reasons or "TransactionConflict" in reasons:
        return Moved(f"what {decision} is decided by has changed meanwhile")
    return Throttled(message, code="TransactionCanceledException")


# The events that channels hear of beside an outcome under its own name; one that is deferred only
# sets a timer.
_NEWS = frozenset(
    {
        *("decided", "answered", "asked-anew", "escalated", "told-again", "deferred", "reminded"),
        "tries-ended",
    }
)
# Where what was done stands, people hear as well that the undo that somebody asked for is refused:
# of what failed and is tried no more, it is the last that the guard does.
_STANDS = (Status.REVERTED, Status.FAILED, Status.DENIED)


def _is_news(decision: Decision, event: str) -> bool:
    """Whether people hear of this step: outcomes and approval requests, not what lies between.

    An approval is news to the publisher, who wakes the guard to carry it out.
    """
    if decision.status is Status.NOTED:
        return True
    if event == "undo-refused":
        return bool(decision.done) and decision.status in _STANDS
    underway = decision.status in (Status.REVERTING, Status.UNDOING)
    return not underway and (event in _NEWS or event == decision.status.value)
