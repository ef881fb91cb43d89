"""Reads JSON values; makes digests and time stamps.

Pure, and below everything else of ours. `Json` is the type of a parsed JSON value; `Document` is a
JSON object. A state, the parameters of a call and a CloudTrail record are all documents, so that
each can be stored, shown and compared as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from unicodedata import category

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Document: TypeAlias = Mapping[str, Json]


def parsed(written: str | bytes) -> Json:
    """The JSON value in a text that somebody else wrote.

    Half of a surrogate pair (`"\\ud800"`), which no UTF-8 text can hold, becomes a question mark.
    Raises `ValueError`, also for a text that is nested too deep.
    """
    text = written.decode() if isinstance(written, bytes) else _encodable(written)
    try:
        value: Json = json.loads(text)
        return _all_encodable(value) if "\\ud" in text.lower() else value
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _all_encodable(value: Json) -> Json:
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, Mapping):
        return {_encodable(name): _all_encodable(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_all_encodable(item) for item in value]
    return value


def items(value: Json) -> Iterator[Document]:
    """The objects of a list in any of CloudTrail's spellings.

    `{"items": [...]}`, `{}` for none, a bare list, or one object where several would be a list; and
    `{"item": …}`, one object or several, where XML was logged as it was sent.
    """
    if isinstance(value, Mapping):
        if "items" in value:
            yield from items(value["items"])
        elif [*value] == ["item"] and isinstance(value["item"], (Mapping, list, tuple)):
            yield from items(value["item"])
        elif value:
            yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            if isinstance(item, Mapping):
                yield item


def text(container: Document, *names: str) -> str:
    """The first of these keys that holds a string or a number, as a string; else "".

    S3 logs some parameters as a one-element list; older records do so for more of them.
    """
    for name in names:
        value = container.get(name)
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        if isinstance(value, str) and value:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
    return ""


def mapping(container: Document, name: str) -> Document:
    """The object under this key, or an empty one where there is none (null, redacted, a string)."""
    value = container.get(name)
    return value if isinstance(value, Mapping) else {}


def flag(value: Json) -> bool | None:
    """A boolean in any spelling (`true`, `"true"`, `{"value": true}`); None where it is absent."""
    if isinstance(value, Mapping):
        return flag(value.get("value"))
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def stamp(at: datetime) -> str:
    """A time in the spelling that every record uses: ISO 8601 in UTC, to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(written: str) -> datetime | None:
    """The time of a stamp; None for a text that is no time, or has no time zone."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return None
    return at if at.tzinfo else None


def amount(written: str) -> float | None:
    """A count, perhaps faded, from 0 to a thousand million; None for anything else."""
    try:
        value = float(written)
    except ValueError:
        return None
    return value if 0 <= value <= 1e9 else None


def whole_number(written: str) -> int | None:
    """The whole number, 0 or more, that a text of at most 18 digits is; None for anything else.

    `str.isdigit` is true of `²`, and `int` refuses thousands of digits: others choose the text.
    """
    return int(written) if written.isascii() and written.isdigit() and len(written) <= 18 else None


def documents(container: Document, name: str) -> list[Document]:
    """The objects of a list in a document of our own; none if there is no list."""
    found = container.get(name)
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [item for item in found if isinstance(item, Mapping)]


def digest(value: Json) -> str:
    """The SHA-256 of a JSON value in its one canonical spelling, as 64 hex digits."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _without(value: Json, keys: frozenset[str]) -> Json:
    if isinstance(value, Mapping):
        return {k: _without(v, keys) for k, v in value.items() if k not in keys}
    if isinstance(value, (list, tuple)):
        return [_without(item, keys) for item in value]
    return value


# Unicode's categories of what is not shown but acts: control and format characters (bidirectional
# overrides are such), lone surrogates, line and paragraph separators.
_ACTS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str) -> str:
    """A text that others may have chosen, as it may be shown on one line, to people or a terminal.

    White space is a space; what acts on the screen instead of being shown is `\ufffd`.
    """
    if text.isprintable():
        return text
    return "".join(map(_plain_character, text))


def _plain_character(character: str) -> str:
    if character in "\t\n\r\v\f":
        return " "
    return "\ufffd" if category(character) in _ACTS else character


# The only key of a document that stands for one that is too large to be kept.
_UNKEPT = "too-large"


def unkept(size: int, fingerprint: str) -> Document:
    """What stands for a state of so many bytes that is too large to be kept."""
    return {_UNKEPT: {"bytes": size, "fingerprint": fingerprint}}


def why_unkept(state: Document) -> str:
    """Why a recorded state is only its size and fingerprint, in words; "" for a whole one."""
    size = text(mapping(state, _UNKEPT), "bytes")
    return f"the state of {int(size):,} bytes was too large to be kept" if size else ""


def unkept_fingerprint(state: Document) -> str:
    """The fingerprint of a state that was too large to be kept; "" for a whole one."""
    return text(mapping(state, _UNKEPT), "fingerprint")
