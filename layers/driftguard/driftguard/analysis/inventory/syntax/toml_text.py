"""TOML, read by the standard library's reader, and the packages of a lock file in it.

`tomllib` takes time that grows with the square of a dotted key's length, so that long ones are
refused before. Source: "TOML: Tom's Obvious Minimal Language", version 1.0, "Keys".
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from ..troubles import Unreadable
from .json_text import MOST_VALUES, tables

_MOST_PARTS = 32
_STRINGS = re.compile(r'"(?:[^"\\\n]|\\.)*+"|\'[^\'\n]*+\'')
_DOTTED = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{_MOST_PARTS},}}")


def parsed(data: bytes) -> dict[str, Any]:
    """The table in a file. `Unreadable` where it is no TOML."""
    text = data.decode("utf-8-sig")
    if sum(map(text.count, ("=", ",", "["))) > MOST_VALUES:
        raise Unreadable(f"holds more than {MOST_VALUES:,} values, and was not read")
    if _DOTTED.search(_STRINGS.sub("s", text)):
        raise Unreadable(f"has a key of more than {_MOST_PARTS} parts, and was not read")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise Unreadable("is no TOML, or breaks off") from None


def packages(data: bytes, marks: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The packages of a lock file, under `package` or `packages`.

    There may be none where one of the `marks` shows that a tool wrote the file; otherwise it is
    `Unreadable`. Of a file that breaks off, the packages before come first.
    """
    try:
        document = parsed(data)
    except Unreadable:
        whole, begun, _ = data.rpartition(b"\n[[package")
        if begun:
            with contextlib.suppress(Unreadable):
                yield from _packages(parsed(whole), marks)
        raise
    yield from _packages(document, marks)


def _packages(document: dict[str, Any], marks: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    found = document.get("package", document.get("packages"))
    if isinstance(found, list):
        yield from tables(found)
        if len(tables(found)) < len(found):
            raise Unreadable("names something that is no package")
    elif document.keys().isdisjoint(marks):
        raise Unreadable("names no packages, as a lock file does")
