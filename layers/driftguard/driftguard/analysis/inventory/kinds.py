"""Names the files that say what a deployment contains, and their readers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from . import java, node, python, rust
from .found_packages import Parsed

Read = Callable[[bytes, str], Parsed]

_LOCKS: dict[str, Read] = {
    "Cargo.lock": rust.of_lock,
    "Pipfile.lock": python.of_pipfile_lock,
    "npm-shrinkwrap.json": node.of_package_lock,
    "package-lock.json": node.of_package_lock,
    "pdm.lock": python.of_lock,
    "pnpm-lock.yaml": node.of_pnpm_lock,
    "poetry.lock": python.of_lock,
    "uv.lock": python.of_lock,
    "yarn.lock": node.of_yarn_lock,
}
# Source: Python Packaging User Guide, "pylock.toml Specification", "File name".
_PYLOCK = re.compile(r"pylock(?:\.[^.]+)?\.toml")
_REQUIREMENTS = re.compile(r"requirements(?P<purpose>.*)\.txt", re.IGNORECASE)
# A lock file inside an installed package speaks of how that package is developed.
_INSTALLED = frozenset({"node_modules", "site-packages", "dist-packages"})

# What names packages of an ecosystem that nothing here reads.
_UNREAD = {
    "Gemfile.lock": "RubyGems",
    "composer.lock": "Packagist",
    "packages.lock.json": "NuGet",
    "pubspec.lock": "Pub",
    "mix.lock": "Hex",
}
# What is built from, and not what was built.
_SOURCES = {
    "build.gradle": "Maven",
    "build.gradle.kts": "Maven",
    "bun.lock": "npm",
    "bun.lockb": "npm",
    "go.mod": "Go",
    "gradle.lockfile": "Maven",
    "pom.xml": "Maven",
}


def reader_of(path: str) -> Read | None:
    """The reader of a file of this name in this folder; None for most files."""
    folder, name = posixpath.split(path)
    if name == "METADATA" and folder.endswith(".dist-info"):
        return python.of_metadata
    if name.endswith(".egg-info") or (
        name == "PKG-INFO" and folder.endswith((".egg-info", "EGG-INFO"))
    ):
        return python.of_metadata
    if name == "package.json":
        return node.of_installed if "node_modules/" in path else node.of_project
    if name == "pom.properties":
        return java.of_pom if java.is_pom(path) else None
    if _is_installed(folder):
        return None
    return _lock_reader(name) or (python.of_requirements if _is_required(folder, name) else None)


def lock_reader(name: str) -> Read | None:
    """The reader of a lock or requirements file given by itself; None for any other file."""
    return _lock_reader(name) or (python.of_requirements if name.endswith(".txt") else None)


def is_lock(name: str) -> bool:
    """Whether a file is by its name a lock or requirements file that is read here."""
    return lock_reader(name) is not None


def unread(path: str) -> str:
    """The ecosystem that a file shows to be in here and that nothing here reads; "" for none."""
    folder, name = posixpath.split(path)
    if _is_installed(folder):
        return ""
    if name.endswith(".deps.json"):
        return "NuGet"
    if name.endswith(".gemspec") and posixpath.basename(folder) == "specifications":
        return "RubyGems"
    return _UNREAD.get(name, "")


def source(path: str) -> str:
    """The ecosystem whose packages a file asks for, where it is of a source tree; "" for none."""
    folder, name = posixpath.split(path)
    inside = _is_installed(folder) or "META-INF" in folder.split("/")
    return "" if inside else _SOURCES.get(name, "")


def _lock_reader(name: str) -> Read | None:
    return python.of_lock if _PYLOCK.fullmatch(name) else _LOCKS.get(name)


def _is_required(folder: str, name: str) -> bool:
    """`requirements.txt`, `requirements-prod.txt`, `requirements/prod.txt`; none for developing."""
    if posixpath.basename(folder) == "requirements" and name.endswith(".txt"):
        return not python.is_for_developing(name.removesuffix(".txt"))
    found = _REQUIREMENTS.fullmatch(name)
    return found is not None and not python.is_for_developing(found["purpose"])


def _is_installed(folder: str) -> bool:
    return not _INSTALLED.isdisjoint(folder.split("/"))
