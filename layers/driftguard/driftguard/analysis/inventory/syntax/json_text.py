"""JSON, and JSON with comments and trailing commas as Bun and Deno write it."""

from __future__ import annotations

import json
import re
from typing import Any

from ..troubles import Unreadable

# So many values no lock file holds; each takes some 60 bytes of memory at least.
MOST_VALUES = 2_000_000
_RELAXED = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*+")|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/|(?P<comma>,)(?=\s*+[\]}])',
    re.DOTALL,
)


def parsed(data: bytes) -> Any:
    """The value in a file, whose text may begin with a byte order mark. `ValueError` for others."""
    if sum(map(data.count, (b",", b"{", b"["))) > MOST_VALUES:
        raise Unreadable(f"holds more than {MOST_VALUES:,} values, and was not read")
    return json.loads(data)


def table(data: bytes, what: str) -> dict[str, Any]:
    """The object in a file. `Unreadable` for any other value: "is no" and `what`."""
    document = parsed(data)
    if not isinstance(document, dict):
        raise Unreadable(f"is no {what}")
    return document


def relaxed(data: bytes, what: str) -> dict[str, Any]:
    """The same of a file that may have comments, and commas before a closing bracket."""
    text = data.decode("utf-8-sig")
    strict = _RELAXED.sub(lambda found: found["text"] or "", text)
    return table(strict.encode(), what)


def tables(value: object) -> list[dict[str, Any]]:
    """The objects of a list; none where there is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def pairs(value: object) -> list[tuple[str, dict[str, Any]]]:
    """The members of an object that are objects; none where there is no object."""
    members = value.items() if isinstance(value, dict) else ()
    return [(str(name), member) for name, member in members if isinstance(member, dict)]


def text(table: dict[str, Any], key: str) -> str:
    """A text by its key; "" where there is none."""
    value = table.get(key)
    return value if isinstance(value, str) else ""
