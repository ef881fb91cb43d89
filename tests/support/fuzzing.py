"""Inputs made wrong on purpose, the same ones for a seed: how many, and what is done about them.

`make fuzz` tries a hundred thousand for each door; a plain test run tries a few hundred. These
variables say otherwise: FUZZ_INPUTS how many, FUZZ_FIRST the number of the first, FUZZ_SEED of
which series. A fault names its number, so `FUZZ_FIRST=4711 FUZZ_INPUTS=1` shows it again.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

INPUTS = int(os.environ.get("FUZZ_INPUTS") or 400)
FIRST = int(os.environ.get("FUZZ_FIRST") or 0)
SEED = os.environ.get("FUZZ_SEED") or "1"
# A door's inputs are tried in so many tests, so that two processes have the same to do.
PORTIONS = 10 if INPUTS >= 10_000 else 1
# How many faults of a portion are told.
_TOLD = 8

in_portions = pytest.mark.parametrize("portion", range(PORTIONS))


def tried(name: str, portion: int, once: Callable[[Random], None], *, share: float = 1.0) -> None:
    """Tries a portion's inputs, or a share of them; fails with those that raise anything."""
    faults: dict[str, str] = {}
    for number in range(FIRST + portion, FIRST + max(1, round(INPUTS * share)), PORTIONS):
        try:
            once(Random(f"{SEED} {name} {number}"))
        except Exception as error:  # noqa: BLE001 - every one is a fault
            words = f"{type(error).__name__}: {error}"
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{last.filename}:{last.lineno}"
            faults.setdefault(words[:60], f"{name} {number}, {where}: {words[:1500]!a}")
        if len(faults) >= _TOLD:
            break
    assert not faults, "\n" + "\n".join(faults.values())


# ------------------------------------------------------------------------------------ values


def _deep(depth: int) -> Any:
    nested: Any = "*"
    for _ in range(depth):
        nested = [nested]
    return nested


_ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    443,
    2**63,
    -(10**30),
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "*",
    "true",
    "False",
    "0",
    "-1",
    "1e999",
    "9" * 5_000,
    "0.0.0.0/0",
    "::/0",
    "300.0.0.1/99",
    "x" * 3_000,
    "HIDDEN_DUE_TO_SECURITY_REASONS",
    "${aws:PrincipalArn}",
    "arn:aws:::",
    "arn:aws:s3:::*",
    "arn:aws:iam::123456789012:root",
    "2026-02-30T25:61:61Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59",
    '{"Version": "2012-10-17"}',
    '{"Statement": [1]}',
    "[[[[",
    "[" * 5_000,
    '{"Statement":' * 3_000 + "1" + "}" * 3_000,
    _deep(400),
    "%7B%22a%22%3A",
    "a|b|c|d",
    "\x00\x1b[31m",
    "\u202eevil",
    "\ud800",
    "٣",
    "ﬀ",
    "<script>",
    "'",
    "\n\r\t",
)
_KEYS = ("junk", "", "items", "key", "Statement", "id", "a b", "__class__", "\ud800", "$ref", "0")


def junk(dice: Random, depth: int = 0) -> Any:
    """Any JSON value, more often one that has broken a parser somewhere."""
    if depth < 3 and dice.random() < 0.3:
        several = range(dice.randrange(4))
        if dice.random() < 0.5:
            return [junk(dice, depth + 1) for _ in several]
        return {dice.choice(_KEYS): junk(dice, depth + 1) for _ in several}
    return dice.choice(_ODD)


def mutated(dice: Random, value: Any, times: int = 0) -> Any:
    """A copy of a JSON value with some places of it changed: one to four, unless said."""
    for _ in range(times or dice.choice((1, 1, 2, 4))):
        value = _edited(dice, value)
    return value


def _edited(dice: Random, value: Any) -> Any:
    """A copy with one place changed: the deeper the value, the deeper the place."""
    if isinstance(value, dict) and value and dice.random() < 0.85:
        name = dice.choice(list(value))
        return {**value, name: _edited(dice, value[name])}
    if isinstance(value, list) and value and dice.random() < 0.85:
        place = dice.randrange(len(value))
        return [*value[:place], _edited(dice, value[place]), *value[place + 1 :]]
    return dice.choice(_EDITS)(dice, value)


def _without_one(dice: Random, value: Any) -> Any:
    if isinstance(value, dict) and value:
        gone = dice.choice(list(value))
        return {name: held for name, held in value.items() if name != gone}
    return value[1:] if isinstance(value, (list, str)) else None


def _with_more(dice: Random, value: Any) -> Any:
    if isinstance(value, dict):
        return {**value, dice.choice(_KEYS): junk(dice)}
    if isinstance(value, list):
        return [*value, junk(dice), *value]
    return f"{value}{dice.choice(_KEYS)}"


def _other_case(dice: Random, value: Any) -> Any:
    if isinstance(value, dict):
        return {dice.choice((str.upper, str.lower, str.title))(k): v for k, v in value.items()}
    return str(value).swapcase()


_EDITS: tuple[Callable[[Random, Any], Any], ...] = (
    lambda dice, _: junk(dice),
    lambda dice, _: junk(dice),
    lambda _, value: [value],
    lambda _, value: {"items": value},
    lambda _, value: str(value),
    _without_one,
    _with_more,
    _other_case,
)


def with_unknown(dice: Random, value: Any) -> Any:
    """A copy in which objects have keys that nobody knows, and their keys in another order."""
    if isinstance(value, list):
        return [with_unknown(dice, item) for item in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    dice.shuffle(names)
    more = {f"unknown{dice.randrange(9)}": junk(dice)} if dice.random() < 0.3 else {}
    whole = {name: with_unknown(dice, value[name]) for name in names}
    return {**more, **whole} if dice.random() < 0.5 else {**whole, **more}


# -------------------------------------------------------------------------------------- text


def mutated_text(dice: Random, text: str) -> str:
    """The text, cut, doubled, nested or with something else in it."""
    place = dice.randrange(len(text) + 1)
    kind = dice.randrange(7)
    if kind == 0:
        return text[:place]
    if kind == 1:
        return text[place:]
    if kind == 2:
        return text[:place] + str(dice.choice(_ODD)) + text[place:]
    if kind == 3:
        return text + text[:place]
    if kind == 4:
        end = place + dice.randrange(20)
        return text[:place] + text[end:]
    if kind == 5:
        return dice.choice("[{\"'&%-\n:") * dice.choice((1, 3, 900, 20_000)) + text[place:]
    return (
        text[:place] + chr(dice.choice((0, 9, 0x7F, 0xA0, 0x2028, 0xFFFF, 0x1F600))) + text[place:]
    )
