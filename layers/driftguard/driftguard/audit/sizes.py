"""Says how large what is recorded may be, and cuts what is larger, with its size told. Pure.

What may grow goes into items of its own from `INLINE` bytes on. A state or a plan that does not fit
is not kept: the record names its size.

Source: Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB" (an item: 400 KB).
"""

from __future__ import annotations

import json
import zlib
from functools import lru_cache

from driftguard.documents import Document, Json, unkept

# From how many bytes on hint, state, left and plan together are held apart.
INLINE = 100_000
# A state or a plan is kept up to so many bytes of JSON, and so many once it is compressed.
_MOST_RAW = 8_000_000
_MOST_PACKED = 1_200_000


def text_of(value: Json) -> str:
    """A JSON value as it is stored: in the order in which it was read."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def fits(text: str) -> bool:
    """Whether a state or a plan of this JSON text may be kept."""
    size = len(text.encode())
    return size <= INLINE or (size <= _MOST_RAW and _packed(text) <= _MOST_PACKED)


@lru_cache(maxsize=4)
def _packed(text: str) -> int:
    """The bytes of a text once it is compressed: it is asked about at every step of a decision."""
    return len(zlib.compress(text.encode()))


def clipped(text: str, most: int) -> str:
    """The text, or as much of its beginning as fits into so many bytes, with its size told."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= most:
        return encoded.decode()
    told = f"… ({len(encoded):,} bytes)"
    return encoded[: most - len(told.encode())].decode(errors="ignore") + told


def kept(state: Document, fingerprint: str) -> Document:
    """The state, or what stands for it where it is too large to be kept."""
    text = text_of(state)
    return state if fits(text) else unkept(len(text.encode()), fingerprint)
