"""Indexes which document of a copy names which package, in a small database beside the copy.

An index is complete or absent: it is built under another name and renamed when it is done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from .osv import Advisory
from .package import Coordinates, identity

_TABLES = """
CREATE TABLE entry (package TEXT, document TEXT);
CREATE TABLE damaged (reason TEXT);
"""


@dataclass(frozen=True, slots=True)
class Index:
    """An index in a file."""

    path: Path

    @classmethod
    def of(cls, path: Path, contents: Iterable[tuple[str, Advisory | str]]) -> Index:
        """The index at the path, which is built first where there is none.

        `contents` are documents' names, each with its advisory, or with why it cannot be read.
        """
        if not path.is_file():
            _build(path, contents)
        return cls(path)

    def documents(self, package: Coordinates) -> list[str]:
        """The documents that name a package, at whatever version."""
        key = _key(*identity(package.ecosystem, package.name))
        return self._column("SELECT DISTINCT document FROM entry WHERE package = ?", key)

    def damaged(self) -> list[str]:
        """What is wrong with each document that could not be read."""
        return self._column("SELECT reason FROM damaged")

    def is_empty(self) -> bool:
        """Whether no document names any package."""
        return not self._column("SELECT 1 FROM entry LIMIT 1")

    def _column(self, query: str, *values: str) -> list[str]:
        with closing(
            sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
        ) as index:
            return [str(value) for (value,) in index.execute(query, values)]


def _build(path: Path, contents: Iterable[tuple[str, Advisory | str]]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, suffix=".building", delete=False) as file:
        building = Path(file.name)
    try:
        with closing(sqlite3.connect(building)) as index:
            index.executescript(_TABLES)
            for name, found in contents:
                if isinstance(found, Advisory):
                    index.executemany("INSERT INTO entry VALUES (?, ?)", _rows(name, found))
                else:
                    index.execute("INSERT INTO damaged VALUES (?)", (found,))
            index.execute("CREATE INDEX by_package ON entry (package)")
            index.commit()
        building.replace(path)
        forget_others(path)
    finally:
        building.unlink(missing_ok=True)


def forget_others(path: Path) -> None:
    """Deletes what is left of earlier editions: `npm-<edition>.index` beside the new one."""
    for other in path.parent.glob(f"{path.stem.rpartition('-')[0]}-*{path.suffix}"):
        if other != path:
            other.unlink(missing_ok=True)


def _rows(document: str, found: Advisory) -> Iterator[tuple[str, str]]:
    for key in {_key(*identity(entry.ecosystem, entry.name)) for entry in found.affected}:
        yield key, document


def _key(ecosystem: str, name: str) -> str:
    return f"{ecosystem}\n{name}"
