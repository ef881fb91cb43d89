"""Python: what pip installed, and what requirement and lock files mean to be installed.

Sources: Python Packaging User Guide, "Core metadata specifications", "Recording installed
projects" and "Dependency specifiers"; the lock files of Pipenv, Poetry and uv.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from email.parser import HeaderParser

from packaging.requirements import InvalidRequirement, Requirement

from ..advisories.package import identity
from .found_packages import VERSIONLESS, Evidence, FoundPackage, Said, found, parser
from .locks import packages_of
from .troubles import Trouble, Unreadable, Wanting

ECOSYSTEM = "PyPI"
# Name and version stand at the top; a description may fill the rest.
_MOST_HEADERS = 128 * 1024
_LONGEST_LINE = 4096
_MOST_LINES = 20_000
# From the first space on: what begins at each of many takes time that grows with their square.
_OPTIONS = re.compile(r"(?<!\s)\s+(?:#|--).*")
_MORE_FILES = ("-r", "--requirement")
_FOLDERS = ("-e", "--editable")
# The project itself and its workspace; whatever else is not from an index is still that package.
_OWN = re.compile(r"\b(?:virtual|editable|directory)\b\s*=")
_DEVELOPING = re.compile(r"(?:dev(?:el|elop|eloping|elopment)?|tests?|testing|docs?|lint(?:ing)?)")

_LOOSE = Wanting("has requirements without an exact version, which were not looked up")
_ODD = Wanting("has lines that are no requirements")
_ELSEWHERE = Wanting("names other files, which have to be looked at by themselves")


@parser
def of_metadata(data: bytes, where: str) -> Said:
    """The one distribution that a METADATA or PKG-INFO describes."""
    headers = HeaderParser().parsestr(data[:_MOST_HEADERS].decode("utf-8", "replace"))
    name, version = headers["Name"], headers["Version"]
    if not name:
        raise Unreadable("does not say which package it is")
    if not version:
        yield VERSIONLESS
    yield _found(name.strip(), (version or "").strip(), where, Evidence.INSTALLED)


@parser
def of_requirements(data: bytes, where: str) -> Said:
    """The exact pins of a requirements file; ranges say nothing of what was installed."""
    text = _decoded(data).replace("\\\n", " ").replace("\\\r\n", " ")
    for number, line in enumerate(text.splitlines()):
        if number == _MOST_LINES:
            raise Unreadable(f"has more than {_MOST_LINES:,} lines; the rest was not read")
        if line.lstrip().startswith(_MORE_FILES):
            yield _ELSEWHERE
        elif line.lstrip().startswith(_FOLDERS):
            yield _ODD
        wanted = _OPTIONS.sub("", f" {line[:_LONGEST_LINE]}").strip()
        if not wanted or wanted.startswith("-"):
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
        yield _found(requirement.name, pin, where, Evidence.STATED) if pin else _LOOSE


@parser
def of_pipfile_lock(data: bytes, where: str) -> Said:
    """The packages of a Pipfile.lock that are not for developing only.

    One from a repository is without a version, and not less of that package.
    """
    document = json.loads(data)
    packages = document.get("default", {}) if isinstance(document, dict) else None
    if not isinstance(packages, dict):
        raise Unreadable("is no lock file of Pipenv")
    for name, package in packages.items():
        pin = package.get("version") if isinstance(package, dict) else None
        version = pin.lstrip("=") if isinstance(pin, str) and pin.startswith("==") else ""
        yield _found(name, version, where, Evidence.STATED)


@parser
def of_lock(data: bytes, where: str) -> Said:
    """The packages of a lock file in TOML that are not the project's own, nor for developing.

    That is poetry.lock, uv.lock, pdm.lock and pylock.toml. The second and the last do not mark what
    is for developing: all of their packages are stated.
    """
    for package in packages_of(data):
        groups = re.findall(r"[\w.-]+", package.get("groups", ""))
        if package.get("category") == "dev" or (groups and all(map(is_for_developing, groups))):
            continue
        if _OWN.search(package.get("source", "")) or "directory" in package:
            continue
        name, version = package.get("name", ""), package.get("version", "")
        yield _found(name, version, where, Evidence.STATED)


def is_for_developing(purpose: str) -> bool:
    """Whether a group of packages, or a file of them, is by its name not for running anything."""
    word = re.split(r"[-_.]", purpose.lower().strip("-_."), maxsplit=1)[0]
    return bool(_DEVELOPING.fullmatch(word))


def _decoded(data: bytes) -> str:
    """As pip reads it: what PowerShell redirects into a file is UTF-16."""
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _found(name: str, version: str, where: str, evidence: Evidence) -> FoundPackage | Trouble:
    return found(ECOSYSTEM, identity(ECOSYSTEM, name)[1], version, where, evidence)
