"""The state table: what people and the guard change, each thing one note of JSON with a version.

What is decided by is read in one batch; what follows from a decision is written in the transaction
that records it, each note only if nobody has written it meanwhile. (Messages and Slack keep items
of their own kinds beside the notes.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from .aws import Aws, AwsError, Client, Throttled, told_apart
from .model import Document, Resource

Key: TypeAlias = "tuple[str, str]"
Item: TypeAlias = "Mapping[str, Mapping[str, object]]"
Write: TypeAlias = "Mapping[str, Mapping[str, object]]"

ALL = "all"
# What is written by hand may have no version; whoever lifts such a freeze has seen it.
_UNMOVED = "v = :seen OR (attribute_exists(pk) AND attribute_not_exists(v))"
_FREEZE = "freeze"
BREAKER: Key = ("breaker", "reverts")
_BATCH = 100
_ROUNDS = 8


class Moved(Exception):
    """Somebody else wrote a note meanwhile: it must be read again, and judged anew."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something remembered. `version` 0: it is not there yet. `expires`: epoch seconds, 0 never."""

    key: Key
    document: Document = field(default_factory=dict)
    version: int = 0
    expires: int = 0

    def saying(self, document: Document, *, expires: int = 0) -> Note:
        """The note with other contents, to be written over this version of it."""
        return replace(self, document=document, expires=expires)


@dataclass(frozen=True, slots=True)
class Memory:
    """What one read found of the notes; of any other there is an empty one."""

    notes: Mapping[Key, Note] = field(default_factory=dict)

    @classmethod
    def of(cls, items: Iterable[Item]) -> Memory:
        """The notes in a table's items."""
        found = [note_of(item) for item in items]
        return cls({note.key: note for note in found})

    def __getitem__(self, key: Key) -> Note:
        return self.notes.get(key) or Note(key)


# ------------------------------------------------------------------------------ the notes


def freeze_keys(account: str, control: str) -> tuple[Key, ...]:
    """Where the freezes are that hold for a control in an account; the one for all comes first."""
    return tuple((_FREEZE, scope) for scope in (ALL, f"account#{account}", f"control#{control}"))


def baselines_of(control: str) -> str:
    """The partition that holds all baselines of a control."""
    return f"baseline#{control}"


def baseline_key(control: str, resource: Resource) -> Key:
    """Where the baseline of a resource's facet is kept."""
    return baselines_of(control), resource.arn


def round_key(region: str) -> Key:
    """Where it is kept how far the sweep of a region has come."""
    return "sweep", region


def baseline_log_key(control: str, resource: Resource, version: int) -> Key:
    """Where one version of a baseline is kept for good."""
    return f"baseline-log#{control}#{resource.arn}", f"{version:08d}"


def exemptions_key(control: str) -> Key:
    """Where the exemptions that people gave at run time are kept."""
    return f"exemption#{control}", ALL


def past_key(control: str, resource: Resource) -> Key:
    """Where it is kept how often one thing was reverted, and what is being asked about it."""
    return f"past#{control}", resource.arn


def habits_key(account: str, control: str) -> Key:
    """Where it is kept who usually makes a control's changes."""
    return f"habits#{account}", control


def trust_key(control: str) -> Key:
    """Where a control's record of outcomes is kept."""
    return "trust", control


def rollout_key(control: str, entry: str) -> Key:
    """Where it is kept since when this version of a control's policy is in force."""
    return f"rollout#{control}", entry


def note_of(item: Item) -> Note:
    """The note in an item. Raises `ValueError`, naming it, where it cannot be read.

    A freeze that somebody wrote by hand holds, whatever of it can be read.
    """
    key = (str(item["pk"]["S"]), str(item["sk"]["S"]))
    by_hand = key[0] == _FREEZE
    try:
        document = json.loads(str(item["doc"]["S"]))
        version = 1 if by_hand and "v" not in item else int(str(item["v"]["N"]))
        expires = int(str(item["expires"]["N"])) if "expires" in item else 0
    except (KeyError, ValueError) as error:
        if by_hand:
            return Note(key, {"reason": "its item cannot be read"}, version=1)
        told = f"the state table's note {' '.join(key)} cannot be read: {error!r}"
        raise ValueError(told) from error
    return Note(key, document if isinstance(document, Mapping) else {}, version, expires)


