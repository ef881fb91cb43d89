"""The orders behind the ranges: total, and as each ecosystem writes them down."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from driftguard.analysis.advisories.osv import Affected, Event, Kind, Range
from driftguard.analysis.advisories.ranges import affects, fixed_in
from driftguard.analysis.advisories.versions import Place, Unorderable, place, plain
from tests.support.each import each

# Each line ascends; what is on one line between `=` is equal.
ASCENDING = {
    "PyPI": """
        1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2
        1.0b2.post345.dev456 1.0b2.post345 1.0rc1.dev456 1.0rc1 1.0=1=1.0.0=v1.0 1.0+abc.5 1.0+abc.7
        1.0+5 1.0.post456.dev34 1.0.post456 1.0.15 1.1.dev1 1.1 2019.1 1!0.1 1!1
    """,
    "npm": """
        0.0.1 1.0.0-0 1.0.0-2 1.0.0-10 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.1.x 1.0.0-alpha.beta
        1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0=1.0.0+20130313144700=v1.0.0 1.0.1-a
        1.0.1 1.2.0 1.10.0 2.0.0 10.0.0
    """,
    "Go": """
        v0.0.0-20180101000000-abcdefabcdef v0.0.0-20191109021931-daa7c04131f5 v0.0.1
        v1.2.3-pre.0.20191109021931-daa7c04131f5 v1.2.3 v1.2.4-0.20191109021931-daa7c04131f5
        v1.2.4=1.2.4=v1.2.4+incompatible go1.20=1.20=v1.20.0 go1.21rc2=1.21.0-rc.2 go1.21rc10
        go1.21=1.21.0
    """,
    "Maven": """
        Finchley.SR2 Greenwich.RELEASE Greenwich.SR1 0.1 1-alpha2-snapshot 1-alpha2=1-a2=1alpha2
        1-alpha-123 1-beta-2=1.0-b2 1-beta123 1-m2=1.0.milestone-2 1-m11 1-rc=1-CR 1-cr2=1.rc2
        1-rc123 1-SNAPSHOT=1.snapshot 1=1.0=1.0.0=1-ga=1.FINAL=1-release=1-0=1.=1- 1-sp=1.0.SP
        1-sp2 1-sp123 1-abc=1.abc=1.0-abc 1-def 1-pom-1 1-1-snapshot 1-1=1-ga-1=1.0-1=01-01 1-2
        1-123 1.0.1-xyz=1.0.1xyz 1.0.1-123 1.0.9.1 1.1-alpha=1.1alpha=1.1.0.alpha 1.1 1.1-a 1.1.1
        1.9 1.10 2.0-1 2.0.1-klm 2.0.1-lmn 20030101 99999999999999999999
    """,
    "RubyGems": """
        0.9 1.0.a=1.a=1.0.0.a 1.0.a1 1.0.a2 1.0.a10 1.0.b1 1.0.0.beta.2 1.0.0.pre1 1.0.0.rc1
        1=1.0=1.0.0 1.0.0.1 1.0.1 1.9 1.10 2.0
    """,
    "Packagist": """
        0.9 1.0-dev=1.0.0-dev 1.0.0-alpha-dev 1.0-alpha=v1.0.0-a 1.0-alpha2 1.0-alpha10
        1.0-beta1-dev 1.0-beta1=1.0.0-BETA1=1.0b1 1.0-RC1=1.0.0RC1 1.0=1.0.0=v1.0.0.0=1.0-stable
        1.0-patch1=1.0-p1=1.0pl1 1.0.1 1.2.9 1.10 20200101
    """,
    "NuGet": """
        1.0.0-Alpha=1.0-alpha 1.0.0-alpha.1 1.0.0-beta 1.0.0-RC.2 1.0.0-rc.10
        1=1.0=1.0.0=1.0.0.0=1.0.0+build 1.0.0.1 1.0.1 1.10.0 13.0.1
    """,
    "Pub": """
        1.0.0-dev.1 1.0.0-dev.2 1.0.0 1.0.0+1 1.0.0+2 1.0.0+10 1.0.1-a 1.0.1 1.10.0
    """,
    "Hex": "0.1.0 1.0.0-dev 1.0.0-rc.1 1.0.0=1.0.0+build 1.0.1 1.10.0",
    "SwiftURL": "0.1.0 1.0.0-beta 1.0.0=v1.0.0 1.0.1 1.10.0",
}


def classes(ecosystem: str) -> list[list[str]]:
    """The versions of a table, those that are equal together."""
    return [line.split("=") for line in ASCENDING[ecosystem].split()]


@pytest.mark.parametrize("ecosystem", ASCENDING)
def test_versions_ascend_as_written_down(ecosystem: str) -> None:
    ranked = [(rank, v) for rank, equal in enumerate(classes(ecosystem)) for v in equal]
    wrong = [
        (one, other)
        for (rank, one), (other_rank, other) in product(ranked, repeat=2)
        if (rank < other_rank) != (place(ecosystem, one) < place(ecosystem, other))
        or (rank == other_rank) != (place(ecosystem, one) == place(ecosystem, other))
    ]
    assert wrong == []


# ------------------------------------------------------------------------ properties of any order

numbers = st.integers(0, 30).map(str)
words = st.sampled_from(
    [
        "alpha",
        "a",
        "beta",
        "b",
        "m",
        "rc",
        "cr",
        "SNAPSHOT",
        "Final",
        "ga",
        "sp",
        "x",
        "jre",
        "RELEASE",
    ]
)
dotted = st.lists(numbers, min_size=1, max_size=4).map(".".join)
python = st.builds(
    lambda epoch, release, pre, post, dev, local: f"{epoch}{release}{pre}{post}{dev}{local}",
    st.sampled_from(["", "", "1!"]),
    dotted,
    st.one_of(st.just(""), st.builds("{}{}".format, st.sampled_from(["a", "b", "rc"]), numbers)),
    st.one_of(st.just(""), numbers.map(".post{}".format)),
    st.one_of(st.just(""), numbers.map(".dev{}".format)),
    st.sampled_from(["", "", "+cu117", "+7"]),
)
semantic = st.builds(
    lambda core, before, build: ".".join(core) + before + build,
    st.lists(numbers, min_size=3, max_size=3),
    st.one_of(
        st.just(""),
        st.lists(st.one_of(numbers, words), min_size=1, max_size=3).map(
            lambda x: "-" + ".".join(x)
        ),
    ),
    st.sampled_from(["", "+build.5"]),
)
maven = st.builds(
    lambda first, rest: first + "".join(f"{separator}{token}" for separator, token in rest),
    numbers,
    st.lists(st.tuples(st.sampled_from([".", "-", ""]), st.one_of(numbers, words)), max_size=5),
)
VERSIONS = {"PyPI": python, "npm": semantic, "Go": semantic.map("v{}".format), "Maven": maven}
anything = st.sampled_from(sorted(VERSIONS))


def of_one_ecosystem(count: int) -> st.SearchStrategy[tuple[str, list[str]]]:
    """An ecosystem, and some of its versions."""
    return anything.flatmap(
        lambda name: st.tuples(
            st.just(name), st.lists(VERSIONS[name], min_size=count, max_size=count)
        )
    )


@given(of_one_ecosystem(3))
def test_every_order_is_total(sample: tuple[str, list[str]]) -> None:
    ecosystem, versions = sample
    a, b, c = (place(ecosystem, version) for version in versions)
    assert [a < b, a == b, b < a].count(True) == 1
    assert not (a <= b and b <= c) or a <= c


@given(anything, st.text(max_size=300))
def test_any_text_has_a_place_or_is_refused_in_words(ecosystem: str, text: str) -> None:
    try:
        found = place(ecosystem, text)
    except Unorderable as error:
        assert not text or ecosystem in str(error) or "256" in str(error)
    else:
        assert found == found.beside(found)


@given(st.text(alphabet="01.-ab", min_size=1, max_size=40))
def test_to_maven_any_text_is_a_version(text: str) -> None:
    assert isinstance(place("Maven", text), Place)


@given(maven, st.sampled_from([".0", ".0.0", "-0", ".ga", "-final", ".RELEASE", ".", "-"]))
def test_what_means_nothing_at_the_end_changes_nothing_in_maven(version: str, nothing: str) -> None:
    assert place("Maven", version + nothing) == place("Maven", version)


def introduced(version: str) -> Event:
    return Event(Kind.INTRODUCED, version)


def one_range(ecosystem: str, *events: Event) -> Affected:
    return Affected(ecosystem, "example", ranges=(Range("ECOSYSTEM", events),))


@given(of_one_ecosystem(5))
def test_what_lies_between_two_affected_versions_of_one_stretch_is_affected(
    sample: tuple[str, list[str]],
) -> None:
    ecosystem, (start, end, *others) = sample
    stretch = one_range(ecosystem, introduced(start), Event(Kind.FIXED, end))
    in_order = sorted(others, key=lambda version: place(ecosystem, version))
    verdicts = [affects(stretch, version) for version in in_order]
    changes = [(a, b) for a, b in pairwise(verdicts) if a != b]
    assert changes in ([], [(False, True)], [(True, False)], [(False, True), (True, False)])


@given(of_one_ecosystem(3))
def test_a_stretch_begins_at_its_introduction_and_ends_before_its_fix(
    sample: tuple[str, list[str]],
) -> None:
    ecosystem, versions = sample
    start, middle, end = sorted(versions, key=lambda version: place(ecosystem, version))
    stretch = one_range(ecosystem, introduced(start), Event(Kind.FIXED, end))
    assert affects(stretch, end) is False
    if place(ecosystem, middle).beside(place(ecosystem, end)) < place(ecosystem, end):
        assert affects(stretch, middle) is True
        assert fixed_in([stretch], middle) == (end,)


@given(of_one_ecosystem(2))
def test_the_last_affected_version_is_affected_and_the_limit_is_not(
    sample: tuple[str, list[str]],
) -> None:
    ecosystem, (bound, other) = sample
    last = one_range(ecosystem, introduced("0"), Event(Kind.LAST_AFFECTED, bound))
    limit = one_range(ecosystem, introduced("0"), Event(Kind.LIMIT, bound))
    assert (affects(last, bound), affects(limit, bound)) == (True, False)
    here, there = place(ecosystem, other), place(ecosystem, bound)
    assert affects(last, other) is (here.beside(there) <= there)
    assert affects(limit, other) is (here.beside(there) < there)


@given(of_one_ecosystem(4), st.permutations(range(4)))
def test_the_order_in_which_different_events_are_written_does_not_matter(
    sample: tuple[str, list[str]], shuffled: list[int]
) -> None:
    ecosystem, versions = sample
    assume(len({place(ecosystem, version) for version in versions}) == 4)
    kinds = (Kind.INTRODUCED, Kind.FIXED, Kind.INTRODUCED, Kind.FIXED)
    events = [Event(kind, version) for kind, version in zip(kinds, versions, strict=True)]
    written = one_range(ecosystem, *events)
    otherwise = one_range(ecosystem, *(events[position] for position in shuffled))
    assert [affects(written, v) for v in versions] == [affects(otherwise, v) for v in versions]


@given(of_one_ecosystem(5))
def test_a_fix_is_never_itself_affected(sample: tuple[str, list[str]]) -> None:
    ecosystem, (version, *bounds) = sample
    entries = [
        one_range(ecosystem, introduced(a), Event(Kind.FIXED, b)) for a, b in pairwise(bounds)
    ]
    for fix in fixed_in(entries, version):
        assert [affects(entry, fix) for entry in entries] == [False] * len(entries)
        assert place(ecosystem, version) < place(ecosystem, fix)


@each(
    ("ecosystem", "version", "asked"),
    [
        ("PyPI", "2.19.0", "2.19.0"),
        ("PyPI", "v2.19.0-Beta1", "2.19.0b1"),
        ("PyPI", "1!2.0", "1!2.0"),
        ("PyPI", "1.13.0+cu117", ""),
        ("PyPI", "latest", ""),
        ("PyPI", "", ""),
        ("npm", "4.17.15", "4.17.15"),
        ("npm", "1.0.0-rc.1+build", "1.0.0-rc.1+build"),
        ("npm", "4.17", ""),
        ("npm", "v4.17.15", ""),
        ("npm", "git+https://example.com/lodash.git", ""),
        ("Go", "0.0.0-20201216223049-8b5274cf687f", "0.0.0-20201216223049-8b5274cf687f"),
        ("Go", "20.10.0+incompatible", "20.10.0+incompatible"),
        ("Go", "1.21rc2", ""),
        ("Maven", "4.1.70.Final", "4.1.70.Final"),
        ("Maven", "Greenwich.RELEASE", ""),
        ("Debian:12", "1.2.1-2.2", "1.2.1-2.2"),
    ],
)
def test_only_what_everybody_reads_alike_is_asked_about_as_a_version(
    ecosystem: str, version: str, asked: str
) -> None:
    assert plain(ecosystem, version) == asked


@given(st.sampled_from(sorted(ASCENDING)), st.text(max_size=30))
def test_a_plain_version_stands_where_the_version_does(ecosystem: str, version: str) -> None:
    found = plain(ecosystem, version)
    if found:
        assert place(ecosystem, found) == place(ecosystem, version)
