"""Holds a decision's large parts in items of their own, beside its record in its partition.

Hint, state, left and plan are one JSON text, compressed and cut into items. Their keys name the
text's digest, so that what one version of a decision names is never overwritten by another; the
record names the digest too, and so it stands in the hash chain. Parts are written before the record
that names them: nothing is named that is not there, and a record stays one small transaction.

Source: Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB" (an item: 400 KB).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache

from driftguard.aws.dynamodb import Item
from driftguard.model import Apart
from driftguard.state.item_format import FORMAT, written_in

PART = "part#"
APART = "apart"
_PIECE = 300_000
# More items than this no decision has: the bounds in `sizes` allow less.
_MOST_ITEMS = 16
_ATTRIBUTES = frozenset({"pk", "sk", FORMAT, "z"})


@lru_cache(maxsize=2)
def packed(text: str) -> tuple[Apart, tuple[bytes, ...]]:
    """What names the text, and the compressed pieces that hold it."""
    raw = text.encode()
    whole = zlib.compress(raw)
    pieces = tuple(whole[start : start + _PIECE] for start in range(0, len(whole), _PIECE))
    return Apart(hashlib.sha256(raw).hexdigest(), len(raw), len(pieces)), pieces


def part_key(digest: str, number: int) -> str:
    """The sort key of one piece, the first being 0."""
    return f"{PART}{digest}#{number:02d}"


def keys_of(apart: Apart) -> list[str]:
    """The sort keys of all pieces."""
    return [part_key(apart.digest, number) for number in range(apart.items)]


def part_items(decision: str, text: str, version: int) -> list[dict[str, dict[str, object]]]:
    """The items that hold the text, in this version of the format."""
    apart, pieces = packed(text)
    version_named: dict[str, dict[str, object]] = {FORMAT: dict(written_in(version)[FORMAT])}
    return [
        version_named | {"pk": {"S": decision}, "sk": {"S": key}, "z": {"B": piece}}
        for key, piece in zip(keys_of(apart), pieces, strict=True)
    ]


def attribute_of(apart: Apart) -> dict[str, object]:
    """The record's attribute that names its parts."""
    said = {"digest": {"S": apart.digest}, "bytes": {"N": str(apart.size)}}
    return {"M": {**said, "items": {"N": str(apart.items)}}}


def named_in(item: Item) -> Apart | None:
    """What a record holds apart; None where it holds nothing so."""
    if APART not in item:
        return None
    named = item[APART].get("M")
    said: Mapping[str, Mapping[str, object]] = named if isinstance(named, Mapping) else {}
    try:
        digest = str(said["digest"]["S"])
        apart = Apart(digest, int(str(said["bytes"]["N"])), int(str(said["items"]["N"])))
    except (KeyError, TypeError, ValueError):
        return Apart("", 0, 0, "what names it cannot be read")
    return apart if 0 < apart.items <= _MOST_ITEMS else apart._replace(lost="it names no items")


def unpacked(apart: Apart, found: Iterable[Item]) -> tuple[str, Apart]:
    """The text that a record holds apart, and what names it; it says why where that is lost."""
    if apart.lost:
        return "", apart
    by_key = {str(item["sk"].get("S", "")): item for item in found}
    missing = [key for key in keys_of(apart) if key not in by_key]
    if missing:
        return "", apart._replace(lost=f"{len(missing)} of its {apart.items} items are missing")
    pieces = [_bytes(by_key[key].get("z", {}).get("B")) for key in keys_of(apart)]
    try:
        opened = zlib.decompressobj().decompress(b"".join(pieces), apart.size + 1)
        text = opened.decode()
    except (zlib.error, ValueError):
        return "", apart._replace(lost="its items were altered")
    if len(opened) != apart.size or hashlib.sha256(opened).hexdigest() != apart.digest:
        return "", apart._replace(lost="its items were altered")
    return text, apart


def fault_of(record: Item | None, stored: Iterable[Item]) -> str:
    """What is wrong with the parts stored under a decision's key, in words; "" if nothing is.

    Parts that only an earlier version of the decision named are left alone while they say nothing
    but what a part says: nothing reads them.
    """
    parts = list(stored)
    for item in parts:
        added = sorted(set(item) - _ATTRIBUTES)
        if added:
            return f"a part of it was given attributes that are no part's: {', '.join(added)}"
    apart = named_in(record) if record is not None else None
    if apart is None:
        return ""
    lost = unpacked(apart, parts)[1].lost
    return f"what it holds apart is lost: {lost}" if lost else ""


def _bytes(value: object) -> bytes:
    """The bytes of a binary attribute; none where it is no such thing."""
    return value if isinstance(value, bytes) else b""
