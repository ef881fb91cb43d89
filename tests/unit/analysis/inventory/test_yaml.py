"""The small reader of YAML: it reads what it reads as a whole one does, or says that it does not.

The Lambda layer has no library for YAML; the tests have one to compare with.
"""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from driftguard.analysis.inventory.syntax import yaml_text
from driftguard.analysis.inventory.troubles import Unreadable
from tests.support.inventory.lock_files import PNPM, YARN_BERRY
from tests.support.inventory.samples import CONDA_LOCK, ENVIRONMENT, PUBSPEC
from tests.support.properties import thoroughly

WHOLE = """\
%YAML 1.2
---
plain: goes on
  below
quoted: "x\\u0041 y
  z"
single: 'it''s'
sequence:
- 1
- b: 2
  c: 3
-
  - 4
- [a, {b: c, d: }, "e,f",
   g]
? 'a long key'
: v: 1
empty: {}
commented: # here
  k: v # and here
address: http://x/y#z
flow: {integrity: sha512-a+b/c==, tarball: https://a.b/c.tgz}
'n:o': p
---
second: document
...
"""


def theirs(text: str) -> list[object]:
    loaded = yaml.load_all(text, yaml.BaseLoader)
    return [document for document in loaded if document is not None]


@pytest.mark.parametrize(
    "text", [WHOLE, *PNPM.values(), YARN_BERRY, CONDA_LOCK, ENVIRONMENT, PUBSPEC]
)
def test_files_are_read_as_a_whole_reader_reads_them(text: str) -> None:
    assert yaml_text.documents(text.encode()) == theirs(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1",
        "a: *x",
        "a: !!str 1",
        "\ta: 1",
        "a: 1\na: 2",
        "a: 1\n  b: 2",
        "a: [1, 2",
        'a: "x',
        "- a\nb: c",
        "a: b: c",
        "a: {b: 1, b: 2}",
        "a: [1}",
        "a: %b",
        "a:\n" + "".join(f"{' ' * level}- \n" for level in range(1, 200)) + "x: [",
        "[" * 100_000,
        "a: " + "{b: " * 100_000,
    ],
)
def test_what_is_not_read_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="is not understood here"):
        yaml_text.documents(text.encode())


keys = st.text("ab@/.-1", min_size=1, max_size=6).map(lambda key: f"k{key}")
scalars = st.text("ab:#, '\"{}[]-?é\n1.", max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@given(document=st.dictionaries(keys, values, min_size=1, max_size=4), flow=st.booleans())
@thoroughly
def test_what_a_tool_writes_is_read_or_refused_and_never_misread(
    document: dict[str, object], flow: bool
) -> None:
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True, width=40)
    try:
        found = yaml_text.documents(text.encode())
    except Unreadable:
        return
    assert found == [document]


@given(text=st.text("ab:#, '\"{}[]-?|>\n  1&*", max_size=60))
@thoroughly
def test_no_text_makes_the_reader_raise_anything_else(text: str) -> None:
    try:
        yaml_text.documents(text.encode())
    except Unreadable:
        return
