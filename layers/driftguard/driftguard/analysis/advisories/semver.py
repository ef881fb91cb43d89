"""SemVer's precedence, as a key that sorts; and Go's spelling of it.

Sources: "Semantic Versioning 2.0.0", items 9 to 11; The Go Project, "Go Modules Reference",
"Versions" and "Pseudo-versions"; "Go Toolchains", for the releases of Go itself.
"""

from __future__ import annotations

import re
from typing import TypeAlias

# A number sorts before a word, and a release after all that lead up to it.
Identifier: TypeAlias = "tuple[int, int, str]"
Key: TypeAlias = "tuple[tuple[int, int, int], tuple[Identifier, ...]]"

_RELEASE: tuple[Identifier, ...] = ((2, 0, ""),)
# Registries and advisories leave out trailing zeros, and put a `v` before what is a tag.
_VERSION = re.compile(
    r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_GO_RELEASE = re.compile(r"(?:go)?([0-9]+(?:\.[0-9]+){0,2})(?:(alpha|beta|rc)([0-9]+))?")


def key(version: str) -> Key:
    """What a version sorts by: equal for versions that differ in build metadata only.

    `ValueError` where it is no semantic version, even with a leading `v` or without its zeros.
    """
    found = _VERSION.fullmatch(version)
    if not found:
        raise ValueError("it is no semantic version")
    major, minor, patch, before = found.groups()
    core = (int(major), int(minor or 0), int(patch or 0))
    return core, tuple(map(_identifier, before.split("."))) if before else _RELEASE


def go_key(version: str) -> Key:
    """The same for a Go module's version, or for a release of Go (`go1.21rc2`)."""
    release = _GO_RELEASE.fullmatch(version)
    if not release:
        return key(version)
    core, word, number = release.groups()
    return key(f"{core}-{word}.{number}" if word else core)


def _identifier(text: str) -> Identifier:
    return (0, int(text), "") if text.isdigit() else (1, 0, text)
