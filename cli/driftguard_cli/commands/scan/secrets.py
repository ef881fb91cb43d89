"""Finds secrets in the text files of a folder. Reports only the kind and place of a secret."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from driftguard.analysis.inventory.troubles import printable
from driftguard.analysis.secrets import DetectorFailed, Exposed, exposed_in
from driftguard.analysis.secrets.aws_keys import ACCESS_KEY_ID

from .verdict import Exposures

# Others' code has keys of its own tests in it, and is not what its user wrote.
_NOT_OURS = frozenset({".git", "__pycache__", "dist-packages", "node_modules", "site-packages"})
# Of one file, in bytes: a larger text is data.
_LARGEST = 16 * 1024 * 1024
# So many characters are read at a time, as far as the detectors read; a secret that lies across the
# seam is whole in one of the two pieces.
_PIECE, _OVERLAP = 512 * 1024, 32 * 1024
_LOOKED_AT = 8192
# detect-secrets' own comment: who uses that as well writes it once.
ALLOWING = "pragma: allowlist secret"


def exposures(folder: Path) -> Exposures:
    """The secrets in all text files under a folder, without what others wrote. No link is followed.

    A line with the comment `pragma: allowlist secret` is counted, and not told.
    """
    # Fingerprints are not reported here: their salt is forgotten with this call.
    salt = secrets.token_bytes(32)
    found: dict[tuple[str, str], Exposed] = {}
    unknown: list[str] = []
    allowed: set[str] = set()
    for path in _files(folder, unknown):
        relative = printable(path.relative_to(folder).as_posix())
        try:
            text = _text(path)
            lines = text.split("\n")
            for exposed in _found(relative, text, salt):
                line = int(exposed.place.rpartition(":")[2])
                if any(ALLOWING in text_line for text_line in lines[line - 1 : line]):
                    allowed.add(exposed.place)
                else:
                    found.setdefault((exposed.kind, exposed.place), exposed)
        except DetectorFailed as error:
            unknown.append(str(error))
        except _TooLarge:
            unknown.append(
                f"{relative}: is larger than {_LARGEST:,} bytes, so it was not searched for secrets"
            )
        except OSError as error:
            unknown.append(f"{relative}: could not be read: {error.strerror}")
    return Exposures(tuple(found.values()), len(allowed), tuple(unknown))


class _TooLarge(Exception):
    """A text is too large to be looked through."""


def _files(folder: Path, unknown: list[str]) -> Iterator[Path]:
    def unlisted(error: OSError) -> None:
        unknown.append(f"{printable(str(error.filename))}: could not be listed: {error.strerror}")

    for parent, folders, files in os.walk(folder, onerror=unlisted):
        folders[:] = sorted(name for name in folders if name not in _NOT_OURS)
        for name in sorted(files):
            path = Path(parent, name)
            try:
                is_file = stat.S_ISREG(path.lstat().st_mode)
            except OSError as error:
                unlisted(error)
            else:
                if is_file:
                    yield path


def _text(path: Path) -> str:
    """The file as a text; "" where it is none."""
    with path.open("rb") as file:
        beginning = file.read(_LOOKED_AT)
        encoding = "utf-16" if beginning.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        if encoding != "utf-16" and b"\0" in beginning:
            return ""
        data = beginning + file.read(_LARGEST)
    if len(data) > _LARGEST:
        raise _TooLarge
    # A secret is ASCII, whatever the words around it are.
    return data.decode(encoding, "replace")


def _found(place: str, text: str, salt: bytes) -> Iterator[Exposed]:
    """Each secret, its place with the line that it is on."""
    for before, piece in _pieces(text):
        for exposed in exposed_in([(place, piece)], salt):
            line = exposed.place.removeprefix(place).removeprefix(":") or "1"
            if exposed.kind != ACCESS_KEY_ID:
                yield replace(exposed, place=f"{place}:{before + int(line)}")


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """How many lines stand before each piece, and the piece."""
    start = 0
    while start < len(text):
        end = start + _PIECE
        yield text.count("\n", 0, start), text[start:end]
        if end >= len(text):
            return
        start = max(text.rfind("\n", end - _OVERLAP, end - _OVERLAP // 2) + 1, end - _OVERLAP)
