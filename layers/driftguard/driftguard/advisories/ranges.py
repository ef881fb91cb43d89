"""Is a version affected? OSV's evaluation, and what it cannot answer said in words. Pure.

A version is affected if it is listed, or lies in any range. In a range the events are walked in the
ecosystem's order: `introduced` switches on, `fixed` off at its version, `last_affected` off after
it, and a version at or beyond every `limit` is out of the range altogether.

Source: Open Source Security Foundation, "Open Source Vulnerability format", "Evaluation".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

from .osv import Affected, Event, Kind, Range
from .versions import Place, Unorderable, ordered, place

# Not the version 0, but a point before all versions.
_BEFORE_ALL = Event(Kind.INTRODUCED, "0")
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Unknown:
    """It cannot be said whether a version is affected, and why."""

    reason: str


Verdict: TypeAlias = "bool | Unknown"


def affects(affected: Affected, version: str) -> Verdict:
    """Whether a version of the package is affected.

    `Unknown` where the version, an event's version or the ecosystem's order cannot be read, unless
    the version is listed, or lies in a range that can be.
    """
    if version in affected.versions:
        return True
    # Commits have no order without their repository, and the schema wants versions listed for it.
    ranges = [one for one in affected.ranges if one.type != "GIT"]
    if not ranges and not affected.versions:
        return Unknown("the advisory names no versions of the package")
    verdicts = [_within(affected, one, version) for one in ranges]
    if affected.versions:
        verdicts.append(_listed(affected, version))
    if True in verdicts:
        return True
    return next((one for one in verdicts if isinstance(one, Unknown)), False)


def fixed_in(entries: Sequence[Affected], version: str) -> tuple[str, ...]:
    """The versions after this one that fix a vulnerability, the nearest first.

    `entries` are all that its advisories say of the one package: a version that ends one range and
    lies in another is no fix. None where it cannot be said.
    """
    fixes: dict[Place, str] = {}
    for entry in entries:
        order = _order(entry)
        for one in entry.ranges:
            for event in one.events:
                if event.kind is Kind.FIXED and one.type != "GIT":
                    try:
                        here, there = place(order, version), place(order, event.version)
                    except Unorderable:
                        continue
                    if here.beside(there) < there:
                        fixes.setdefault(there, event.version)
    nearest_first = [text for _, text in sorted(fixes.items(), key=itemgetter(0))]
    return tuple(
        fix for fix in nearest_first if all(affects(entry, fix) is False for entry in entries)
    )


def _listed(affected: Affected, version: str) -> Verdict:
    """Whether a version is listed in another spelling (`1.0` for `1.0.0`)."""
    order = _order(affected)
    try:
        here = place(order, version)
    except Unorderable as error:
        return Unknown(str(error))
    return any(_same(order, here, other) for other in affected.versions)


def _same(order: str, here: Place, version: str) -> bool:
    try:
        there = place(order, version)
    except Unorderable:
        # What has no place can only be meant letter by letter.
        return False
    return here.beside(there) == there


def _order(affected: Affected) -> str:
    """The order of a package's versions: SemVer where we know nothing but that it is."""
    semantic = any(one.type == "SEMVER" for one in affected.ranges)
    return "SEMVER" if semantic and not ordered(affected.ecosystem) else affected.ecosystem


def _within(affected: Affected, one: Range, version: str) -> Verdict:
    if one.type not in ("SEMVER", "ECOSYSTEM"):
        return Unknown(f"ranges of the type {one.type} are not known")
    if not any(event.kind is Kind.INTRODUCED for event in one.events):
        return Unknown("a range does not say where it begins")
    # Go's own releases are spelled otherwise, and put in SemVer's order.
    semantic = one.type == "SEMVER" and affected.ecosystem != "Go"
    order = "SEMVER" if semantic else affected.ecosystem
    try:
        return _walk(one, order, place(order, version))
    except Unorderable as error:
        return Unknown(str(error))


def _walk(one: Range, order: str, here: Place) -> bool:
    if not _before_limits(one, order, here):
        return False
    # Sorting is stable: of events at one version, the advisory says which comes first.
    timeline = sorted(
        (
            (place(order, event.version), event.kind)
            for event in one.events
            if event != _BEFORE_ALL and event.kind is not Kind.LIMIT
        ),
        key=itemgetter(0),
    )
    vulnerable = _BEFORE_ALL in one.events
    for at, kind in timeline:
        reached = here.beside(at)
        if kind is Kind.INTRODUCED and reached >= at:
            vulnerable = True
        elif (kind is Kind.FIXED and reached >= at) or (
            kind is Kind.LAST_AFFECTED and reached > at
        ):
            vulnerable = False
    return vulnerable


def _before_limits(one: Range, order: str, here: Place) -> bool:
    limits = [event.version for event in one.events if event.kind is Kind.LIMIT]
    if not limits or any(_ANY in limit for limit in limits):
        return True
    return any(here.beside(at) < at for at in (place(order, limit) for limit in limits))
