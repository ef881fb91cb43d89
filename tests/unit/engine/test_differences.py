"""What differs between two states, in words for who may not undo."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from driftguard.engine.differences import in_words
from tests.support.json_values import json_values

NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"a": 1}, {"a": 1}, ""),
        ({"a": 1}, {"a": 2}, "a: 1 → 2"),
        ({"a": {"b": True}}, {"a": {"b": False}}, "a.b: true → false"),
        ({"a": 1}, {}, "a: 1 → null"),
        ({"a": [1, 2]}, {"a": [2, 3]}, "a no longer has 1; a now has 3"),
        ({"a": [2, 1]}, {"a": [1, 2]}, ""),
        ({"p": '{"S": [1]}'}, {"p": '{"S":[1,2]}'}, "p.S now has 2"),
        ({"p": "{not json"}, {"p": "{"}, 'p: "{not json" → "{"'),
    ],
)
def test_differences_are_told_in_words(before: Any, after: Any, said: str) -> None:
    assert in_words(before, after, leaving_out=NOTHING) == said


def test_what_does_not_count_is_left_out() -> None:
    before, after = {"rules": [{"id": 1, "port": 22}]}, {"rules": [{"id": 2, "port": 22}]}
    assert in_words(before, after, leaving_out=frozenset({"id"})) == ""
    assert in_words(before, after, leaving_out=NOTHING) != ""


def test_many_differences_are_counted_and_long_ones_cut() -> None:
    said = in_words({}, {f"k{n}": "x" * 500 for n in range(9)}, leaving_out=NOTHING)
    assert said.endswith("; and 3 more")
    assert len(said) < 2000


@given(json_values, json_values)
def test_any_two_states_can_be_compared(before: Any, after: Any) -> None:
    same = {"x": before}
    assert in_words(same, same, leaving_out=NOTHING) == ""
    in_words(same, {"x": after}, leaving_out=NOTHING)
