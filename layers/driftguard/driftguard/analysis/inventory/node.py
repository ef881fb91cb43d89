"""Node: what lies in `node_modules`, and what lock files mean to be there.

Sources: npm Docs, "package.json" and "package-lock.json" (versions 1 to 3); the lock files of Yarn
(1 and later) and of pnpm (5 to 9), read line by line, for both are written by programs.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator

from .found_packages import VERSIONLESS, Evidence, FoundPackage, Said, found, parser, wanted
from .troubles import Trouble, Unreadable

ECOSYSTEM = "npm"
_MODULES = "node_modules/"
# What is loaded by its name: not `.bin`, and nothing deeper inside a package.
_LOADED = re.compile(r"(?:.*/)?node_modules/(?!\.)(?:@[^/]+/)?[^/]+")
_LOCK_KEYS = frozenset({"lockfileVersion", "packages", "dependencies"})
_VERSION = re.compile(r"\d+\.\d+\.\d+\S*")
_YARN_VERSION = re.compile(r' {2}version:? "?([^"]+)"?')
# Peers stand behind the version: `(react@18.2.0)`, and `_react@18.2.0` before.
_PNPM_KEY = re.compile(r" {2}'?/?((?:@[^/@' ]+/)?[^/@' ]+)[/@](\d[^(_:' ]*)(?:[(_][^:' ]*)?'?:")
# What is from elsewhere than a registry has an address there, and says beside it what it is.
_PNPM_OTHER = re.compile(r" {2}'?(?:((?:@[^/@' ]+/)?[^/@' :]+)@)?[^' ]+'?:")
_PNPM_FIELD = re.compile(r" {4}(name|version): '?([^' ]+)'?")
_OWN = ("workspace:", "link:", "portal:", "file:")


@parser
def of_installed(data: bytes, where: str) -> Said:
    """The package whose package.json this is, at a path with `node_modules/` in it.

    One deeper inside a package is a copy that it brings along, or a file of its tests: inferred
    where it names itself in full, and otherwise nothing.
    """
    inside = where.rpartition(_MODULES)[2].removesuffix("/package.json")
    itself = inside.count("/") == (1 if inside.startswith("@") else 0)
    try:
        document = json.loads(data)
        if not isinstance(document, dict):
            raise Unreadable("is no package.json that can be read")
    except (ValueError, RecursionError, Unreadable):
        # Tests of packages bring files that are broken on purpose.
        yield Trouble("is no package.json that can be read", gap=itself)
        return
    name, version = document.get("name"), document.get("version")
    if itself:
        if not isinstance(version, str) or not version:
            yield VERSIONLESS
        name = name if isinstance(name, str) and name else inside
        version = version.strip().lstrip("v=") if isinstance(version, str) else ""
        yield found(ECOSYSTEM, name, version, where, Evidence.INSTALLED, posixpath.dirname(where))
    elif isinstance(name, str) and isinstance(version, str) and _VERSION.fullmatch(version):
        said = found(ECOSYSTEM, name, version, where, Evidence.INFERRED, posixpath.dirname(where))
        if isinstance(said, FoundPackage):
            yield said


@parser
def of_project(data: bytes, where: str) -> Said:
    """What a package.json outside of `node_modules` says of itself, and that it asks for packages.

    It is the project's own, and a package only for who has a link to it in `node_modules`.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, dict):
        return
    if document.get("dependencies"):
        yield wanted(ECOSYSTEM)
    name, version = document.get("name"), document.get("version")
    if isinstance(name, str):
        stated = version if isinstance(version, str) else ""
        said = found(ECOSYSTEM, name, stated, where, Evidence.INSTALLED, posixpath.dirname(where))
        if isinstance(said, FoundPackage):
            yield said


@parser
def of_package_lock(data: bytes, where: str) -> Said:
    """The packages of a package-lock.json or npm-shrinkwrap.json that are not for developing."""
    document = json.loads(data)
    if not isinstance(document, dict) or document.keys().isdisjoint(_LOCK_KEYS):
        raise Unreadable("is no lock file of npm")
    folder = posixpath.dirname(where)
    packages = document.get("packages")
    places = _places(packages) if isinstance(packages, dict) and packages else _tree(document)
    for place, name, package in places:
        version = package.get("version")
        if package.get("dev") is True or package.get("link") is True:
            continue
        if not isinstance(version, str):
            version = ""
        if version.startswith("npm:"):
            name, _, version = version.removeprefix("npm:").rpartition("@")
        if version.startswith(_OWN):
            continue
        # A tarball or a repository in the version's place says nothing of the version.
        stated = version if _VERSION.fullmatch(version) else ""
        at = posixpath.join(folder, place)
        yield found(ECOSYSTEM, name, stated, where, Evidence.STATED, at)


