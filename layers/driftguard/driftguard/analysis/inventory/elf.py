"""As much of an ELF program as it takes to find what its compiler wrote into it.

Source: System V Application Binary Interface, "Object Files" and "Program Loading".
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal

from .troubles import Unreadable

MAGIC = b"\x7fELF"
_IDENTITY = 16
_LOADED, _WRITABLE = 1, 2
_NO_CONTENT = 8
# Of section and segment headers, and of the names of sections: more no linker writes.
_MOST_HEADERS = 4096
_MOST_NAMES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Span:
    """Some bytes of the file: a section, or a segment, and where it is loaded in memory."""

    name: str
    address: int
    offset: int
    size: int
    writable: bool


@dataclass(frozen=True, slots=True)
class Program:
    """An ELF file: `sections` by name, and the `segments` that are loaded."""

    file: IO[bytes]
    order: Literal["<", ">"]
    pointer: Literal[4, 8]
    sections: tuple[Span, ...]
    segments: tuple[Span, ...]

    def section(self, name: str) -> Span | None:
        """The section of that name."""
        return next((span for span in self.sections if span.name == name), None)

    def in_memory(self, address: int, size: int) -> bytes:
        """What is loaded at an address. `Unreadable` where the file has not so much there."""
        for span in self.segments:
            within = address - span.address
            if 0 <= within <= span.size - size:
                return read_at(self.file, span.offset + within, size)
        raise Unreadable("is a program that points outside itself")


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


def read_at(file: IO[bytes], offset: int, size: int) -> bytes:
    """`Unreadable` where the file ends before."""
    length = file.seek(0, os.SEEK_END)
    if not 0 <= offset <= length - size:
        raise Unreadable("is a program that breaks off")
    file.seek(offset)
    return file.read(size)


def _table(file: IO[bytes], offset: int, size: int, count: int) -> Iterator[bytes]:
    if not count:
        return
    if not 32 <= size <= 256:
        raise Unreadable("is a program with broken headers")
    if count > _MOST_HEADERS:
        raise Unreadable(f"is a program with more than {_MOST_HEADERS:,} headers")
    data = read_at(file, offset, size * count)
    for at in range(0, len(data), size):
        yield data[at : at + size]


def _section(header: bytes, order: str, pointer: int) -> tuple[int, Span]:
    """Where its name is among the names, and the section."""
    layout = struct.Struct(f"{order}2L4{'L' if pointer == 4 else 'Q'}")
    if len(header) < layout.size:
        raise Unreadable("is a program with broken headers")
    name, kind, flags, address, offset, size = layout.unpack_from(header)
    content = 0 if kind == _NO_CONTENT else size
    return name, Span("", address, offset, content, bool(flags & 1))


def _named(file: IO[bytes], headers: list[tuple[int, Span]], index: int) -> Iterator[Span]:
    if index >= len(headers):
        return
    table = headers[index][1]
    if table.size > _MOST_NAMES:
        raise Unreadable("is a program with broken headers")
    names = read_at(file, table.offset, table.size)
    for start, span in headers:
        name = names[start : start + 64].split(b"\0", 1)[0].decode("latin-1")
        yield Span(name, span.address, span.offset, span.size, span.writable)


def _segment(header: bytes, order: str, pointer: int) -> Span | None:
    """A segment that is loaded. The two classes of ELF have its flags in different places."""
    if pointer == 8:
        if len(header) < 56:
            raise Unreadable("is a program with broken headers")
        kind, flags, offset, address, _, size = struct.unpack_from(f"{order}2L4Q", header)
    else:
        kind, offset, address, _, size, _, flags = struct.unpack_from(f"{order}7L", header)
    if kind != _LOADED:
        return None
    return Span("", address, offset, size, bool(flags & _WRITABLE))
