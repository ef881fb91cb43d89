"""A table in one test: every case is tried, and whatever fails is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import each as of_tables
from tests.support.each import SHOWN, each


@pytest.fixture(autouse=True)
def any_case() -> Iterator[None]:
    """Whichever case this run itself is to try."""
    before = list(of_tables._wanted)
    of_tables.only("")
    yield
    of_tables._wanted[:] = before


def test_every_case_is_tried_with_its_arguments() -> None:
    seen = []

    @each(("one", "other"), [(1, 2), (3, 4)])
    def test(one: int, other: int) -> None:
        seen.append((one, other))

    test()
    assert seen == [(1, 2), (3, 4)]


def test_two_tables_are_every_pair() -> None:
    seen = []

    @each("one", "ab")
    @each("other", [1, 2])
    def test(one: str, other: int) -> None:
        seen.append((one, other))

    test()
    assert sorted(seen) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_all_that_fail_are_named_and_those_after_them_are_tried() -> None:
    @each("number", range(20), ids="n{}".format)
    def test(number: int) -> None:
        assert number % 2, "even"

    with pytest.raises(ExceptionGroup) as raised:
        test()
    named = ", ".join(f"n{number}" for number in range(0, 20, 2))
    assert raised.value.message == f"10 of 20 cases fail: {named}"
    assert len(raised.value.exceptions) == SHOWN
    assert raised.value.exceptions[0].__notes__ == ["case: n0"]


def test_whatever_is_raised_or_called_a_failure_is_one() -> None:
    @each("case", ["raises", "fails", "passes"])
    def test(case: str) -> None:
        if case == "raises":
            raise KeyError(case)
        if case == "fails":
            pytest.fail("said so")

    with pytest.raises(ExceptionGroup, match="2 of 3 cases fail: raises, fails"):
        test()


def test_a_case_may_be_skipped_and_if_all_are_the_test_is() -> None:
    @each("case", [pytest.param(1, id="one"), pytest.param(2, id="two")])
    def test(case: int, least: int) -> None:
        if case < least:
            pytest.skip("small")

    test(least=2)
    with pytest.raises(pytest.skip.Exception):
        test(least=3)


def test_each_case_has_a_folder_of_its_own(tmp_path: Path) -> None:
    @each("case", range(3))
    def test(case: int, tmp_path: Path) -> None:
        assert list(tmp_path.iterdir()) == []
        (tmp_path / str(case)).touch()

    test(tmp_path=tmp_path)


def test_one_case_can_be_chosen() -> None:
    seen = []

    @each("case", ["s3.public", "sqs.public"])
    def test(case: str) -> None:
        seen.append(case)

    of_tables.only("sqs")
    test()
    assert seen == ["sqs.public"]


def test_a_table_without_cases_is_refused() -> None:
    with pytest.raises(AssertionError, match="without cases"):
        each("case", [])


def test_marks_are_refused() -> None:
    with pytest.raises(AssertionError, match="marked"):
        each("case", [pytest.param(1, marks=pytest.mark.xfail)])


class TestOfAClass:
    @each("case", [1, 2])
    def test_has_itself_and_fixtures(self, case: int, tmp_path: Path) -> None:
        assert isinstance(self, TestOfAClass)
        assert tmp_path.name in ("0", "1")
        assert case == int(tmp_path.name) + 1
