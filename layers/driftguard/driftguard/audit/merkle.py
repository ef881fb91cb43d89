"""A Merkle tree over lines of text, as RFC 6962 builds it (section 2.1): pure.

Leaves and nodes are hashed under different prefixes, so that no node can pass for a leaf; a tree of
n leaves splits at the largest power of two below n, so that no leaf need be counted twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_LEAF, _NODE = b"\x00", b"\x01"


def root(leaves: Iterable[str]) -> str:
    """The root of the tree over these leaves in this order, as 64 hex digits."""
    # What was seen so far as complete subtrees, biggest first: (how many leaves, hash). Two of the
    # same size become one of twice the size, as when counting in binary.
    whole: list[tuple[int, bytes]] = []
    for leaf in leaves:
        size, value = 1, _hash(_LEAF, leaf.encode())
        while whole and whole[-1][0] == size:
            left = whole.pop()
            size, value = size * 2, _hash(_NODE, left[1] + value)
        whole.append((size, value))
    if not whole:
        return hashlib.sha256(b"").hexdigest()
    _, value = whole.pop()
    while whole:
        value = _hash(_NODE, whole.pop()[1] + value)
    return value.hex()


def _hash(prefix: bytes, value: bytes) -> bytes:
    return hashlib.sha256(prefix + value).digest()
