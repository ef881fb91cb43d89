"""Which of the packages found are vulnerable, and which of that a policy's terms let pass. Pure.

One vulnerability is known to several databases, under an id in each. Advisories that name each
other are one, and it is enough that one of them says that a version is affected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..model import Autonomy
from .osv import Advisory, Affected
from .package import Coordinates, Package, identity
from .ranges import Unknown, affects, fixed_in
from .severity import Severity, severity


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A package with a known vulnerability. `id` is its best-known name, `ids` are all of them.

    `severity` is None where no database says. `fixed_in` are the versions that end it, the nearest
    first. `places` is where the package was found.
    """

    package: Coordinates
    id: str
    ids: tuple[str, ...]
    severity: Severity | None
    fixed_in: tuple[str, ...]
    summary: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A package of which cannot be said whether an advisory concerns it, and why."""

    package: Coordinates
    id: str
    reason: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """What the advisories say of some packages. Only without doubts is no vulnerability none."""

    vulnerabilities: tuple[Vulnerability, ...]
    doubts: tuple[Doubt, ...]


@dataclass(frozen=True, slots=True)
class Allowed:
    """An advisory that is accepted through its last day, `until` (ISO 8601), and why."""

    id: str
    until: str
    reason: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a policy minds. `min_severity` is in points, 0 to 100.

    With `fix_available`, what nobody has fixed yet passes. `on_unreachable` is how far to go while
    the advisories cannot be had.
    """

    min_severity: int = 0
    fix_available: bool = False
    allowed: tuple[Allowed, ...] = ()
    on_unreachable: Autonomy = Autonomy.ASK


@dataclass(frozen=True, slots=True)
class Sifted:
    """Vulnerabilities by what the terms say of them: minded, allowed by name, or let pass."""

    minded: tuple[Vulnerability, ...]
    allowed: tuple[tuple[Vulnerability, Allowed], ...]
    passed: tuple[Vulnerability, ...]


def match(packages: Iterable[Package], advisories: Iterable[Advisory]) -> Matches:
    """What the advisories say of the packages, the worst first. Withdrawn ones say nothing."""
    standing = [one for one in advisories if not one.withdrawn]
    families = _families(standing)
    by_package: dict[tuple[str, str], dict[str, list[Advisory]]] = {}
    for one in standing:
        for key in {identity(each.ecosystem, each.name) for each in one.affected}:
            by_package.setdefault(key, {}).setdefault(families[one.id], []).append(one)
    vulnerabilities: list[Vulnerability] = []
    doubts: list[Doubt] = []
    for package, places in _places(packages).items():
        for group in by_package.get(package[:2], {}).values():
            found = _judge(package, places, group)
            if isinstance(found, Vulnerability):
                vulnerabilities.append(found)
            elif found:
                doubts.append(found)
    return Matches(
        tuple(sorted(vulnerabilities, key=_worst_first)), tuple(sorted(doubts, key=_by_id))
    )


def sift(vulnerabilities: Iterable[Vulnerability], terms: Terms, today: str) -> Sifted:
    """Puts each vulnerability where the terms want it on this day (ISO 8601, UTC).

    One of unknown severity counts as severe enough.
    """
    minded, passed = [], []
    allowed: list[tuple[Vulnerability, Allowed]] = []
    for one in vulnerabilities:
        allowance = _allowance(one, terms, today)
        if allowance:
            allowed.append((one, allowance))
        elif _passes(one, terms):
            passed.append(one)
        else:
            minded.append(one)
    return Sifted(tuple(minded), tuple(allowed), tuple(passed))


def _allowance(one: Vulnerability, terms: Terms, today: str) -> Allowed | None:
    named = (each for each in terms.allowed if each.id in one.ids and today <= each.until)
    return max(named, key=lambda each: each.until, default=None)


def _passes(one: Vulnerability, terms: Terms) -> bool:
    mild = one.severity is not None and one.severity.points < terms.min_severity
    return mild or (terms.fix_available and not one.fixed_in)


# ---------------------------------------------------------------------------------- one judgement


def _judge(
    package: Coordinates, places: tuple[str, ...], group: Sequence[Advisory]
) -> Vulnerability | Doubt | None:
    """What a vulnerability's advisories, taken together, say of a package."""
    entries = [(one, entry) for one in group for entry in _entries(one, package)]
    verdicts = [(one, affects(entry, package.version)) for one, entry in entries]
    if not any(verdict is True for _, verdict in verdicts):
        unsure = [
            Doubt(package, one.id, verdict.reason, places)
            for one, verdict in verdicts
            if isinstance(verdict, Unknown)
        ]
        return min(unsure, key=_by_id, default=None)
    ids = sorted({id_ for one in group for id_ in (one.id, *one.aliases)}, key=_preference)
    concerned = [entry for _, entry in entries]
    said: list[Advisory | Affected] = [*group, *concerned]
    ratings = [rating for one in said for rating in one.ratings]
    words = [word for one in said for word in one.words]
    told = sorted(group, key=lambda one: _preference(one.id))
    return Vulnerability(
        package=package,
        id=ids[0],
        ids=tuple(ids),
        severity=severity(ids, ratings, words),
        fixed_in=fixed_in(concerned, package.version),
        summary=next((one.summary for one in told if one.summary), ""),
        places=places,
    )


def _entries(one: Advisory, package: Coordinates) -> Iterator[Affected]:
    for entry in one.affected:
        if identity(entry.ecosystem, entry.name) == package[:2]:
            yield entry


def _places(packages: Iterable[Package]) -> dict[Coordinates, tuple[str, ...]]:
    found: dict[Coordinates, set[str]] = {}
    for package in packages:
        found.setdefault(package.coordinates, set()).add(package.where)
    return {package: tuple(sorted(where)) for package, where in found.items()}


# ------------------------------------------------------------------------- ids and their families


def _families(advisories: Iterable[Advisory]) -> Mapping[str, str]:
    """Each id → one id that stands for all that are aliases of it, however far removed."""
    parents: dict[str, str] = {}

    def root(id_: str) -> str:
        parents.setdefault(id_, id_)
        while parents[id_] != id_:
            parents[id_] = parents[parents[id_]]
            id_ = parents[id_]
        return id_

    for one in advisories:
        for alias in one.aliases:
            parents[root(alias)] = root(one.id)
        root(one.id)
    return {id_: root(id_) for id_ in parents}


def _preference(id_: str) -> tuple[int, str]:
    """CVE's ids are the ones that people know, GitHub's come next."""
    database = id_.partition("-")[0]
    return ({"CVE": 0, "GHSA": 1}.get(database, 2), id_)


def _worst_first(one: Vulnerability) -> tuple[int, str, Coordinates]:
    return (-one.severity.points if one.severity else 1, one.id, one.package)


def _by_id(one: Doubt) -> tuple[str, Coordinates, str]:
    return (one.id, one.package, one.reason)
