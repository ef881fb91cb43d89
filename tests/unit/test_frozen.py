"""Our frozen dataclass behaves as the standard one does, in all that anything relies on."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Ours:
    """A value."""

    name: str
    secret: str = field(default="", repr=False)
    written: int = field(default=0, compare=False)
    parts: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    """A value."""

    name: str
    secret: str = field(default="", repr=False)
    written: int = field(default=0, compare=False)
    parts: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alone:
    """A value with one field."""

    name: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A value without fields."""


class Derived(Alone):
    """A class without fields of its own."""

    __slots__ = ()


arguments = st.fixed_dictionaries(
    {"name": st.text(max_size=2)},
    optional={
        "secret": st.text(max_size=1),
        "written": st.integers(0, 1),
        "parts": st.tuples(st.text(max_size=1)),
        "more": st.dictionaries(st.text(max_size=1), st.integers(0, 1), max_size=1),
    },
)


@given(arguments, arguments)
def test_it_compares_shows_and_copies_as_the_standard_one_does(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    ours, standard = Ours(**first), Standard(**first)
    assert (ours == Ours(**second)) == (standard == Standard(**second))
    assert repr(ours) == repr(standard).replace("Standard", "Ours")
    assert dataclasses.asdict(ours) == dataclasses.asdict(standard)
    assert [each.name for each in dataclasses.fields(ours)] == list(Ours.__slots__)
    for copied in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert copied == ours
        assert repr(copied) == repr(ours)
    assert replace(ours, name="other") == Ours(**{**first, "name": "other"})


@given(arguments, arguments)
def test_equal_values_have_equal_hashes(first: dict[str, Any], second: dict[str, Any]) -> None:
    hashable = {"name", "secret", "written", "parts"}
    made = [
        Alone(str(sorted((key, given[key]) for key in given.keys() & hashable)))
        for given in (first, second)
    ]
    assert (hash(made[0]) == hash(made[1])) == (made[0] == made[1])
    with pytest.raises(TypeError):
        hash(Ours(**first))


@pytest.mark.parametrize("value", [Ours("a"), Alone("a"), Derived("a")])
def test_it_cannot_be_changed(value: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        value.name = "b"
    with pytest.raises(FrozenInstanceError):
        del value.name
    with pytest.raises(AttributeError):
        value.unknown = "b"
    assert value.name == "a"


def test_values_of_different_classes_differ_and_those_without_fields_are_one() -> None:
    assert Alone("a") != Derived("a")
    assert Alone("a") != "a"
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(Nothing())
    assert repr(Nothing()) == "Nothing()"
    assert {Alone("a"), Alone("a"), Alone("b")} == {Alone("a"), Alone("b")}


def test_a_method_of_its_own_stays() -> None:
    @dataclass(frozen=True, slots=True)
    class Spoken:
        """A value that shows itself."""

        name: str

        def __repr__(self) -> str:
            return self.name

    assert repr(Spoken("a")) == "a"
