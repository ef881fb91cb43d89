"""Programs of Linux.

Source: System V Application Binary Interface, "Object Files" and "Program Loading".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, Literal

from ..troubles import Unreadable
from .layout import BROKEN, MOST_HEADERS, Program, Span, read_at

MAGIC = b"\x7fELF"
_IDENTITY = 16
_LOADED, _WRITABLE = 1, 2
_NO_CONTENT = 8
# Of the names of sections: more no linker writes.
_MOST_NAMES = 1024 * 1024


def program(file: IO[bytes]) -> Program:
    """`Unreadable` where it is no ELF file that could run."""
    identity = read_at(file, 0, _IDENTITY)
    order: Literal["<", ">"] = ">" if identity[5] == 2 else "<"
    pointer: Literal[4, 8] = 4 if identity[4] == 1 else 8
    if not identity.startswith(MAGIC):
        raise Unreadable("is no ELF program")
    # Type, machine, version; entry, segment headers, section headers; flags and six sizes.
    layout = struct.Struct(f"{order}2HL3{'L' if pointer == 4 else 'Q'}L6H")
    fields = layout.unpack(read_at(file, _IDENTITY, layout.size))
    segments_at, sections_at = fields[4:6]
    _, segment_size, segments, section_size, sections, names_index = fields[7:]
    headers = [
        _section(header, order, pointer)
        for header in _table(file, sections_at, section_size, sections)
    ]
    return Program(
        file,
        order,
        pointer,
        sections=tuple(_named(file, headers, names_index)),
        segments=tuple(
            span
            for header in _table(file, segments_at, segment_size, segments)
            if (span := _segment(header, order, pointer))
        ),
    )


def _table(file: IO[bytes], offset: int, size: int, count: int) -> Iterator[bytes]:
    if not count:
        return
    if not 32 <= size <= 256:
        raise Unreadable(BROKEN)
    if count > MOST_HEADERS:
        raise Unreadable(f"is a program with more than {MOST_HEADERS:,} headers")
    data = read_at(file, offset, size * count)
    for at in range(0, len(data), size):
        yield data[at : at + size]


def _section(header: bytes, order: str, pointer: int) -> tuple[int, Span]:
    """Where its name is among the names, and the section."""
    layout = struct.Struct(f"{order}2L4{'L' if pointer == 4 else 'Q'}")
    if len(header) < layout.size:
        raise Unreadable(BROKEN)
    name, kind, flags, address, offset, size = layout.unpack_from(header)
    content = 0 if kind == _NO_CONTENT else size
    return name, Span("", address, offset, content, bool(flags & 1))


def _named(file: IO[bytes], headers: list[tuple[int, Span]], index: int) -> Iterator[Span]:
    if index >= len(headers):
        return
    table = headers[index][1]
    if table.size > _MOST_NAMES:
        raise Unreadable(BROKEN)
    names = read_at(file, table.offset, table.size)
    for start, span in headers:
        name = names[start : start + 64].split(b"\0", 1)[0].decode("latin-1")
        yield Span(name, span.address, span.offset, span.size, span.writable)


def _segment(header: bytes, order: str, pointer: int) -> Span | None:
    """A segment that is loaded. The two classes of ELF have its flags in different places."""
    if pointer == 8:
        if len(header) < 56:
            raise Unreadable(BROKEN)
        kind, flags, offset, address, _, size = struct.unpack_from(f"{order}2L4Q", header)
    else:
        kind, offset, address, _, size, _, flags = struct.unpack_from(f"{order}7L", header)
    if kind != _LOADED:
        return None
    return Span("", address, offset, size, bool(flags & _WRITABLE))
