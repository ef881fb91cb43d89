"""One case of the corpus, and how cases are written down."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

LAMBDA = "Environment.Variables."
TASK = "containerDefinitions[0].environment."
BUILD = "environment.environmentVariables."
STACK = "Parameters."
STORE = "/orders/prod/"


@dataclass(frozen=True, slots=True)
class Case:
    """Values of one configuration, and the secrets in them: each by its kind and place."""

    name: str
    values: tuple[tuple[str, str], ...]
    expected: frozenset[tuple[str, str]] = frozenset()

    @property
    def held_out(self) -> bool:
        return hashlib.sha256(self.name.encode()).digest()[0] % 2 == 1


def case(name: str, place: str, text: str, *expected: str) -> Case:
    """One value. Each expected is a kind, with `@` and a line where the text has several."""
    wanted = (one.partition("@") for one in expected)
    return Case(
        name,
        ((place, text),),
        frozenset((kind, f"{place}:{line}" if line else place) for kind, _, line in wanted),
    )


def text_of(*each: str) -> str:
    """A text of these lines."""
    return "".join(f"{line}\n" for line in each)
