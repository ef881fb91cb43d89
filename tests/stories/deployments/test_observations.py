"""What was looked at fits into a decision, and nothing that does not fit is taken for clean."""

from __future__ import annotations

import json
from typing import Any

import boto3
from hypothesis import given
from hypothesis import strategies as st

from driftguard.controls.lambda_.judged import Judged
from driftguard.controls.mechanisms.vulnerable_library import (
    KEPT,
    Judge,
    LibrarySettings,
    in_words,
    kept,
)
from driftguard.events.commands import Undo
from driftguard.model import Resource, Status
from tests.support.advisories.records import affecting, document
from tests.support.advisories.stand_in import Handler, StandIn
from tests.support.deployments.deploying import By
from tests.support.deployments.functions import Function
from tests.support.deployments.packages import package, wheel
from tests.support.inventory.making_zips import Content
from tests.support.world import World

# Source: Amazon DynamoDB Developer Guide, "Quotas".
ITEM_LIMIT = 400 * 1024
CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]


def told_by_name(handler: Handler, body: Any) -> bool:
    """Answers a batch in no time: each of these packages has two advisories, by its name."""
    if body:
        asked = [one["package"]["name"] for one in body["queries"]]
        results = [{"vulns": [{"id": f"{name}-{each}"} for each in range(2)]} for name in asked]
        handler.answer({"results": results})
    return bool(body)


def test_a_function_with_five_hundred_insecure_packages_is_one_item(
    asking_osv: World, osv: StandIn
) -> None:
    names = [f"a-rather-long-name-of-a-package-{number:03}" for number in range(500)]
    many: dict[str, Content] = {}
    for name in names:
        many |= wheel(name, "1.0.0")
        for each in range(2):
            affected = affecting("PyPI", name, "introduced 0, fixed 2.0.0")
            said = "What is wrong with it, in a sentence that is not short. " * 8
            osv.add(document(f"{name}-{each}", affected, summary=said, severity=CRITICAL))
    osv.always = told_by_name
    orders = Function()
    orders.create(package("old"))
    bad = orders.publish(package("new", many))

    decision = By(asking_osv, "lambda.insecure-library").on(orders.lead("live", bad))

    assert decision.status is Status.REVERTED, decision.reason
    assert orders.leads("live") == ("1", {})
    assert len(decision.summary) < 1000
    assert decision.summary.endswith("packages more")
    item = boto3.client("dynamodb").get_item(
        TableName="audit", Key={"pk": {"S": decision.id}, "sk": {"S": "decision"}}
    )["Item"]
    sizes = {name: len(json.dumps(value).encode()) for name, value in item.items()}
    assert sum(sizes.values()) < ITEM_LIMIT / 2, sizes
    looked: Any = decision.state["looked"]
    assert looked[bad]["more"] + len(looked[bad]["findings"]) == 1000
    undone = asking_osv.guard.undo(Undo(decision.id, "alice", "a test"))
    assert undone.status is Status.UNDONE


# -------------------------------------------------------------------------------------- the core

severities = st.none() | st.integers(0, 100)
findings = st.builds(
    lambda package, severity, number: {
        "ecosystem": "PyPI",
        "package": package,
        "version": "1.0",
        "id": f"CVE-{number}",
        "ids": [f"CVE-{number}"],
        "severity": severity,
        "fixed_in": [],
        "summary": "",
        "places": [],
        "layer": "",
    },
    st.text("ab-é", min_size=1, max_size=20),
    severities,
    st.integers(0, 50),
)
looks = st.builds(
    lambda found, unknown: {"findings": found, "unknown": unknown, "pending": True},
    st.lists(findings, max_size=8),
    st.sampled_from(["", "", "the code could not be had"]),
)
terms = st.builds(
    lambda severity, ids: LibrarySettings(
        min_severity=severity,
        allowed=tuple({"id": one, "until": "2999-01-01", "reason": "r"} for one in ids),
    ),
    st.integers(0, 100),
    st.lists(st.integers(0, 50).map("CVE-{}".format), max_size=20),
)
ORDERS = Resource("lambda.function", "orders", "1", "us-east-1", "arn:aws:lambda:::function:orders")


@given(looks, terms, st.integers(0, 2000))
def test_what_was_left_out_for_its_size_never_clears_anything(
    looked: dict[str, Any], settings: LibrarySettings, size: int
) -> None:
    judge = Judge(settings, ORDERS, "2026-11-24")

    small = kept({"1": looked}, size)["1"]

    assert isinstance(small, dict)
    assert len(json.dumps(small["findings"], ensure_ascii=False).encode()) <= size + 2 + 2 * 8
    assert len(small["findings"]) + small["more"] == len(looked["findings"])
    if judge.clears(small):
        assert judge.clears(looked)
    if judge.flagged(small):
        assert judge.flagged(looked)


def test_a_library_in_folders_without_end_is_kept_all_the_same() -> None:
    """Who deploys it chooses its path, and thirty versions share the room that there is."""
    place = f"{'a-folder/' * 100}requests-2.19.0.dist-info/METADATA"
    found = {
        "ecosystem": "PyPI",
        "package": "requests",
        "version": "2.19.0",
        "id": "CVE-2018-18074",
        "ids": ["CVE-2018-18074"],
        "severity": 75,
        "fixed_in": ["2.20.0"],
        "summary": "It follows redirects with what it should not tell.",
        "places": [place] * 5,
    }

    small = kept({"1": {"findings": [found], "unknown": ""}}, KEPT // 30)["1"]

    assert isinstance(small, dict)
    assert small["more"] == 0
    assert Judge(LibrarySettings(), ORDERS, "2026-11-24").flagged(small)


@given(st.dictionaries(st.integers(1, 20).map(str), looks), terms, st.integers(1, 21))
def test_the_way_back_is_the_newest_older_version_that_is_known_to_be_fine(
    looked: dict[str, dict[str, Any]], settings: LibrarySettings, now: int
) -> None:
    state = {
        "function": "orders",
        "arn": ORDERS.arn,
        "today": "2026-11-24",
        "looked": {number: {**one, "more": 0} for number, one in looked.items()},
    }
    judged = Judged.of(state, settings)

    found = judged.before(str(now))

    fine = [int(one) for one in looked if int(one) < now and judged.clears(one)]
    assert found == (str(max(fine)) if fine else "")
    if found:
        assert not judged.flagged(found)
        assert not looked[found]["unknown"]


@given(st.lists(findings))
def test_whatever_was_found_is_said_in_a_line(found: list[dict[str, Any]]) -> None:
    said = in_words(found)

    assert len(said) < 600
    assert bool(said) is bool(found)