@parser
def of_yarn_lock(data: bytes, where: str) -> Said:
    """The packages of a yarn.lock. It does not say which are for developing, nor where they go."""
    name = ""
    for line in data.decode("utf-8").splitlines():
        if line.endswith(":") and not line.startswith((" ", "#")):
            name = _yarn_name(line.split(",", 1)[0].strip('":'))
        elif line and not line.startswith((" ", "#")):
            raise Unreadable("is no lock file of Yarn")
        elif name and (field := _YARN_VERSION.fullmatch(line)):
            if _VERSION.fullmatch(field[1]):
                yield found(ECOSYSTEM, name, field[1], where, Evidence.STATED)
            name = ""


@parser
def of_pnpm_lock(data: bytes, where: str) -> Said:
    """The packages of a pnpm-lock.yaml that are not for developing, where it still says so."""
    lines = data.decode("utf-8").splitlines()
    if not any(line.startswith("lockfileVersion:") for line in lines):
        raise Unreadable("is no lock file of pnpm")
    start = next((at for at, line in enumerate(lines) if line.startswith("packages:")), None)
    if start is None:
        return
    if lines[start].rstrip() not in ("packages:", "packages: {}"):
        raise Unreadable("is a lock file that pnpm did not write so")
    name = version = ""
    for line in lines[start + 1 :]:
        if line and not line.startswith(" "):
            break
        if line.startswith("  ") and line[2:3] not in ("", " "):
            if name:
                yield found(ECOSYSTEM, name, version, where, Evidence.STATED)
            name, version = _pnpm_package(line)
        elif line == "    dev: true":
            name = ""
        elif name and (field := _PNPM_FIELD.fullmatch(line)):
            name, version = (field[2], version) if field[1] == "name" else (name, field[2])
    if name:
        yield found(ECOSYSTEM, name, version, where, Evidence.STATED)


def is_loaded(path: str) -> bool:
    """Whether a folder of this name, or a link, is a package that is loaded by its name."""
    return bool(_LOADED.fullmatch(path))


def _places(packages: dict[str, object]) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Versions 2 and 3: a flat table by folder. What is not in `node_modules` is the project's."""
    for place, package in packages.items():
        if _MODULES in place and isinstance(package, dict):
            own = package.get("name")
            yield place, own if isinstance(own, str) else place.rpartition(_MODULES)[2], package


def _tree(document: dict[str, object]) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Version 1: a tree, whose branches lie in the `node_modules` of what needs them."""
    branches = [("", document)]
    while branches:
        folder, package = branches.pop()
        below = package.get("dependencies")
        for name, dependency in below.items() if isinstance(below, dict) else ():
            if isinstance(dependency, dict):
                place = posixpath.join(folder, _MODULES, name)
                yield place, name, dependency
                branches.append((place, dependency))


def _pnpm_package(line: str) -> tuple[str, str]:
    """Name and version of a block by its key; "" for what the key does not say."""
    if key := _PNPM_KEY.match(line):
        return key[1], key[2]
    other = _PNPM_OTHER.match(line)
    if other is None:
        raise Unreadable("is a lock file that pnpm did not write so")
    address = line.strip().strip("':")
    is_own = address.removeprefix(f"{other[1]}@").startswith(_OWN)
    return ("", "") if is_own else (other[1] or address, "")


def _yarn_name(pattern: str) -> str:
    """The package's name for `name@range`; empty for what is the project's own."""
    name, _, wanted = (pattern[:1] + pattern[1:].replace("@", "\n", 1)).partition("\n")
    if wanted.startswith(_OWN):
        return ""
    alias = wanted.removeprefix("npm:")
    if alias != wanted and "@" in alias[1:]:
        return alias[0] + alias[1:].partition("@")[0]
    return name
