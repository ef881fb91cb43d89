"""Bytes of a file, however it is written, as portions that can each be judged on their own.

What a file is shows in its first bytes, not in its name: gzip or not; JSON Lines, one document, or
CSV. A trail's log file is one line, so JSON Lines is what it is read as. A file is never held
whole in memory unless it is one document.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO, TypeAlias

from driftguard.model import Json

from .shapes import is_whole
from .values import NotJson, json_of

CHUNK = 1 << 20
# Small enough for many to be under way at once, big enough to be worth handing over.
PORTION = 4 << 20
# One document, or one line, as JSON text. CloudTrail's log files hold 50 MB at most.
LARGEST = 256 << 20
ROWS = 2000

_GZIP, _BOM = b"\x1f\x8b", b"\xef\xbb\xbf"


class Unreadable(Exception):
    """A file, from here to its end, cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines, each a JSON value."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole file: a JSON value over many lines, or several such, one after the other."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a CSV file."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Portion: TypeAlias = "Lines | Whole | Rows"


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open file, unpacked if it is a gzip file. Raises `Unreadable`."""
    try:
        yield from unpacked(iter(lambda: file.read(CHUNK), b""))
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes; those of a gzip file, of one member or more, unpacked."""
    stream = iter(chunks)
    first = next(stream, b"")
    if not first.startswith(_GZIP):
        return chain([first], stream)
    return _gunzipped(chain([first], stream))


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        packed = chunk
        while packed:
            if member.eof:
                # Anything but another member here is padding, as gzip itself treats it.
                if not packed.startswith(_GZIP[: len(packed)]):
                    return
                member = zlib.decompressobj(wbits=31)
            try:
                made = member.decompress(packed, CHUNK)
            except zlib.error as error:
                raise Unreadable(f"the gzip data is damaged ({error})") from error
            if made:
                yield made
            packed = member.unconsumed_tail or member.unused_data
    if not member.eof:
        raise Unreadable("the gzip data ends too early")


def portions(chunks: Iterable[bytes]) -> Iterator[Portion]:
    """A file as portions, in order. Raises `Unreadable` where it cannot go on."""
    stream = iter(chunks)
    head = bytearray()
    failed: Unreadable | None = None
    try:
        for chunk in stream:
            head += chunk
            if len(head) >= CHUNK:
                break
    except Unreadable as error:
        failed = error
    start = bytes(head).removeprefix(_BOM)
    read = _reader_for(start)
    yield from read(chain([start], _raising(failed) if failed else stream))


def is_lines(head: bytes) -> bool:
    """Whether a file that begins so is read line by line, and has more than one line."""
    return not head.startswith((_GZIP, _BOM)) and b"\n" in head and _reader_for(head) is _lines


def _raising(error: Unreadable) -> Iterator[bytes]:
    raise error
    yield b""


def _reader_for(head: bytes):  # type: ignore[no-untyped-def]
    raise NotImplementedError
