"""Reads advisories from a copy of the OSV database, without a network.

The copy is laid out like the public export: a folder for each ecosystem, with `all.zip` in it or
the advisories as JSON files. The first question about an ecosystem reads through all of it once, to
learn which advisory names which package; from then on a question reads only what it needs.

Source: OSV, "Data sources", "Data dumps".
"""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile, ZipFile

from driftguard.aws.calls import AwsError
from driftguard.documents import digest

from .index import Index
from .osv import Advisory, Unreadable, advisory
from .package import Coordinates, Package, family
from .provider import Answer, answer

ARCHIVE = "all.zip"
# Far beyond any advisory. An archive that holds more in one is not OSV's.
LARGEST = 32 * 1024 * 1024
_ECOSYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")
_BROKEN = (OSError, EOFError, BadZipFile, zlib.error, NotImplementedError, RuntimeError)


class Shelf(Protocol):
    """One ecosystem's documents."""

    def names(self) -> Iterable[str]:
        """What each document is called here."""
        ...

    def read(self, name: str) -> bytes:
        """A document. Raises `Unreadable` for one that is damaged."""
        ...


class Source(Protocol):
    """Where a copy of the database is."""

    def edition(self, ecosystem: str) -> str | None:
        """Something that changes whenever the ecosystem's documents do; None if it has none."""
        ...

    def open(self, ecosystem: str, edition: str) -> Shelf:
        """The documents of that edition."""
        ...


@dataclass
class OsvDump:
    """Looks packages up in a copy. `working` is a private folder for its indexes.

    They stay there for the next run, which trusts them: nobody else may write to the folder.
    """

    source: Source
    working: Path
    _opened: dict[str, tuple[str, Shelf, Index]] = field(default_factory=dict, repr=False)

    def of(self, packages: Sequence[Package]) -> Answer:
        """What the copy says of these packages, whatever their versions."""
        wanted: dict[str, list[Coordinates]] = {}
        for package in packages:
            sought = package.coordinates
            wanted.setdefault(family(sought.ecosystem), []).append(sought)
        found: list[Advisory] = []
        gaps: list[str] = []
        for ecosystem, coordinates in wanted.items():
            try:
                self._look_up(ecosystem, coordinates, found, gaps)
            except (AwsError, sqlite3.Error, *_BROKEN) as error:
                gaps.append(f"the copy of {ecosystem} cannot be read: {error}")
        return answer(found, gaps)

    def _look_up(
        self,
        ecosystem: str,
        packages: Iterable[Coordinates],
        found: list[Advisory],
        gaps: list[str],
    ) -> None:
        edition = self.source.edition(ecosystem) if _ECOSYSTEM.fullmatch(ecosystem) else None
        if edition is None:
            gaps.append(f"the copy has no advisories for {ecosystem or 'an unnamed ecosystem'}")
            return
        shelf, index = self._at(ecosystem, edition)
        # Whom a damaged document concerns cannot be known, nor what an empty copy should hold.
        gaps.extend(index.damaged())
        if index.is_empty():
            gaps.append(f"the copy of {ecosystem} is empty")
        for name in sorted({name for package in packages for name in index.documents(package)}):
            try:
                found.append(parsed(shelf.read(name)))
            except Unreadable as error:
                gaps.append(f"{name} cannot be read: {error}")

    def _at(self, ecosystem: str, edition: str) -> tuple[Shelf, Index]:
        if ecosystem not in self._opened or self._opened[ecosystem][0] != edition:
            shelf = self.source.open(ecosystem, edition)
            path = self.working / f"{ecosystem}-{digest(edition)[:16]}.index"
            self._opened[ecosystem] = (edition, shelf, Index.of(path, _contents(shelf)))
        return self._opened[ecosystem][1:]


def _contents(shelf: Shelf) -> Iterator[tuple[str, Advisory | str]]:
    """Every document's name, with the advisory in it, or with what is wrong with it."""
    for name in shelf.names():
        try:
            yield name, parsed(shelf.read(name))
        except Unreadable as error:
            yield name, f"{name} cannot be read: {error}"


def parsed(raw: bytes) -> Advisory:
    """The advisory in a JSON text. Raises `Unreadable`."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is not JSON") from error
    return advisory(document)


# ------------------------------------------------------------------------------------- on this disk


@dataclass(frozen=True, slots=True)
class Folder:
    """A copy in a folder."""

    path: Path

    def edition(self, ecosystem: str) -> str | None:
        """Names, sizes and times of the files."""
        archive = self.path / ecosystem / ARCHIVE
        files = [archive] if archive.is_file() else _json_files(self.path / ecosystem)
        if not files:
            return None
        stats = ((file, file.stat()) for file in files)
        return "\n".join(f"{file} {stat.st_size} {stat.st_mtime_ns}" for file, stat in stats)

    def open(self, ecosystem: str, edition: str) -> Shelf:
        """The archive where there is one, else the files."""
        folder = self.path / ecosystem
        archive = folder / ARCHIVE
        return Archive(ZipFile(archive)) if archive.is_file() else Files(folder)


def _json_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


@dataclass(frozen=True, slots=True)
class Files:
    """Advisories as files of one folder."""

    folder: Path

    def names(self) -> Iterator[str]:
        """The files' names."""
        return (file.name for file in _json_files(self.folder))

    def read(self, name: str) -> bytes:
        """A file, if it is no larger than an advisory can be."""
        path = self.folder / name
        if path.stat().st_size > LARGEST:
            raise Unreadable(f"it has more than {LARGEST:,} bytes")
        return path.read_bytes()


@dataclass(frozen=True, slots=True)
class Archive:
    """Advisories in a zip archive, read one at a time."""

    archive: ZipFile

    def names(self) -> Iterator[str]:
        """The members that are JSON."""
        return (name for name in self.archive.namelist() if name.endswith(".json"))

    def read(self, name: str) -> bytes:
        """A member, as far as an advisory can reach: a bomb unpacks no further."""
        try:
            with self.archive.open(name) as member:
                raw = member.read(LARGEST + 1)
        except _BROKEN as error:
            raise Unreadable(str(error) or type(error).__name__) from error
        if len(raw) > LARGEST:
            raise Unreadable(f"it has more than {LARGEST:,} bytes")
        return raw
