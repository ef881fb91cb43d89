"""Holds what the mechanisms share; a control declares one of them.

- `Sharing`: a resource is shared with grantees; those that are not trusted lose their grant.
- `Switch`: a setting has a value that is safe; a risky one is set back.
- `Weakened`: a configuration is weaker than its baseline; the weakened fields are set back.
- `Removed`: something that watched over the account is gone; it is made again from the baseline.
- `Granted`: one thing was given to another (a policy, a membership, a key), or taken from it.
- `Advice`: there is no safe remediation; people are told what happened and what they can do.

Those over resource policies are in `resource_policy.py`.

A control is an instance: its metadata, and the few functions that say how its service reads and
writes the thing. `candidates` names the resources of a change and how sure the record makes us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, text
from driftguard.model import (
    NOT_IN_USE,
    Autonomy,
    Candidate,
    Certainty,
    Change,
    Finding,
    Resource,
    Use,
)

from ..control import Busy, Cuts, References, Settling, Trigger

# Why it is a preparation that nothing but a protection from deletion was switched off.
NOTHING_LOST = "nothing is lost yet: it can be deleted now, and is still there"

Candidates: TypeAlias = "Callable[[Change], Iterable[Candidate]]"
Read: TypeAlias = "Callable[[Resource, Reader], Document | None]"
Grants: TypeAlias = "Mapping[str, tuple[str, ...]]"


@dataclass(frozen=True, kw_only=True)
class Declared:
    """The metadata that every declared control carries."""

    id: str
    title: str
    severity: int
    cuts: Cuts
    references: References = References()
    triggers: tuple[Trigger, ...]
    reads: tuple[str, ...] = ()
    reads_use: tuple[str, ...] = ()
    writes: Grants = field(default_factory=dict)
    proven: str = "emulator"
    revert: str = ""
    volatile: frozenset[str] = frozenset()
    momentary: frozenset[str] = frozenset()
    baselined: bool = False
    vanishing: bool = False
    settling: Settling = Settling()
    busy: tuple[Busy, ...] = ()
    uses: Callable[[Resource, Document, Reader], Use] | None = None
    found_by: Callable[[Reader], Iterable[Resource]] | None = None

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        """Whether what the revert would cut is in use right now, as `uses` tells it."""
        if self.uses is not None:
            return self.uses(candidate.resource, state, reader)
        return Use(unknown=self.cuts.question) if self.cuts.what else NOT_IN_USE

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        """The resources that the sweep looks at, listed by `found_by`."""
        return self.found_by(reader) if self.found_by else ()

    @property
    def swept(self) -> bool:
        """Whether there is a way to list them."""
        return self.found_by is not None


def evident(find: Callable[[Change], Resource | None], *names: str) -> Candidates:
    """The resources of changes with these names: such a call is itself the risk.

    A change of any other name, the call's harmless counterpart, yields nothing.
    """

    def candidates(change: Change) -> Iterable[Candidate]:
        found = find(change) if change.name in names else None
        return () if found is None else (Candidate(found, Certainty.EVIDENT),)

    return candidates


def listed(state: Document, name: str) -> list[Json]:
    """The list under a key of a state; an empty one where there is none."""
    value = state.get(name)
    return list(value) if isinstance(value, (list, tuple)) else []


def not_done(response: Document, refused: str, named: str) -> frozenset[str]:
    """What a call that names several was refused: the ids in a list of its response.

    `refused` is the list and `named` the member that names one, both as the API's model spells
    them; records spell them so, or with a small first letter.
    """
    spelled = [(name, f"{name[0].lower()}{name[1:]}") for name in (refused, named)]
    lists = (listed(response, name) for name in spelled[0])
    found = (text(one, *spelled[1]) for one in chain(*lists) if isinstance(one, dict))
    return frozenset(filter(None, found))


def unrecorded(state: Document, baseline: Document | None) -> str:
    """Why people are asked where there is no baseline; "" where there is one.

    A record tells what was asked for, and not whether that was a change.
    """
    return "" if baseline is not None else "whether it was so before is not recorded"


def finding(summary: str, doubt: str, offending: tuple[Json, ...] = ()) -> Finding:
    """The finding, at most asked about if there is a doubt."""
    limit = Autonomy.ASK if doubt else Autonomy.REVERT
    return Finding(summary, offending, at_most=limit, at_most_why=doubt)
