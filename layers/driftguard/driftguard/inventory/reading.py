"""What was deployed: every package in an archive, an image or a folder, and how it is known."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..advisories.package import Coordinates, Package
from . import elf, go, java, node, python, rust
from .archive import entries, entries_of_folder, is_nested_archive
from .entries import ENDLESS, LONGEST_NAME, Entry, begun, spooled, whole
from .findings import Evidence, Finding, Parsed
from .limits import LAMBDA, Budget, Limits
from .troubles import Exhausted, Trouble, Troubles, Unreadable, printable

# A Go or Rust program is larger than this even when packed.
_LEAST_PROGRAM = 32 * 1024
_INSIDE = "!/"

_LOST_LINK = Trouble("is a link to what can't be told, and was not followed")

_BY_NAME: dict[str, Callable[[bytes, str], Parsed]] = {
    "Cargo.lock": rust.of_lock,
    "Pipfile.lock": python.of_pipfile_lock,
    "npm-shrinkwrap.json": node.of_package_lock,
    "package-lock.json": node.of_package_lock,
    "pnpm-lock.yaml": node.of_pnpm_lock,
    "poetry.lock": python.of_lock,
    "uv.lock": python.of_lock,
    "yarn.lock": node.of_yarn_lock,
}
# A lock file inside an installed package speaks of how that package is developed.
_INSTALLED = ("node_modules", "site-packages", "dist-packages")
_FOR_DEVELOPING = ("dev", "test", "doc", "lint")


@dataclass(frozen=True, slots=True)
class Item:
    """One version of one package. `places` are paths in the archive, `lib/app.jar!/x.jar`."""

    package: Package
    evidence: Evidence
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """The packages in order of ecosystem, name and version, each once.

    Unless `complete`, something may be missing: then that a package is not in here says nothing.
    `troubles` are sentences for people, of gaps and of what is merely odd. `files_seen` counts
    entries, over all nested archives.
    """

    items: tuple[Item, ...]
    complete: bool
    troubles: tuple[str, ...]
    files_seen: int

    @property
    def packages(self) -> tuple[Package, ...]:
        """Each package once, with the first of its places."""
        return tuple(item.package for item in self.items)


def inventory(file: IO[bytes], name: str, limits: Limits = LAMBDA) -> Inventory:
    """What a deployment package contains: a zip or jar, or an image if `name` ends in `.tar[.gz]`.

    `file` is seekable. Never raises on what it contains: what can't be read is told, and leaves the
    inventory incomplete. Nothing is unpacked under a name of the archive's.
    """
    reading = _Reading(Budget(limits))
    return reading.finish(lambda: reading.archive(file, name, prefix="", depth=0), name)


def of_folder(folder: Path, limits: Limits = LAMBDA) -> Inventory:
    """What lies in a folder, as `inventory` would tell of the same files in a zip."""
    reading = _Reading(Budget(limits))
    return reading.finish(lambda: reading.folder(folder.resolve()), str(folder))


@dataclass(slots=True)
class _Reading:
    """One inventory while it is being made."""

    budget: Budget
    troubles: Troubles = field(default_factory=Troubles)
    findings: list[Finding] = field(default_factory=list)
    files_seen: int = 0

    def finish(self, read: Callable[[], None], name: str) -> Inventory:
        """Reads to the end, or to where a limit or a broken archive ends it."""
        try:
            read()
        except (Unreadable, Exhausted) as error:
            self.troubles.tell(Trouble(str(error)), name)
        return Inventory(
            items=_merged(self.findings),
            complete=self.troubles.complete,
            troubles=self.troubles.lines(),
            files_seen=self.files_seen,
        )

    def archive(self, file: IO[bytes], name: str, prefix: str, depth: int) -> None:
        """One archive, and what is nested in it. `prefix` stands before its entries' paths."""
        jar = java.Jar(name)
        for entry in entries(file, name, prefix, self.budget, self.troubles):
            jar.passes(entry.path)
            self._entry(entry, prefix, depth, jar)
        self._take(java.of_jar(jar), name)

    def folder(self, folder: Path) -> None:
        """All files under a folder."""
        for entry in entries_of_folder(folder, self.budget, self.troubles):
            self._entry(entry, "", 0, java.Jar(""))

    def _entry(self, entry: Entry, prefix: str, depth: int, jar: java.Jar) -> None:
        self.files_seen += 1
        place = printable(prefix + entry.path)
        if len(place) > LONGEST_NAME:
            self.troubles.tell(ENDLESS, place)
            return
        read = _parser_of(place)
        try:
            if entry.link is not None:
                if _matters(entry.path) and not _matters(entry.link):
                    self.troubles.tell(_LOST_LINK, place)
            elif is_nested_archive(entry.path):
                self._nested(entry, place, depth)
            elif read:
                # What a jar contains is the jar, to those who look for it.
                inside = java.is_pom(entry.path) and prefix
                where = prefix.removesuffix(_INSIDE) if inside else place
                self._take(read(whole(entry, self.budget), where), place)
            elif entry.path == java.MANIFEST:
                jar.manifest = whole(entry, self.budget)
            elif entry.packed >= _LEAST_PROGRAM:
                self._program(entry, place)
        except Unreadable as error:
            self.troubles.tell(Trouble(str(error)), place)

    def _nested(self, entry: Entry, place: str, depth: int) -> None:
        if depth == self.budget.limits.depth:
            raise Unreadable(f"is nested more than {depth} archives deep, and was not read")
        with spooled(entry.chunks(), self.budget) as file:
            self.archive(file, place, place + _INSIDE, depth + 1)

    def _program(self, entry: Entry, place: str) -> None:
        beginning, chunks = begun(entry)
        if beginning != elf.MAGIC:
            return
        with spooled(chunks, self.budget) as file:
            self._take(go.of_program(file, place), place)
            self._take(rust.of_program(file, place), place)

    def _take(self, parsed: Parsed, place: str) -> None:
        for trouble in parsed.troubles:
            self.troubles.tell(trouble, place)
        self.budget.packages(len(parsed.findings))
        self.findings.extend(parsed.findings)


