"""Streams the entries of an archive, a container image or a folder."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

from . import images, zips
from .entries import FIRST_PIECE, LINK, PIECE, Entry, spooled
from .limits import Budget
from .troubles import Trouble, Troubles, Unreadable

# Archives that code is loaded from: Java's, Python's, and what is unpacked at run time.
_ZIPS = (".jar", ".war", ".ear", ".zip", ".whl", ".egg", ".pyz", ".pex")
# A tar is told by its name, and not by its content: a file can be a zip and a tar at once.
_TARS = (".tar", ".tar.gz", ".tgz")
_INTERPRETER = re.compile(r"python[\d.]*")
_OUT = Trouble("is a link that leads out of the folder, and was not followed")


def is_archive(path: str) -> bool:
    """Whether a file is by its name an archive that code is loaded from, or an image."""
    return path.lower().endswith((*_ZIPS, *_TARS))


def is_image(path: str) -> bool:
    """Whether a file that is not inside an archive is by its name a container image."""
    return path.lower().endswith(_TARS)


def entries(
    file: IO[bytes], name: str, prefix: str, budget: Budget, troubles: Troubles
) -> Iterator[Entry]:
    """The files of a zip, or of a tar where `name` ends in `.tar` or `.tar.gz`.

    A tar is a container image, unless it lies in another archive. `Unreadable` where it is neither,
    `Exhausted` at a limit. An entry must be read before the next.
    """
    if not is_image(name):
        yield from zips.entries(file, name, prefix, budget, troubles)
    elif images.is_gzipped(file):
        with spooled(images.unzipped(file, budget), budget) as unzipped:
            yield from _of_tar(unzipped, prefix, budget, troubles)
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
