"""Where advisories come from, and the two answers that a provider can give.

There is no third answer: whatever goes wrong on the way, a provider answers `NotKnown` with the
reason, and what it found before that. An empty `Found` means that nothing is known against any of
the packages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from driftguard.documents import Document

from .osv import Advisory
from .package import Coordinates, Package


@dataclass(frozen=True, slots=True)
class Found:
    """All advisories for the packages that were asked about, and perhaps some for others."""

    advisories: tuple[Advisory, ...]


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Why the answer is not complete. What was found is true; what is missing may be anything."""

    reason: str
    advisories: tuple[Advisory, ...] = ()


Answer: TypeAlias = Found | NotKnown


class Advisories(Protocol):
    """A source of advisories."""

    def of(self, packages: Sequence[Package]) -> Answer:
        """What is known of these packages. Never raises for what the source gets wrong."""
        ...


class Cache(Protocol):
    """Remembers for a while which advisories a source named for one version of a package."""

    def recall(self, packages: Iterable[Coordinates]) -> Mapping[Coordinates, tuple[Document, ...]]:
        """The advisories of those packages that are remembered; none at all is an answer too."""
        ...

    def keep(self, answers: Mapping[Coordinates, tuple[Document, ...]]) -> None:
        """Remembers complete answers. One that is too large to keep is asked for again."""
        ...


def answer(advisories: Iterable[Advisory], gaps: Sequence[str]) -> Answer:
    """The answer, complete if there are no gaps; of two advisories with one id, the newer."""
    latest: dict[str, Advisory] = {}
    for advisory in advisories:
        if advisory.id not in latest or latest[advisory.id].modified < advisory.modified:
            latest[advisory.id] = advisory
    found = tuple(latest[id_] for id_ in sorted(latest))
    return NotKnown(_told(gaps), found) if gaps else Found(found)


def _told(gaps: Sequence[str]) -> str:
    """A few of the reasons: the first of a hundred alike says enough."""
    different = list(dict.fromkeys(gaps))
    more = f"; and {len(different) - 3} more" if len(different) > 3 else ""
    return "; ".join(different[:3]) + more
