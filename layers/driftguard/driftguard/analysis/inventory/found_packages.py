"""The result of a parser: packages with their evidence, and what it could not read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import TypeAlias, TypeVar

from ..advisories.package import Package, identity
from .troubles import Trouble, Unreadable, Wanting

# No registry has longer names or versions; what is longer is not a package's.
_LONGEST = 512
# One lock file of a large repository states some five thousand; of the largest, twenty.
_MOST_OF_ONE_FILE = 40_000


class Evidence(StrEnum):
    """How an inventory knows of a package.

    `installed`: its own metadata lies where it is loaded from. `stated`: a lock file means it to be
    installed, and no installed copy says otherwise. `inferred`: names, folders and manifests
    suggest it; a vendored copy, or a jar that does not say what it is.
    """

    INSTALLED = "installed"
    STATED = "stated"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class FoundPackage:
    """A package in one place. `at` is the folder that a lock file means it for; empty: anywhere."""

    package: Package
    evidence: Evidence
    at: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one file says."""

    findings: tuple[FoundPackage, ...] = ()
    troubles: tuple[Trouble, ...] = ()


Said: TypeAlias = "Iterator[FoundPackage | Trouble]"
D = TypeVar("D")

VERSIONLESS = Trouble("does not say which version it is", gap=False)
_IMPLAUSIBLE = Trouble("has a name or version that no package has")
_TOO_MANY = Trouble(f"names more than {_MOST_OF_ONE_FILE:,} packages; the rest was not read")


def parser(read: Callable[[D, str], Said]) -> Callable[[D, str], Parsed]:
    """A parser that never raises, out of a generator that may raise `Unreadable` or `ValueError`.

    The parsers of the standard library raise nothing else on bad input, but for `RecursionError` on
    what is nested too deeply. What was found before stays found.
    """

    @wraps(read)
    def total(data: D, where: str) -> Parsed:
        findings: list[FoundPackage] = []
        troubles: list[Trouble] = []
        try:
            for said in read(data, where):
                if isinstance(said, Trouble):
                    troubles.append(said)
                elif len(findings) == _MOST_OF_ONE_FILE:
                    troubles.append(_TOO_MANY)
                    break
                else:
                    findings.append(said)
        except Unreadable as error:
            troubles.append(Trouble(str(error)))
        except (ValueError, RecursionError):
            troubles.append(Trouble("is not in the format that its name says"))
        return Parsed(tuple(findings), tuple(dict.fromkeys(troubles)))

    return total


def found(
    ecosystem: str, name: str, version: str, where: str, evidence: Evidence, at: str = ""
) -> FoundPackage | Trouble:
    """A finding, or the trouble that these can't be a package's name and version."""
    # Between a scope or a group and a name there is something on either side.
    whole = all(re.split("[/:]", name))
    if not (whole and _is_plausible(name) and _is_plausible(version)):
        return _IMPLAUSIBLE
    return FoundPackage(Package(ecosystem, name, version, where), evidence, at)


def wanted(ecosystem: str, names: tuple[str, ...] = ()) -> Wanting:
    """What is to be told of a source tree that was never built, or whose packages are elsewhere.

    `names` are the packages that it asks for; empty for any.
    """
    which = "not all" if names else "none"
    return Wanting(
        f"asks for packages of {ecosystem}, and {which} of them {'are' if names else 'is'} in here",
        unless=ecosystem,
        names=tuple(sorted({identity(ecosystem, name)[1] for name in names})),
    )


def _is_plausible(text: str) -> bool:
    return (
        len(text) <= _LONGEST
        and text.isprintable()
        and not any(map(str.isspace, text))
        and "\N{REPLACEMENT CHARACTER}" not in text
    )
