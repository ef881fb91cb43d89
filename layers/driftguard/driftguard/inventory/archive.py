"""What is in an archive, a container image or a folder: one stream of entries, whatever it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

from . import images, zips
from .entries import FIRST_PIECE, LINK, PIECE, Entry, spooled
from .limits import Budget
from .troubles import Trouble, Troubles, Unreadable

# Archives that code is loaded from: Java's, Python's, and zips that are unpacked at run time.
_NESTED = (".jar", ".war", ".ear", ".zip", ".whl", ".egg", ".pyz", ".pex")
# An image is told by its name, and not by its content: a file can be a zip and a tar at once.
_IMAGES = (".tar", ".tar.gz", ".tgz")


def is_nested_archive(path: str) -> bool:
    """Whether a file inside an archive is one that code is loaded from."""
    return path.lower().endswith(_NESTED)


def entries(
    file: IO[bytes], name: str, prefix: str, budget: Budget, troubles: Troubles
) -> Iterator[Entry]:
    """The files of a zip, or of a container image where `name` ends in `.tar` or `.tar.gz`.

    `Unreadable` where it is neither, `Exhausted` at a limit. An entry must be read before the next.
    """
    if not name.lower().endswith(_IMAGES):
        yield from zips.entries(file, name, prefix, budget, troubles)
    elif images.is_gzipped(file):
        with spooled(images.unzipped(file, budget), budget) as unzipped:
            yield from images.entries(unzipped, budget, troubles)
    else:
        yield from images.entries(file, budget, troubles)


def entries_of_folder(folder: Path, budget: Budget, troubles: Troubles) -> Iterator[Entry]:
    """The files under a folder, in the order of their names. No link is followed."""
    for parent, folders, files in os.walk(folder, onerror=partial(_unlisted, folder, troubles)):
        folders.sort()
        for name in sorted(folders + files):
            path = Path(parent, name)
            relative = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                troubles.tell(LINK, relative)
                target = Path(os.path.normpath(path.parent / path.readlink()))
                inside = target.is_relative_to(folder)
                link = target.relative_to(folder).as_posix() if inside else ""
                yield Entry(relative, 0, partial(_read, path, budget), link)
            elif stat.S_ISREG(mode):
                budget.entry()
                yield Entry(relative, path.stat().st_size, partial(_read, path, budget))


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
