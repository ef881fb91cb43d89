"""Reading advisories: strict wherever to leave something out could mean to call it clean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.analysis.advisories import osv
from driftguard.analysis.advisories.osv import (
    Advisory,
    Affected,
    Event,
    Kind,
    Range,
    Rating,
    Unreadable,
)
from tests.support.advisories.records import affecting, document
from tests.support.each import each

VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def test_a_whole_record_is_read() -> None:
    read = osv.advisory(
        document(
            "GHSA-xxxx-yyyy-zzzz",
            affecting(
                "PyPI",
                "Example",
                "introduced 0, fixed 1.2",
                versions=("1.0", "1.1"),
                severity=[{"type": "CVSS_V3", "score": VECTOR}],
                ecosystem_specific={"severity": "low", "imports": [{"path": "example"}]},
                database_specific={"source": "https://example.org"},
            ),
            aliases=["CVE-2026-0001", "PYSEC-2026-1"],
            summary="Reads what it should not",
            details="Much more than that.",
            severity=[{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}],
            references=[{"type": "WEB", "url": "https://example.org"}],
            database_specific={"severity": "MODERATE", "cwe_ids": ["CWE-22"]},
            withdrawn="2026-02-01T00:00:00Z",
        )
    )
    assert read == Advisory(
        id="GHSA-xxxx-yyyy-zzzz",
        modified="2026-01-01T00:00:00Z",
        aliases=("CVE-2026-0001", "PYSEC-2026-1"),
        withdrawn="2026-02-01T00:00:00Z",
        summary="Reads what it should not",
        ratings=(Rating("CVSS_V2", "AV:N/AC:L/Au:N/C:P/I:P/A:P"),),
        words=("MODERATE",),
        affected=(
            Affected(
                ecosystem="PyPI",
                name="Example",
                ranges=(
                    Range("ECOSYSTEM", (Event(Kind.INTRODUCED, "0"), Event(Kind.FIXED, "1.2"))),
                ),
                versions=("1.0", "1.1"),
                ratings=(Rating("CVSS_V3", VECTOR),),
                words=("LOW",),
            ),
        ),
    )


def test_an_id_alone_is_a_record_too() -> None:
    assert osv.advisory({"id": "CVE-2026-0001", "aliases": None, "affected": None}) == Advisory(
        id="CVE-2026-0001"
    )


def test_where_a_database_writes_no_summary_the_first_line_of_the_details_is_one() -> None:
    read = osv.advisory(document("PYSEC-2026-1", details="It leaks memory. " * 20 + "\nAnd more."))
    assert read.summary.startswith("It leaks memory. It leaks")
    assert read.summary.endswith("…")
    assert len(read.summary) <= 120


def test_two_events_in_one_object_are_read_as_two() -> None:
    record = affecting("npm", "example")
    record["ranges"] = [{"type": "SEMVER", "events": [{"fixed": "1.2.0", "introduced": "0"}]}]
    (affected,) = osv.advisory(document("TEST-1", record)).affected
    assert affected.ranges[0].events == (Event(Kind.INTRODUCED, "0"), Event(Kind.FIXED, "1.2.0"))


def with_ranges(ranges: Any) -> dict[str, Any]:
    return document("TEST-1", affecting("npm", "example") | {"ranges": ranges})


@each(
    ("broken", "why"),
    [
        ([], "a JSON object"),
        ("TEST-1", "a str"),
        (None, "a NoneType"),
        ({"modified": "2026-01-01T00:00:00Z"}, "no `id`"),
        ({"id": ""}, "no `id`"),
        ({"id": "TEST-1", "affected": {"package": {}}}, "TEST-1: `affected` should be a list"),
        ({"id": "TEST-1", "affected": ["npm"]}, "`affected` should hold objects, it holds a str"),
        ({"id": "TEST-1", "aliases": "CVE-2026-0001"}, "`aliases` should be a list"),
        ({"id": "TEST-1", "aliases": [{"id": "CVE-2026-0001"}]}, "should hold strings"),
        ({"id": "TEST-1", "severity": "HIGH"}, "`severity` should be a list"),
        (with_ranges("<1.2"), "`ranges` should be a list"),
        (with_ranges(["<1.2"]), "`ranges` should hold objects"),
        (with_ranges([{"events": [{"introduced": "0"}]}]), "no `type`"),
        (with_ranges([{"type": "SEMVER", "events": {"introduced": "0"}}]), "`events`"),
        (with_ranges([{"type": "SEMVER", "events": ["0"]}]), "`events` should hold objects"),
        (with_ranges([{"type": "SEMVER", "events": [{"introduced": "0"}, {}]}]), "none of"),
        (with_ranges([{"type": "SEMVER", "events": [{"repaired": "1.2"}]}]), "none of introduced"),
        (document("TEST-1", affecting("npm", "x") | {"versions": [1.5]}), "should hold strings"),
    ],
)
def test_what_is_malformed_is_named(broken: Any, why: str) -> None:
    with pytest.raises(Unreadable) as raised:
        osv.advisory(broken)
    assert why in str(raised.value)


WHO = ["id", "aliases", "affected", "package", "ecosystem", "name", "versions"]
WHEN = ["ranges", "type", "events", "introduced", "fixed", "last_affected", "limit"]
HOW = ["severity", "score", "database_specific", "ecosystem_specific", "summary", "withdrawn"]
FIELDS = st.sampled_from([*WHO, *WHEN, *HOW])
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=30,
)


@given(json)
def test_any_json_is_read_or_refused(value: Any) -> None:
    try:
        read = osv.advisory(value)
    except Unreadable as error:
        assert str(error)
    else:
        assert read.id
