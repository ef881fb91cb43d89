"""What the three kinds of program have in common: sections by name, and what is loaded where."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO, Literal

from ..troubles import Unreadable

# Of section and segment headers: more no linker writes.
MOST_HEADERS = 4096
BROKEN = "is a program with broken headers"


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
    """A program: `sections` by name, and the `segments` that are loaded."""

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


def read_at(file: IO[bytes], offset: int, size: int) -> bytes:
    """`Unreadable` where the file ends before."""
    length = file.seek(0, os.SEEK_END)
    if not 0 <= offset <= length - size:
        raise Unreadable("is a program that breaks off")
    file.seek(offset)
    return file.read(size)
