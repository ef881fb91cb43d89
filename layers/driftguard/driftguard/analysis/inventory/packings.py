"""Tells by its first bytes how a file is packed, whatever it is called.

Sources: PKWARE, "APPNOTE.TXT"; RFC 1952 (gzip); "The .xz File Format"; RFC 8878 (Zstandard); 7-Zip,
"7z Format"; RARLAB, "RAR 5.0 archive format"; The Open Group, "pax" (tar).
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Protocol

from .entries import FIRST_PIECE, PIECE
from .limits import Budget
from .troubles import Unreadable

_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP, _BZIP2, _XZ = b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0"
_TAR, _TAR_AT = b"ustar", 257
# What nothing in the standard library unpacks.
_UNREAD = {
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"\x04\x22\x4d\x18": "LZ4",
    b"LZIP\x01": "lzip",
    b"\xed\xab\xee\xdb": "RPM",
    b"!<arch>\ndebian-binary": "a package of Debian",
    b"hsqs": "SquashFS",
    b"MSCF\0\0\0\0": "a cabinet",
}
# So much memory an xz file may want for its dictionary, in bytes.
_MOST_MEMORY = 128 * 1024 * 1024
_BROKEN = "is corrupt, or breaks off"


class _Decompressor(Protocol):
    """What `bz2` and `lzma` have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def unread(beginning: bytes) -> str:
    """What a file that begins so is packed as, where nothing here unpacks it; "" for others."""
    return next((what for magic, what in _UNREAD.items() if beginning.startswith(magic)), "")


def is_zip(beginning: bytes) -> bool:
    """Whether a file that begins so is a zip, or one behind a line that starts it (a zipapp)."""
    return beginning.startswith(_ZIPS) or (
        beginning.startswith(b"#!") and any(magic in beginning for magic in _ZIPS)
    )


def is_tar(beginning: bytes) -> bool:
    """Whether a file that begins so is a tar."""
    return beginning[_TAR_AT:].startswith(_TAR)


def is_compressed(beginning: bytes) -> bool:
    """Whether a file that begins so is compressed as a stream that is unpacked here."""
    return beginning.startswith((_GZIP, _XZ)) or (
        beginning.startswith(_BZIP2) and beginning[4:10] == b"1AY&SY"
    )


def may_hold_a_tar(beginning: bytes) -> bool:
    """Whether a compressed file may have a tar in it; most that have none are told apart here."""
    try:
        if beginning.startswith(_GZIP):
            inside = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(beginning, FIRST_PIECE)
        elif beginning.startswith(_XZ):
            inside = lzma.LZMADecompressor(lzma.FORMAT_XZ, _MOST_MEMORY).decompress(
                beginning, FIRST_PIECE
            )
        else:
            return True
    except (zlib.error, lzma.LZMAError):
        return True
    return len(inside) < _TAR_AT + len(_TAR) or is_tar(inside)


def decompressed(file: IO[bytes], budget: Budget) -> Iterator[bytes]:
    """What a compressed file contains, in pieces, of all its streams."""
    packed = file.seek(0, 2)
    file.seek(0)
    beginning = file.read(len(_XZ))
    file.seek(0)
    make = _maker(beginning)
    taken = 0
    for piece in _pieces(file, make):
        taken += len(piece)
        budget.inflated(len(piece))
        budget.check_ratio(packed, taken)
        yield piece


def _maker(beginning: bytes) -> Callable[[], _Decompressor]:
    if beginning.startswith(_BZIP2):
        return bz2.BZ2Decompressor
    return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _MOST_MEMORY)


def _pieces(file: IO[bytes], make: Callable[[], _Decompressor]) -> Iterator[bytes]:
    stream, data = make(), b""
    while True:
        if stream.eof:
            # Streams follow each other, and zeros may fill the last block.
            data = stream.unused_data.lstrip(b"\0") or file.read(PIECE).lstrip(b"\0")
            if not data:
                return
            stream = make()
        elif stream.needs_input:
            data = file.read(PIECE)
            if not data:
                raise Unreadable(_BROKEN)
        try:
            piece = stream.decompress(data, PIECE)
        except (OSError, EOFError, lzma.LZMAError):
            raise Unreadable(_BROKEN) from None
        data = b""
        if piece:
            yield piece
