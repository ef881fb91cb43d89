"""Finding decisions: every filter is a query of an index, and finds what it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.client import BaseClient
from hypothesis import given
from hypothesis import strategies as st

from driftguard.audit import AuditTable
from driftguard.audit.items import decision_of, item_of, streamed
from driftguard.audit.queries import Filters, Finder, Usage, outcomes, plan
from driftguard.model import Actor, Decision, Status
from tests.support.audit import ACCOUNT, ALICE, a_decision, decided, group, moved
from tests.support.world import table_properties

OTHER = "210987654321"
BOB = Actor(
    principal="arn:aws:iam::123456789012:user/bob", session="arn:aws:iam::123456789012:user/bob"
)


@pytest.fixture
def decisions(table: AuditTable) -> list[Decision]:
    """Twelve decisions over four days, no two alike."""
    made = []
    for n in range(12):
        one = a_decision(
            n,
            f"2026-11-{20 + n // 3}T{10 + n:02d}:00:00.000Z",
            resource=group(f"sg-{n}", OTHER if n % 4 == 0 else ACCOUNT, ("", "eu-west-1")[n % 2]),
            actor=(ALICE, BOB, Actor())[n % 3],
            control=("ec2.open-ingress", "s3.public-acl")[n % 2],
            severity=n * 9,
        )
        one = decided(table, one)
        if n % 5 == 0:
            one = moved(table, one, Status.FAILED, one.updated)
        made.append(one)
    return made


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every call to DynamoDB, and the index that it names."""
    made: list[tuple[str, str]] = []
    original = BaseClient._make_api_call

    def recorded(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        made.append((operation, parameters.get("IndexName", "")))
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", recorded)
    return made


def found(table: AuditTable, filters: Filters, **how: Any) -> list[int]:
    """The numbers of the decisions found."""
    page = how.pop("page", 100)
    finder = Finder(table, Usage())
    return [
        int(one.id.removeprefix("dg-"), 16)
        for one in finder.decisions(filters, plan(filters, **how), page=page)
    ]


Wanted = Callable[[Decision], bool]

CASES: list[tuple[str, Filters, Wanted]] = [
    ("by-account", Filters(account=OTHER), lambda one: one.candidate.resource.account == OTHER),
    ("by-region", Filters(region="eu-west-1"), lambda one: one.candidate.resource.region != ""),
    ("by-region", Filters(region="global"), lambda one: one.candidate.resource.region == ""),
    (
        "by-resource",
        Filters(resource=group("sg-3", ACCOUNT, "eu-west-1").arn),
        lambda one: one.candidate.resource.id == "sg-3",
    ),
    ("by-resource-id", Filters(resource="sg-3"), lambda one: one.candidate.resource.id == "sg-3"),
    ("by-actor", Filters(actor=ALICE.principal), lambda one: one.actor == ALICE),
    ("by-actor", Filters(actor=BOB.principal), lambda one: one.actor == BOB),
    ("by-actor-name", Filters(actor="alice@example.com"), lambda one: one.actor == ALICE),
    ("by-actor-name", Filters(actor=ALICE.session), lambda one: one.actor == ALICE),
    ("by-actor-name", Filters(actor="bob"), lambda one: one.actor == BOB),
    ("by-control", Filters(control="s3.public-acl"), lambda one: one.control == "s3.public-acl"),
    ("by-status", Filters(status="failed"), lambda one: one.status is Status.FAILED),
    ("by-severity", Filters(min_severity=50), lambda one: one.severity >= 50),
    (
        "by-day",
        Filters(since="2026-11-21", until="2026-11-22"),
        lambda one: "11-21" in one.decided or "11-22" in one.decided,
    ),
    (
        "by-day",
        Filters(since="2026-11-21T14", until="2026-11-23T20:00"),
        lambda one: "2026-11-21T14" <= one.decided < "2026-11-23T20:01",
    ),
    (
        "by-control",
        Filters(control="s3.public-acl", min_severity=40, region="eu-west-1", since="2026-11-22"),
        lambda one: (
            one.control == "s3.public-acl" and one.severity >= 40 and one.decided > "2026-11-22"
        ),
    ),
    (
        "by-status",
        Filters(status="failed", control="s3.public-acl"),
        lambda one: one.status is Status.FAILED and one.control == "s3.public-acl",
    ),
    (
        "by-actor-name",
        Filters(actor="bob", account=ACCOUNT),
        lambda one: one.actor == BOB and one.candidate.resource.account == ACCOUNT,
    ),
]


@pytest.mark.parametrize(
    ("index", "filters", "wanted"), CASES, ids=[str(n) for n in range(len(CASES))]
)
def test_every_filter_queries_an_index_and_finds_what_it_should(
    table: AuditTable,
    decisions: list[Decision],
    calls: list[tuple[str, str]],
    index: str,
    filters: Filters,
    wanted: Wanted,
) -> None:
    expected = [n for n, one in enumerate(decisions) if wanted(one)]
    assert expected, "a case that finds nothing proves nothing"
    assert found(table, filters) == expected[::-1]
    assert found(table, filters, newest_first=False) == expected
    assert {call for call in calls if call[0] != "BatchGetItem"} == {("Query", index)}


def test_pages_are_read_as_they_are_asked_for(
    table: AuditTable, decisions: list[Decision], calls: list[tuple[str, str]]
) -> None:
    filters, usage = Filters(account=ACCOUNT), Usage()
    newest = next(Finder(table, usage).decisions(filters, plan(filters), page=2))
    assert newest.id == decisions[11].id
    assert [operation for operation, _ in calls] == ["Query", "BatchGetItem"]
    assert (usage.queries, usage.items_read, usage.decisions_read) == (1, 2, 2)
    assert found(table, filters, page=2) == found(table, filters)


def test_what_is_found_is_what_holds_now_whatever_the_index_still_says(
    table: AuditTable, decisions: list[Decision], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = AuditTable.many

    def meanwhile(self: AuditTable, ids: list[str]) -> list[Decision]:
        monkeypatch.setattr(AuditTable, "many", original)
        failed = self.get(ids[0])
        assert failed is not None
        moved(self, failed, Status.REVERTED, failed.updated)
        return original(self, ids)

    monkeypatch.setattr(AuditTable, "many", meanwhile)
    assert found(table, Filters(status="failed")) == [5, 0]


def test_time_alone_needs_a_start() -> None:
    with pytest.raises(ValueError, match="start"):
        plan(Filters(until="2026-11-24"))


def test_counts_come_from_the_index_alone(
    table: AuditTable, decisions: list[Decision], calls: list[tuple[str, str]]
) -> None:
    counted = list(outcomes(Finder(table, Usage()), ["2026-11-20", "2026-11-21"]))
    assert [(day, status) for day, _, status in counted].count(("2026-11-20", "failed")) == 1
    assert len(counted) == 6
    assert {operation for operation, _ in calls} == {"Query"}


def test_the_indexes_stay_within_dynamodbs_limits() -> None:
    indexes = table_properties()["audit"]["GlobalSecondaryIndexes"]
    assert len(indexes) <= 20
    assert sum(len(one["Projection"]["NonKeyAttributes"]) for one in indexes) <= 100


def test_an_index_holds_all_that_the_filters_look_at() -> None:
    filtered = {"status", "control", "severity", "account", "region", "resource", "resource_id"}
    for one in table_properties()["audit"]["GlobalSecondaryIndexes"]:
        keys = {key["AttributeName"] for key in one["KeySchema"]}
        if one["IndexName"] != "by-logged":
            assert filtered | {"actor", "actor_name"} <= keys | set(
                one["Projection"]["NonKeyAttributes"]
            )


@pytest.mark.parametrize("empty", [Actor(), Actor(principal="s3.amazonaws.com")])
def test_an_empty_key_of_an_index_is_left_out_and_read_back(
    table: AuditTable, empty: Actor
) -> None:
    written = decided(table, a_decision(actor=empty, resource=replace(group(), region="", id="")))
    assert table.get(written.id) == written


@given(st.integers(0, 100), st.booleans(), st.text("ab:/", max_size=6))
def test_a_decision_survives_being_stored(severity: int, flag: bool, actor: str) -> None:
    one = a_decision(severity=severity, resumable=flag, actor=Actor(principal=actor))
    assert decision_of(item_of(one)) == one


def test_decisions_of_the_stream_come_with_their_sequence_numbers() -> None:
    decided = [a_decision(0), a_decision(1)]
    records = [
        {"dynamodb": {"SequenceNumber": str(number), "NewImage": item_of(decision)}}
        for number, decision in enumerate(decided, start=700)
    ]
    assert list(streamed(records)) == [("700", decided[0]), ("701", decided[1])]


def test_a_field_added_later_reads_as_its_default(table: AuditTable) -> None:
    item = item_of(a_decision())
    for name in ("votes", "quorum", "expires", "escalated"):
        item.pop(name)
    assert decision_of(item) == a_decision()


def test_unread_keys_are_asked_for_again(
    table: AuditTable, decisions: list[Decision], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = BaseClient._make_api_call

    def stingy(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        answer = original(client, operation, parameters)
        asked = parameters.get("RequestItems", {}).get("audit", {}).get("Keys", [])
        if operation == "BatchGetItem" and len(asked) > 1:
            last = asked[-1]["pk"]["S"]
            kept = [one for one in answer["Responses"]["audit"] if one["pk"]["S"] != last]
            answer["Responses"]["audit"] = kept
            answer["UnprocessedKeys"] = {"audit": {"Keys": asked[-1:], "ConsistentRead": True}}
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", stingy)
    assert [one.id for one in table.many([one.id for one in decisions])] == [
        one.id for one in decisions
    ]
