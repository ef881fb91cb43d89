"""Reads from a Go program the modules that it was built from.

Source: The Go Project, package `debug/buildinfo` (both layouts: strings inline, since Go 1.18, and
behind pointers before) and `runtime/debug`, "BuildInfo" (the lines); "Go Toolchains" (names).
"""

from __future__ import annotations

import re
from typing import IO, Literal, TypeAlias

from . import programs
from .found_packages import Evidence, FoundPackage, Said, found, parser
from .programs.layout import Program, Span, read_at
from .troubles import Trouble, Unreadable

ByteOrder: TypeAlias = Literal["big", "little"]

ECOSYSTEM = "Go"
STANDARD_LIBRARY = "stdlib"

_MAGIC = b"\xff Go buildinf:"
_ALIGNED = 16
_HEADER = 32
_BIG_ENDIAN, _INLINE = 1, 2
# The section is a few bytes; without one the data segment is searched, as far as a linker may put
# it. The text is a line a module.
_MOST_SEARCHED = 64 * 1024 * 1024
_SEARCHED_AT_ONCE = 1024 * 1024
_MOST_TEXT = 1024 * 1024
# The text lies between two markers, by which it can be found without a header.
_MARKER = 16
# Who builds Go anew adds to its release: experiments, `-custom`, and BoringCrypto's `b7`.
_RELEASE = re.compile(r"go(\d+\.\d+(?:\.\d+)?(?:(?:rc|beta)\d+)?)(?:(?:[\s+-]|b\d).*)?")

_LOCAL = Trouble("is built with a module from a folder, which has no version", gap=False)
_UNRELEASED = Trouble("is built with an unreleased Go, whose standard library was not looked up")
_NO_MODULES = Trouble("is a Go program that does not say what it was built from")


@parser
def of_program(file: IO[bytes], where: str) -> Said:
    """The modules and the standard library of a Go program; nothing for any other program."""
    program = programs.opened(file)
    header = _find(program)
    if header is None:
        return
    version, text = _strings(program, header)
    release = _RELEASE.fullmatch(version)
    if release:
        yield found(ECOSYSTEM, STANDARD_LIBRARY, release[1], where, Evidence.INSTALLED)
    else:
        yield _UNRELEASED
    if not text:
        yield _NO_MODULES
    yield from _modules(text, where)


def _find(program: Program) -> int | None:
    """The offset of the header: in its section, or at the start of what may be written to."""
    section = program.section(".go.buildinfo") or program.section("__go_buildinfo")
    if section and (at := _search(program, section)) is not None:
        return at
    writable = next((span for span in program.segments if span.writable and span.size), None)
    return _search(program, writable) if writable else None


def _search(program: Program, span: Span) -> int | None:
    end = span.offset + min(span.size, _MOST_SEARCHED)
    at = span.offset
    while at + _HEADER <= end:
        size = min(_SEARCHED_AT_ONCE, end - at)
        data = read_at(program.file, at, size)
        index = data.find(_MAGIC)
        while index >= 0 and (index + at - span.offset) % _ALIGNED:
            index = data.find(_MAGIC, index + 1)
        if index >= 0:
            return at + index
        # A magic across the seam is aligned, so it begins in the last sixteen bytes.
        at += size if at + size == end else size - _ALIGNED
    return None


def _strings(program: Program, header: int) -> tuple[str, str]:
    """Go's version, and the text with a line a module."""
    head = read_at(program.file, header, _HEADER)
    pointer, flags = head[14:16]
    if flags & _INLINE:
        version, end = _inline(program.file, header + _HEADER)
        modules, _ = _inline(program.file, end)
    elif pointer in (4, 8):
        order: ByteOrder = "big" if flags & _BIG_ENDIAN else "little"
        version, modules = (
            _pointed(program, head[16 + index * pointer :][:pointer], pointer, order)
            for index in (0, 1)
        )
    else:
        raise Unreadable("is a Go program with a broken header")
    text = modules[_MARKER:-_MARKER] if modules[-_MARKER - 1 : -_MARKER] == b"\n" else b""
    return version.decode("utf-8", "replace"), text.decode("utf-8", "replace")


def _inline(file: IO[bytes], offset: int) -> tuple[bytes, int]:
    """A string behind its length as a varint, and where it ends."""
    length = shift = 0
    while True:
        byte = read_at(file, offset, 1)[0]
        offset += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
        if shift > 28:
            raise Unreadable("is a Go program with a broken header")
    return _checked(file, offset, length), offset + length


def _pointed(program: Program, address: bytes, pointer: int, order: ByteOrder) -> bytes:
    """A string behind a pointer to Go's own header of it: another pointer, and a length."""
    header = program.in_memory(int.from_bytes(address, order), 2 * pointer)
    start = int.from_bytes(header[:pointer], order)
    length = int.from_bytes(header[pointer:], order)
    if length > _MOST_TEXT:
        raise Unreadable("is a Go program with a broken header")
    return program.in_memory(start, length)


def _checked(file: IO[bytes], offset: int, length: int) -> bytes:
    if length > _MOST_TEXT:
        raise Unreadable("is a Go program with a broken header")
    return read_at(file, offset, length)


def _modules(text: str, where: str) -> Said:
    """One line a module: `dep`, path, version, sum; a line `=>` says what stands in for it."""
    module: FoundPackage | Trouble | None = None
    for line in text.splitlines():
        kind, *fields = line.split("\t")
        if kind in ("mod", "dep", "=>") and len(fields) >= 2:
            if module and kind != "=>":
                yield module
            module = _module(kind, fields[0], fields[1], where)
    if module:
        yield module


def _module(kind: str, path: str, version: str, where: str) -> FoundPackage | Trouble | None:
    if version in ("", "(devel)"):
        # The program itself is built where it is written, and no news.
        return None if kind == "mod" else _LOCAL
    # OSV has versions of Go modules without the `v` that tags have.
    return found(ECOSYSTEM, path, version.removeprefix("v"), where, Evidence.INSTALLED)
