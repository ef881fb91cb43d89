"""Streams the entries of an archive, a container image or a folder."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO

from . import images, packings, zips
from .entries import FIRST_PIECE, LINK, PIECE, Entry, spooled
from .limits import Budget
from .troubles import Trouble, Troubles, Unreadable

# Archives that code is loaded from: Java's and those of its servers, Python's, .NET's, and what is
# unpacked at run time.
_JAVAS = (".jar", ".war", ".ear", ".nar", ".sar", ".par", ".rar", ".aar", ".hpi", ".jpi")
_ZIPS = (*_JAVAS, ".zip", ".whl", ".egg", ".pyz", ".pex", ".nupkg")
# What is a zip by its name is one: a file can be a zip and a tar at once.
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tbz", ".tar.zst")
_INTERPRETER = re.compile(r"python[\d.]*")
_OUT = Trouble("is a link that leads out of the folder, and was not followed")


def is_archive(path: str) -> bool:
    """Whether a file is by its name an archive that code is loaded from, or an image."""
    return path.lower().endswith((*_ZIPS, *_TARS))


def is_image(path: str) -> bool:
    """Whether a file that is not inside an archive is by its name a container image."""
    return path.lower().endswith(_TARS)


def is_packed(beginning: bytes) -> bool:
    """Whether a file that begins so is an archive, whatever it is called."""
    return (
        packings.is_zip(beginning)
        or packings.is_tar(beginning)
        or (packings.is_compressed(beginning) and packings.may_hold_a_tar(beginning))
    )


def entries(
    file: IO[bytes], name: str, prefix: str, budget: Budget, troubles: Troubles
) -> Iterator[Entry]:
    """The files of a zip or a tar, which may be compressed.

    A tar is a container image, unless it lies in another archive. What is neither by its name is
    what its first bytes say; nothing, where a compressed file has no tar in it. `Unreadable` where
    it is none of these, `Exhausted` at a limit. An entry must be read before the next.
    """
    file.seek(0)
    beginning = file.read(FIRST_PIECE)
    file.seek(0)
    named = is_archive(name)
    if what := packings.unread(beginning):
        raise Unreadable(f"is packed as {what}, which is not read here")
    if name.lower().endswith(_ZIPS) or (not is_image(name) and packings.is_zip(beginning)):
        yield from zips.entries(file, name, prefix, budget, troubles)
    elif packings.is_compressed(beginning):
        gzipped = images.is_gzipped(file)
        unzipped = images.unzipped(file, budget) if gzipped else packings.decompressed(file, budget)
        first = next(unzipped, b"")
        if named or packings.is_tar(first):
            with spooled(chain((first,), unzipped), budget) as tar:
                yield from _of_tar(tar, prefix, budget, troubles)
    else:
        yield from _of_tar(file, prefix, budget, troubles)


def _of_tar(file: IO[bytes], prefix: str, budget: Budget, troubles: Troubles) -> Iterator[Entry]:
    if prefix:
        return images.files(file, prefix, budget, troubles)
    return images.entries(file, budget, troubles)


def entries_of_folder(folder: Path, budget: Budget, troubles: Troubles) -> Iterator[Entry]:
    """The files under a folder, in the order of their names. No link is followed.

    A link that leads out of the folder is a gap: tools that pack a folder often follow links.
    """
    for parent, folders, files in os.walk(folder, onerror=partial(_unlisted, folder, troubles)):
        folders.sort()
        for name in sorted(folders + files):
            path = Path(parent, name)
            relative = path.relative_to(folder).as_posix()
            try:
                status = path.lstat()
                link = _target(folder, path) if stat.S_ISLNK(status.st_mode) else None
            except OSError as error:
                troubles.tell(Trouble(f"could not be read: {error.strerror}"), relative)
                continue
            if link is not None:
                troubles.tell(LINK if link else _OUT, relative)
                yield Entry(relative, 0, partial(_read, path, budget), link)
            elif stat.S_ISREG(status.st_mode):
                budget.entry()
                yield Entry(relative, status.st_size, partial(_read, path, budget))


def _target(folder: Path, path: Path) -> str:
    """Where a link leads to inside the folder; "." where there is nothing; "" for outside."""
    target = Path(os.path.normpath(path.parent / path.readlink()))
    if target.is_relative_to(folder):
        return target.relative_to(folder).as_posix()
    # A virtual environment has a link to its interpreter, which is no part of what is packed.
    return "." if _INTERPRETER.fullmatch(path.name) or not path.exists() else ""


def _unlisted(folder: Path, troubles: Troubles, error: OSError) -> None:
    place = Path(str(error.filename))
    relative = place.relative_to(folder) if place.is_relative_to(folder) else place
    troubles.tell(Trouble(f"could not be listed: {error.strerror}"), relative.as_posix())


def _read(path: Path, budget: Budget) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            size = FIRST_PIECE
            while piece := file.read(size):
                budget.inflated(len(piece))
                yield piece
                size = PIECE
    except OSError as error:
        raise Unreadable(f"could not be read: {error.strerror}") from error
