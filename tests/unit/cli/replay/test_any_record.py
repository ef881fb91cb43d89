"""Whatever a file holds, the replay ends with an answer and no traceback."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from driftguard import controls
from driftguard.policy.model import Policy
from driftguard_cli.commands.replay.judge import Judge, Tally
from driftguard_cli.commands.replay.portions import Lines, Unreadable, portions
from driftguard_cli.commands.replay.rows import structure
from driftguard_cli.commands.replay.window import Window
from tests.support.histories import arn, opened
from tests.support.properties import thoroughly

judge = Judge(Policy(), Window.between("2026-01-01", ""))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
kinds = sorted({(t.source, t.name) for c in controls.every() for t in c.triggers})
FIELDS = sorted(opened())


def judged(data: bytes) -> list[Tally]:
    try:
        return [judge.judge(portion) for portion in portions([data])]
    except Unreadable:
        return []


@thoroughly
@given(anything)
def test_any_json_is_answered(value: Any) -> None:
    for tally in judged(json.dumps(value).encode()):
        assert not tally.findings


@thoroughly
@given(st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes) -> None:
    judged(data)
    judged(b'{"Records":[{"eventVersion":' + data)
    judged(b"eventJson,eventName\n" + data)


@thoroughly
@given(
    st.sampled_from(kinds),
    st.dictionaries(st.sampled_from(FIELDS), anything, max_size=4),
    anything,
)
def test_a_watched_record_with_anything_in_its_fields_is_answered(
    kind: tuple[str, str], odd: dict[str, Any], request: Any
) -> None:
    source, name = kind
    record = opened(eventSource=source, eventName=name, requestParameters=request) | odd
    (tally,) = judged(json.dumps(record).encode())
    # A control that fails on a record is a defect of the control, and must not hide here.
    assert [one.what for one in tally.problems if "cannot judge" in one.what] == []


@thoroughly
@given(st.text(alphabet='{}=,"[] ab1', max_size=40))
def test_any_printed_map_is_answered(text: str) -> None:
    structure("{" + text + "}")


def test_records_nested_beyond_reason_are_answered() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    record = json.dumps(opened()).replace('"sg-1"', deep, 1)
    tally = judge.judge(Lines(f"{record}\n{json.dumps(opened('sg-2'))}\n".encode()))
    assert tally.unreadable == 1
    assert {one.resource for one in tally.findings} == {arn("sg-2")}
