"""What is wrong with a subject: its inventory, held against advisories, judged as a control would.

Pure, but for the asking. What could not be found out is told, and makes it no clean subject.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from driftguard.advisories.matching import Doubt, match
from driftguard.advisories.package import Coordinates
from driftguard.advisories.provider import Advisories, NotKnown
from driftguard.controls.insecure import AllowedAdvisory, Judge
from driftguard.deployed import as_document
from driftguard.exposure import Exposed
from driftguard.inventory import Inventory
from driftguard.model import Document, Resource


class Outcome(StrEnum):
    """What a scan comes to. Insecure is insecure, whatever else could not be checked."""

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
    """A finding that the policy would mind, and what in it lets the finding pass for a time."""

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
    minded: tuple[Document, ...]
    accepted: tuple[Accepted, ...]
    passed: tuple[Document, ...]
    unknown: tuple[str, ...]
    exposures: Exposures | None = None

    @property
    def outcome(self) -> Outcome:
        """Clean only where all of it could be checked."""
        exposed = self.exposures.found if self.exposures else ()
        if self.minded or exposed:
            return Outcome.INSECURE
        return Outcome.UNKNOWN if self.unknown else Outcome.CLEAN


def judged(
    subject: Subject, advisories: Advisories, judge: Judge, exposures: Exposures | None = None
) -> Verdict:
    """Asks for the advisories of all that is in the subject, and judges what they say."""
    packages = [
        replace(item.package, where=place)
        for item in subject.inventory.items
        for place in item.places
    ]
    answer = advisories.of(packages)
    matches = match(packages, answer.advisories)
    findings = [*map(as_document, matches.vulnerabilities), *subject.told]
    findings.sort(key=_worst_first)
    minded = judge.minded({"findings": findings})
    strict = replace(judge, settings=replace(judge.settings, allowed=()))
    minded_by_all = strict.minded({"findings": findings})
    return Verdict(
        subject,
        judge,
        minded=tuple(minded),
        accepted=tuple(
            Accepted(one, _accepting(one, judge)) for one in minded_by_all if one not in minded
        ),
        passed=tuple(one for one in findings if one not in minded_by_all),
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
    """One that nobody rated may be as bad as any."""
    severity = points(finding)
    return -101 if severity is None else -severity


def _accepting(finding: Document, judge: Judge) -> AllowedAdvisory:
    """What in the policy lets the finding pass; of several, what does so for longest."""
    return max(
        (
            one
            for one in judge.settings.allowed
            if not replace(judge, settings=replace(judge.settings, allowed=(one,))).minded(
                {"findings": [finding]}
            )
        ),
        key=lambda one: str(one["until"]),
    )


def _doubts(doubts: Iterable[Doubt]) -> list[str]:
    """One sentence a package: a name without a version has as many doubts as it has advisories."""
    by_package: dict[Coordinates, list[Doubt]] = {}
    for one in doubts:
        by_package.setdefault(one.package, []).append(one)
    return [
        f"{package} {version}".rstrip()
        + f": it cannot be told whether {ones[0].id}"
        + (f" and {len(ones) - 1:,} more concern it" if len(ones) > 1 else " concerns it")
        + f", because {ones[0].reason}"
        for (_, package, version), ones in by_package.items()
    ]
