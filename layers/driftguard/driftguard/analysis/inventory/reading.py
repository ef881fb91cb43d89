"""Takes the inventory of an archive, an image or a folder: every package in it."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO

from ..advisories.package import Coordinates, Package, identity
from . import go, java, kinds, node, packings, programs, rust
from .archive import entries, entries_of_folder, is_archive, is_packed
from .entries import ENDLESS, LONGEST_NAME, PIECE, Entry, begun, spooled, whole
from .found_packages import Evidence, FoundPackage, Parsed
from .limits import LAMBDA, Budget, Limits
from .troubles import Exhausted, Trouble, Troubles, Unreadable, Wanting, printable

# A Go or Rust program is larger than this even when packed.
_LEAST_PROGRAM = 32 * 1024
# And so large an archive without anything in it.
_LEAST_ARCHIVE = 22
_INSIDE = "!/"
# What Lambda runs of a function that brings its own runtime. Source: AWS Lambda Developer Guide,
# "Building a custom runtime for AWS Lambda".
_BOOTSTRAP = "bootstrap"

_LOST_LINK = Trouble("is a link to what can't be told, and was not followed")
_OPAQUE = Trouble("is the function's program, and does not say what it was built from")


@dataclass(frozen=True, slots=True)
class Item:
    """One version of one package. `places` are paths in the archive, `lib/app.jar!/x.jar`."""

    package: Package
    evidence: Evidence
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """The packages in order of ecosystem, name and version, each once.

    `gaps` and `oddities` are sentences for people: of what may be missing, and of what is merely
    odd. Of the oddities, `wanting` are those that ask for packages without saying which ones are in
    here. `files_seen` counts entries, over all nested archives.
    """

    items: tuple[Item, ...]
    gaps: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()
    wanting: tuple[str, ...] = ()
    files_seen: int = 0

    @property
    def complete(self) -> bool:
        """Whether nothing is missing; if not, that a package is not in here says nothing."""
        return not self.gaps

    @property
    def troubles(self) -> tuple[str, ...]:
        """All that is to be told, the gaps first."""
        return (*self.gaps, *self.oddities)

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


def of_lock(file: IO[bytes], name: str, limits: Limits = LAMBDA) -> Inventory:
    """What a lock or requirements file states, by itself. `ValueError` for a file that is neither.

    Nothing that is installed completes it, so that whatever it leaves open is a gap.
    """
    read = kinds.lock_reader(name)
    if read is None:
        raise ValueError(f"{name} is no lock or requirements file that is read here")
    budget = Budget(limits)
    reading = _Reading(budget)
    entry = Entry(name, 0, lambda: iter(partial(file.read, PIECE), b""))
    found = reading.finish(lambda: reading.take(read(whole(entry, budget), name), name), name)
    return replace(found, gaps=found.troubles, oddities=(), wanting=(), files_seen=1)


def joined(parts: Iterable[Inventory]) -> Inventory:
    """Several inventories as one: of a function's code and of its layers."""
    inventories = list(parts)
    return Inventory(
        items=_items(
            (Package(*item.package.coordinates, place), item.evidence)
            for part in inventories
            for item in part.items
            for place in item.places
        ),
        gaps=tuple(dict.fromkeys(line for part in inventories for line in part.gaps)),
        oddities=tuple(dict.fromkeys(line for part in inventories for line in part.oddities)),
        wanting=tuple(dict.fromkeys(line for part in inventories for line in part.wanting)),
        files_seen=sum(part.files_seen for part in inventories),
    )


