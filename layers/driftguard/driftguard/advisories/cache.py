"""Answers of a source of advisories, kept for a while in the state table.

One item a version of a package: `pk` is `advisory#<ecosystem>#<name>`, `sk` the version, `expires`
when DynamoDB may delete it (epoch seconds), `body` the advisories as compressed JSON.

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

from ..aws import told_apart
from ..model import Document
from ..state import StateTable
from .package import Coordinates

PREFIX = "advisory#"
_READ, _WRITTEN = 100, 25
_BODY_LIMIT = 400 * 1024 - 8 * 1024
_PK_LIMIT, _SK_LIMIT = 2048, 1024
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
        by_key = {(_pk(one), one.version): one for one in packages if _fits(one)}
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
        items = (_item(one, documents, expires) for one, documents in answers.items() if _fits(one))
        small = (item for item in items if len(item["body"]["B"]) <= _BODY_LIMIT)
        for batch in _batches(small, _WRITTEN):
            puts = [{"PutRequest": {"Item": item}} for item in batch]
            with told_apart("dynamodb", "BatchWriteItem"):
                self.state.client.batch_write_item(RequestItems={self.state.name: puts})

    def _documents(self, item: Item) -> tuple[Document, ...] | None:
        if int(item["expires"]["N"]) <= self.now():
            return None
        try:
            return _unpacked(bytes(item["body"]["B"]))
        except (ValueError, zlib.error):
            # As good as none: the answer is asked for again, and replaces it.
            return None


def _item(package: Coordinates, documents: Sequence[Document], expires: int) -> Item:
    return {
        "pk": {"S": _pk(package)},
        "sk": {"S": package.version},
        "expires": {"N": str(expires)},
        "body": {"B": zlib.compress(json.dumps(documents).encode())},
    }


def _unpacked(body: bytes) -> tuple[Document, ...]:
    reader = zlib.decompressobj()
    raw = reader.decompress(body, _LARGEST)
    documents = json.loads(raw) if reader.eof else None
    if not isinstance(documents, list):
        raise ValueError("the body holds no list of advisories")
    return tuple(documents)


def _pk(package: Coordinates) -> str:
    return f"{PREFIX}{package.ecosystem}#{package.name}"


def _fits(package: Coordinates) -> bool:
    """Whether DynamoDB takes the key: neither part too long, and a version that is not empty."""
    version = len(package.version.encode())
    return 0 < version <= _SK_LIMIT and len(_pk(package).encode()) <= _PK_LIMIT


def _batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    each = iter(values)
    while batch := list(islice(each, size)):
        yield batch
