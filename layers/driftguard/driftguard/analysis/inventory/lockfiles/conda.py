"""Conda: environments and lock files.

Nobody lists advisories for its packages. What pip installs beside is read as PyPI's. Sources:
conda, "Managing environments"; conda-lock, "Lockfile"; Pixi, "Lock file".
"""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement

from ...advisories.package import identity
from ..found_packages import Evidence, FoundPackage, Said, found, parser, wanted
from ..syntax import yaml_text
from ..syntax.json_text import tables, text
from ..troubles import Trouble, Unreadable

ECOSYSTEM = "PyPI"
_CONDA = Trouble("names packages of conda, for which nobody lists advisories")


@parser
def of_environment(data: bytes, where: str) -> Said:
    """An environment.yml: the pins of its list for pip, and that it asks for conda's packages."""
    document = _document(data)
    dependencies = document.get("dependencies")
    if not isinstance(dependencies, list):
        raise Unreadable("is no environment of conda")
    for entry in dependencies:
        if isinstance(entry, str):
            yield _CONDA
        for requirement in _of_pip(entry):
            yield from _pinned(requirement, where)


@parser
def of_lock(data: bytes, where: str) -> Said:
    """A conda-lock.yml or pixi.lock: the packages of pip in it, and that there are conda's."""
    document = _document(data)
    packages = document.get("package", document.get("packages"))
    if not isinstance(packages, list):
        raise Unreadable("names no packages, as a lock file does")
    for package in tables(packages):
        if text(package, "manager") == "pip" or "pypi" in package:
            yield _found(text(package, "name"), text(package, "version"), where)
        else:
            yield _CONDA
    if len(tables(packages)) < len(packages):
        raise Unreadable("names something that is no package")


def _document(data: bytes) -> dict[str, yaml_text.Value]:
    documents = yaml_text.documents(data)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise Unreadable("is no file of conda")
    return documents[0]


def _of_pip(entry: yaml_text.Value) -> list[str]:
    listed = entry.get("pip") if isinstance(entry, dict) else None
    return [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []


def _pinned(line: str, where: str) -> Said:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        yield Trouble("has lines for pip that are no requirements")
        return
    pins = [clause.version for clause in requirement.specifier if clause.operator == "=="]
    if pins and not pins[0].endswith(".*"):
        yield _found(requirement.name, pins[0], where)
    else:
        yield wanted(ECOSYSTEM, (requirement.name,))


def _found(name: str, version: str, where: str) -> FoundPackage | Trouble:
    return found(ECOSYSTEM, identity(ECOSYSTEM, name)[1], version, where, Evidence.STATED)
