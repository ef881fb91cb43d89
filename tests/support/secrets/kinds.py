"""Kinds of secret, each with the variable that it usually stands under, and examples by seed.

Kinds with a form of their own come from the detectors' table, so that each row of it is tried; the
others from `kinds.txt`. Examples are made when they are asked for: no file holds one.
"""

from __future__ import annotations

import re
import re._parser as parsing  # type: ignore[import-not-found]
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from driftguard.analysis.secrets.forms import FORMS
from tests.support.secrets.made_up import BASE62, DIGITS

_LISTED = Path(__file__).parent / "kinds.txt"
_WORD = BASE62 + "_"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of secret. `marked` says that it is known wherever it stands, under any name."""

    number: int
    variable: str
    form: str
    issuer: str
    marked: bool

    @property
    def name(self) -> str:
        return f"{self.issuer}: {self.variable} {self.number}"

    def example(self, seed: int) -> str:
        """A made-up secret of this kind, the same one for the same seed."""
        return example_of(self.form, Random(f"{self.name} {seed}"))


def every_kind() -> tuple[Kind, ...]:
    """The kinds of the detectors' table, and those without a mark."""
    rows = [(_variable(form.kind), form.form, form.source, True) for form in FORMS]
    for line in _LISTED.read_text().splitlines():
        if not line.startswith("#"):
            variable, form, issuer = re.fullmatch(r"(\w+)\|(.+)\|([^|]+)", line).groups()  # type: ignore[union-attr]
            rows.append((variable, form, issuer, False))
    return tuple(Kind(number, *row) for number, row in enumerate(rows))


def _variable(kind: str) -> str:
    return re.sub(r"\W+", "_", kind).upper()


def example_of(form: str, dice: Random) -> str:
    """A text that the regular expression matches, of random characters and lengths."""
    return "".join(_made(part, dice) for part in parsing.parse(form))


def _made(part: tuple[Any, Any], dice: Random) -> str:
    operation, given = part
    match str(operation):
        case "LITERAL":
            return chr(given)
        case "IN":
            return dice.choice(_characters(given))
        case "MAX_REPEAT":
            least, most, inner = given
            # A form leaves the longest open; an example is of a usual length.
            count = dice.randint(least, min(int(most), max(least * 2, least + 8)))
            return "".join(_made(one, dice) for _ in range(count) for one in inner)
        case "SUBPATTERN":
            return "".join(_made(one, dice) for one in given[-1])
        case "BRANCH":
            return "".join(_made(one, dice) for one in dice.choice(given[1]))
        case "AT":
            return ""
    raise ValueError(f"no example can be made of {operation}")


def _characters(members: Iterable[tuple[Any, Any]]) -> str:
    characters = ""
    for operation, given in members:
        match str(operation), str(given):
            case "LITERAL", _:
                characters += chr(given)
            case "RANGE", _:
                characters += "".join(map(chr, range(given[0], given[1] + 1)))
            case "CATEGORY", "CATEGORY_DIGIT":
                characters += DIGITS
            case "NEGATE", _:
                return BASE62
            case _:
                characters += _WORD
    return characters
