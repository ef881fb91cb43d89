"""Patterns with `*` and `?`, as the operators of a policy read them.

Four kinds: `literal` and `folded` have no wildcards, and `folded` ignores case; in a `text` a
wildcard stands for everything; an `arn` compares the six components of an ARN each for itself, so
that a wildcard in one of the first five crosses no colon.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from ..patterns import has_wildcard
from .budget import Budget

Kind = Literal["literal", "folded", "text", "arn"]
ARN_PARTS = 6
ONE, MANY = "one", "many"  # the meaning of `?` and `*` in a list of signs
# A letter that no policy is likely to hold, for texts made up to meet a pattern.
FRESH = "\ufffd"


@dataclass(frozen=True, slots=True)
class Sign:
    """One place of a pattern: a letter, or a wildcard that may be kept from crossing colons."""

    means: str  # ONE, MANY, or the letter itself
    folded: bool = False
    within: bool = False  # the wildcard stands for no colon

    def takes(self, letter: str) -> bool:
        if self.means in (ONE, MANY):
            return not (self.within and letter == ":")
        return self.means == (letter.lower() if self.folded else letter)


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern. One that is not `sure` may mean less than it says, never more."""

    pattern: str
    kind: Kind = "text"
    sure: bool = True
    pieces: tuple[str, ...] = field(default=(), compare=False)

    def accepts(self, text: str, budget: Budget) -> bool:
        if self.kind in ("literal", "folded"):
            budget.spend()
            return self.pattern == (text.lower() if self.kind == "folded" else text)
        if self.kind == "arn":
            wanted, given = self.pattern.split(":", ARN_PARTS - 1), text.split(":", ARN_PARTS - 1)
            return len(given) == ARN_PARTS and all(
                fits(part.split("*"), component, budget)
                for part, component in zip(wanted, given, strict=True)
            )
        return fits(self.pieces, text, budget)

    @property
    def ends(self) -> tuple[str, str]:
        """What every text begins with, and what it ends with."""
        if self.kind not in ("text", "arn"):
            return "", ""
        first = re.split(r"[*?]", self.pattern, maxsplit=1)[0]
        last = "" if first == self.pattern else re.split(r"[*?]", self.pattern)[-1]
        return first, last

    @property
    def signs(self) -> tuple[Sign, ...]:
        """The pattern place by place, stars that follow a star left out."""
        found: list[Sign] = []
        colons = 0
        for letter in self.pattern:
            within = self.kind == "arn" and colons < ARN_PARTS - 1
            if self.kind in ("text", "arn") and letter in "*?":
                sign = Sign(MANY if letter == "*" else ONE, within=within)
                if letter == "*" and found and found[-1] == sign:
                    continue
                found.append(sign)
            else:
                found.append(Sign(letter, folded=self.kind == "folded"))
            colons += letter == ":"
        return tuple(found)

    def example(self, filling: str) -> str:
        """A text that the pattern accepts, with this in the place of each star."""
        if self.kind in ("literal", "folded"):
            return self.pattern
        return self.pattern.replace("*", filling).replace("?", FRESH)


def glob(pattern: str, kind: Kind = "text") -> Glob:
    """The pattern as an operator reads it.

    A policy variable may stand for anything; an ARN pattern that is no ARN, too.
    """
    sure = True
    if "${" in pattern:
        pattern, sure = _with_stars(pattern), False
    if kind == "folded":
        return Glob("*", "text", False, ("", "")) if not sure else Glob(pattern.lower(), kind)
    if kind == "arn" and pattern.count(":") < ARN_PARTS - 1:
        return Glob("*", "text", False, ("", ""))
    return Glob(pattern, kind, sure, tuple(pattern.split("*")))


def is_literal(pattern: str) -> bool:
    return not has_wildcard(pattern) and "${" not in pattern


def _with_stars(pattern: str) -> str:
    """A star for each policy variable; `${*}`, `${?}` and `${$}` stand for the sign itself."""
    parts = pattern.split("${")
    made = [parts[0]]
    for part in parts[1:]:
        _, closed, rest = part.partition("}")
        made.append("*" + rest if closed else "*")
    return "".join(made)


def fits(pieces: list[str] | tuple[str, ...], text: str, budget: Budget) -> bool:
    """Whether a text is the pieces in order, with anything between them. `?` is any letter."""
    budget.spend()
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return len(text) == len(first) and _stands_at(first, text, 0)
    end = len(text) - len(last)
    if end < len(first) or not _stands_at(first, text, 0) or not _stands_at(last, text, end):
        return False
    position = len(first)
    for piece in pieces[1:-1]:
        found = _find(piece, text, position, end, budget)
        if found < 0:
            return False
        position = found + len(piece)
    return position <= end


def _stands_at(piece: str, text: str, position: int) -> bool:
    if "?" not in piece:
        return text.startswith(piece, position)
    there = text[position : position + len(piece)]
    return len(there) == len(piece) and all(
        sign in ("?", letter) for sign, letter in zip(piece, there, strict=True)
    )


def _find(piece: str, text: str, start: int, end: int, budget: Budget) -> int:
    if "?" not in piece:
        return text.find(piece, start, end)
    for position in range(start, end - len(piece) + 1):
        budget.spend()
        if _stands_at(piece, text, position):
            return position
    return -1
