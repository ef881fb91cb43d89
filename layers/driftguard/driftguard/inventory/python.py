"""Python: what pip installed, and what requirement and lock files mean to be installed.

Sources: Python Packaging User Guide, "Core metadata specifications", "Recording installed
projects" and "Dependency specifiers"; the lock files of Pipenv, Poetry and uv.
"""

from __future__ import annotations

import json
import re
from email.parser import HeaderParser

from packaging.requirements import InvalidRequirement, Requirement

from ..advisories.package import identity
from .findings import VERSIONLESS, Evidence, Finding, Said, found, parser
from .locks import packages_of
from .troubles import Trouble, Unreadable

ECOSYSTEM = "PyPI"
# Name and version stand at the top; a description may fill the rest.
_MOST_HEADERS = 128 * 1024
_LONGEST_LINE = 4096
_MOST_LINES = 20_000
_OPTIONS = re.compile(r"\s+(?:#|--).*")
_NOT_FROM_AN_INDEX = re.compile(r"\b(?:virtual|editable|directory|path|git|url)\b\s*=")


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
    text = data.decode("utf-8-sig", "replace").replace("\\\n", " ").replace("\\\r\n", " ")
    for number, line in enumerate(text.splitlines()):
        if number == _MOST_LINES:
            raise Unreadable(f"has more than {_MOST_LINES:,} lines; the rest was not read")
        wanted = _OPTIONS.sub("", f" {line[:_LONGEST_LINE]}").strip()
        if not wanted or wanted.startswith("-"):
            continue
        try:
            requirement = Requirement(wanted)
        except InvalidRequirement:
            yield Trouble("has lines that are no requirements", gap=False)
            continue
        pins = [one.version for one in requirement.specifier if one.operator in ("==", "===")]
        if len(requirement.specifier) == 1 and pins and not pins[0].endswith(".*"):
            yield _found(requirement.name, pins[0], where, Evidence.STATED)


@parser
def of_pipfile_lock(data: bytes, where: str) -> Said:
    """The packages of a Pipfile.lock that are not for developing only."""
    document = json.loads(data)
    packages = document.get("default", {}) if isinstance(document, dict) else None
    if not isinstance(packages, dict):
        raise Unreadable("is no lock file of Pipenv")
    for name, package in packages.items():
        version = package.get("version") if isinstance(package, dict) else None
        if isinstance(version, str) and version.startswith("=="):
            yield _found(name, version.lstrip("="), where, Evidence.STATED)


@parser
def of_lock(data: bytes, where: str) -> Said:
    """The packages of a poetry.lock or uv.lock that come from an index and are not for developing.

    uv does not mark what is for developing: all of its packages are stated.
    """
    for package in packages_of(data):
        groups = package.get("groups", '["main"]')
        if package.get("category") == "dev" or '"main"' not in groups:
            continue
        if _NOT_FROM_AN_INDEX.search(package.get("source", "")):
            continue
        name, version = package.get("name", ""), package.get("version", "")
        yield _found(name, version, where, Evidence.STATED)


def _found(name: str, version: str, where: str, evidence: Evidence) -> Finding | Trouble:
    return found(ECOSYSTEM, identity(ECOSYSTEM, name)[1], version, where, evidence)
