"""Says whether a version is affected, by OSV's evaluation, or why that is unknown. Pure.

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
    ranges = [range_ for range_ in affected.ranges if range_.type != "GIT"]
    if not ranges and not affected.versions:
        return Unknown("the advisory names no versions of the package")
    verdicts = [_within(affected, range_, version) for range_ in ranges]
    if affected.versions:
        verdicts.append(_listed(affected, version))
    if True in verdicts:
        return True
    return next((verdict for verdict in verdicts if isinstance(verdict, Unknown)), False)


def fixed_in(entries: Sequence[Affected], version: str) -> tuple[str, ...]:
    """The versions after this one that fix a vulnerability, the nearest first.

    `entries` are all that its advisories say of the package: a version that ends one range and
    lies in another is no fix. Empty if that cannot be said.
    """
    fixes: dict[Place, str] = {}
    for entry in entries:
        order = _order(entry)
        for range_ in entry.ranges:
            for event in range_.events:
                if event.kind is Kind.FIXED and range_.type != "GIT":
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
    semantic = any(range_.type == "SEMVER" for range_ in affected.ranges)
    return "SEMVER" if semantic and not ordered(affected.ecosystem) else affected.ecosystem


def _within(affected: Affected, range_: Range, version: str) -> Verdict:
    if range_.type not in ("SEMVER", "ECOSYSTEM"):
        return Unknown(f"ranges of the type {range_.type} are not known")
    if not any(event.kind is Kind.INTRODUCED for event in range_.events):
        return Unknown("a range does not say where it begins")
    # Go's own releases are spelled otherwise, and put in SemVer's order.
    semantic = range_.type == "SEMVER" and affected.ecosystem != "Go"
    order = "SEMVER" if semantic else affected.ecosystem
    try:
        return _walk(range_, order, place(order, version))
    except Unorderable as error:
        return Unknown(str(error))


def _walk(range_: Range, order: str, here: Place) -> bool:
    if not _before_limits(range_, order, here):
        return False
    # Sorting is stable: of events at one version, the advisory says which comes first.
    timeline = sorted(
        (
            (place(order, event.version), event.kind)
            for event in range_.events
            if event != _BEFORE_ALL and event.kind is not Kind.LIMIT
        ),
        key=itemgetter(0),
    )
    vulnerable = _BEFORE_ALL in range_.events
    for at, kind in timeline:
        reached = here.beside(at)
        if kind is Kind.INTRODUCED and reached >= at:
            vulnerable = True
        elif (kind is Kind.FIXED and reached >= at) or (
            kind is Kind.LAST_AFFECTED and reached > at
        ):
            vulnerable = False
    return vulnerable


def _before_limits(range_: Range, order: str, here: Place) -> bool:
    limits = [event.version for event in range_.events if event.kind is Kind.LIMIT]
    if not limits or any(_ANY in limit for limit in limits):
        return True
    return any(here.beside(at) < at for at in (place(order, limit) for limit in limits))
