"""The Merkle tree: RFC 6962's own shape, and any change changes the root."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from driftguard.audit.merkle import root
from driftguard.audit.seals import Leaf, make_seal
from tests.support.world import HERE

Lines = st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=40)
Leaves = st.lists(
    st.builds(Leaf, st.text("0123456789abcdef", min_size=1), st.integers(1, 99), st.text("abc")),
    unique_by=lambda leaf: leaf.decision,
    max_size=20,
)


def by_definition(leaves: list[str]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0].encode()).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = by_definition(leaves[:split]), by_definition(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=4), max_size=70))
def test_the_root_is_rfc_6962s(leaves: list[str]) -> None:
    assert root(leaves) == by_definition(leaves).hex()


def test_a_root_that_anybody_can_compute_by_hand() -> None:
    leaf = hashlib.sha256(b"\x00dg-1 1 ab").digest()
    assert root(["dg-1 1 ab"]) == leaf.hex()
    assert root([]) == hashlib.sha256(b"").hexdigest()


@given(Lines, st.data())
def test_any_single_change_changes_the_root(leaves: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.text(st.characters(codec="utf-8")).filter(lambda one: one != leaves[at]))
    edited = [*leaves[:at], other, *leaves[at + 1 :]]
    assert root(edited) != root(leaves)
    assert root([*leaves[:at], *leaves[at + 1 :]]) != root(leaves)
    assert root([*leaves[:at], other, *leaves[at:]]) != root(leaves)


@given(Lines.filter(lambda lines: len(set(lines)) == len(lines) > 1), st.randoms())
def test_the_root_depends_on_the_order_of_its_leaves(leaves: list[str], random: object) -> None:
    assert root(leaves[::-1]) != root(leaves)


@given(Leaves, st.randoms(use_true_random=False))
def test_a_seal_does_not_depend_on_the_order_in_which_entries_are_found(
    leaves: list[Leaf], random: object
) -> None:
    shuffled = list(leaves)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    day = ("2026-11-24", "", "2026-11-25T00:20:00.000Z")
    one, other = (make_seal(HERE, day[0], each, day[1], day[2]) for each in (shuffled, leaves))
    assert one == other


@given(Leaves)
def test_a_leaf_survives_being_stored(leaves: list[Leaf]) -> None:
    assert [Leaf.parsed(str(leaf)) for leaf in leaves] == leaves
