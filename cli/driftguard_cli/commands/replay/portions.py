"""Cuts a file into portions that can each be judged on their own.

The first bytes of a file, not its name, tell what it is: gzip or not; JSON Lines, one document, or
CSV. A trail's log file is one line, and so is read as JSON Lines. A file is held in memory as a
whole only if it is one document.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO, TypeAlias

from driftguard.documents import Json

from .shapes import elements, is_whole
from .values import NotJson, json_of

CHUNK = 1 << 20
# Small enough for many to be under way at once, big enough to be worth handing over.
PORTION = 4 << 20
# One document, or one line, as JSON text. CloudTrail's log files hold 50 MB at most.
LARGEST = 256 << 20
ROWS = 2000

# How CloudTrail itself writes a log file.
_RECORDS, _RECORD = b'{"Records":[', b'{"eventVersion":'
_LOG_FILE = _RECORDS + _RECORD
_NOT_SPACE = re.compile(r"\S")
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
    if failed and not start.strip():
        raise failed
    read = _reader_for(start)
    yield from read(chain([start], _raising(failed) if failed else stream))


def is_lines(head: bytes) -> bool:
    """Whether a file that begins so is read line by line, and has more than one line."""
    return not head.startswith((_GZIP, _BOM)) and b"\n" in head and _reader_for(head) is _lines


def _raising(error: Unreadable) -> Iterator[bytes]:
    raise error
    yield b""


def _reader_for(head: bytes) -> Callable[[Iterable[bytes]], Iterator[Portion]]:
    """How a file that begins so is to be read."""
    text = head.lstrip()
    if not text:
        return _nothing if len(head) < CHUNK else _lines
    if b"\0" in head[:4096]:
        raise Unreadable("neither JSON nor CSV: it holds bytes that no text has")
    first, newline, more = text.partition(b"\n")
    if first[:1] in (b"{", b"["):
        return _document if newline and more.strip() and _breaks_off(first) else _lines
    return _csv if _is_header(first) else _lines


def _breaks_off(line: bytes) -> bool:
    """Whether a line is the beginning of a longer JSON value, not one that is whole or wrong."""
    try:
        json_of(line)
    except NotJson as error:
        return error.where >= len(line.decode(errors="replace").rstrip())
    return False


def _is_header(line: bytes) -> bool:
    try:
        columns = _header(line.decode(errors="replace"))
    except csv.Error:
        return False
    return any(is_whole(column) for column in columns) or "eventname" in map(str.lower, columns)


def _header(line: str) -> tuple[str, ...]:
    return tuple(column.strip() for column in next(csv.reader([line.rstrip()]), []))


# ------------------------------------------------------------------------- files to portions


def _nothing(chunks: Iterable[bytes]) -> Iterator[Portion]:
    yield from ()


def _lines(chunks: Iterable[bytes]) -> Iterator[Portion]:
    return map(Lines, _cut(chunks))


def _cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes in pieces that end where a line ends."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1 if size + len(chunk) >= PORTION else 0
        if end:
            yield b"".join((*waiting, chunk[:end]))
            waiting, size = [], 0
            chunk = chunk[end:]
        waiting.append(chunk)
        size += len(chunk)
        if size > LARGEST:
            raise Unreadable(f"a line is longer than {LARGEST >> 20} MiB")
    if size:
        yield b"".join(waiting)


def _document(chunks: Iterable[bytes]) -> Iterator[Portion]:
    whole = bytearray()
    for chunk in chunks:
        whole += chunk
        if len(whole) > LARGEST:
            raise Unreadable(
                f"one JSON document of more than {LARGEST >> 20} MiB: write one record a line "
                "instead (`jq -c '.Records[]'`)"
            )
    yield Whole(bytes(whole))


def _csv(chunks: Iterable[bytes]) -> Iterator[Portion]:
    csv.field_size_limit(min(LARGEST, sys.maxsize))
    text = (line for piece in _cut(chunks) for line in _lines_of(piece))
    try:
        header = _header(next(text))
        rows = csv.reader(text)
        while batch := tuple(tuple(row) for row in islice(rows, ROWS)):
            yield Rows(header, batch)
    except csv.Error as error:
        raise Unreadable(f"not CSV ({error})") from error


def _lines_of(piece: bytes) -> Iterator[str]:
    return iter(io.StringIO(piece.decode(errors="replace"), newline=None))


# ---------------------------------------------------------------------- portions to elements


def elements_of(portion: Portion) -> Iterator[tuple[int, int, Json | NotJson]]:
    """Yield each possible record with its line or row, from 1, and its number there, 0 if alone.

    Text that is not JSON is yielded as its error.
    """
    if isinstance(portion, Rows):
        for number, row in enumerate(portion.rows, start=1):
            if row:
                yield number, 0, dict(zip(portion.header, row, strict=False))
    elif isinstance(portion, Whole):
        for number, value in _values_one_after_the_other(portion.data):
            for inner, element in _listed(value):
                yield number, inner, element
    else:
        for number, line in enumerate(portion.data.split(b"\n"), start=1):
            if line.startswith(_LOG_FILE):
                for inner, element in _log_file(line):
                    yield number, inner, element
            elif line and not line.isspace():
                for inner, element in _listed(_value(line)):
                    yield number, inner, element


def length(portion: Portion) -> int:
    """How many lines or rows it holds."""
    return len(portion.rows) if isinstance(portion, Rows) else portion.data.count(b"\n")


def _value(text: bytes) -> Json | NotJson:
    try:
        return json_of(text)
    except NotJson as error:
        return error


def _listed(value: Json | NotJson) -> Iterator[tuple[int, Json | NotJson]]:
    if isinstance(value, NotJson):
        yield 0, value
        return
    listed = elements(value)
    if len(listed) == 1 and listed[0] is value:
        yield 0, value
    else:
        yield from enumerate(listed, start=1)


def _log_file(line: bytes) -> Iterator[tuple[int, Json | NotJson]]:
    """The records of a trail's log file, parsed one by one: half as fast again as all at once.

    It is cut where a record seems to begin. A cut in the midst of one leaves a piece that is no
    JSON; from there on, all is taken from the document as a whole. Of one that breaks off, the
    records before the break are read.
    """
    pieces = line[len(_RECORDS) :].rstrip().removesuffix(b"]}").split(b"}," + _RECORD)
    last = len(pieces)
    for number, piece in enumerate(pieces, start=1):
        begun = piece if number == 1 else _RECORD + piece
        value = _value(begun if number == last else begun + b"}")
        if isinstance(value, NotJson):
            whole = _value(line)
            if isinstance(whole, NotJson):
                yield number, whole
            else:
                yield from enumerate(elements(whole)[number - 1 :], start=number)
            return
        yield number, value


def _values_one_after_the_other(data: bytes) -> Iterator[tuple[int, Json | NotJson]]:
    value = _value(data)
    if not isinstance(value, NotJson):
        yield 1, value
        return
    text, line, before = data.decode(errors="replace"), 1, 0
    at = _filled(text, 0)
    while at < len(text):
        line += text.count("\n", before, at)
        before = at
        try:
            value, at = json.JSONDecoder().raw_decode(text, at)
        except json.JSONDecodeError as error:
            yield error.lineno, NotJson(f"not JSON ({error.msg}, column {error.colno})")
            return
        except (ValueError, RecursionError) as error:
            yield line, NotJson(f"not JSON that can be read ({error})")
            return
        yield line, value
        at = _filled(text, at)


def _filled(text: str, at: int) -> int:
    """Where the next character stands that is no white space, or the end."""
    found = _NOT_SPACE.search(text, at)
    return found.start() if found else len(text)
