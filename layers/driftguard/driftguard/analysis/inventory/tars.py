"""Streams a tar's members without keeping earlier ones.

A header block is read by the standard library's `tarfile`; the walk from one to the next is ours,
because `tarfile` keeps every member, reads what precedes one into memory whatever its size, and
takes a broken header in the middle for the end.

Source: The Open Group Base Specifications Issue 7, "pax - portable archive interchange".
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from driftguard.documents import whole_number

from .limits import Budget
from .troubles import Unreadable

_BLOCK = tarfile.BLOCKSIZE
# Long names and extended attributes; more than that is nobody's.
_MOST_EXTENDED = 64 * 1024
_PIECE = 64 * 1024
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)
_EXTENDED_SPARSE = 482
_BROKEN = "is not a tar, or a broken one"
_SPARSE = "GNU.sparse."
# What a pax header says that is of use here.
_KEYS = ("path", "linkpath", "size")


class Stream(Protocol):
    """What a tar comes from: read forwards only."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """`type` is tarfile's; `offset` is of its content, from where the tar begins."""

    name: str
    type: bytes
    size: int
    linkname: str
    offset: int

    @property
    def is_file(self) -> bool:
        """Whether it has content of its own, that can be read."""
        return self.type in _FILES

    @property
    def is_link(self) -> bool:
        """Whether its content is another file's."""
        return self.type in _LINKS


class Tar:
    """Walks a stream once. Between two members the content of the first can be read."""

    def __init__(self, stream: Stream, budget: Budget) -> None:
        self._stream, self._budget = stream, budget
        self._at = 0
        self._content_end = 0

    def members(self) -> Iterator[Member]:
        """The members in order. `Unreadable` where the tar is broken, or breaks off."""
        extended: dict[str, str] = {}
        while (header := self._header()) is not None:
            self._budget.entry()
            start = self._at
            if header.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
                key = "path" if header.type == tarfile.GNUTYPE_LONGNAME else "linkpath"
                extended[key] = _text(self._extension(header.size).split(b"\0", 1)[0])
            elif header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
                extended |= _pax(self._extension(header.size))
            elif header.type == tarfile.XGLTYPE:
                self._extension(header.size)
            else:
                size = _size(extended.get("size"), header.size)
                if header.type in (*_LINKS, tarfile.DIRTYPE):
                    size = 0
                self._content_end = start + size
                yield Member(
                    name=extended.get("path") or header.name,
                    type=tarfile.GNUTYPE_SPARSE if _SPARSE in extended else header.type,
                    size=size,
                    linkname=extended.get("linkpath") or header.linkname,
                    offset=start,
                )
                self._skip_to(start + _padded(size))
                extended = {}

    def content(self) -> Iterator[bytes]:
        """What the member that was yielded last contains, in pieces."""
        while self._at < self._content_end:
            yield self._read(min(_PIECE, self._content_end - self._at))

    def _header(self) -> tarfile.TarInfo | None:
        block = self._read(_BLOCK)
        if not any(block):
            # One such block says nothing: some readers go on after it, and see more than others.
            if any(self._stream.read(_BLOCK)):
                raise Unreadable(_BROKEN)
            return None
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError):
            raise Unreadable(_BROKEN) from None
        more = header.type == tarfile.GNUTYPE_SPARSE and block[_EXTENDED_SPARSE]
        while more:
            more = self._read(_BLOCK)[_BLOCK - 8]
        if header.size < 0:
            raise Unreadable(_BROKEN)
        return header

    def _extension(self, size: int) -> bytes:
        if size > _MOST_EXTENDED:
            raise Unreadable("has headers without end")
        self._budget.text(size)
        return self._read(_padded(size))[:size]

    def _skip_to(self, offset: int) -> None:
        while self._at < offset:
            self._read(min(_PIECE, offset - self._at))

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size)
        while 0 < len(data) < size and (more := self._stream.read(size - len(data))):
            data += more
        self._at += len(data)
        if len(data) < size:
            raise Unreadable("breaks off")
        return data


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _pax(data: bytes) -> dict[str, str]:
    """The records of an extended header, each `<its length> <key>=<value>` and a line's end."""
    records: dict[str, str] = {}
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 8)
        length = data[at:space] if space > at else b""
        end = at + int(length) if length.isdigit() else 0
        if not space < end <= len(data):
            raise Unreadable(_BROKEN)
        key, _, value = data[space + 1 : end - 1].partition(b"=")
        if _text(key) in _KEYS:
            records[_text(key)] = _text(value)
        elif key.startswith(_SPARSE.encode()):
            records[_SPARSE] = ""
            if key == b"GNU.sparse.name":
                records["path"] = _text(value)
        at = end
    return records


def _size(extended: str | None, plain: int) -> int:
    if extended is None:
        return plain
    size = whole_number(extended)
    if size is None:
        raise Unreadable(_BROKEN)
    return size
