"""Vulnerable libraries: the settings, judgment and wording that their controls share.

A look at one deployed thing is a document: `{"findings": [...], "more": 0, "unknown":
""}`. `findings` are the worst ones, as many as are kept; `more` counts the others, none of which is
worse; `unknown` says why there may be others still.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from driftguard.analysis.vulnerabilities import flagged
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import Autonomy, Finding, Resource

# The smallest zip archive that can name a package in a version, in bytes.
SMALLEST = 128
# How large what was found may be in an observation, in bytes: a decision holds two of them, and an
# item of a table has 400 KB. Source: Amazon DynamoDB Developer Guide, "Quotas".
KEPT = 60_000
# What a person can take in at a glance; the rest is counted.
_PACKAGES_IN_WORDS, _IDS_IN_WORDS = 5, 3
_MOST_OFFENDING = 50
# Places are paths, whose length is their maker's to choose: so much is kept of each finding's.
_MOST_OF_A_PLACE, _PLACES_KEPT = 120, 3


class AllowedAdvisory(TypedDict):
    """An advisory that is accepted: its id, through which day, why, and of which resources.

    `resource` is an id or ARN (* and ? match), all of them if it is left out; `tags` are tags that
    the resource must carry, all of them.
    """

    id: str
    until: date
    reason: str
    resource: NotRequired[str]
    tags: NotRequired[dict[str, str]]


@dataclass(frozen=True, slots=True)
class LibrarySettings:
    """What is flagged, from `min_severity` (0 to 100) up; with `fix_available`, only what is fixed.

    `allowed` advisories are accepted, each for a time. `unknown` is how far to go where what is
    deployed could not be checked: observe or ask.
    """

    min_severity: int = 70
    fix_available: bool = False
    allowed: tuple[AllowedAdvisory, ...] = ()
    unknown: Literal["ask", "observe"] = "ask"

    @property
    def at_most(self) -> Autonomy:
        """The most autonomy for an uncertain finding."""
        return Autonomy.OBSERVE if self.unknown == "observe" else Autonomy.ASK


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the findings of a resource on the policy's terms, on a day (ISO 8601, UTC)."""

    settings: LibrarySettings
    resource: Resource
    today: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, state: Document, resource: Resource, settings: LibrarySettings) -> Judge:
        """The judge of an observation that holds the resource's `tags` and the day, `today`."""
        tags = {name: str(value) for name, value in mapping(state, "tags").items()}
        return cls(settings, resource, text(state, "today"), tags)

    def flagged(self, looked: Document) -> list[Document]:
        """The findings that the terms do not let pass, the worst first."""
        from driftguard.analysis.advisories.matching import Allowed

        allowed = [
            Allowed(advisory["id"], str(advisory["until"]), advisory["reason"])
            for advisory in self.settings.allowed
            if self._is_allowed(advisory)
        ]
        return flagged(
            items(looked.get("findings")),
            min_severity=self.settings.min_severity,
            fix_available=self.settings.fix_available,
            allowed=allowed,
            today=self.today,
        )

    def unknown(self, looked: Document) -> str:
        """Why it is unknown whether there are more findings to flag; "" if it is known."""
        if why := text(looked, "unknown"):
            return why
        more, mildest = looked.get("more"), list(items(looked.get("findings")))[-1:]
        severity = mildest[0].get("severity") if mildest else None
        if not more or (isinstance(severity, int) and severity < self.settings.min_severity):
            # None of those that were not kept is worse than the mildest that was.
            return ""
        return f"{more} findings more than can be kept were not judged"

    def clears(self, looked: Document) -> bool:
        """Whether it is known that nothing is flagged."""
        return not self.unknown(looked) and not self.flagged(looked)

    def _is_allowed(self, advisory: AllowedAdvisory) -> bool:
        pattern = advisory.get("resource", "*")
        named = any(fnmatchcase(name, pattern) for name in (self.resource.id, self.resource.arn))
        return named and all(self.tags.get(k) == v for k, v in advisory.get("tags", {}).items())


# ------------------------------------------------------------------------------- keeping


def is_suspicious(looked: Document) -> bool:
    """Whether there is any finding, or anything unknown, whatever the terms."""
    return bool(looked["findings"]) or bool(looked["unknown"])


def kept(looked: Mapping[str, Document], size: int) -> dict[str, Json]:
    """The looks, each with its worst findings, in `size` bytes of JSON altogether.

    A decision is one item of a table, and an item is small; a function is not.
    """
    share = size // max(1, len(looked))
    return {name: _worst(found, share) for name, found in looked.items()}


def _worst(looked: Document, size: int) -> Document:
    worst, spent = [], 0
    every = sorted(items(looked["findings"]), key=_worst_first)
    for finding in map(_without_length, every):
        spent += len(json.dumps(finding, ensure_ascii=False).encode())
        if spent > size:
            break
        worst.append(finding)
    return {**looked, "findings": worst, "more": len(every) - len(worst)}


def _without_length(finding: Document) -> Document:
    """A finding with as much of its places as tells people where to look."""
    places = finding.get("places")
    listed = places if isinstance(places, (list, tuple)) else ()
    return {**finding, "places": [str(place)[:_MOST_OF_A_PLACE] for place in listed[:_PLACES_KEPT]]}


def _worst_first(finding: Document) -> tuple[int, str, str]:
    points = finding.get("severity")
    severity = points if isinstance(points, int) else 101
    return (-severity, text(finding, "package"), text(finding, "id"))


# ------------------------------------------------------------------------------- saying


def in_words(found: Iterable[Document]) -> str:
    """The findings on one line, the worst first: `requests 2.19.0 (CVE-2018-18074, …)`."""
    by_package: dict[str, list[str]] = {}
    for finding in found:
        named = f"{text(finding, 'package') or 'a package'} {text(finding, 'version')}".rstrip()
        by_package.setdefault(named, []).append(text(finding, "id"))
    said = [
        f"{package} ({', '.join(_few(list(dict.fromkeys(ids)), _IDS_IN_WORDS))})"
        for package, ids in by_package.items()
    ]
    more = len(said) - _PACKAGES_IN_WORDS
    in_short = "; ".join(said[:_PACKAGES_IN_WORDS])
    return f"{in_short}; and {more} packages more" if more > 0 else in_short


def _few(all_: list[str], most: int) -> list[str]:
    return [*all_[:most], "…"] if len(all_) > most else all_


def fixes(found: Iterable[Document]) -> str:
    """What to upgrade to, in words."""
    wanted = {
        text(finding, "package"): str(fixed[0])
        for finding in found
        if isinstance(fixed := finding.get("fixed_in"), (list, tuple)) and fixed
    }
    listed = [f"{package} {version}" for package, version in wanted.items()]
    return f"Fixed in {', '.join(_few(listed, _PACKAGES_IN_WORDS))}." if listed else "No fix known."


def doubt(what: str, why: str, settings: LibrarySettings) -> Finding:
    """The finding for a resource of which it is unknown whether there is a risk."""
    return Finding(f"{what} could not be checked: {why}", unknown=why, at_most=settings.at_most)


def offending(found: Iterable[Document]) -> tuple[Json, ...]:
    """The findings by package, version and id, for a `Finding`'s offending parts."""
    named = [
        f"{text(finding, 'package')} {text(finding, 'version')} {text(finding, 'id')}"
        for finding in found
    ]
    return tuple(named[:_MOST_OFFENDING])


def today() -> str:
    """The day on which something is looked at, in UTC: advisories are accepted for a time."""
    return f"{datetime.now(UTC):%Y-%m-%d}"