def item_of(note: Note) -> dict[str, dict[str, str]]:
    """The item that holds a note's next version."""
    pk, sk = note.key
    said = json.dumps(note.document, ensure_ascii=False, separators=(",", ":"))
    item = {"pk": {"S": pk}, "sk": {"S": sk}, "doc": {"S": said}}
    item["v"] = {"N": str(note.version + 1)}
    if note.expires:
        item["expires"] = {"N": str(note.expires)}
    return item


# ------------------------------------------------------------------------------ the table


@dataclass(frozen=True, slots=True)
class StateTable:
    """Reads and writes notes."""

    aws: Aws
    name: str

    @property
    def client(self) -> Client:
        """DynamoDB's client, made when the table is first used."""
        return self.aws.client("dynamodb")

    def recall(self, *keys: Key) -> Memory:
        """The notes of these keys, read consistently.

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
                raise Throttled("dynamodb:BatchGetItem was throttled: notes were left unread")
        return Memory.of(found)

    def note(self, key: Key) -> Note:
        """One note, read consistently; an empty one where there is none."""
        with told_apart("dynamodb", "GetItem"):
            found = self.client.get_item(TableName=self.name, Key=_key(key), ConsistentRead=True)
        return note_of(found["Item"]) if "Item" in found else Note(key)

    def under(self, pk: str) -> list[Note]:
        """All notes of one partition, in the order of their sort keys."""
        query = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "ConsistentRead": True,
        }
        with told_apart("dynamodb", "Query"):
            pages = list(self.client.get_paginator("query").paginate(**query))
        return [note_of(item) for page in pages for item in page["Items"]]

    def writes(self, *notes: Note) -> list[Write]:
        """What a transaction must hold to write these notes over the versions that were read."""
        made: list[Write] = []
        for note in notes:
            put: dict[str, object] = {"TableName": self.name, "Item": item_of(note)}
            if note.version:
                put["ConditionExpression"] = _UNMOVED
                put["ExpressionAttributeValues"] = {":seen": {"N": str(note.version)}}
            else:
                put["ConditionExpression"] = "attribute_not_exists(pk)"
            made.append({"Put": put})
        return made

    def write(self, *notes: Note) -> None:
        """Writes notes, all or none.

        Raises `Moved` when somebody else wrote one meanwhile, `Throttled` when DynamoDB was busy.
        """
        try:
            with told_apart("dynamodb", "TransactWriteItems"):
                self.client.transact_write_items(TransactItems=self.writes(*notes))
        except AwsError as error:
            if error.code != "TransactionCanceledException":
                raise
            reasons = cancellation_reasons(str(error))
            if {"ConditionalCheckFailed", "TransactionConflict"} & set(reasons):
                raise Moved(str(error)) from error
            raise Throttled(str(error), code=error.code) from error

    def overwrite(self, note: Note) -> None:
        """Writes a note whatever was there before: nothing comes between a person and a switch."""
        with told_apart("dynamodb", "PutItem"):
            self.client.put_item(TableName=self.name, Item=item_of(note))


def cancellation_reasons(message: str) -> list[str]:
    """Why a transaction was cancelled: a reason for each of its items, in order.

    Source: Amazon DynamoDB API Reference, "TransactWriteItems", errors.
    """
    listed = re.search(r"\[([A-Za-z, ]+)\]", message)
    return [one.strip() for one in listed.group(1).split(",")] if listed else []


def _key(key: Key) -> dict[str, dict[str, str]]:
    pk, sk = key
    return {"pk": {"S": pk}, "sk": {"S": sk}}
