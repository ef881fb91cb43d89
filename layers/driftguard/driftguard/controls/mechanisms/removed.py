"""Removed: something that protected the account was deleted, created again from its baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from driftguard.aws.client import Reader
from driftguard.documents import Document
from driftguard.model import Candidate, Change, Finding, Observation, Plan, Resource, Step

from ..control import Control, NoSettings
from .declared import Candidates, Declared, Read, listed

# Where a state names what cannot be made again (AWS keeps tags of `aws:` to itself).
LEFT_OUT = "left_out"


@dataclass(frozen=True, kw_only=True)
class Removed(Declared, Control[NoSettings]):
    """Something that guarded the account was deleted; the baseline says how to make it again.

    `read` answers `{"exists": False}` when it is gone, else its whole configuration with
    `"exists": True`; None where what it belonged to is gone too, so that nothing is missed.
    `restore` are the calls that make it again, from the baseline and the state now, each with its
    undo. Without a baseline people are told. What cannot be made again stands in the baseline's
    `LEFT_OUT`, in words; `advice` is what else people are told.
    """

    candidates: Candidates
    read: Read
    restore: Callable[[Resource, Document, Document], tuple[Step, ...]]
    what: str
    advice: str = ""
    # Only what is recorded guarded the account: the deletion of anything else is nobody's matter.
    recorded_only: bool = False
    baselined: bool = True
    vanishing: bool = True
    to_its_end: bool = True
    volatile: frozenset[str] = frozenset({LEFT_OUT})
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        return self.candidates(change)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        return self.read(candidate.resource, reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if state["exists"] or (self.recorded_only and not (baseline or {}).get("exists")):
            return None
        return Finding(f"{self.what} was deleted")

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        if baseline is None or not baseline.get("exists"):
            return Plan((), advice=f"How {self.what} was configured is not recorded; make it anew.")
        left = ", ".join(map(str, listed(baseline, LEFT_OUT)))
        advice = (f"Not made again: {left}." if left else "", self.advice)
        steps = self.restore(candidate.resource, baseline, observation.state)
        return Plan(steps, advice=" ".join(filter(None, advice)))
