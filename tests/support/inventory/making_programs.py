"""ELF programs for the tests, as Go and Rust build them, each in memory."""

from __future__ import annotations

import struct

_BASE = 0x400000
_NAMES = b"\0.go.buildinfo\0.dep-v0\0.shstrtab\0"


def elf(
    data: bytes,
    *,
    section: str = "",
    pointer: int = 8,
    big: bool = False,
    text: bytes = b"",
) -> bytes:
    """An ELF program whose writable segment is `data`, behind a read-only one of `text`.

    `data` is also the section of the name given. `text` is loaded at 0x400000 and what follows
    where the file has it. Source: System V ABI, "Object Files".
    """
    order, word = (">" if big else "<"), ("Q" if pointer == 8 else "L")
    header_size, segment_size, section_size = (64, 56, 64) if pointer == 8 else (52, 32, 40)
    text_at = -(-(header_size + 2 * segment_size) // 16) * 16
    data_at = -(-(text_at + len(text)) // 16) * 16
    names_at = data_at + len(data)
    sections_at = names_at + len(_NAMES)
    identity = b"\x7fELF" + bytes([2 if pointer == 8 else 1, 2 if big else 1, 1]) + bytes(9)
    header = identity + struct.pack(
        f"{order}2HL3{word}L6H",
        *(2, 62, 1, _BASE, header_size, sections_at, 0, header_size),
        *(segment_size, 2, section_size, 3, 2),
    )
    segments = _segment(order, pointer, 5, text_at, len(text)) + _segment(
        order, pointer, 6, data_at, len(data)
    )
    index = _NAMES.index(section.encode()) if section else 0
    sections = (
        bytes(section_size)
        + _section(order, word, index, 1, data_at, len(data))
        + _section(order, word, _NAMES.index(b".shstrtab"), 3, names_at, len(_NAMES))
    )
    body = (header + segments).ljust(text_at, b"\0") + text
    return body.ljust(data_at, b"\0") + data + _NAMES + sections


def data_address(text: bytes, pointer: int = 8) -> int:
    """Where `elf` loads the data that stands behind this text."""
    header_size, segment_size = (64, 56) if pointer == 8 else (52, 32)
    text_at = -(-(header_size + 2 * segment_size) // 16) * 16
    return _BASE + -(-(text_at + len(text)) // 16) * 16


def text_address(pointer: int = 8) -> int:
    """Where `elf` loads the text."""
    header_size, segment_size = (64, 56) if pointer == 8 else (52, 32)
    return _BASE + -(-(header_size + 2 * segment_size) // 16) * 16


def _segment(order: str, pointer: int, flags: int, offset: int, size: int) -> bytes:
    address = _BASE + offset
    if pointer == 8:
        return struct.pack(f"{order}2L6Q", 1, flags, offset, address, address, size, size, 16)
    return struct.pack(f"{order}8L", 1, offset, address, address, size, size, flags, 16)


def _section(order: str, word: str, name: int, kind: int, offset: int, size: int) -> bytes:
    fields = (0, _BASE + offset, offset, size)
    return struct.pack(f"{order}2L4{word}2L2{word}", name, kind, *fields, 0, 0, 1, 0)


GO_MODULES = (
    "path\texample.com/handler\n"
    "mod\texample.com/handler\t(devel)\t\n"
    "dep\tgithub.com/aws/aws-lambda-go\tv1.41.0\th1:l/5fyVb6Ud9uYd411xdHZzSf2n86TakxzpvIoz7l+3Y=\n"
    "dep\tgithub.com/gin-gonic/gin\tv1.6.2\th1:88crIK23zO6TqlQBt+f9FrPJNKm9ZEr7qjp9vl/d5TM=\n"
    "dep\tgithub.com/dgrijalva/jwt-go\tv3.2.0+incompatible\n"
    "=>\tgithub.com/golang-jwt/jwt\tv3.2.1+incompatible\th1:73Z+4BJcrTC+KczS6WvTPvRGOp1WmfEP4Q1l\n"
    "dep\texample.com/shared\tv0.0.0-00010101000000-000000000000\n"
    "=>\t../shared\t(devel)\t\n"
    "build\t-compiler=gc\n"
)
_MARKERS = (
    bytes.fromhex("3077af0c9274080241e1c107e6d618e6"),
    bytes.fromhex("f932433186182072008242104116d8f2"),
)


def go_inline(version: str = "go1.20.3", modules: str = GO_MODULES) -> bytes:
    """Go's build information as it is since 1.18: two strings behind the header.

    Source: The Go Project, package `debug/buildinfo`.
    """
    text = _MARKERS[0] + modules.encode() + _MARKERS[1] if modules else b""
    header = (b"\xff Go buildinf:" + bytes([8, 2])).ljust(32, b"\0")
    return header + _varint(len(version)) + version.encode() + _varint(len(text)) + text


def go_pointed(
    version: str = "go1.16.15",
    modules: str = GO_MODULES,
    *,
    pointer: int = 8,
    big: bool = False,
    section: str = ".go.buildinfo",
) -> bytes:
    """A program with Go's build information as it was before 1.18: pointers to string headers."""
    order = "big" if big else "little"
    text = version.encode() + _MARKERS[0] + modules.encode() + _MARKERS[1]
    start = data_address(text, pointer)
    header = b"\xff Go buildinf:" + bytes([pointer, int(big)])
    for index in (0, 1):
        header += (start + 32 + index * 2 * pointer).to_bytes(pointer, order)  # type: ignore[arg-type]
    strings = b""
    at = text_address(pointer)
    for length in (len(version), len(text) - len(version)):
        strings += at.to_bytes(pointer, order) + length.to_bytes(pointer, order)  # type: ignore[arg-type]
        at += length
    data = header.ljust(32, b"\0") + strings
    return elf(data, section=section, pointer=pointer, big=big, text=text)


def _varint(number: int) -> bytes:
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def pe(data: bytes, *, section: str = ".data", plus: bool = True) -> bytes:
    """A program of Windows whose one writable section is `data`. Source: Microsoft, "PE Format"."""
    start, optional_size = 0x80, 240 if plus else 224
    data_at = 0x400
    optional = struct.pack("<H", 0x20B if plus else 0x10B).ljust(24 if plus else 28, b"\0")
    optional += struct.pack("<Q" if plus else "<L", _BASE)
    coff = struct.pack("<4s2H3L2H", b"PE\0\0", 0x8664, 2, 0, 0, 0, optional_size, 0x22)
    sections = struct.pack(
        "<8s6L2HL", b".text", 0x200, 0x1000, 0x200, 0x200, 0, 0, 0, 0, 0x60000020
    ) + struct.pack(
        "<8s6L2HL", section.encode(), len(data), 0x2000, len(data), data_at, 0, 0, 0, 0, 0xC0000040
    )
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<L", start)
    header = head.ljust(start, b"\0") + coff + optional.ljust(optional_size, b"\0") + sections
    return header.ljust(data_at, b"\0") + data


def macho(
    data: bytes, *, section: str = "__go_buildinfo", pointer: int = 8, big: bool = False
) -> bytes:
    """A program of macOS whose one writable segment is `data`. Source: `mach-o/loader.h`."""
    order, word = (">" if big else "<"), ("Q" if pointer == 8 else "L")
    data_at = 0x400
    inside = struct.pack(
        f"{order}16s16s2{word}{'8' if pointer == 8 else '7'}L",
        *(section.encode(), b"__DATA", _BASE + data_at, len(data), data_at),
        *([0] * (7 if pointer == 8 else 6)),
    )
    segment_size = struct.calcsize(f"{order}2L16s4{word}4L")
    segment = struct.pack(
        f"{order}2L16s4{word}4L",
        *(0x19 if pointer == 8 else 1, segment_size + len(inside), b"__DATA"),
        *(_BASE + data_at, len(data), data_at, len(data), 3, 3, 1, 0),
    )
    magic = 0xFEEDFACF if pointer == 8 else 0xFEEDFACE
    header = struct.pack(f"{order}7L", magic, 7, 3, 2, 1, len(segment) + len(inside), 0)
    header += b"\0\0\0\0" if pointer == 8 else b""
    return (header + segment + inside).ljust(data_at, b"\0") + data


def fat_macho(*programs: bytes) -> bytes:
    """A program of macOS for several architectures. Source: `mach-o/fat.h`."""
    at, header, body = 0x1000, struct.pack(">2L", 0xCAFEBABE, len(programs)), b""
    for program in programs:
        header += struct.pack(">5L", 7, 3, at + len(body), len(program), 12)
        body += program
    return header.ljust(at, b"\0") + body
