"""Programs of macOS, of one architecture or of several.

Source: Apple, "Mach-O Programming Topics", and the headers `mach-o/loader.h` and `mach-o/fat.h`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, Literal

from ..troubles import Unreadable
from .layout import BROKEN, MOST_HEADERS, Program, Span, read_at

# By its first four bytes: which way numbers are written, and how long an address is.
_MAGICS: dict[bytes, tuple[Literal["<", ">"], Literal[4, 8]]] = {
    b"\xfe\xed\xfa\xce": (">", 4),
    b"\xfe\xed\xfa\xcf": (">", 8),
    b"\xce\xfa\xed\xfe": ("<", 4),
    b"\xcf\xfa\xed\xfe": ("<", 8),
}
# A class of Java begins alike, and goes on with its version, which is at least 45.
_FAT, _MOST_ARCHITECTURES = b"\xca\xfe\xba\xbe", 16
_SEGMENTS = {4: 0x1, 8: 0x19}
_WRITABLE = 2
_MOST_COMMANDS = 1024 * 1024


def is_macho(beginning: bytes) -> bool:
    """Whether a file that begins so is a program of macOS."""
    if beginning[:4] == _FAT and len(beginning) >= 8:
        return 0 < int.from_bytes(beginning[4:8], "big") <= _MOST_ARCHITECTURES
    return beginning[:4] in _MAGICS


def program(file: IO[bytes]) -> Program:
    """The program; of several architectures the first, which is built from the same modules."""
    start = 0
    if read_at(file, 0, 4) == _FAT:
        # Kind, its kind, where it is, how large, how aligned.
        (start,) = struct.unpack(">L", read_at(file, 16, 4))
    known = _MAGICS.get(read_at(file, start, 4))
    if known is None:
        raise Unreadable(BROKEN)
    order, pointer = known
    count, size = struct.unpack(f"{order}2L", read_at(file, start + 16, 8))
    if count > MOST_HEADERS or size > _MOST_COMMANDS:
        raise Unreadable(f"is a program with more than {MOST_HEADERS:,} headers")
    commands = read_at(file, start + (32 if pointer == 8 else 28), size)
    sections: list[Span] = []
    segments: list[Span] = []
    at = 0
    for _ in range(count):
        if at + 8 > len(commands):
            raise Unreadable(BROKEN)
        kind, length = struct.unpack_from(f"{order}2L", commands, at)
        if length < 8:
            raise Unreadable(BROKEN)
        if kind == _SEGMENTS[pointer]:
            segment, *inside = _segment(commands[at : at + length], order, pointer, start)
            segments.append(segment)
            sections += inside
        at += length
    return Program(file, order, pointer, tuple(sections), tuple(segments))


def _segment(command: bytes, order: str, pointer: Literal[4, 8], start: int) -> Iterator[Span]:
    """A segment and its sections."""
    word = "Q" if pointer == 8 else "L"
    layout = struct.Struct(f"{order}2L16s4{word}4L")
    section = struct.Struct(f"{order}16s16s2{word}{'8' if pointer == 8 else '7'}L")
    if len(command) < layout.size:
        raise Unreadable(BROKEN)
    _, _, name, address, _, offset, size, _, protection, count, _ = layout.unpack_from(command)
    writable = bool(protection & _WRITABLE)
    yield Span(_text(name), address, start + offset, size, writable)
    if layout.size + count * section.size > len(command):
        raise Unreadable(BROKEN)
    for index in range(count):
        fields = section.unpack_from(command, layout.size + index * section.size)
        yield Span(_text(fields[0]), fields[2], start + fields[4], fields[3], writable)


def _text(name: bytes) -> str:
    return name.rstrip(b"\0").decode("latin-1")
