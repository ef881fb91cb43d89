"""The pure parts of the recorder: XML and queries as records hold them, whatever they contain."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from driftguard_cli.commands.lab.recorder import of_ec2
from driftguard_cli.commands.lab.recorder.tree import tree_of, typed
from driftguard_cli.commands.lab.recorder.wire import Named, Scope

NAMES = st.from_regex(r"[A-Z][a-z]{1,8}", fullmatch=True)
VALUES = st.text("abc019./:-", min_size=1, max_size=14)
# What a newer call of EC2 may ask for: members that hold texts, lists of texts, or members.
ASKED = st.recursive(
    VALUES | st.lists(VALUES, min_size=1, max_size=3),
    lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def sent(value: Any, name: str = "") -> list[tuple[str, str]]:
    """The query of what is asked for, as EC2's protocol writes it."""
    if isinstance(value, dict):
        pairs = [(key, inner) for key, inner in value.items()]
    elif isinstance(value, list):
        pairs = [(str(number), inner) for number, inner in enumerate(value, start=1)]
    else:
        return [(name, value)]
    return [pair for key, inner in pairs for pair in sent(inner, f"{name}.{key}".strip("."))]


def folded(value: Any) -> Any:
    """The same as a record has it."""
    if isinstance(value, dict):
        return {key: folded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        tagged = [{"tag": n, "content": folded(one)} for n, one in enumerate(value, start=1)]
        return tagged[0] if len(tagged) == 1 else tagged
    return typed(value)


@given(st.dictionaries(NAMES, ASKED, max_size=4))
def test_a_newer_call_of_ec2_is_logged_as_it_was_sent(asked: dict[str, Any]) -> None:
    call = Named("ec2", "ModifyVpcEndpoint", "ec2", Scope("lab", "20261129", "us-east-1"), {})
    query = [("Action", call.operation), ("Version", "2016-11-15"), *sent(asked)]
    found = of_ec2.request_of(call, query, {})
    assert found == {"ModifyVpcEndpointRequest": folded(asked) or ""}


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_elements_of_one_name_are_a_list_and_one_alone_is_none(texts: list[str]) -> None:
    root = ElementTree.Element("{urn:a}Rules")
    for text in texts:
        ElementTree.SubElement(root, "{urn:a}Rule").text = text
    tree = tree_of(root)
    held = [typed(text) for text in texts]
    assert tree == {"xmlns": "urn:a", "Rule": held[0] if len(held) == 1 else held}
    assert json.loads(json.dumps(tree)) == tree


@given(st.text(max_size=12))
def test_a_text_stays_itself_unless_it_spells_a_number_or_a_truth_value(text: str) -> None:
    value = typed(text)
    assert value == text or (isinstance(value, (bool, int)) and json.dumps(value) == text)


def test_an_account_stays_a_text_and_a_port_is_a_number() -> None:
    assert (typed("123456789012"), typed("22"), typed("007")) == ("123456789012", 22, "007")
