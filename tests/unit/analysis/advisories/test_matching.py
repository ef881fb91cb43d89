"""From advisories to vulnerabilities, one for all its names; and what of that a policy minds."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.analysis.advisories.matching import (
    Allowed,
    Doubt,
    Terms,
    Vulnerability,
    match,
    sift,
)
from driftguard.analysis.advisories.package import Coordinates, Package
from driftguard.analysis.advisories.severity import Severity
from tests.support.advisories.records import advisory, affecting

REQUESTS = Package("PyPI", "requests", "2.19.0", "function.zip/requests-2.19.0.dist-info")
CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
MEDIUM = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N"}]


def below(version: str, name: str = "requests", ecosystem: str = "PyPI") -> dict[str, object]:
    return affecting(ecosystem, name, f"introduced 0, fixed {version}")


def test_a_vulnerability_says_all_that_is_to_say_of_a_package() -> None:
    found = match(
        [REQUESTS, Package("PyPI", "requests", "2.19.0", "layer.zip/requests")],
        [
            advisory("PYSEC-2018-28", below("2.20.0"), aliases=["CVE-2018-18074"]),
            advisory(
                "GHSA-x84v-xcm2-53pg",
                below("2.20.0"),
                aliases=["CVE-2018-18074", "PYSEC-2018-28"],
                summary="Credentials are sent on after a redirect",
                severity=CRITICAL,
            ),
        ],
    )
    assert found.doubts == ()
    assert found.vulnerabilities == (
        Vulnerability(
            package=Coordinates("PyPI", "requests", "2.19.0"),
            id="CVE-2018-18074",
            ids=("CVE-2018-18074", "GHSA-x84v-xcm2-53pg", "PYSEC-2018-28"),
            severity=Severity(98, CRITICAL[0]["score"]),
            fixed_in=("2.20.0",),
            summary="Credentials are sent on after a redirect",
            places=("function.zip/requests-2.19.0.dist-info", "layer.zip/requests"),
        ),
    )


def test_a_withdrawn_advisory_says_nothing() -> None:
    withdrawn = advisory("GHSA-1", below("9"), withdrawn="2026-01-02T00:00:00Z")
    assert match([REQUESTS], [withdrawn]).vulnerabilities == ()
    beside_it = match([REQUESTS], [withdrawn, advisory("PYSEC-1", below("9"))])
    assert [one.ids for one in beside_it.vulnerabilities] == [("PYSEC-1",)]


def test_aliases_are_one_however_far_apart_they_name_each_other() -> None:
    chain = [
        advisory("OSV-1", below("3"), aliases=["PYSEC-1"]),
        advisory("GHSA-1", below("3"), aliases=["CVE-2026-2"]),
        advisory("PYSEC-1", below("3"), aliases=["CVE-2026-2", "CVE-2026-1"]),
        advisory("GHSA-2", below("3"), aliases=["CVE-2026-3"]),
    ]
    found = match([REQUESTS], chain).vulnerabilities
    assert [(one.id, one.ids) for one in found] == [
        ("CVE-2026-1", ("CVE-2026-1", "CVE-2026-2", "GHSA-1", "OSV-1", "PYSEC-1")),
        ("CVE-2026-3", ("CVE-2026-3", "GHSA-2")),
    ]


def test_it_is_enough_that_one_database_says_affected() -> None:
    found = match(
        [REQUESTS],
        [
            advisory("PYSEC-1", below("2.0"), aliases=["CVE-2026-1"]),
            advisory("GHSA-1", below("2.21"), aliases=["CVE-2026-1"]),
        ],
    )
    (one,) = found.vulnerabilities
    assert one.ids == ("CVE-2026-1", "GHSA-1", "PYSEC-1")
    assert one.fixed_in == ("2.21",)


def test_a_fix_by_one_database_that_another_calls_affected_is_none() -> None:
    records = [
        advisory("PYSEC-1", below("2.20"), aliases=["CVE-2026-1"]),
        advisory("GHSA-1", below("2.21"), aliases=["CVE-2026-1"]),
    ]
    assert match([REQUESTS], records).vulnerabilities[0].fixed_in == ("2.21",)


@pytest.mark.parametrize("name", ["Flask_Login", "flask-login", "FLASK..LOGIN", "flask.login"])
def test_python_names_are_the_same_in_every_spelling(name: str) -> None:
    record = advisory("PYSEC-1", below("1.0", "Flask-Login"))
    found = match([Package("PyPI", name, "0.5", "here")], [record])
    assert found.vulnerabilities[0].package.name == "flask-login"


def test_a_repository_does_not_make_another_maven_package_but_a_release_another_debian_one() -> (
    None
):
    android = advisory(
        "GHSA-1", below("1.2", "androidx.core:core", "Maven:https://maven.google.com")
    )
    bookworm = advisory("DSA-1", below("1.2-3", "nginx", "Debian:12"))
    records = [android, bookworm]
    assert match([Package("Maven", "androidx.core:core", "1.1", "a.jar")], records).vulnerabilities
    elsewhere = match([Package("Debian:11", "nginx", "1.1", "image")], records)
    assert (elsewhere.vulnerabilities, elsewhere.doubts) == ((), ())


def test_another_package_or_a_fixed_version_is_clean() -> None:
    records = [advisory("GHSA-1", below("2.20.0"), below("4.17.21", "lodash", "npm"))]
    packages = [
        Package("npm", "requests", "1.0.0", "node_modules/requests"),
        Package("PyPI", "requests", "2.20.0", "requests"),
        Package("npm", "Lodash", "4.17.15", "node_modules/Lodash"),
    ]
    found = match(packages, records)
    assert (found.vulnerabilities, found.doubts) == ((), ())


def test_what_cannot_be_said_is_a_doubt_and_once_for_each_vulnerability() -> None:
    records = [
        advisory("PYSEC-1", below("2.20"), aliases=["CVE-2026-1"]),
        advisory("GHSA-1", below("2.20"), aliases=["CVE-2026-1"]),
    ]
    found = match([Package("PyPI", "requests", "unknown", "here")], records)
    assert found.vulnerabilities == ()
    assert found.doubts == (
        Doubt(
            Coordinates("PyPI", "requests", "unknown"),
            "GHSA-1",
            "'unknown' is no PyPI version",
            ("here",),
        ),
    )


def test_the_severity_is_the_packages_own_where_databases_give_it_one() -> None:
    record = advisory(
        "GHSA-1",
        below("3") | {"severity": MEDIUM},
        below("3", "urllib3") | {"severity": CRITICAL},
    )
    (found,) = match([REQUESTS], [record]).vulnerabilities
    assert found.severity == Severity(64, MEDIUM[0]["score"])


def test_the_worst_comes_first_and_the_unrated_last() -> None:
    records = [
        advisory("CVE-2026-1", below("3")),
        advisory("CVE-2026-2", below("3"), severity=MEDIUM),
        advisory("CVE-2026-3", below("3"), severity=CRITICAL),
        advisory("CVE-2026-4", below("3"), database_specific={"severity": "HIGH"}),
    ]
    ids = [one.id for one in match([REQUESTS], records).vulnerabilities]
    assert ids == ["CVE-2026-3", "CVE-2026-4", "CVE-2026-2", "CVE-2026-1"]


names = st.integers(1, 8).map("GHSA-{}".format)


@given(st.lists(st.tuples(names, st.lists(names, max_size=3)), max_size=8), st.randoms())
def test_the_order_of_the_advisories_changes_nothing(
    records: list[tuple[str, list[str]]], chance: Random
) -> None:
    read = [advisory(id_, below("3"), aliases=aliases) for id_, aliases in dict(records).items()]
    shuffled = read.copy()
    chance.shuffle(shuffled)
    found = match([REQUESTS], read)
    assert match([REQUESTS], shuffled) == found
    everything = [id_ for one in found.vulnerabilities for id_ in one.ids]
    assert len(everything) == len(set(everything))
    assert set(everything) == {id_ for one in read for id_ in (one.id, *one.aliases)}


# ------------------------------------------------------------------------------ what a policy minds


def vulnerabilities() -> tuple[Vulnerability, ...]:
    """Critical with a fix, medium with a fix, critical without one, unrated with a fix."""
    unfixed = affecting("PyPI", "requests", "introduced 0")
    records = [
        advisory("CVE-2026-1", below("3"), severity=CRITICAL, aliases=["GHSA-1"]),
        advisory("CVE-2026-2", below("3"), severity=MEDIUM),
        advisory("CVE-2026-3", unfixed, severity=CRITICAL),
        advisory("CVE-2026-4", below("3")),
    ]
    return match([REQUESTS], records).vulnerabilities


def ids(found: tuple[Vulnerability, ...]) -> set[str]:
    return {one.id for one in found}


def test_without_terms_everything_is_flagged() -> None:
    found = sift(vulnerabilities(), Terms(), "2026-11-24")
    assert found.flagged == vulnerabilities()
    assert (found.allowed, found.passed) == ((), ())


def test_what_is_milder_than_the_minimum_passes_and_the_unrated_does_not() -> None:
    found = sift(vulnerabilities(), Terms(min_severity=70), "2026-11-24")
    assert ids(found.flagged) == {"CVE-2026-1", "CVE-2026-3", "CVE-2026-4"}
    assert ids(found.passed) == {"CVE-2026-2"}


def test_what_nobody_has_fixed_passes_where_the_terms_want_a_fix() -> None:
    found = sift(vulnerabilities(), Terms(fix_available=True), "2026-11-24")
    assert ids(found.passed) == {"CVE-2026-3"}


@pytest.mark.parametrize("id_", ["CVE-2026-1", "GHSA-1"])
def test_an_allowed_id_or_alias_is_left_out_by_name_through_its_last_day(id_: str) -> None:
    allowed = Allowed(id_, "2026-11-30", "Not reachable: no redirects are followed.")
    on_the_day = sift(vulnerabilities(), Terms(allowed=(allowed,)), "2026-11-30")
    assert [(one.id, by) for one, by in on_the_day.allowed] == [("CVE-2026-1", allowed)]
    assert "CVE-2026-1" not in ids(on_the_day.flagged)
    after = sift(vulnerabilities(), Terms(allowed=(allowed,)), "2026-12-01")
    assert after.allowed == ()
    assert "CVE-2026-1" in ids(after.flagged)
