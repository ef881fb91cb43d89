"""Reads one file inside any archive as a stream, within the budget that is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO

from .limits import Budget
from .troubles import Trouble, Unreadable

# What is unpacked at a time; and first, to see what an entry begins with.
PIECE = 64 * 1024
FIRST_PIECE = 512
# So much of a spooled entry stays in memory.
_IN_MEMORY = 1024 * 1024
# Lines are this long at least, on the average of a file that is as large as it may be, in bytes.
_SHORTEST_LINE = 12
# Longer than any that a tool writes; longer ones would only fill the memory.
LONGEST_NAME = 1024

ENDLESS = Trouble("has an endless name, and was not read")
LINK = Trouble("is a link, which was not followed", gap=False)
OUTSIDE = Trouble(
    "has a name that leads out of the archive; it was read, and written nowhere", gap=False
)
BACKSLASHES = Trouble("has a name with backslashes; they were read as slashes", gap=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive. `path` has slashes only; `packed` is its size there, in bytes.

    `chunks` unpacks it, once, and while no other entry is being read. It raises `Unreadable` where
    the entry is not what the archive says, and `Exhausted` at a limit. A `link` is where a link
    points to inside the archive, empty where nobody knows; None for what is no link.
    """

    path: str
    packed: int
    chunks: Callable[[], Iterator[bytes]]
    link: str | None = None


def oddities(name: str) -> Iterator[Trouble]:
    """What is wrong with a name as an archive has it. Nothing is ever written by such a name."""
    if "\\" in name:
        yield BACKSLASHES
    path = name.replace("\\", "/")
    if path.startswith("/") or path[1:2] == ":" or ".." in path.split("/"):
        yield OUTSIDE


def whole(entry: Entry, budget: Budget) -> bytes:
    """All of a small entry. `Unreadable` if it isn't small."""
    most, pieces, size = budget.limits.text_bytes, [], 0
    for piece in entry.chunks():
        size += len(piece)
        if size > most:
            raise Unreadable(f"is larger than {most:,} bytes, and was not read")
        pieces.append(piece)
    budget.text(size)
    data = b"".join(pieces)
    if data.count(b"\n") > most // _SHORTEST_LINE:
        raise Unreadable(f"has more than {most // _SHORTEST_LINE:,} lines, and was not read")
    return data


def begun(entry: Entry) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of an entry, and all of it: what is not of interest is not unpacked on."""
    chunks = entry.chunks()
    first = b""
    while len(first) < FIRST_PIECE and (piece := next(chunks, b"")):
        first += piece
    return first[:FIRST_PIECE], chain((first,), chunks)


@contextmanager
def spooled(chunks: Iterator[bytes], budget: Budget) -> Iterator[IO[bytes]]:
    """A large entry as a seekable file without a name, that is gone when the block ends."""
    most, size = budget.limits.entry_bytes, 0
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        try:
            for piece in chunks:
                if size + len(piece) > most:
                    raise Unreadable(f"is larger than {most:,} bytes, and was not read")
                budget.spooled(len(piece))
                size += len(piece)
                try:
                    file.write(piece)
                except OSError as error:
                    raise Unreadable(f"could not be unpacked: {error.strerror}") from error
            file.seek(0)
            yield file
        finally:
            budget.freed(size)