def _matters(path: str) -> bool:
    return is_nested_archive(path) or path == java.MANIFEST or bool(_parser_of(path))


def _parser_of(path: str) -> Callable[[bytes, str], Parsed] | None:
    """Who reads a file of this name in this folder; None for most files."""
    folder, name = posixpath.split(path)
    if name == "METADATA" and folder.endswith(".dist-info"):
        return python.of_metadata
    if name.endswith(".egg-info") or (
        name == "PKG-INFO" and folder.endswith((".egg-info", "EGG-INFO"))
    ):
        return python.of_metadata
    if name == "package.json":
        return node.of_installed if "node_modules/" in folder else None
    if name == "pom.properties":
        return java.of_pom if java.is_pom(path) else None
    if name in _BY_NAME or name.endswith(".txt"):
        return None if set(_INSTALLED) & set(folder.split("/")) else _stated(name)
    return None


def _stated(name: str) -> Callable[[bytes, str], Parsed] | None:
    if name.startswith("requirements") and name.endswith(".txt"):
        purpose = name.removeprefix("requirements").strip("-_.")
        return None if purpose.startswith(_FOR_DEVELOPING) else python.of_requirements
    return _BY_NAME.get(name)


def _merged(findings: Iterable[Finding]) -> tuple[Item, ...]:
    """Each package once. What is installed overrules what a lock file means to be there."""
    told = list(findings)
    installed = [one for one in told if one.evidence is Evidence.INSTALLED]
    folders = {(one.package.ecosystem, one.at) for one in installed if one.at}
    names = {one.package.coordinates[:2] for one in installed}
    items: dict[Coordinates, list[Finding]] = {}
    for one in told:
        overruled = (
            (one.package.ecosystem, one.at) in folders
            if one.at
            else one.package.coordinates[:2] in names
        )
        if one.evidence is not Evidence.STATED or not overruled:
            items.setdefault(one.package.coordinates, []).append(one)
    ranks = list(Evidence)
    return tuple(
        Item(
            package=same[0].package,
            evidence=min((one.evidence for one in same), key=ranks.index),
            places=tuple(dict.fromkeys(one.package.where for one in same)),
        )
        for _, same in sorted(items.items())
    )
