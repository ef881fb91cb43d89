""".NET: lock files of NuGet, what builds say of themselves, and what projects ask for.

Sources: Microsoft, "Package references in project files", "Locking dependencies"; ".NET runtime
configuration files" (`deps.json`); "packages.config reference".
"""

from __future__ import annotations

from ..found_packages import Evidence, Said, found, parser, wanted
from ..syntax import json_text, xml_text
from ..syntax.json_text import pairs, text
from ..troubles import Trouble, Unreadable

ECOSYSTEM = "NuGet"
_RUNTIME = "runtimepack."
_VERSIONLESS = Trouble("names a package without its version")


@parser
def of_packages_lock(data: bytes, where: str) -> Said:
    """The packages of a packages.lock.json, for all frameworks that the project is built for."""
    document = json_text.table(data, "lock file of NuGet")
    if not isinstance(document.get("dependencies"), dict):
        raise Unreadable("is no lock file of NuGet")
    for _, packages in pairs(document["dependencies"]):
        for name, package in pairs(packages):
            if text(package, "type").lower() != "project":
                version = text(package, "resolved")
                if not version:
                    yield _VERSIONLESS
                yield found(ECOSYSTEM, name, version, where, Evidence.STATED)


@parser
def of_deps(data: bytes, where: str) -> Said:
    """The packages that a built program was made of, as its `.deps.json` says."""
    yield from _libraries(data, where, Evidence.INSTALLED)


@parser
def of_assets(data: bytes, where: str) -> Said:
    """The packages of a project.assets.json, which NuGet writes where it restores a project."""
    yield from _libraries(data, where, Evidence.STATED)


@parser
def of_packages_config(data: bytes, where: str) -> Said:
    """The packages of a packages.config; those for developing say so."""
    root = xml_text.parsed(data, "packages")
    for name, version, developing in xml_text.attributes(
        root, "package", "id", "version", "developmentDependency"
    ):
        if developing.lower() != "true":
            yield found(ECOSYSTEM, name, version, where, Evidence.STATED)


@parser
def of_project(data: bytes, where: str) -> Said:
    """That a project file asks for packages: what they need in turn it does not say."""
    root = xml_text.parsed(data, "Project")
    rows = [
        name
        for tag in ("PackageReference", "PackageVersion", "GlobalPackageReference")
        for (name,) in xml_text.attributes(root, tag, "Include")
        if name
    ]
    if rows:
        yield wanted(ECOSYSTEM, tuple(rows))


def _libraries(data: bytes, where: str, evidence: Evidence) -> Said:
    document = json_text.table(data, "list of libraries")
    if not isinstance(document.get("libraries"), dict):
        raise Unreadable("names no libraries")
    for key, library in pairs(document["libraries"]):
        name, _, version = key.partition("/")
        if text(library, "type").lower() in ("package", "runtimepack"):
            yield found(ECOSYSTEM, name.removeprefix(_RUNTIME), version, where, evidence)
