"""Answers of a source of advisories, kept for a while in the state table.

One item a version of a package: `pk` is `advisory#<account>#<region>#<ecosystem>#<name>` (where the
guard stands), `sk` the version, `expires` when DynamoDB may delete it (epoch seconds), `body` the
advisories as compressed JSON.

Sources: Amazon DynamoDB Developer Guide, "Quotas" (item and key sizes), "Time to Live"; Amazon
DynamoDB API Reference, "BatchGetItem" and "BatchWriteItem" (how many at once).
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from driftguard.aws.calls import told_apart
from driftguard.aws.dynamodb import MOST_OF_SORT_KEY
from driftguard.documents import Document
from driftguard.state.item_format import format_of, written_in
from driftguard.state.keys import STATE_FORMAT, partition
from driftguard.state.table import StateTable

from .package import Coordinates

_READ, _WRITTEN = 100, 25
_BODY_LIMIT = 400 * 1024 - 8 * 1024
# What a body may become: an item that was tampered with must not fill the memory.
_LARGEST = 64 * 1024 * 1024

Item: TypeAlias = "dict[str, Any]"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TableCache:
    """Keeps answers in the state table for `fresh_for` seconds. `now` is in epoch seconds.

    DynamoDB deletes late, so that age is judged when an answer is recalled.
    """

    state: StateTable
    fresh_for: int = 6 * 60 * 60
    now: Callable[[], float] = time.time

    def recall(self, packages: Iterable[Coordinates]) -> dict[Coordinates, tuple[Document, ...]]:
        """The answers that are still fresh. What DynamoDB leaves out of a batch counts as none."""
        by_key = {
            (self._pk(package), package.version): package
            for package in packages
            if self._fits(package)
        }
        found = {}
        for keys in _batches(by_key, _READ):
            asked = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys]
            with told_apart("dynamodb", "BatchGetItem"):
                answer = self.state.client.batch_get_item(
                    RequestItems={self.state.name: {"Keys": asked}}
                )
            for item in answer["Responses"].get(self.state.name, []):
                documents = self._documents(item)
                if documents is not None:
                    found[by_key[item["pk"]["S"], item["sk"]["S"]]] = documents
        return found

    def keep(self, answers: Mapping[Coordinates, tuple[Document, ...]]) -> None:
        """Keeps answers, but for those that an item cannot hold."""
        expires = int(self.now()) + self.fresh_for
        items = (
            self._item(package, documents, expires)
            for package, documents in answers.items()
            if self._fits(package)
        )
        small = (item for item in items if len(item["body"]["B"]) <= _BODY_LIMIT)
        for batch in _batches(small, _WRITTEN):
            puts = [{"PutRequest": {"Item": item}} for item in batch]
            with told_apart("dynamodb", "BatchWriteItem"):
                self.state.client.batch_write_item(RequestItems={self.state.name: puts})

    def _documents(self, item: Item) -> tuple[Document, ...] | None:
        # What another version of Driftguard kept is as good as none.
        try:
            if format_of(item) != STATE_FORMAT or int(item["expires"]["N"]) <= self.now():
                return None
            return _unpacked(bytes(item["body"]["B"]))
        except (LookupError, TypeError, ValueError, zlib.error):
            # As good as none: the answer is asked for again, and replaces it.
            return None

    def _item(self, package: Coordinates, documents: Sequence[Document], expires: int) -> Item:
        return {
            "pk": {"S": self._pk(package)},
            "sk": {"S": package.version},
            **written_in(STATE_FORMAT),
            "expires": {"N": str(expires)},
            "body": {"B": zlib.compress(json.dumps(documents).encode())},
        }

    def _pk(self, package: Coordinates) -> str:
        return partition("advisory", self.state.place, package.ecosystem, package.name)

    def _fits(self, package: Coordinates) -> bool:
        """Whether DynamoDB takes the version as a key: not empty, and not too long."""
        return 0 < len(package.version.encode()) <= MOST_OF_SORT_KEY


def _unpacked(body: bytes) -> tuple[Document, ...]:
    reader = zlib.decompressobj()
    raw = reader.decompress(body, _LARGEST)
    documents = json.loads(raw) if reader.eof else None
    if not isinstance(documents, list):
        raise ValueError("the body holds no list of advisories")
    return tuple(documents)


def _batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
