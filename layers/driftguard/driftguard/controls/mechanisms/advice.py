"""Advice: a risk without a safe remediation. People are told what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from driftguard.aws.client import Reader
from driftguard.documents import Document
from driftguard.model import Candidate, Change, Finding, Observation, Plan

from ..control import Control, NoSettings
from .declared import Candidates, Declared, Read


@dataclass(frozen=True, kw_only=True)
class Advice(Declared, Control[NoSettings]):
    """A change without a safe remediation: it is recorded, and people are told what they can do.

    `revert` says why there is none. `read` looks whether the resource still stands as the change
    left it, where that can be known; without it the record is all there is.
    """

    # Nothing is ever called, so nothing was tried against a service.
    proven: str = "stub"
    candidates: Candidates
    why: str
    advice: str
    read: Read | None = None
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        return self.candidates(change)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        return candidate.hint if self.read is None else self.read(candidate.resource, reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        return Finding(self.why)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        return Plan((), advice=self.advice)
