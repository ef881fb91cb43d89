"""What a Rust program says of its crates, where it was built to say so; and Cargo's lock file.

Source: Rust Secure Code Working Group, "cargo-auditable: how it works" (section `.dep-v0`); The
Cargo Book, "Cargo.toml vs Cargo.lock".
"""

from __future__ import annotations

import json
import zlib
from typing import IO

from . import programs
from .found_packages import Evidence, Said, found, parser
from .programs.layout import read_at
from .syntax import toml_text
from .syntax.json_text import text
from .troubles import Unreadable

ECOSYSTEM = "crates.io"
_MOST_PACKED = 1024 * 1024
_MOST_TEXT = 8 * 1024 * 1024


@parser
def of_program(file: IO[bytes], where: str) -> Said:
    """The crates in a program built with `cargo auditable`; nothing for any other program."""
    section = programs.opened(file).section(".dep-v0")
    if section is None:
        return
    if section.size > _MOST_PACKED:
        raise Unreadable("has an endless list of crates")
    inflater = zlib.decompressobj()
    try:
        listed = inflater.decompress(read_at(file, section.offset, section.size), _MOST_TEXT)
    except zlib.error:
        raise Unreadable("has a broken list of crates") from None
    if not inflater.eof:
        raise Unreadable("has a broken or an endless list of crates")
    document = json.loads(listed)
    crates = document.get("packages") if isinstance(document, dict) else None
    if not isinstance(crates, list):
        raise Unreadable("has a broken list of crates")
    for crate in crates:
        if not isinstance(crate, dict):
            raise Unreadable("has a broken list of crates")
        # What only the build used is not in the program; what is local has no advisories. A crate
        # from a repository or another registry is that crate.
        if crate.get("kind") != "build" and crate.get("source") != "local":
            name, version = str(crate.get("name")), str(crate.get("version"))
            yield found(ECOSYSTEM, name, version, where, Evidence.INSTALLED)


@parser
def of_lock(data: bytes, where: str) -> Said:
    """The crates of a Cargo.lock that are not the project's own: from crates.io, or a repository.

    A crate from a repository is that crate, at the version that it says.
    """
    for crate in toml_text.packages(data, ("version", "metadata")):
        if text(crate, "source"):
            yield found(
                ECOSYSTEM, text(crate, "name"), text(crate, "version"), where, Evidence.STATED
            )
