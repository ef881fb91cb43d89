"""Granted: a grant to a principal that policy does not trust, taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from driftguard.access.principals import Trusted
from driftguard.aws.client import Reader
from driftguard.documents import Document
from driftguard.model import (
    Autonomy,
    Candidate,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import Control, TrustSettings
from .declared import Declared
from .left_out import VOLATILE, left_out


@dataclass(frozen=True, kw_only=True)
class Granted(Declared, Control[TrustSettings]):
    """A grant that should not exist was made, or one that should exist was removed.

    The change names both: `candidates` puts into the hint what the resource's id does not say. Only
    that one grant is looked at, so that what was granted before, on purpose, is left alone. `read`
    answers the state, None when either is gone; `risky` says why it is risky, "" if it is not
    (any more); `steps` put it right, each with what brings it back exactly, but for what the state
    names as left out. Without steps people are told `advice`. `doubtful` says why people are
    asked in any case, "" where the state leaves no doubt.
    """

    candidates: Callable[[Change, Trusted], Iterable[Candidate]]
    read: Callable[[Candidate, Reader], Document | None]
    risky: Callable[[Document, Trusted], str]
    steps: Callable[[Resource, Document], tuple[Step, ...]]
    advice: str = ""
    doubtful: Callable[[Document], str] = lambda _: ""
    volatile: frozenset[str] = VOLATILE
    settings: type[TrustSettings] = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        return self.candidates(change, settings.trusted)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        return self.read(candidate, reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        why = self.risky(state, settings.trusted)
        if not why:
            return None
        doubt = self.doubtful(state)
        return Finding(why, at_most=Autonomy.ASK, at_most_why=doubt) if doubt else Finding(why)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        state = observation.state
        steps = self.steps(candidate.resource, state)
        return Plan(steps, untouched=left_out(state), advice=self.advice)
