"""Maven's version order, as a key that sorts: no two versions are ever unordered.

The order is that of the POM Reference, "Version Order Specification", with what Maven's own
ComparableVersion adds to it: case is ignored, `release` means the same as `final`, and a dot before
a qualifier counts as a hyphen. So `4.1.0.Final` equals `4.1.0`, and `1.0.RC1` comes before `1.0`.
"""

from __future__ import annotations

import re
from typing import TypeAlias

# What a token is, then its number or its qualifier's rank, then an unknown qualifier's letters.
Token: TypeAlias = "tuple[int, int, str]"

_QUALIFIER, _AFTER_HYPHEN, _AFTER_DOT = range(3)
_ALIASES = {"cr": "rc", "ga": "", "final": "", "release": ""}
_SHORTENED = {"a": "alpha", "b": "beta", "m": "milestone"}
_KNOWN = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")
_RELEASE: Token = (_QUALIFIER, _KNOWN.index(""), "")
_NOTHING = (_RELEASE, (_AFTER_HYPHEN, 0, ""), (_AFTER_DOT, 0, ""))
_SEPARATED = re.compile(r"([.-]?)([^.-]*)")
_RUNS = re.compile(r"[0-9]+|[^0-9]+")


def key(version: str) -> tuple[Token, ...]:
    """What a version sorts by. To Maven, any text is a version."""
    # What a version ends with stands for the release that it is of, so that `1-rc` comes before
    # `1`, and `1-sp` and `1.1` after it.
    return (*_trimmed(_tokens(version.lower())), _RELEASE)


def _tokens(version: str) -> list[Token]:
    found: list[Token] = []
    for separator, part in _SEPARATED.findall(version):
        if not separator and not part:
            continue
        runs: list[str] = _RUNS.findall(part) or ["0"]
        for position, run in enumerate(runs):
            if run[0] in "0123456789":
                # A change between digits and letters counts as a hyphen.
                kind = _AFTER_HYPHEN if separator == "-" or position else _AFTER_DOT
                found.append((kind, int(run), ""))
            else:
                found.append(_qualifier(run, followed_by_digit=position + 1 < len(runs)))
    return found


def _qualifier(run: str, *, followed_by_digit: bool) -> Token:
    name = _SHORTENED.get(run, run) if followed_by_digit else run
    name = _ALIASES.get(name, name)
    if name in _KNOWN:
        return (_QUALIFIER, _KNOWN.index(name), "")
    return (_QUALIFIER, len(_KNOWN), name)


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Without the zeros and release qualifiers at the end, and before each hyphen."""
    trimmed: list[Token] = []
    for token in tokens:
        if token[0] != _AFTER_DOT:
            _trim(trimmed)
        trimmed.append(token)
    _trim(trimmed)
    return trimmed


def _trim(tokens: list[Token]) -> None:
    while len(tokens) > 1 and tokens[-1] in _NOTHING:
        tokens.pop()
