"""Finds a text that some patterns accept and others do not, if there is any.

Exact: the patterns of a group are laid into one tree, whose places they share as far as they begin
alike, and the trees are walked side by side, letter by letter. That may take many steps for
patterns made to be hard; the budget ends it.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from .budget import Budget
from .globs import FRESH, MANY, ONE, Glob

Places = frozenset[int]
Key = TypeVar("Key", str, bool)


class _Tree:
    """Patterns as one automaton. Its places are numbered; 0 is where all begin."""

    def __init__(self, patterns: Iterable[Glob]) -> None:
        self.letters: list[dict[str, int]] = [{}]  # a letter -> the next place
        self.ones: list[dict[bool, int]] = [{}]  # `?`: whether it is kept from colons -> the next
        self.stars: list[dict[bool, int]] = [{}]  # `*`, likewise -> a place that goes on to itself
        self.stays: list[bool | None] = [None]  # of such a place: whether it is kept from colons
        self.ends: set[int] = set()
        for pattern in patterns:
            self._add(pattern)
        self.start = self.rested([0])

    def _add(self, pattern: Glob) -> None:
        place = 0
        for sign in pattern.signs:
            if sign.means == MANY:
                place = self._next(self.stars[place], sign.within, stays=sign.within)
            elif sign.means == ONE:
                place = self._next(self.ones[place], sign.within)
            else:
                # A folded pattern takes both cases of a letter to the same place.
                after = self._next(self.letters[place], sign.means)
                if sign.folded and sign.means.upper() != sign.means:
                    upper = self.letters[place].setdefault(sign.means.upper(), after)
                    assert upper == after, "a tree holds either folded patterns or others"
                place = after
        self.ends.add(place)

    def _next(self, edges: dict[Key, int], key: Key, stays: bool | None = None) -> int:
        if key not in edges:
            edges[key] = len(self.letters)
            self.letters.append({})
            self.ones.append({})
            self.stars.append({})
            self.stays.append(stays)
        return edges[key]

    def rested(self, places: Iterable[int]) -> Places:
        """The places, and those that a star may stand for nothing before."""
        found, waiting = set[int](), list(places)
        while waiting:
            place = waiting.pop()
            if place not in found:
                found.add(place)
                waiting.extend(self.stars[place].values())
        return frozenset(found)

    def step(self, places: Places, letter: str) -> Places:
        after: list[int] = []
        for place in places:
            following = self.letters[place].get(letter)
            if following is not None:
                after.append(following)
            for within, one in self.ones[place].items():
                if not within or letter != ":":
                    after.append(one)
            stays = self.stays[place]
            if stays is False or (stays and letter != ":"):
                after.append(place)
        return self.rested(after)

    def telling(self, places: Places) -> Iterable[str]:
        """The letters that make a difference at these places."""
        for place in places:
            yield from self.letters[place]
            if self.stays[place] or True in self.ones[place]:
                yield ":"

    def accepts(self, places: Places) -> bool:
        return not self.ends.isdisjoint(places)


def text_in(
    wanted: Sequence[Sequence[Glob]], unwanted: Sequence[Glob], budget: Budget
) -> str | None:
    """A text that one pattern of each wanted group accepts and no unwanted one; None if none."""
    denied = set(unwanted)
    groups = [[pattern for pattern in group if pattern not in denied] for group in wanted]
    if not all(groups):
        return None
    folded = [pattern for pattern in unwanted if pattern.kind == "folded"]
    others = [pattern for pattern in unwanted if pattern.kind != "folded"]
    written = [pattern for group in (*groups, unwanted) for pattern in group]
    budget.spend(sum(len(pattern.pattern) for pattern in written))
    inside, outside = [_Tree(group) for group in groups], [_Tree(folded), _Tree(others)]
    trees = [*inside, *outside]
    fresh = _fresh_letter(written)
    start = tuple(tree.start for tree in trees)
    seen, reached = {start}, [(start, "")]
    for state, text in reached:  # grows while it is walked
        accepted = [tree.accepts(places) for tree, places in zip(trees, state, strict=True)]
        if all(accepted[: len(inside)]) and not any(accepted[len(inside) :]):
            return text
        letters = dict.fromkeys(
            letter
            for tree, places in zip(trees, state, strict=True)
            for letter in tree.telling(places)
        )
        size = sum(map(len, state)) + len(trees)
        for letter in (*letters, fresh):
            budget.spend(size)
            after = tuple(
                tree.step(places, letter) for tree, places in zip(trees, state, strict=True)
            )
            if all(after[: len(inside)]) and after not in seen:
                seen.add(after)
                reached.append((after, text + letter))
    return None


def _fresh_letter(patterns: Iterable[Glob]) -> str:
    """A letter that stands in none of the patterns; every other such letter does what it does."""
    written = set[str]().union(*(pattern.pattern for pattern in patterns)) | {":"}
    candidates = [FRESH, *map(chr, range(0x2500, 0x2500 + len(written) + 1))]
    return next(letter for letter in candidates if letter not in written)
