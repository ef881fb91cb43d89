"""Names packages so that an inventory and an advisory mean the same one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

# Their names mean one registry wherever the package comes from: `Maven:https://maven.google.com`
# is Maven. A distribution's suffix is its release, and part of what its package is.
_ONE_REGISTRY = frozenset({"Maven", "PyPI", "npm", "Go", "crates.io"}) | {
    "Hex",
    "NuGet",
    "Packagist",
    "Pub",
    "RubyGems",
    "SwiftURL",
}
# Their registries find a package by any case of its name.
_ANY_CASE = frozenset({"NuGet", "Packagist", "SwiftURL"})


class Coordinates(NamedTuple):
    """One version of one package, in the spelling that its registry looks it up by."""

    ecosystem: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was found. `ecosystem` and `name` are OSV's: `Maven` is `group:artifact`.

    `version` is as found, and may be empty or no version at all. `where` is the place, for people:
    a path inside a function's code, a layer's ARN.
    """

    ecosystem: str
    name: str
    version: str
    where: str

    @property
    def coordinates(self) -> Coordinates:
        """The package without its place, in a spelling that sources of advisories know.

        The OSV API looks NuGet's packages up by the case that they were published in, so that the
        case stays as it was found; `identity` is what can be compared.
        """
        return Coordinates(*_known(self.ecosystem, self.name), self.version)


def identity(ecosystem: str, name: str) -> tuple[str, str]:
    """An ecosystem and a name, each in the one spelling in which they can be compared."""
    base, name = _known(ecosystem, name)
    if base in _ANY_CASE:
        name = name.lower()
    elif base == "crates.io":
        # No two of its crates have names that differ by no more than this.
        name = name.replace("_", "-").lower()
    return base, name


def repository(location: str) -> str:
    """A repository's address as SwiftURL names packages: `github.com/apple/swift-nio`."""
    bare = re.sub(r"^(?:[a-z+]+://)?(?:[^@/]*@)?", "", location.strip())
    return bare.removesuffix("/").removesuffix(".git").replace(":", "/", 1)


def _known(ecosystem: str, name: str) -> tuple[str, str]:
    base = family(ecosystem)
    if base == "PyPI":
        # Source: PEP 503, "Normalized Names".
        name = re.sub(r"[-_.]+", "-", name).lower()
    elif base == "SwiftURL":
        name = repository(name)
    return (base if base in _ONE_REGISTRY else ecosystem, name)


def family(ecosystem: str) -> str:
    """An ecosystem without the suffix that names a release or a repository: `Debian:12`."""
    return ecosystem.partition(":")[0]
