"""Node: what lies in `node_modules`, and what lock files mean to be there.

Sources: npm Docs, "package.json" and "package-lock.json" (versions 1 to 3); the lock files of Yarn
(1 and later) and of pnpm (5 to 9), read line by line, for both are written by programs.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator

from .findings import VERSIONLESS, Evidence, Finding, Said, found, parser
from .troubles import Trouble, Unreadable

ECOSYSTEM = "npm"
_MODULES = "node_modules/"
_VERSION = re.compile(r"\d+\.\d+\.\d+\S*")
_YARN_VERSION = re.compile(r' {2}version:? "?([^"]+)"?')
_PNPM_KEY = re.compile(r" {2}'?/?((?:@[^/@' ]+/)?[^/@' ]+)[/@](\d[^(_:' ]*)[^:' ]*'?:")


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
        if isinstance(said, Finding):
            yield said


@parser
def of_package_lock(data: bytes, where: str) -> Said:
    """The packages of a package-lock.json or npm-shrinkwrap.json that are not for developing."""
    document = json.loads(data)
    if not isinstance(document, dict):
        raise Unreadable("is no lock file of npm")
    folder = posixpath.dirname(where)
    packages = document.get("packages")
    places = _places(packages) if isinstance(packages, dict) else _tree(document)
    for place, name, package in places:
        version = package.get("version")
        if package.get("dev") is True or package.get("link") is True:
            continue
        if not isinstance(version, str):
            continue
        if version.startswith("npm:"):
            name, _, version = version.removeprefix("npm:").rpartition("@")
        # A folder, a tarball or a repository in the version's place is in no registry.
        if _VERSION.fullmatch(version):
            at = posixpath.join(folder, place)
            yield found(ECOSYSTEM, name, version, where, Evidence.STATED, at)


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
    lines = iter(data.decode("utf-8").splitlines())
    if not any(line == "packages:" for line in lines):
        return
    pending: Finding | Trouble | None = None
    for line in lines:
        if line and not line.startswith(" "):
            break
        if key := _PNPM_KEY.match(line):
            if pending:
                yield pending
            pending = found(ECOSYSTEM, key[1], key[2], where, Evidence.STATED)
        elif line == "    dev: true":
            pending = None
    if pending:
        yield pending


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


def _yarn_name(pattern: str) -> str:
    """The registry's name for `name@range`; empty for what is not from a registry."""
    name, _, wanted = (pattern[:1] + pattern[1:].replace("@", "\n", 1)).partition("\n")
    if wanted.startswith(("workspace:", "link:", "portal:", "file:", "git", "http")):
        return ""
    alias = wanted.removeprefix("npm:")
    if alias != wanted and "@" in alias[1:]:
        return alias[0] + alias[1:].partition("@")[0]
    return name
