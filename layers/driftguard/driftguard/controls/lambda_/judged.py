"""Judges the observed versions of a function on the policy's terms. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from driftguard.documents import Document, items, mapping, text, whole_number
from driftguard.model import Resource

from ..mechanisms.vulnerable_library import Judge, LibrarySettings
from .names import LATEST


def live(state: Document) -> list[str]:
    """The versions that callers reach: `$LATEST`, and where the observation's `aliases` lead."""
    led = [version for item in items(state["aliases"]) for version in versions_of(item)]
    return list(dict.fromkeys([LATEST, *led]))


def versions_of(alias: Document) -> list[str]:
    """The versions that an alias leads to, by its weights too."""
    return [text(alias, "version"), *mapping(alias, "weights")]


def named(state: Document, version: str) -> str:
    """A version with its aliases, for people: `orders:2 (live)`."""
    led = [text(item, "name") for item in items(state["aliases"]) if version in versions_of(item)]
    name = f"{text(state, 'function')}:{version}"
    return f"{name} ({', '.join(led)})" if led else name


@dataclass(frozen=True, slots=True)
class Judged:
    """The versions of an observation (its `looked`), each judged when it is asked about."""

    state: Document
    judge: Judge

    @classmethod
    def of(cls, state: Document, settings: LibrarySettings) -> Judged:
        """The versions of an observation that says which `function` they are of, and its `arn`."""
        function = Resource("lambda.function", text(state, "function"), "", "", text(state, "arn"))
        return cls(state, Judge.of(state, function, settings))

    def looked(self, version: str) -> Document:
        """What the observation holds of a version."""
        return mapping(mapping(self.state, "looked"), version)

    def flagged(self, version: str) -> list[Document]:
        """What is wrong with a version."""
        return self.judge.flagged(self.looked(version))

    def all_flagged(self, versions: Iterable[str]) -> list[Document]:
        """What is wrong with any of these versions, each thing once."""
        found: list[Document] = []
        for version in versions:
            found += [finding for finding in self.flagged(version) if finding not in found]
        return found

    def unknown(self, versions: Iterable[str]) -> str:
        """Why it is unknown whether one of these versions is insecure; "" if it is known.

        A version that nobody checks (an image that is never scanned) does not count as unknown.
        """
        for version in versions:
            looked = self.looked(version)
            unasked = text(looked, "unknown") and looked.get("pending") is False
            if not unasked and (why := self.judge.unknown(looked)):
                return why
        return ""

    def clears(self, version: str) -> bool:
        """Whether a version is known to be fine, and can be called."""
        looked = self.looked(version)
        return self.judge.clears(looked) and looked.get("failed") is not True

    def before(self, version: str, starts: str = "") -> str:
        """The newest published version below this one that is fine; "" where none is known.

        `$LATEST` is above all. With `starts`, only one whose code is started in that way.
        """
        below = whole_number(version)
        fine = [
            number
            for name in mapping(self.state, "looked")
            if (number := whole_number(name)) is not None
            and (below is None or number < below)
            and (not starts or text(self.looked(name), "starts") == starts)
            and self.clears(name)
        ]
        return str(max(fine)) if fine else ""

    def layer_before(self, arn: str) -> str:
        """The newest version of a layer before this one that is fine; "" where none is known."""
        name, _, number = arn.rpartition(":")
        fine = [
            int(found[len(name) + 1 :])
            for found, looked in mapping(self.state, "earlier_layers").items()
            if found.rpartition(":")[0] == name
            and isinstance(looked, Mapping)
            and self.judge.clears(looked)
        ]
        earlier = [version for version in fine if version < int(number)]
        return f"{name}:{max(earlier)}" if earlier else ""

    def may_yet_clear(self, but: Iterable[str]) -> str:
        """Why it is unknown whether some older version is fine; "" if it is known."""
        others = set(mapping(self.state, "looked")) - set(but)
        return self.unknown(sorted(other for other in others if not self.flagged(other)))
