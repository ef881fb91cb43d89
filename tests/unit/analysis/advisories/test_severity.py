"""How bad a vulnerability is, from whatever databases say of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.analysis.advisories.osv import Rating
from driftguard.analysis.advisories.severity import Severity, severity, vector_points


# Source: FIRST, "Common Vulnerability Scoring System", the examples of each version.
@pytest.mark.parametrize(
    ("vector", "points"),
    [
        ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 78),
        ("AV:L/AC:H/Au:N/C:C/I:C/A:C", 62),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:L/I:L/A:N", 72),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 93),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:H/UI:N/VC:L/VI:L/VA:N/SC:N/SI:N/SA:N", 51),
    ],
)
def test_a_vector_scores_as_its_specification_says(vector: str, points: int) -> None:
    assert vector_points(vector) == points


@given(st.text(max_size=60) | st.sampled_from(["CVSS:3.1/", "CVSS:4.0/AV:N", "9.8", "high"]))
def test_what_is_no_vector_has_no_points(text: str) -> None:
    assert vector_points(text) is None


HIGH = Rating("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H")
MEDIUM = Rating("CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:H/UI:N/VC:L/VI:L/VA:N/SC:N/SI:N/SA:N")


def test_the_highest_vector_wins() -> None:
    assert severity([], [MEDIUM, HIGH, MEDIUM], []) == Severity(75, HIGH.score)


def test_words_count_only_without_a_vector() -> None:
    assert severity([], [MEDIUM], ["CRITICAL"]) == Severity(51, MEDIUM.score)
    broken = Rating("CVSS_V3", "CVSS:3.1/AV:?")
    assert severity([], [broken], ["LOW", "MODERATE"]) == Severity(69, "MODERATE")


def test_nothing_said_is_not_the_same_as_harmless() -> None:
    assert severity(["CVE-2026-0001"], [], ["UNSPECIFIED"]) is None


def test_a_malicious_package_is_as_bad_as_can_be() -> None:
    assert severity(["GHSA-1", "MAL-2026-7"], [MEDIUM], ["LOW"]) == Severity(100, "MAL-2026-7")


@pytest.mark.parametrize(
    ("points", "label"),
    [
        (0, "none"),
        (1, "low"),
        (39, "low"),
        (40, "medium"),
        (70, "high"),
        (89, "high"),
        (90, "critical"),
    ],
)
def test_bands_begin_where_cvss_begins_them(points: int, label: str) -> None:
    assert Severity(points, "").label == label


@pytest.mark.parametrize("word", ["LOW", "MEDIUM", "MODERATE", "HIGH", "IMPORTANT", "CRITICAL"])
def test_a_word_stands_for_the_top_of_its_band(word: str) -> None:
    found = severity([], [], [word])
    assert found is not None
    synonyms = {"MODERATE": "MEDIUM", "IMPORTANT": "HIGH"}
    assert found.label == synonyms.get(word, word).lower()
    assert Severity(found.points + 1, "").label != found.label or found.points == 100
