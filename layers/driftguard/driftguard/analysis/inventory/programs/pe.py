"""Programs of Windows.

Source: Microsoft, "PE Format".
"""

from __future__ import annotations

import struct
from typing import IO

from ..troubles import Unreadable
from .layout import BROKEN, MOST_HEADERS, Program, Span, read_at

MAGIC = b"MZ"
_OFFSET_AT = 0x3C
_COFF = struct.Struct("<4s2H3L2H")
_SECTION = struct.Struct("<8s6L2HL")
_PE32, _PE32_PLUS = 0x10B, 0x20B
_WRITABLE = 0x80000000


def program(file: IO[bytes]) -> Program:
    """The program in a file that begins with "MZ"; one of DOS has no sections."""
    (start,) = struct.unpack("<L", read_at(file, _OFFSET_AT, 4))
    try:
        header = _COFF.unpack(read_at(file, start, _COFF.size))
    except Unreadable:
        return Program(file, "<", 4, (), ())
    signature, count, optional = header[0], int(header[2]), int(header[6])
    if signature != b"PE\0\0":
        return Program(file, "<", 4, (), ())
    if count > MOST_HEADERS:
        raise Unreadable(f"is a program with more than {MOST_HEADERS:,} headers")
    at = start + _COFF.size
    (kind,) = struct.unpack("<H", read_at(file, at, 2))
    if kind == _PE32:
        (base,) = struct.unpack("<L", read_at(file, at + 28, 4))
    elif kind == _PE32_PLUS:
        (base,) = struct.unpack("<Q", read_at(file, at + 24, 8))
    else:
        raise Unreadable(BROKEN)
    table = read_at(file, at + optional, _SECTION.size * count)
    spans = tuple(
        Span(
            bytes(name).rstrip(b"\0").decode("latin-1"),
            base + address,
            offset,
            min(packed, size) if size else packed,
            bool(flags & _WRITABLE),
        )
        for name, size, address, packed, offset, *_, flags in _SECTION.iter_unpack(table)
    )
    return Program(file, "<", 8 if kind == _PE32_PLUS else 4, spans, spans)
