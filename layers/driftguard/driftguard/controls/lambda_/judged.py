"""What was looked at of a function's versions, judged on the policy's terms. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...model import Document, Resource
from ...trail import items, mapping, text
from ..insecure import Judge, LibrarySettings
from .names import LATEST


def live(state: Document) -> list[str]:
    """What runs when somebody calls: `$LATEST`, and where the facet's `aliases` lead."""
    led = [each for one in items(state["aliases"]) for each in versions_of(one)]
    return list(dict.fromkeys([LATEST, *led]))


def versions_of(alias: Document) -> list[str]:
    """The versions that an alias leads to, by its weights too."""
    return [text(alias, "version"), *mapping(alias, "weights")]


def named(state: Document, version: str) -> str:
    """A version with its aliases, for people: `orders:2 (live)`."""
    led = [text(one, "name") for one in items(state["aliases"]) if version in versions_of(one)]
    name = f"{text(state, 'function')}:{version}"
    return f"{name} ({', '.join(led)})" if led else name


@dataclass(frozen=True, slots=True)
class Judged:
    """The versions of a facet (its `looked`), each judged when it is asked about."""

    state: Document
    judge: Judge

    @classmethod
    def of(cls, state: Document, settings: LibrarySettings) -> Judged:
        """The versions of a facet that says which `function` they are of, and its `arn`."""
        function = Resource("lambda.function", text(state, "function"), "", "", text(state, "arn"))
        return cls(state, Judge.of(state, function, settings))

    def looked(self, version: str) -> Document:
        """What was looked at of a version."""
        return mapping(mapping(self.state, "looked"), version)

    def minded(self, version: str) -> list[Document]:
        """What is wrong with a version."""
        return self.judge.minded(self.looked(version))

    def all_minded(self, versions: Iterable[str]) -> list[Document]:
        """What is wrong with any of these versions, each thing once."""
        found: list[Document] = []
        for version in versions:
            found += [one for one in self.minded(version) if one not in found]
        return found

    def unknown(self, versions: Iterable[str]) -> str:
        """Why it cannot be told of one of these versions whether it is insecure; "" where it can.

        What nobody looks after (an image that is never scanned) is nobody's question.
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
        below = int(version) if version.isdigit() else None
        fine = [
            int(one)
            for one in mapping(self.state, "looked")
            if one.isdigit()
            and (below is None or int(one) < below)
            and (not starts or text(self.looked(one), "starts") == starts)
            and self.clears(one)
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
        earlier = [one for one in fine if one < int(number)]
        return f"{name}:{max(earlier)}" if earlier else ""

    def may_yet_clear(self, but: Iterable[str]) -> str:
        """Why it is not known yet of some older version whether it is fine; "" where it is."""
        others = set(mapping(self.state, "looked")) - set(but)
        return self.unknown(sorted(one for one in others if not self.minded(one)))
