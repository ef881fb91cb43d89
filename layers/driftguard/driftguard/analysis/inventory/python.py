"""Python: what pip installed, and what requirement and lock files mean to be installed.

Sources: Python Packaging User Guide, "Core metadata specifications", "Recording installed
projects" and "Dependency specifiers"; the lock files of Pipenv, Poetry and uv.
"""

from __future__ import annotations

import posixpath
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import replace
from email.parser import HeaderParser

from packaging.requirements import InvalidRequirement, Requirement

from ..advisories.package import identity
from .found_packages import VERSIONLESS, Evidence, FoundPackage, Said, found, parser
from .syntax import json_text, toml_text
from .syntax.json_text import pairs, text
from .troubles import Trouble, Unreadable, Wanting

ECOSYSTEM = "PyPI"
# Name and version stand at the top; a description may fill the rest.
_MOST_HEADERS = 128 * 1024
_LONGEST_LINE = 4096
_MOST_LINES = 200_000
# From the first space on: what begins at each of many takes time that grows with their square.
_OPTIONS = re.compile(r"(?<!\s)\s+(?:#|--).*")
_MORE = re.compile(r"\s*(?:-r|--requirement)[\s=]*(\S+)")
_FOLDERS = ("-e", "--editable")
# What pip takes for a path or an address. Source: pip documentation, "Requirements File Format".
_ADDRESS = re.compile(r"[.~/]|[A-Za-z][\w+.-]*://|[A-Za-z]:\\")
_WHEEL = re.compile(r"/(?P<name>\w[\w.]*)-(?P<version>\d[\w.!+]*)-[^/\s]+\.whl\b")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][\w.-]*)")
# The project itself and its workspace; whatever else is not from an index is still that package.
_OWN = frozenset({"virtual", "editable", "directory"})
# What the tools write into a lock file that has no packages.
_MARKS = ("lock-version", "metadata", "version")
_DEVELOPING = re.compile(r"(?:dev(?:el|elop|eloping|elopment)?|tests?|testing|docs?|lint(?:ing)?)")

_LOOSE = Wanting(
    "has requirements without an exact version, which were not looked up", unless=ECOSYSTEM
)
_ADDRESSES = Wanting(
    "has requirements by their address, which were not looked up", unless=ECOSYSTEM
)
_NOTHING = Wanting("names no packages", unless=ECOSYSTEM)
_ODD = Trouble("has lines that are no requirements")
_ELSEWHERE = Wanting("names other files, which have to be looked at by themselves")


@parser
def of_metadata(data: bytes, where: str) -> Said:
    """The one distribution that a METADATA or PKG-INFO describes."""
    headers = HeaderParser().parsestr(data[:_MOST_HEADERS].decode("utf-8-sig", "replace"))
    name, version = headers["Name"], headers["Version"]
    if not name:
        raise Unreadable("does not say which package it is")
    if not version:
        yield VERSIONLESS
    yield _found(name.strip(), (version or "").strip(), where, Evidence.INSTALLED)


@parser
def of_requirements(data: bytes, where: str) -> Said:
    """The exact pins of a requirements file; ranges say nothing of what was installed."""
    lines = _decoded(data).replace("\\\n", " ").replace("\\\r\n", " ").splitlines()
    loose: list[str] = []
    for number, line in enumerate(lines):
        if number == _MOST_LINES:
            raise Unreadable(f"has more than {_MOST_LINES:,} lines; the rest was not read")
        if more := _MORE.match(line):
            yield replace(_ELSEWHERE, files=(posixpath.normpath(_beside(where, more[1])),))
        if line.lstrip().startswith(_FOLDERS):
            yield _by_address(line)
            continue
        wanted = _OPTIONS.sub("", f" {line[:_LONGEST_LINE]}").strip()
        if not wanted or wanted.startswith("-"):
            continue
        address = _ADDRESS.match(wanted)
        wheel = _WHEEL.search(wanted) if address or "@" in wanted else None
        if wheel:
            yield _found(wheel["name"], wheel["version"], where, Evidence.STATED)
            continue
        if address:
            yield _by_address(wanted)
            continue
        try:
            requirement = Requirement(wanted)
        except InvalidRequirement:
            yield _ODD
            continue
        pin = next(
            (
                clause.version
                for clause in requirement.specifier
                if clause.operator in ("==", "===") and not clause.version.endswith(".*")
            ),
            "",
        )
        if pin:
            yield _found(requirement.name, pin, where, Evidence.STATED)
        elif requirement.marker is None:
            loose.append(identity(ECOSYSTEM, requirement.name)[1])
        else:
            # What is asked for under a condition may rightly be missing.
            yield _LOOSE
    if not any(line.partition("#")[0].strip() for line in lines):
        yield _NOTHING
    if loose:
        yield replace(_LOOSE, names=tuple(loose))


@parser
def of_pipfile_lock(data: bytes, where: str) -> Said:
    """The packages of a Pipfile.lock, of all categories that are not for developing.

    One from a repository is without a version, and not less of that package.
    """
    document = json_text.table(data, "lock file of Pipenv")
    if document.keys().isdisjoint(("_meta", "default")):
        raise Unreadable("is no lock file of Pipenv")
    for category, packages in document.items():
        if category == "_meta" or is_for_developing(category):
            continue
        if not isinstance(packages, dict) or len(pairs(packages)) < len(packages):
            raise Unreadable("is no lock file of Pipenv")
        for name, package in pairs(packages):
            pin = text(package, "version")
            version = pin.lstrip("=") if pin.startswith("==") else ""
            yield _found(name, version, where, Evidence.STATED)


@parser
def of_lock(data: bytes, where: str) -> Said:
    """The packages of a lock file in TOML that are not the project's own, nor for developing.

    That is poetry.lock, uv.lock, pdm.lock and pylock.toml. The second and the last do not mark what
    is for developing: all of their packages are stated.
    """
    for package in toml_text.packages(data, _MARKS):
        groups = package.get("groups")
        named = [str(group) for group in groups] if isinstance(groups, list) else []
        if package.get("category") == "dev" or (named and all(map(is_for_developing, named))):
            continue
        source = package.get("source")
        if "directory" in package or (isinstance(source, dict) and not _OWN.isdisjoint(source)):
            continue
        # Poetry says by its type what is from a folder.
        if isinstance(source, dict) and source.get("type") == "directory":
            continue
        yield _found(text(package, "name"), text(package, "version"), where, Evidence.STATED)


def is_for_developing(purpose: str) -> bool:
    """Whether a group of packages, or a file of them, is by its name not for running anything."""
    word = re.split(r"[-_.]", purpose.lower().strip("-_."), maxsplit=1)[0]
    return bool(_DEVELOPING.fullmatch(word))


def _by_address(line: str) -> Wanting:
    """What is told of a requirement by its address, which may say the package's name."""
    named = _EGG.search(line[:_LONGEST_LINE])
    return replace(_ADDRESSES, names=(identity(ECOSYSTEM, named[1])[1],) if named else ())


def _beside(where: str, path: str) -> str:
    return posixpath.join(posixpath.dirname(where), path)


def _decoded(data: bytes) -> str:
    """As pip reads it: what PowerShell redirects into a file is UTF-16."""
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _found(name: str, version: str, where: str, evidence: Evidence) -> FoundPackage | Trouble:
    return found(ECOSYSTEM, identity(ECOSYSTEM, name)[1], version, where, evidence)
