"""Which versions are affected: one table for each ecosystem, and what cannot be said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from driftguard.analysis.advisories.osv import Affected
from driftguard.analysis.advisories.ranges import Unknown, affects, fixed_in
from tests.support.advisories.records import advisory, affecting
from tests.support.each import each

# timelines of one package → affected versions, versions that are not
PYPI = {
    # CVE-2018-18074, of requests
    "introduced 0, fixed 2.20.0": (
        ["0.2.0", "2.19.0", "2.19.1", "2.20.0rc1", "2.20.0.dev3", "2.19.1.post1", "v2.19"],
        ["2.20.0", "2.20", "2.20.0.0", "2.20.0.post1", "2.20.1.dev1", "10.0"],
    ),
    "introduced 1.0, fixed 1.0.2, introduced 3.0, fixed 3.2.5": (
        ["1.0", "1.0.0", "1.0.1", "1.0.2a1", "3.0", "3.2.4", "3.1"],
        ["0.9", "1.0rc2", "1.0.2", "2.9", "3.0.dev0", "3.2.5", "4"],
    ),
    # the pairs in no order
    "fixed 3.2.5, introduced 3.0, introduced 1.0, fixed 1.0.2": (
        ["1.0.1", "3.2.4"],
        ["0.9", "2.0", "3.2.5"],
    ),
    "introduced 0, last_affected 2.1.214": (
        ["2.1.214", "2.1.214rc1", "2.1.214+build.7", "2.1.0"],
        ["2.1.214.post1", "2.1.215", "2.1.215a1"],
    ),
    # exactly one version
    "introduced 1.4.0, last_affected 1.4.0": (["1.4.0", "1.4"], ["1.3.9", "1.4.0.post1", "1.4.1"]),
    # two ranges that touch
    "introduced 0, fixed 1.0, introduced 1.0, fixed 2.0": (["0.9", "1.0", "1.9"], ["2.0"]),
    "introduced 1!0.5, fixed 1!2.0": (["1!0.5", "1!1.9"], ["0.5", "2019.1", "1!2.0", "2!0.1"]),
    "introduced 2019.1, fixed 1!1.0": (["2019.1", "2026.4", "1!0.9"], ["2018.9", "1!1.0"]),
    "introduced 1.0a2, fixed 1.0": (
        ["1.0a2", "1.0a10", "1.0b1", "1.0rc1", "1.0.c3", "1.0-alpha-2"],
        ["1.0a1", "1.0.dev9", "1.0a2.dev1", "1.0", "1.0.post1"],
    ),
    "introduced 0, fixed 1.13.1": (["1.13.0+cu117", "1.13.1rc1+cu117"], ["1.13.1+cu117", "1.13.1"]),
    # a fix that only a patched build has
    "introduced 0, fixed 1.13.0+patched.2": (
        ["1.13.0", "1.13.0+patched.1"],
        ["1.13.0+patched.2", "1.13.0+patched.10", "1.13.1"],
    ),
    "introduced 1.0, limit 2.0": (["1.0", "1.9.9", "2.0rc1"], ["0.9", "2.0", "2.1"]),
    "introduced 1.0, limit 1.5, limit 2.5": (["1.4", "2.4"], ["2.5", "3.0"]),
    "introduced 1.0, fixed 1.2, limit *": (["1.1", "1.0"], ["1.2", "9.0"]),
    "introduced 1.0, limit *": (["1.0", "99"], ["0.9"]),
    "introduced 0": (["0", "0.dev1", "0a1", "1!99"], []),
}
NPM = {
    # CVE-2020-8203, of lodash
    "introduced 3.7.0, fixed 4.17.19": (
        ["3.7.0", "4.17.15", "4.17.19-beta.1", "4.0.0"],
        ["3.6.9", "3.7.0-rc.1", "4.17.19", "4.17.19+build.5", "4.17.21"],
    ),
    "introduced 1.0.0-alpha, fixed 1.0.0": (
        ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11"],
        ["1.0.0-9", "0.9.9", "1.0.0", "1.0.0+exp.sha.5114f85"],
    ),
    "introduced 1.0.0-beta.2, last_affected 1.0.0-beta.11": (
        ["1.0.0-beta.2", "1.0.0-beta.10", "1.0.0-beta.11"],
        ["1.0.0-beta.1", "1.0.0-beta", "1.0.0-beta.11.1", "1.0.0-rc.1", "1.0.0"],
    ),
    "introduced 0, fixed 2.0.0": (["1.10.0", "1.9.0", "2.0.0-0", "v1.2.3"], ["2.0.0", "10.0.0"]),
    "introduced 0.0.0, last_affected 5.0.1": (["5.0.1", "5.0.1+1", "0.0.0"], ["5.0.2-0", "5.0.2"]),
}
GO = {
    "introduced 0, fixed 0.3.8": (
        [
            "v0.3.7",
            "0.3.7",
            "v0.0.0-20201216223049-8b5274cf687f",
            "v0.3.8-0.20220124172345-8e9cdae7fa1b",
        ],
        ["v0.3.8", "v0.3.9-0.20220301000000-0123456789ab", "v0.4.0"],
    ),
    # a fix between releases
    "introduced 0, fixed 0.0.0-20220314234659-1baeb1ce4c0b": (
        ["v0.0.0-20211215153901-e495a2d5b3d3", "v0.0.0-20220314234658-ffffffffffff"],
        ["v0.0.0-20220314234659-1baeb1ce4c0b", "v0.0.0-20220314234724-5d542ad81a58", "v0.1.0"],
    ),
    "introduced 2.0.0+incompatible, fixed 2.5.1+incompatible": (
        ["v2.5.0+incompatible", "v2.0.0+incompatible"],
        ["v1.9.0", "v2.5.1+incompatible", "v3.0.0+incompatible"],
    ),
    # releases of Go itself
    "introduced 0, fixed 1.20.10, introduced 1.21.0-0, fixed 1.21.3": (
        ["go1.20.9", "1.20", "go1.21rc2", "go1.21", "go1.21.0", "1.21.2"],
        ["go1.20.10", "go1.21.3", "go1.22rc1"],
    ),
}
MAVEN = {
    # CVE-2021-44228, of log4j-core
    "introduced 2.13.0, fixed 2.15.0": (
        ["2.13.0", "2.14.1", "2.15.0-rc1", "2.14.1.redhat-00001"],
        ["2.12.1", "2.13.0-rc1", "2.15.0", "2.15", "2.17.1"],
    ),
    "introduced 2.0-beta9, fixed 2.3.1": (
        ["2.0-beta9", "2.0-rc1", "2.0", "2.3", "2.0.0"],
        ["2.0-alpha2", "2.0-beta8", "1.2.17", "2.3.1"],
    ),
    "introduced 0, fixed 4.1.42.Final": (
        ["4.1.41.Final", "4.1.42.CR1", "4.1.42.Beta2", "4.1.42-SNAPSHOT", "3.9.9.Final"],
        ["4.1.42", "4.1.42.Final", "4.1.42.GA", "4.1.42.SP1", "4.1.43.Final"],
    ),
    "introduced 5.0.0.M1, fixed 5.0.5.RELEASE": (
        ["5.0.0.M1", "5.0.0.M10", "5.0.0.RC4", "5.0.0.RELEASE", "5.0.4", "5.0.5-SNAPSHOT"],
        # `BUILD` is no qualifier that Maven knows, and comes after the release
        ["4.3.30.RELEASE", "5.0.5.RELEASE", "5.0.5", "5.0.10.RELEASE", "5.0.5.BUILD-SNAPSHOT"],
    ),
    "introduced 0, last_affected 9.4.30.v20200611": (
        ["9.4.30.v20200611", "9.4.30.v20200610", "9.4.30", "9.4.9.v20180320"],
        ["9.4.30.v20200612", "9.4.31.v20200723", "10.0.0"],
    ),
    "introduced 0, fixed 32.0.0-android": (
        ["31.1-jre", "31.1-android", "32.0.0"],
        ["32.0.0-android", "32.0.0-jre", "32.0.1-android"],
    ),
    "introduced 1-alpha-1, fixed 1": (
        ["1-alpha1", "1a1", "1.0.0-beta", "1-m3", "1-milestone-3", "1-CR2", "1-rc2", "1-SNAPSHOT"],
        [
            "1-alpha",
            "0.9",
            "1",
            "1.0.0",
            "1-ga",
            "1.final",
            "1-sp",
            "1-sp-1",
            "1-xyz",
            "1-1",
            "1.1",
        ],
    ),
    "introduced 1-sp, fixed 1-1": (
        ["1-sp", "1-sp2", "1-abc", "1.abc", "1-xyz9"],
        ["1", "1-1", "1.1"],
    ),
    "introduced 2.9.0, fixed 2.9.10.8": (
        ["2.9.10", "2.9.10.7"],
        ["2.9.10.8", "2.10.0", "2.9.10.10"],
    ),
    "introduced 20030101, limit 20040616": (["20031129"], ["20040616", "20040616.0", "20020414"]),
}


def _cases() -> Iterator[object]:
    """Every row of every table."""
    tables = {"PyPI": PYPI, "npm": NPM, "Go": GO, "Maven": MAVEN}
    for ecosystem, table in tables.items():
        for events, (affected, clean) in table.items():
            for expected, versions in ((True, affected), (False, clean)):
                for version in versions:
                    name = f"{ecosystem}: {version} in {events}"
                    yield pytest.param(ecosystem, events, version, expected, id=name)


def entry(ecosystem: str, *timelines: str, versions: tuple[str, ...] = ()) -> Affected:
    """What a record says of one package."""
    read = advisory("TEST-1", affecting(ecosystem, "example", *timelines, versions=versions))
    return read.affected[0]


@each(("ecosystem", "events", "version", "expected"), list(_cases()))
def test_a_version_is_affected_or_not(
    ecosystem: str, events: str, version: str, expected: bool
) -> None:
    assert affects(entry(ecosystem, events), version) is expected


@pytest.mark.parametrize(
    ("ecosystem", "listed", "version", "expected"),
    [
        ("PyPI", ("1.0", "1.1"), "1.1", True),
        ("PyPI", ("1.0", "1.1"), "1.0.0", True),
        ("PyPI", ("1.0", "1.1"), "1.0+local", True),
        ("PyPI", ("1.0", "1.1"), "1.0.post1", False),
        ("PyPI", ("1.0+local",), "1.0", False),
        ("PyPI", ("2004d", "2004b"), "2004d", True),
        ("PyPI", ("2004d", "1.5"), "1.4", False),
        ("npm", ("1.1.1", "2.0.0-rc.1"), "2.0.0-rc.1", True),
        ("npm", ("1.1.1",), "1.1.2", False),
        ("Go", ("1.2.3",), "v1.2.3", True),
        ("Maven", ("4.1.0.Final",), "4.1.0", True),
        ("Maven", ("4.1.0.Final",), "4.1.0.CR1", False),
        ("Debian:12", ("1.2.1-2.2",), "1.2.1-2.2", True),
    ],
)
def test_a_listed_version_is_affected_in_whatever_spelling(
    ecosystem: str, listed: tuple[str, ...], version: str, expected: bool
) -> None:
    assert affects(entry(ecosystem, versions=listed), version) is expected


def test_a_version_in_any_range_or_list_is_affected() -> None:
    both = entry("PyPI", "introduced 0, fixed 1.0", "introduced 2.0, fixed 2.5", versions=("7.1",))
    verdicts = [affects(both, version) for version in ("0.5", "1.5", "2.1", "2.5", "7.1")]
    assert verdicts == [True, False, True, False, True]


def test_semantic_ranges_can_be_told_in_an_ecosystem_that_we_do_not_know() -> None:
    read = affecting("Hex", "example", versions=("1.0.0",))
    read["ranges"] = [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.4.0"}]}]
    (hex_,) = advisory("TEST-1", read).affected
    assert [affects(hex_, version) for version in ("1.3.9", "1.4.0")] == [True, False]


def test_commits_are_passed_over_where_versions_are_told_as_well() -> None:
    read = affecting("PyPI", "example", "introduced 2.8.0, fixed 2.10.0")
    commits = [{"introduced": "0"}, {"fixed": "3f38f73218e5e782fe411ccbb3b44a793c0b343a"}]
    read["ranges"].append({"type": "GIT", "repo": "https://example.org/x", "events": commits})
    (both,) = advisory("TEST-1", read).affected
    assert [affects(both, version) for version in ("2.9.2", "2.10.0")] == [True, False]
    assert fixed_in([both], "2.9.2") == ("2.10.0",)


@pytest.mark.parametrize(
    ("affected", "version", "why"),
    [
        (entry("PyPI", "introduced 0, fixed 2.0"), "", "does not say which version"),
        (entry("PyPI", "introduced 0, fixed 2.0"), "1" * 257, "at most 256"),
        (entry("PyPI", "introduced 0, fixed 2.0"), "${project.version}", "no PyPI version"),
        (entry("PyPI", versions=("1.0",)), "latest", "no PyPI version"),
        (entry("PyPI", "introduced 0, fixed 2004d"), "1.0", "'2004d'"),
        (entry("PyPI", "introduced 0, limit main"), "1.0", "'main'"),
        (entry("npm", "introduced 0, fixed 2.0.0"), "file:../left-pad", "no SEMVER version"),
        (entry("npm", "introduced 0, fixed 2.0.0"), "1.2.3.4", "no SEMVER version"),
        (entry("Go", "introduced 0, fixed 2.0.0"), "(devel)", "no Go version"),
        (entry("Debian:12", "introduced 0, fixed 1.2"), "1.1", "Debian:12"),
        (entry("Debian:12", versions=("1.0",)), "1.1", "Debian:12"),
        (entry("", "introduced 0"), "1.1", "unnamed"),
        (entry("PyPI"), "1.0", "no versions"),
        (entry("PyPI", "fixed 2.0"), "1.0", "where it begins"),
    ],
)
def test_what_cannot_be_said_is_told_and_never_not_affected(
    affected: Affected, version: str, why: str
) -> None:
    verdict = affects(affected, version)
    assert isinstance(verdict, Unknown)
    assert why in verdict.reason


@pytest.mark.parametrize("kind", ["GIT", "CALVER"])
def test_ranges_that_cannot_be_walked_are_told(kind: str) -> None:
    read = affecting("PyPI", "example")
    read["ranges"] = [{"type": kind, "events": [{"introduced": "0"}]}]
    (affected,) = advisory("TEST-1", read).affected
    assert isinstance(affects(affected, "1.0"), Unknown)


def test_a_commit_is_no_version_that_fixes_anything() -> None:
    read = affecting("Maven", "example", "introduced 0, last_affected 2.0")
    read["ranges"].append({"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "9fceb02d"}]})
    (affected,) = advisory("TEST-1", read).affected
    assert affects(affected, "1.0") is True
    assert fixed_in([affected], "1.0") == ()


def test_one_range_that_says_affected_outweighs_another_that_cannot_be_read() -> None:
    mixed = entry("PyPI", "introduced 0, fixed 2004d", "introduced 1.0, fixed 2.0")
    assert affects(mixed, "1.5") is True
    assert isinstance(affects(mixed, "2.5"), Unknown)


@pytest.mark.parametrize(
    ("ecosystem", "timelines", "version", "fixes"),
    [
        ("PyPI", ["introduced 0, fixed 2.20.0"], "2.19.0", ("2.20.0",)),
        (
            "PyPI",
            ["introduced 0, fixed 1.0.2, introduced 3, fixed 3.2.5"],
            "1.0",
            ("1.0.2", "3.2.5"),
        ),
        ("PyPI", ["introduced 0, fixed 1.0.2, introduced 3, fixed 3.2.5"], "3.1", ("3.2.5",)),
        # what ends one range and lies in another is no fix
        ("PyPI", ["introduced 0, fixed 1.5", "introduced 1.2, fixed 2.0"], "1.3", ("2.0",)),
        ("PyPI", ["introduced 0, last_affected 2.0"], "1.0", ()),
        ("PyPI", ["introduced 0"], "1.0", ()),
        ("PyPI", ["introduced 0, fixed 2.0"], "no version", ()),
        ("PyPI", ["introduced 0, fixed 1.13.1"], "1.13.0+cu117", ("1.13.1",)),
        ("npm", ["introduced 0, fixed 10.0.0", "introduced 0, fixed 9.1.0"], "8.0.0", ("10.0.0",)),
        ("Maven", ["introduced 0, fixed 4.1.42.Final"], "4.1.41.Final", ("4.1.42.Final",)),
    ],
)
def test_the_nearest_version_that_really_fixes_it_comes_first(
    ecosystem: str, timelines: list[str], version: str, fixes: tuple[str, ...]
) -> None:
    assert fixed_in([entry(ecosystem, *timelines)], version) == fixes


def test_a_fix_must_hold_for_every_entry_of_the_package() -> None:
    branches = [
        entry("npm", "introduced 1.0.0, fixed 1.4.2"),
        entry("npm", "introduced 2.0.0, fixed 2.0.9"),
        entry("npm", "introduced 1.4.0, fixed 1.4.3"),
    ]
    assert fixed_in(branches, "1.4.0") == ("1.4.3", "2.0.9")