@dataclass(slots=True)
class _Reading:
    """One inventory while it is being made."""

    budget: Budget
    troubles: Troubles = field(default_factory=Troubles)
    findings: list[FoundPackage] = field(default_factory=list)
    files_seen: int = 0
    # The places of all lock and requirements files that were read.
    files_read: set[str] = field(default_factory=set)
    # What is told at the end, if nothing has been found by then; and where it came up first.
    wanting: dict[Wanting, str] = field(default_factory=dict)
    # Packages that are loaded through a link, each by where it leads and where it stands; and what
    # projects of Node say of themselves, each by its folder.
    links: dict[str, str] = field(default_factory=dict)
    projects: dict[str, FoundPackage] = field(default_factory=dict)

    def finish(self, read: Callable[[], None], name: str) -> Inventory:
        """Reads to the end, or to where a limit or a broken archive ends it."""
        try:
            read()
        except (Unreadable, Exhausted) as error:
            self.troubles.tell(Trouble(str(error)), name)
        self._follow_links()
        items = _merged(self.findings)
        every, built = (
            _names(items),
            _names(item for item in items if item.evidence is not Evidence.STATED),
        )
        for trouble, place in self.wanting.items():
            if not trouble.is_met(built if trouble.built else every, self.files_read):
                self.troubles.tell(trouble, place)
        return Inventory(
            items=items,
            gaps=self.troubles.gaps,
            oddities=self.troubles.oddities,
            wanting=self.troubles.wanting,
            files_seen=self.files_seen,
        )

    def archive(self, file: IO[bytes], name: str, prefix: str, depth: int) -> None:
        """One archive, and what is nested in it. `prefix` stands before its entries' paths."""
        jar = java.Jar(name)
        for entry in entries(file, name, prefix, self.budget, self.troubles):
            jar.passes(entry.path)
            self._entry(entry, prefix, depth, jar)
        self.take(java.of_jar(jar), name)

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
        read = kinds.reader_of(place)
        try:
            if entry.link is not None:
                self._link(entry.path, entry.link, place, prefix)
            elif is_archive(entry.path):
                self._nested(entry.chunks(), place, depth)
            elif read and kinds.is_project(place):
                self._project(read(whole(entry, self.budget), place), place)
            elif read:
                self.files_read.add(place)
                # What a jar contains is the jar, to those who look for it.
                inside = java.is_pom(entry.path) and prefix
                where = prefix.removesuffix(_INSIDE) if inside else place
                self.take(read(whole(entry, self.budget), where), place)
            elif entry.path == java.MANIFEST:
                jar.manifest = whole(entry, self.budget)
            elif entry.packed >= _LEAST_ARCHIVE:
                self._by_content(entry, place, depth)
        except Unreadable as error:
            self.troubles.tell(Trouble(str(error)), place)

    def take(self, parsed: Parsed, place: str) -> None:
        """What a file at a place says."""
        for trouble in parsed.troubles:
            if isinstance(trouble, Wanting):
                self.wanting.setdefault(trouble, place)
            else:
                self.troubles.tell(trouble, place)
        self.budget.packages(len(parsed.findings))
        self.findings.extend(parsed.findings)

    def _project(self, parsed: Parsed, place: str) -> None:
        """A project of Node, which is a package where something links to it, and else is none."""
        self.take(Parsed(troubles=parsed.troubles), place)
        self.budget.packages(len(parsed.findings))
        self.projects |= {finding.at: finding for finding in parsed.findings}

    def _link(self, path: str, target: str, place: str, prefix: str) -> None:
        """A link at a path: what counts by its name there may be called otherwise where it lies."""
        if _matters(path):
            if not _matters(target):
                self.troubles.tell(_LOST_LINK, place)
        elif node.is_loaded(path) and target != "." and not node.is_loaded(target):
            self.links.setdefault(printable(prefix + target), place)

    def _follow_links(self) -> None:
        """What is loaded through a link is what its project says that it is."""
        for target, place in self.links.items():
            if project := self.projects.get(target):
                self.findings.append(project)
            else:
                self.troubles.tell(_LOST_LINK, place)

    def _nested(self, chunks: Iterator[bytes], place: str, depth: int) -> None:
        if depth == self.budget.limits.depth:
            raise Unreadable(f"is nested more than {depth} archives deep, and was not read")
        with spooled(chunks, self.budget) as file:
            self.archive(file, place, place + _INSIDE, depth + 1)

    def _by_content(self, entry: Entry, place: str, depth: int) -> None:
        """A file whose name says nothing: an archive or a program by its first bytes, or code."""
        beginning, chunks = begun(entry)
        if what := packings.unread(beginning):
            self.troubles.tell(Trouble(f"is packed as {what}, which is not read here"), place)
        elif is_packed(beginning):
            self._nested(chunks, place, depth)
        elif entry.packed >= _LEAST_PROGRAM and programs.is_program(beginning):
            self._program(chunks, place)

    def _program(self, chunks: Iterator[bytes], place: str) -> None:
        with spooled(chunks, self.budget) as file:
            said = (go.of_program(file, place), rust.of_program(file, place))
        if place == _BOOTSTRAP and said == (Parsed(), Parsed()):
            self.troubles.tell(_OPAQUE, place)
        for parsed in said:
            self.take(parsed, place)


def _names(items: Iterable[Item]) -> dict[str, set[str]]:
    """The names of packages by ecosystem, as they are compared."""
    names: dict[str, set[str]] = {}
    for item in items:
        names.setdefault(item.package.ecosystem, set()).add(
            identity(item.package.ecosystem, item.package.name)[1]
        )
    return names


def _matters(path: str) -> bool:
    """Whether a file, or a folder with all in it, is read because of what it is called."""
    folder = posixpath.basename(path) == "node_modules" or path.endswith(".dist-info")
    return folder or is_archive(path) or path == java.MANIFEST or bool(kinds.reader_of(path))


def _merged(findings: Iterable[FoundPackage]) -> tuple[Item, ...]:
    """Each package once. What is installed overrules what a lock file means to be there.

    It overrules a lock file that names a place in that place, and any other lock file in its folder
    and below. Packages elsewhere belong to something else, such as the next service.
    """
    every = list(findings)
    installed = [found for found in every if found.evidence is Evidence.INSTALLED]
    folders = {(found.package.ecosystem, found.at) for found in installed if found.at}
    places: dict[tuple[str, str], list[str]] = {}
    for found in sorted(installed, key=_place):
        places.setdefault(found.package.coordinates[:2], []).append(_place(found))

    def is_overruled(found: FoundPackage) -> bool:
        if found.at:
            return (found.package.ecosystem, found.at) in folders
        folder = posixpath.dirname(_place(found))
        return _lies_below(folder, places.get(found.package.coordinates[:2], []))

    return _items(
        (found.package, found.evidence)
        for found in every
        if found.evidence is not Evidence.STATED or not is_overruled(found)
    )


def _place(found: FoundPackage) -> str:
    return found.package.where.lstrip("/")


def _lies_below(folder: str, places: Sequence[str]) -> bool:
    """Whether one of the places, which are sorted, is in the folder or below."""
    beginning = f"{folder}/" if folder else ""
    at = bisect_left(places, beginning)
    return at < len(places) and places[at].startswith(beginning)


def _items(packages: Iterable[tuple[Package, Evidence]]) -> tuple[Item, ...]:
    found: dict[Coordinates, list[tuple[Package, Evidence]]] = {}
    for package, evidence in packages:
        found.setdefault(package.coordinates, []).append((package, evidence))
    ranks = list(Evidence)
    return tuple(
        Item(
            package=same[0][0],
            evidence=min((evidence for _, evidence in same), key=ranks.index),
            places=tuple(dict.fromkeys(package.where for package, _ in same)),
        )
        for _, same in sorted(found.items())
    )
