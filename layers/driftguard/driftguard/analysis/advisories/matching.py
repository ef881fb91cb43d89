"""Says which packages are vulnerable, and which findings a policy's terms let pass. Pure.

One vulnerability is known to several databases, under an id in each. Advisories that name each
other are one, and it is enough that one of them says that a version is affected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from driftguard.model import Autonomy

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
    """A package that an advisory may concern, and why that is uncertain."""

    package: Coordinates
    id: str
    reason: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """What the advisories say of some packages. With doubts, an empty list proves nothing."""

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
    """What a policy flags. `min_severity` is in points, 0 to 100.

    With `fix_available`, what nobody has fixed yet passes. `on_unreachable` is how far to go while
    the advisories cannot be had.
    """

    min_severity: int = 0
    fix_available: bool = False
    allowed: tuple[Allowed, ...] = ()
    on_unreachable: Autonomy = Autonomy.ASK


@dataclass(frozen=True, slots=True)
class Sifted:
    """Vulnerabilities by what the terms say of them: flagged, allowed by name, or let pass."""

    flagged: tuple[Vulnerability, ...]
    allowed: tuple[tuple[Vulnerability, Allowed], ...]
    passed: tuple[Vulnerability, ...]


def match(packages: Iterable[Package], advisories: Iterable[Advisory]) -> Matches:
    """What the advisories say of the packages, the worst first. Withdrawn ones say nothing."""
    standing = [advisory for advisory in advisories if not advisory.withdrawn]
    families = _families(standing)
    by_package: dict[tuple[str, str], dict[str, list[Advisory]]] = {}
    for advisory in standing:
        for key in {identity(entry.ecosystem, entry.name) for entry in advisory.affected}:
            by_package.setdefault(key, {}).setdefault(families[advisory.id], []).append(advisory)
    vulnerabilities: list[Vulnerability] = []
    doubts: list[Doubt] = []
    for package, places in _places(packages).items():
        for group in by_package.get(identity(*package[:2]), {}).values():
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

    A vulnerability of unknown severity counts as severe enough.
    """
    flagged, passed = [], []
    allowed: list[tuple[Vulnerability, Allowed]] = []
    for vulnerability in vulnerabilities:
        allowance = _allowance(vulnerability, terms, today)
        if allowance:
            allowed.append((vulnerability, allowance))
        elif _passes(vulnerability, terms):
            passed.append(vulnerability)
        else:
            flagged.append(vulnerability)
    return Sifted(tuple(flagged), tuple(allowed), tuple(passed))


def _allowance(vulnerability: Vulnerability, terms: Terms, today: str) -> Allowed | None:
    named = (
        allowance
        for allowance in terms.allowed
        if allowance.id in vulnerability.ids and today <= allowance.until
    )
    return max(named, key=lambda allowance: allowance.until, default=None)


def _passes(vulnerability: Vulnerability, terms: Terms) -> bool:
    mild = vulnerability.severity is not None and vulnerability.severity.points < terms.min_severity
    return mild or (terms.fix_available and not vulnerability.fixed_in)


# ---------------------------------------------------------------------------------- one judgment


def _judge(
    package: Coordinates, places: tuple[str, ...], group: Sequence[Advisory]
) -> Vulnerability | Doubt | None:
    """What a vulnerability's advisories, taken together, say of a package."""
    entries = [(advisory, entry) for advisory in group for entry in _entries(advisory, package)]
    verdicts = [(advisory, affects(entry, package.version)) for advisory, entry in entries]
    if not any(verdict is True for _, verdict in verdicts):
        unsure = [
            Doubt(package, advisory.id, verdict.reason, places)
            for advisory, verdict in verdicts
            if isinstance(verdict, Unknown)
        ]
        return min(unsure, key=_by_id, default=None)
    ids = sorted(
        {id_ for advisory in group for id_ in (advisory.id, *advisory.aliases)}, key=_preference
    )
    concerned = [entry for _, entry in entries]
    said: list[Advisory | Affected] = [*group, *concerned]
    ratings = [rating for source in said for rating in source.ratings]
    words = [word for source in said for word in source.words]
    preferred_first = sorted(group, key=lambda advisory: _preference(advisory.id))
    return Vulnerability(
        package=package,
        id=ids[0],
        ids=tuple(ids),
        severity=severity(ids, ratings, words),
        fixed_in=fixed_in(concerned, package.version),
        summary=next((advisory.summary for advisory in preferred_first if advisory.summary), ""),
        places=places,
    )


def _entries(advisory: Advisory, package: Coordinates) -> Iterator[Affected]:
    for entry in advisory.affected:
        if identity(entry.ecosystem, entry.name) == identity(*package[:2]):
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

    for advisory in advisories:
        for alias in advisory.aliases:
            parents[root(alias)] = root(advisory.id)
        root(advisory.id)
    return {id_: root(id_) for id_ in parents}


def _preference(id_: str) -> tuple[int, str]:
    """CVE's ids are the ones that people know, GitHub's come next."""
    database = id_.partition("-")[0]
    return ({"CVE": 0, "GHSA": 1}.get(database, 2), id_)


def _worst_first(vulnerability: Vulnerability) -> tuple[int, str, Coordinates]:
    return (
        -vulnerability.severity.points if vulnerability.severity else 1,
        vulnerability.id,
        vulnerability.package,
    )


def _by_id(doubt: Doubt) -> tuple[str, Coordinates, str]:
    return (doubt.id, doubt.package, doubt.reason)
