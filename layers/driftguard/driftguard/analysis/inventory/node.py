"""Node: what lies in `node_modules`, and what a lock file of npm means to be there.

Source: npm Docs, "package.json" and "package-lock.json" (versions 1 to 3).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from .found_packages import VERSIONLESS, Evidence, FoundPackage, Said, found, parser, wanted
from .syntax import json_text
from .troubles import Trouble, Unreadable, Wanting

ECOSYSTEM = "npm"
_MODULES = "node_modules/"
# What is loaded by its name: not `.bin`, and nothing deeper inside a package.
_LOADED = re.compile(r"(?:.*/)?node_modules/(?!\.)(?:@[^/]+/)?[^/]+")
_LOCK_KEYS = frozenset({"lockfileVersion", "packages", "dependencies"})
_VERSION = re.compile(r"\d+\.\d+\.\d+\S*")
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
        document = json_text.table(data, "package.json that can be read")
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
        document = json_text.table(data, "package.json that can be read")
    except (ValueError, RecursionError, Unreadable):
        yield Wanting("is no package.json that can be read", unless=ECOSYSTEM)
        return
    asked = document.get("dependencies")
    if names := tuple(_asked(asked)):
        yield wanted(ECOSYSTEM, names)
    name, version = document.get("name"), document.get("version")
    if isinstance(name, str):
        stated = version if isinstance(version, str) else ""
        said = found(ECOSYSTEM, name, stated, where, Evidence.INSTALLED, posixpath.dirname(where))
        if isinstance(said, FoundPackage):
            yield said


@parser
def of_package_lock(data: bytes, where: str) -> Said:
    """The packages of a package-lock.json or npm-shrinkwrap.json that are not for developing."""
    document = json_text.table(data, "lock file of npm")
    if document.keys().isdisjoint(_LOCK_KEYS):
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


def _asked(dependencies: object) -> Iterator[str]:
    """The names under which the registry has what a project asks for."""
    for name, range_ in dependencies.items() if isinstance(dependencies, dict) else ():
        if isinstance(range_, str) and range_.startswith(_OWN):
            continue
        alias = range_.removeprefix("npm:") if isinstance(range_, str) else ""
        yield alias[0] + alias[1:].partition("@")[0] if alias and alias != range_ else name


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
