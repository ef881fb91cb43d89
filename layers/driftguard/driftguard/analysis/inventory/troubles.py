"""Reports what could not be read and what is odd: counted, and never passed over.

A *gap* means that something which was deployed may be missing from the inventory: it is not
complete then, and nobody may take it for clean. A trouble that is no gap is worth telling only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace

# Names in an archive are its maker's: so much of one is shown.
_SHOWN = 200
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of trouble, as what follows the place in a sentence: `is encrypted`."""

    what: str
    gap: bool = True


@dataclass(frozen=True, slots=True)
class Wanting(Trouble):
    """Packages are asked for, and which ones are in here is not said.

    It is told unless what is asked for is in the inventory: all of the packages `names` of the
    ecosystem `unless`; any package of the ecosystem, where there are no names; all `files`, which
    are read by themselves. With `built` a lock file's word is not enough: packages must lie in
    here. Without any of these it is always told.
    """

    gap: bool = False
    unless: str = ""
    names: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    built: bool = False

    def is_met(self, packages: Mapping[str, Set[str]], files: Set[str]) -> bool:
        """Whether it need not be told. `packages` are names by ecosystem; `files` those read."""
        if self.files:
            return files >= set(self.files)
        named = packages.get(self.unless, frozenset())
        return named >= set(self.names) if self.names else bool(named)


class Unreadable(Exception):
    """One file or archive can't be read. The message is what a `Trouble` says; the rest goes on."""


class Exhausted(Exception):
    """A limit is reached, and reading ends for good. The message is what a `Trouble` says."""


class Troubles:
    """Collects what is told. A thousand of one kind are one line: the first place, and how many."""

    def __init__(self) -> None:
        self._told: dict[Trouble, tuple[str, int]] = {}

    def tell(self, trouble: Trouble, place: str) -> None:
        """`place` is a path inside the archive; it is cleaned here of what terminals obey."""
        if isinstance(trouble, Wanting):
            # What is asked for differs from file to file, and the sentence does not.
            trouble = replace(trouble, names=(), files=())
        first, count = self._told.get(trouble, (place, 0))
        self._told[trouble] = (first, count + 1)

    @property
    def gaps(self) -> tuple[str, ...]:
        """One sentence a kind of gap, in the order in which they came up."""
        return self._lines(lambda trouble: trouble.gap)

    @property
    def oddities(self) -> tuple[str, ...]:
        """The same of what is no gap, and worth telling only."""
        return self._lines(lambda trouble: not trouble.gap)

    @property
    def wanting(self) -> tuple[str, ...]:
        """Those of the oddities that are a `Wanting`."""
        return self._lines(lambda trouble: isinstance(trouble, Wanting))

    def _lines(self, which: Callable[[Trouble], bool]) -> tuple[str, ...]:
        return tuple(
            f"{shown(first)}{f' and {count - 1:,} more' if count > 1 else ''}: {trouble.what}"
            for trouble, (first, count) in self._told.items()
            if which(trouble)
        )


def shown(name: str) -> str:
    """A name from an archive, as it can be shown to people: printable, and not endless."""
    return printable(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")


def printable(name: str) -> str:
    """A name without what terminals obey, and without what is no text."""
    if name.isprintable():
        return name
    return "".join(letter if letter.isprintable() else _UNPRINTABLE for letter in name)
