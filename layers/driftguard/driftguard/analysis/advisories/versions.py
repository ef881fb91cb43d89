"""Orders the versions of each ecosystem: gives a version its place, or says why it has none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import maven, registries, semver
from .package import family

# The longest that npm and Maven take. Beyond it a text is an attack on a parser, and no version.
LONGEST = 256
_BEGINS_WITH_A_NUMBER = re.compile(r"[0-9].*")
_OF_THREE_NUMBERS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:[-+].*)?")


class Unorderable(ValueError):
    """The text has no place in its ecosystem's order; the message says why."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a version stands. Places of one ecosystem are totally ordered.

    `label` is what somebody added to a version that is public without it (PEP 440's local label).
    """

    main: Any
    label: tuple[Any, ...] = ()

    def beside(self, bound: Place) -> Place:
        """The place to compare with a bound: labels count only where the bound has one too.

        So a build `1.0+cu113` of `1.0` is affected by whatever `1.0` is. Source: PEP 440, "Version
        specifiers": a candidate's local label is ignored beside a public version.
        """
        return self if bound.label else Place(self.main)


def ordered(ecosystem: str) -> bool:
    """Whether the order of an ecosystem's versions is known."""
    return family(ecosystem) in _ORDERS


def place(ecosystem: str, version: str) -> Place:
    """Where a version stands in its ecosystem's order.

    Raises `Unorderable` for a version that cannot be read, and for an ecosystem whose order we do
    not know. `SEMVER`, the type of a range, is an order too.
    """
    if not ordered(ecosystem):
        raise Unorderable(f"the order of {ecosystem or 'unnamed'} versions is not known")
    if not version:
        raise Unorderable("it does not say which version it is")
    if len(version) > LONGEST:
        raise Unorderable(f"a version has at most {LONGEST} characters, this one {len(version):,}")
    try:
        return _ORDERS[family(ecosystem)](version)
    except ValueError as error:
        raise Unorderable(f"{version!r} is no {ecosystem} version") from error


def plain(ecosystem: str, version: str) -> str:
    """The version in its common spelling; "" if others may not read it as we do.

    A service that cannot read a version may answer that nothing concerns it.
    """
    if not ordered(ecosystem):
        return version
    try:
        found = place(ecosystem, version)
    except Unorderable:
        return ""
    if family(ecosystem) == "PyPI":
        return "" if found.label else str(found.main)
    # To Maven any text is a version, and releases of Go are spelled as nothing else is.
    of_any_length = ("Maven", "RubyGems", "Packagist", "NuGet")
    usual = _BEGINS_WITH_A_NUMBER if family(ecosystem) in of_any_length else _OF_THREE_NUMBERS
    return version if usual.fullmatch(version) else ""


def _python(version: str) -> Place:
    """Source: PEP 440, "Version Identification and Dependency Specification"."""
    from packaging.version import Version

    parsed = Version(version)
    return Place(Version(parsed.public), (parsed,) if parsed.local else ())


_ORDERS: dict[str, Callable[[str], Place]] = {
    "PyPI": _python,
    "npm": lambda version: Place(semver.key(version)),
    "crates.io": lambda version: Place(semver.key(version)),
    "SEMVER": lambda version: Place(semver.key(version)),
    "Go": lambda version: Place(semver.go_key(version)),
    "Maven": lambda version: Place(maven.key(version)),
    "Hex": lambda version: Place(semver.key(version)),
    "SwiftURL": lambda version: Place(semver.key(version)),
    "RubyGems": lambda version: Place(registries.gem_key(version)),
    "Packagist": lambda version: Place(registries.composer_key(version)),
    "NuGet": lambda version: Place(registries.nuget_key(version)),
    "Pub": lambda version: Place(registries.pub_key(version)),
}
