"""Reads a zip's entries and checks what its directory says against what is really there.

Our own reader, because the standard library's makes an object of every entry before anybody can
count them, tells nothing of entries that overlap on the older Pythons, and cuts the content to the
size that a header claims. This one streams the directory, counts what really comes out, and reports
every mismatch. It knows the two methods that Lambda and Java unpack: stored, deflated.

Source: PKWARE, "APPNOTE.TXT, .ZIP File Format Specification", 4.3 to 4.5.
"""

from __future__ import annotations

import posixpath
import struct
import zlib
from array import array
from collections.abc import Iterator
from functools import partial
from typing import IO

from .entries import ENDLESS, FIRST_PIECE, LINK, LONGEST_NAME, PIECE, Entry, oddities
from .limits import Budget
from .troubles import Trouble, Troubles, Unreadable
from .zip_directory import Directory, Record, find_directory, read_at, records

_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_STORED, _DEFLATED = 0, 8
_SEARCHED_AT_ONCE = 1024 * 1024

_MISCOUNTED = Trouble("has another number of entries than its directory says")
_BEFORE = Trouble("has entries before the first that its directory knows")
_BEHIND = Trouble("does not end where it says that it ends")
_TOO_LARGE = "says that it unpacks to more than {:,} bytes"


def entries(
    file: IO[bytes], name: str, prefix: str, budget: Budget, troubles: Troubles
) -> Iterator[Entry]:
    """The files of a zip in the order of its directory.

    `Unreadable` where there is no directory that makes sense, or entries overlap. In troubles the
    archive is called `name`, and `prefix` stands before its entries' paths.
    """
    directory = find_directory(file)
    _survey(file, directory, name, budget, troubles)
    for record in records(file, directory):
        path = record.path.replace("\\", "/")
        place = prefix + path
        for trouble in oddities(record.path):
            troubles.tell(trouble, place)
        try:
            start = _content(file, record)
        except Unreadable as error:
            troubles.tell(Trouble(str(error)), place)
            continue
        if path.endswith("/"):
            continue
        if len(path) > LONGEST_NAME:
            troubles.tell(ENDLESS, place)
            continue
        if record.flags & _ENCRYPTED:
            troubles.tell(Trouble("is encrypted"), place)
            continue
        chunks = partial(_unpacked, file, start, record, budget)
        if record.link:
            troubles.tell(LINK, place)
            yield Entry(path, record.packed, chunks, _target(path, chunks()))
        else:
            yield Entry(path, record.packed, chunks)


def _target(path: str, chunks: Iterator[bytes]) -> str:
    """Where a link points to, as its content says; empty where that can't be told."""
    try:
        target = next(chunks, b"").decode("utf-8", "replace")
    except Unreadable:
        return ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


# ---------------------------------------------------------------------------------- survey


def _survey(
    file: IO[bytes], directory: Directory, name: str, budget: Budget, troubles: Troubles
) -> None:
    """What can be said before anything is unpacked: how much it is, and that nothing overlaps."""
    starts, ends, total = array("Q"), array("Q"), 0
    for record in records(file, directory):
        budget.entry()
        total += record.size
        starts.append(record.offset)
        ends.append(record.offset + _LOCAL.size + len(record.name) + record.packed)
    # Writers that know nothing of the larger kind count modulo 65,536.
    if (len(starts) - directory.claimed) % 0x10000:
        troubles.tell(_MISCOUNTED, name)
    if total > budget.limits.total_bytes:
        troubles.tell(Trouble(_TOO_LARGE.format(budget.limits.total_bytes)), name)
    _check_outside(file, directory, min(starts, default=directory.start), name, troubles)
    previous = 0
    for index in sorted(range(len(starts)), key=starts.__getitem__):
        if starts[index] < previous:
            raise Unreadable("has entries that overlap, as only zip bombs have")
        previous = ends[index]
    if previous > directory.start:
        raise Unreadable("has entries that reach into its directory")


def _check_outside(
    file: IO[bytes], directory: Directory, first: int, name: str, troubles: Troubles
) -> None:
    """What lies before the first entry and behind the end: a script may, another zip may not.

    A zip that breaks off right behind a zip inside it looks like that one, with bytes before it.
    """
    at = 0
    while at < first:
        size = min(_SEARCHED_AT_ONCE, first - at)
        if b"PK\x03\x04" in read_at(file, at, size):
            troubles.tell(_BEFORE, name)
            break
        # One that lies across the seam is found in the next piece.
        at += size if at + size == first else size - 3
    if directory.behind:
        troubles.tell(_BEHIND, name)


# --------------------------------------------------------------------------------- content


def _unpacked(file: IO[bytes], start: int, record: Record, budget: Budget) -> Iterator[bytes]:
    """The content, in pieces. Whoever reads to the end knows that size and checksum are right."""
    crc = size = 0
    for taken, piece in _pieces(file, start, record):
        size += len(piece)
        budget.inflated(len(piece))
        if size > record.size:
            raise Unreadable("is larger than the archive says")
        budget.check_ratio(taken, size)
        crc = zlib.crc32(piece, crc)
        yield piece
    if size != record.size:
        raise Unreadable("is smaller than the archive says")
    if crc != record.crc:
        raise Unreadable("is corrupt: its checksum is wrong")


def _content(file: IO[bytes], record: Record) -> int:
    """Where the content starts. `Unreadable` where it is another entry than the directory says."""
    header = _LOCAL.unpack(read_at(file, record.offset, _LOCAL.size))
    named, extended = int(header[-2]), int(header[-1])
    if header[0] != b"PK\x03\x04":
        raise Unreadable("is not where the archive says")
    if read_at(file, record.offset + _LOCAL.size, named) != record.name:
        raise Unreadable("has one name in the directory and another at its content")
    return record.offset + _LOCAL.size + named + extended


def _pieces(file: IO[bytes], start: int, record: Record) -> Iterator[tuple[int, bytes]]:
    """Bytes taken so far, and the next bytes out of them. The first piece is small."""
    if record.method == _DEFLATED:
        return _inflated(file, start, record.packed)
    if record.method == _STORED:
        return _stored(file, start, record.packed)
    raise Unreadable(f"is packed by a method that is not read here ({record.method})")


def _stored(file: IO[bytes], start: int, packed: int) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < packed:
        piece = read_at(file, start + at, min(PIECE if at else FIRST_PIECE, packed - at))
        at += len(piece)
        yield at, piece


def _inflated(file: IO[bytes], start: int, packed: int) -> Iterator[tuple[int, bytes]]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    at, most = 0, FIRST_PIECE
    while not inflater.eof:
        raw = inflater.unconsumed_tail
        if not raw and at < packed:
            raw = read_at(file, start + at, min(PIECE if at else PIECE // 16, packed - at))
            at += len(raw)
        try:
            piece = inflater.decompress(raw, most)
        except zlib.error:
            raise Unreadable("is corrupt, and can't be unpacked") from None
        if piece:
            yield at, piece
            most = PIECE
        elif not raw:
            raise Unreadable("breaks off")
    if inflater.unused_data or at < packed:
        raise Unreadable("has more behind its content than the archive says")
