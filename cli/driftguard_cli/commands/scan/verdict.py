"""Judges a subject: looks up advisories for its inventory, and judges as a control would.

Pure but for the look-up. If something could not be found out, the subject is not clean.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from driftguard.analysis.advisories.matching import Doubt, match
from driftguard.analysis.advisories.package import Coordinates
from driftguard.analysis.advisories.provider import Advisories, NotKnown
from driftguard.analysis.inventory import Evidence, Inventory
from driftguard.analysis.secrets import Exposed
from driftguard.analysis.vulnerabilities import as_document
from driftguard.controls.mechanisms.vulnerable_library import AllowedAdvisory, Judge
from driftguard.documents import Document, text
from driftguard.model import Resource


class Outcome(StrEnum):
    """The result of a scan. A subject is insecure even if other things could not be checked."""

    CLEAN = "clean"
    INSECURE = "insecure"
    UNKNOWN = "unknown"


EXIT_CODES = {Outcome.CLEAN: 0, Outcome.INSECURE: 1, Outcome.UNKNOWN: 2}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is scanned: what is in it, and as what it is judged.

    `told` are findings of others about it (ECR's of an image), `unknown` is why there may be more.
    `path` is the file or folder, "" for what is none.
    """

    name: str
    resource: Resource
    inventory: Inventory
    path: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    told: tuple[Document, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """A finding that would be flagged, and the policy's entry that accepts it for a time."""

    finding: Document
    by: AllowedAdvisory


@dataclass(frozen=True, slots=True)
class Exposures:
    """The secrets in a folder's files, how many a comment allows, and what could not be read."""

    found: tuple[Exposed, ...] = ()
    allowed: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A subject, judged. Findings are documents as `driftguard.deployed` has them, worst first."""

    subject: Subject
    judge: Judge
    flagged: tuple[Document, ...]
    accepted: tuple[Accepted, ...]
    passed: tuple[Document, ...]
    unknown: tuple[str, ...]
    exposures: Exposures | None = None

    @property
    def outcome(self) -> Outcome:
        """The outcome; clean only if everything could be checked."""
        exposed = self.exposures.found if self.exposures else ()
        if self.flagged or exposed:
            return Outcome.INSECURE
        return Outcome.UNKNOWN if self.unknown else Outcome.CLEAN

    def guess(self, finding: Document) -> str:
        """What is said behind a package that no file names, but names suggest; "" for others."""
        items = self.subject.inventory.items
        sought = Coordinates(*(text(finding, key) for key in ("ecosystem", "package", "version")))
        at = bisect_left(items, sought, key=lambda item: item.package.coordinates)
        guessed = (
            at < len(items)
            and items[at].package.coordinates == sought
            and items[at].evidence is Evidence.INFERRED
        )
        return " (guessed)" if guessed else ""


def judged(
    subject: Subject, advisories: Advisories, judge: Judge, exposures: Exposures | None = None
) -> Verdict:
    """Look up the advisories of everything in the subject, and return the verdict."""
    packages = [
        replace(item.package, where=place)
        for item in subject.inventory.items
        for place in item.places
    ]
    answer = advisories.of(packages)
    matches = match(packages, answer.advisories)
    findings = [*map(as_document, matches.vulnerabilities), *subject.told]
    findings.sort(key=_worst_first)
    flagged = judge.flagged({"findings": findings})
    strict = replace(judge, settings=replace(judge.settings, allowed=()))
    flagged_by_all = strict.flagged({"findings": findings})
    return Verdict(
        subject,
        judge,
        flagged=tuple(flagged),
        accepted=tuple(
            Accepted(finding, _accepting(finding, judge))
            for finding in flagged_by_all
            if finding not in flagged
        ),
        passed=tuple(finding for finding in findings if finding not in flagged_by_all),
        unknown=(
            *subject.unknown,
            *subject.inventory.gaps,
            *((answer.reason,) if isinstance(answer, NotKnown) else ()),
            *_doubts(matches.doubts),
            *(exposures.unknown if exposures else ()),
        ),
        exposures=exposures,
    )


def points(finding: Document) -> int | None:
    """The severity of a finding, 0 to 100; None where nobody says."""
    severity = finding.get("severity")
    return severity if isinstance(severity, int) else None


def _worst_first(finding: Document) -> int:
    """A finding without a severity may be as bad as any."""
    severity = points(finding)
    return -101 if severity is None else -severity


def _accepting(finding: Document, judge: Judge) -> AllowedAdvisory:
    """Return the policy's entry that accepts a finding; of several, the one that lasts longest."""
    return max(
        (
            allowed
            for allowed in judge.settings.allowed
            if not replace(judge, settings=replace(judge.settings, allowed=(allowed,))).flagged(
                {"findings": [finding]}
            )
        ),
        key=lambda allowed: str(allowed["until"]),
    )


def _doubts(doubts: Iterable[Doubt]) -> list[str]:
    """One sentence a package: a name without a version has as many doubts as it has advisories."""
    by_package: dict[Coordinates, list[Doubt]] = {}
    for doubt in doubts:
        by_package.setdefault(doubt.package, []).append(doubt)
    return [
        f"{package} {version}".rstrip()
        + f": it cannot be told whether {ones[0].id}"
        + (f" and {len(ones) - 1:,} more concern it" if len(ones) > 1 else " concerns it")
        + f", because {ones[0].reason}"
        for (_, package, version), ones in by_package.items()
    ]
