"""Tells the kind of a file that says what a deployment contains, by its folder and name."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from functools import partial

from . import java, node, python
from .catalog import CATALOG, Kind, Read, Treatment
from .found_packages import Parsed
from .lockfiles import sbom
from .troubles import Trouble, Wanting

# A lock file inside an installed package speaks of how that package is developed.
_INSTALLED = frozenset({"node_modules", "site-packages", "dist-packages"})
# These are what is installed, and lie there.
_THERE = frozenset({python.of_metadata, java.of_pom})
_REQUIREMENTS = re.compile(r"(?P<before>.*?)requirements(?P<after>.*)\.(?:txt|in|pip|lock)")

_EMPTY = Trouble("is empty")
_ASKS_NOTHING = "is empty, and asks for nothing"


def _rows(
    kinds: tuple[Kind, ...],
) -> tuple[dict[str, Kind], tuple[tuple[re.Pattern[str], Kind], ...]]:
    """Kinds by plain names, and by patterns of the last folders and the name."""
    plain: dict[str, Kind] = {}
    patterns = []
    for kind in kinds:
        for name in kind.names:
            if not set(name) & set("*/"):
                plain.setdefault(name, kind)
                # Windows writes names in whatever case.
                if kind.treatment is not Treatment.GAP:
                    plain.setdefault(name.lower(), kind)
            else:
                parts = (
                    fnmatch.translate(part).removesuffix(r"\Z").removesuffix(r"\z")
                    for part in name.split("/")
                )
                glob = "/".join(part.replace(".*", "[^/]*") for part in parts)
                patterns.append((re.compile(f"(?:.*/)?{glob}", re.IGNORECASE), kind))
    return plain, tuple(patterns)


_PLAIN, _PATTERNS = _rows(CATALOG)


def kind_of(path: str) -> Kind | None:
    """The kind of a file of this name in this folder; None for most files."""
    name = posixpath.basename(path)
    if kind := _PLAIN.get(name) or _PLAIN.get(name.lower()):
        return kind
    return next((kind for pattern, kind in _PATTERNS if pattern.fullmatch(path)), None)


def reader_of(path: str) -> Read | None:
    """The reader of a file of this name in this folder; None for most files."""
    folder, name = posixpath.split(path)
    if name == "package.json" and "node_modules/" in path:
        return node.of_installed
    kind = kind_of(path)
    if kind is None or kind.read is None:
        return None
    if kind.read in _THERE:
        return kind.read
    folders = set(folder.split("/"))
    if not _INSTALLED.isdisjoint(folders) or _is_of_another(kind, folders):
        return None
    return None if _is_for_developing(folder, name) else partial(_read, kind)


def is_project(path: str) -> bool:
    """Whether a file is the package.json of a project, and not of an installed package."""
    return posixpath.basename(path) == "package.json" and "node_modules/" not in path


def lock_reader(name: str) -> Read | None:
    """The reader of a lock or requirements file given by itself; None for any other file."""
    kind = kind_of(name)
    if kind is None or kind.read is None:
        return python.of_requirements if name.endswith(".txt") else None
    return partial(_read, kind)


def is_lock(name: str) -> bool:
    """Whether a file is by its name a lock or requirements file that is read here."""
    return lock_reader(name) is not None


def _read(kind: Kind, data: bytes, where: str) -> Parsed:
    """What a file of a kind says. A lock file of nothing is one that was not written."""
    if kind.read is None or (not data.strip(b"\xef\xbb\xbf \t\r\n\0") and not kind.may_be_empty):
        if kind.read in (python.of_requirements, node.of_project):
            return Parsed(troubles=(Wanting(_ASKS_NOTHING, unless=kind.ecosystem),))
        return Parsed(troubles=(_EMPTY,))
    return kind.read(data, where)


def _is_of_another(kind: Kind, folders: set[str]) -> bool:
    """Whether a file lies where the sources of a package are that others installed.

    In a jar's META-INF and in a `vendor` folder every package has the manifest it was built by.
    """
    if "META-INF" in folders:
        return kind.read is not sbom.of_bill
    # What a project of Node says of itself counts where a link leads to it.
    is_manifest = kind.treatment is Treatment.ASKS and kind.read is not node.of_project
    return is_manifest and "vendor" in folders


def _is_for_developing(folder: str, name: str) -> bool:
    """Whether requirements are by their name or folder none for running anything."""
    if posixpath.basename(folder) == "requirements":
        return python.is_for_developing(posixpath.splitext(name)[0])
    found = _REQUIREMENTS.fullmatch(name.lower())
    return found is not None and any(map(python.is_for_developing, found.groups()))
