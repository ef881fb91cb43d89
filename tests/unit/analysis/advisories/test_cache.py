"""Answers kept in the state table."""

from __future__ import annotations

import random
import zlib
from typing import Any

import boto3
import pytest

from driftguard.analysis.advisories import cache
from driftguard.analysis.advisories.cache import TableCache
from driftguard.analysis.advisories.package import Coordinates
from driftguard.aws.calls import AwsError
from driftguard.state.table import StateTable
from tests.support.advisories.records import affecting, document
from tests.support.world import HERE, Clock, make_tables, warm_aws

REQUESTS = Coordinates("PyPI", "requests", "2.19.0")
RECORD = document("GHSA-1", affecting("PyPI", "requests", "introduced 0, fixed 2.20.0"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(account: None, clock: Clock) -> TableCache:
    make_tables()
    return TableCache(StateTable(warm_aws(), "state", HERE), 3600, lambda: clock.now().timestamp())


def items() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = boto3.client("dynamodb").scan(TableName="state")["Items"]
    return found


def test_an_answer_comes_back_as_it_was_kept(table: TableCache) -> None:
    clean = Coordinates("npm", "@scope/harmless", "1.0.0")
    table.keep({REQUESTS: (RECORD,), clean: ()})
    unheard_of = REQUESTS._replace(version="2.20.0")
    assert table.recall([REQUESTS, clean, unheard_of]) == {REQUESTS: (RECORD,), clean: ()}


def test_nothing_asked_and_nothing_kept_is_no_call(account: None) -> None:
    # There is no table, and any call would fail.
    table = TableCache(StateTable(warm_aws(), "state", HERE))
    table.keep({})
    assert table.recall([]) == {}


def test_an_item_says_for_whom_it_is_and_when_it_may_go(table: TableCache, clock: Clock) -> None:
    table.keep({REQUESTS: (RECORD,)})
    (item,) = items()
    assert item["pk"] == {"S": "advisory#123456789012#us-east-1#PyPI#requests"}
    assert item["format"] == {"N": "1"}
    assert item["sk"] == {"S": "2.19.0"}
    assert item["expires"] == {"N": str(int(clock.now().timestamp()) + 3600)}


def test_an_answer_is_forgotten_in_time_even_before_dynamodb_deletes_it(
    table: TableCache, clock: Clock
) -> None:
    table.keep({REQUESTS: (RECORD,)})
    clock.pass_by(seconds=3599)
    assert REQUESTS in table.recall([REQUESTS])
    clock.pass_by(seconds=2)
    assert table.recall([REQUESTS]) == {}
    table.keep({REQUESTS: (RECORD,)})
    assert REQUESTS in table.recall([REQUESTS])


def test_more_than_one_batch_is_kept_and_recalled(table: TableCache) -> None:
    many = {Coordinates("npm", f"package-{number}", "1.0.0"): (RECORD,) for number in range(120)}
    table.keep(many)
    assert table.recall(many) == many


def test_what_an_item_cannot_hold_is_not_kept_and_the_rest_is(table: TableCache) -> None:
    noise = random.Random(7).randbytes(500_000).hex()
    large = Coordinates("PyPI", "large", "1.0")
    table.keep({large: (RECORD | {"details": noise},), REQUESTS: (RECORD,)})
    assert table.recall([large, REQUESTS]) == {REQUESTS: (RECORD,)}


@pytest.mark.parametrize(
    "odd",
    [
        Coordinates("PyPI", "requests", ""),
        Coordinates("PyPI", "requests", "1" * 1025),
    ],
    ids=["no version", "a long version"],
)
def test_what_is_no_key_to_dynamodb_is_neither_kept_nor_looked_for(
    odd: Coordinates, table: TableCache
) -> None:
    table.keep({odd: (RECORD,), REQUESTS: (RECORD,)})
    assert table.recall([odd, REQUESTS]) == {REQUESTS: (RECORD,)}


def test_a_name_that_is_longer_than_a_key_is_kept(table: TableCache) -> None:
    long, longer = (Coordinates("PyPI", "r" * size, "1.0") for size in (4_000, 4_001))
    table.keep({long: (RECORD,)})
    assert table.recall([long, longer]) == {long: (RECORD,)}


@pytest.mark.parametrize(
    "body",
    [b"", b"not compressed", b"x\x9cK\xcc", zlib.compress(b"{}"), zlib.compress(b"[")],
)
def test_what_was_damaged_counts_as_forgotten(body: bytes, table: TableCache) -> None:
    table.keep({REQUESTS: (RECORD,)})
    (item,) = items()
    boto3.client("dynamodb").put_item(TableName="state", Item=item | {"body": {"B": body}})
    assert table.recall([REQUESTS]) == {}


def test_a_body_that_would_fill_the_memory_counts_as_forgotten(
    table: TableCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_LARGEST", 1000)
    table.keep({REQUESTS: (RECORD | {"details": "x" * 5000},)})
    assert table.recall([REQUESTS]) == {}


def test_a_table_that_cannot_be_read_is_told_not_passed_over(account: None) -> None:
    with pytest.raises(AwsError, match="dynamodb:BatchGetItem"):
        TableCache(StateTable(warm_aws(), "state", HERE)).recall([REQUESTS])
