"""How bad a vulnerability is, on Driftguard's scale from 0 to 100.

Sources: FIRST, "Common Vulnerability Scoring System", versions 2.0, 3.0, 3.1 and 4.0, and in 3.1
the "Qualitative Severity Rating Scale"; OpenSSF, "Malicious Packages", for `MAL-`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .osv import Rating

WORST = 100
# The highest of each band: who is told only "high" must reckon with all that is high.
_WORDS = {
    "NONE": 0,
    "NEGLIGIBLE": 39,
    "LOW": 39,
    "MEDIUM": 69,
    "MODERATE": 69,
    "HIGH": 89,
    "IMPORTANT": 89,
    "CRITICAL": WORST,
}
_BANDS = ((90, "critical"), (70, "high"), (40, "medium"), (1, "low"))


@dataclass(frozen=True, slots=True)
class Severity:
    """Points from 0 to 100, ten times a CVSS score, and what they were taken from."""

    points: int
    basis: str

    @property
    def label(self) -> str:
        """The band in a word: `critical`, `high`, `medium`, `low` or `none`."""
        return next((word for floor, word in _BANDS if self.points >= floor), "none")


def severity(
    ids: Iterable[str], ratings: Iterable[Rating], words: Iterable[str]
) -> Severity | None:
    """The highest of what is said; None where nothing is, or nothing that can be read.

    A malicious package is as bad as can be. Words count where there is no vector.
    """
    malicious = next((id_ for id_ in ids if id_.startswith("MAL-")), None)
    if malicious:
        return Severity(WORST, malicious)
    scored = [
        Severity(points, rating.score)
        for rating in ratings
        if (points := vector_points(rating.score)) is not None
    ]
    worded = [Severity(_WORDS[word], word) for word in words if word in _WORDS]
    return max(scored or worded, key=lambda rating: (rating.points, rating.basis), default=None)


def vector_points(vector: str) -> int | None:
    """Ten times the base score of a CVSS vector, of version 2, 3 or 4; None if it is none."""
    from cvss import CVSS2, CVSS3, CVSS4, CVSSError  # type: ignore[import-untyped]

    method = {"CVSS:3": CVSS3, "CVSS:4": CVSS4}.get(vector[:6], CVSS2)
    try:
        return round(float(method(vector).base_score) * 10)
    except CVSSError:
        return None
