"""Reads a zip's directory: where it is, and what it says of each entry, one at a time.

Source: PKWARE, "APPNOTE.TXT, .ZIP File Format Specification", 4.3 to 4.5.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from .troubles import Unreadable

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_RECORD = struct.Struct("<4s4B4HL2L5H2L")
_LONGEST_COMMENT = 0xFFFF
_IN_EXTRA = 0xFFFFFFFF
# Hosts whose attributes say what is a link: Unix, and Darwin.
_UNIX = (3, 19)
_UTF_8 = 0x0800


@dataclass(frozen=True, slots=True)
class Record:
    """One entry as the directory has it. `offset` is of its local header in the file."""

    name: bytes
    path: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    link: bool


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the directory lies, how many entries it claims, and what all offsets are from.

    `behind`: whether the file goes on where it should end, or ends before.
    """

    start: int
    end: int
    claimed: int
    base: int
    behind: bool


def find_directory(file: IO[bytes]) -> Directory:
    """`Unreadable` where a file has none, or none that makes sense."""
    length = file.seek(0, 2)
    tail_start = max(0, length - _END.size - _LONGEST_COMMENT)
    tail = read_at(file, tail_start, length - tail_start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise Unreadable("is not a zip, or breaks off before its directory")
    _, disk, _, _, claimed, size, offset, comment = _END.unpack_from(tail, at)
    behind = at + _END.size + comment != len(tail)
    end = tail_start + at
    if _IN_EXTRA in (size, offset) or 0xFFFF in (claimed, disk):
        found = _find_directory_64(file, end)
        if found:
            claimed, size, offset, end = found
    base = end - size - offset
    if base < 0 or size > end:
        raise Unreadable("has no directory where it says that it has one")
    return Directory(end - size, end, claimed, base, behind)


def _find_directory_64(file: IO[bytes], end: int) -> tuple[int, int, int, int] | None:
    """Entries, size, offset and end of the directory as a zip of the larger kind has them."""
    start = end - _LOCATOR_64.size - _END_64.size
    if start < 0:
        return None
    record = _END_64.unpack(read_at(file, start, _END_64.size))
    locator = read_at(file, end - _LOCATOR_64.size, _LOCATOR_64.size)
    if record[0] != b"PK\x06\x06" or not locator.startswith(b"PK\x06\x07"):
        return None
    claimed, size, offset = record[-3:]
    return claimed, size, offset, start


def records(file: IO[bytes], directory: Directory) -> Iterator[Record]:
    """What the directory says, entry by entry. `Unreadable` where it is broken."""
    at = directory.start
    while at < directory.end:
        if at + _RECORD.size > directory.end:
            raise Unreadable("has a broken directory")
        header = _RECORD.unpack(read_at(file, at, _RECORD.size))
        (signature, _, system, _, _, flags, method, _, _, crc, packed, size) = header[:12]
        (named, extended, commented, _, _, attributes, offset) = header[12:]
        rest = _RECORD.size + named + extended + commented
        if signature != b"PK\x01\x02" or at + rest > directory.end:
            raise Unreadable("has a broken directory")
        name = read_at(file, at + _RECORD.size, named)
        if _IN_EXTRA in (size, packed, offset):
            extra = read_at(file, at + _RECORD.size + named, extended)
            size, packed, offset = _large(extra, size, packed, offset)
        yield Record(
            name=name,
            path=name.decode("utf-8" if flags & _UTF_8 else "cp437", "replace"),
            flags=flags,
            method=method,
            crc=crc,
            packed=packed,
            size=size,
            offset=offset + directory.base,
            link=system in _UNIX and stat.S_ISLNK(attributes >> 16),
        )
        at += rest


def _large(extra: bytes, *fields: int) -> tuple[int, ...]:
    """Size, packed size and offset, those taken from the extra field that do not fit elsewhere."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wanted = fields.count(_IN_EXTRA)
            if length < 8 * wanted or at + 4 + 8 * wanted > len(extra):
                break
            numbers = iter(struct.unpack_from(f"<{wanted}Q", extra, at + 4))
            large = tuple(next(numbers) if field == _IN_EXTRA else field for field in fields)
            if max(large) >= 1 << 62:
                break
            return large
        at += 4 + length
    raise Unreadable("has a broken directory")


def read_at(file: IO[bytes], offset: int, size: int) -> bytes:
    """`Unreadable` where the file ends before."""
    file.seek(offset)
    data = file.read(size)
    if len(data) < size:
        raise Unreadable("breaks off")
    return data
