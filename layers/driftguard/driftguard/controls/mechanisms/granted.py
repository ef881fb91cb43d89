"""Granted: a grant to a principal that policy does not trust, taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from driftguard.access.principals import Trusted
from driftguard.aws.client import Reader
from driftguard.documents import Document
from driftguard.model import Candidate, Change, Finding, Observation, Plan, Resource, Step

from ..control import Control, TrustSettings
from .declared import Declared


@dataclass(frozen=True, kw_only=True)
class Granted(Declared, Control[TrustSettings]):
    """A grant that should not exist was made, or one that should exist was removed.

    The change names both: `candidates` puts into the hint what the resource's id does not say. Only
    that one grant is looked at, so that what was granted before, on purpose, is left alone. `read`
    answers the state, None when either is gone; `risky` says why it is risky, "" if it is not
    (any more); `steps` put it right, each with what brings it back exactly. Without steps people
    are asked, with `advice`.
    """

    candidates: Callable[[Change, Trusted], Iterable[Candidate]]
    read: Callable[[Candidate, Reader], Document | None]
    risky: Callable[[Document, Trusted], str]
    steps: Callable[[Resource, Document], tuple[Step, ...]]
    advice: str = ""
    settings: type[TrustSettings] = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        return self.candidates(change, settings.trusted)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        return self.read(candidate, reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        why = self.risky(state, settings.trusted)
        return Finding(why) if why else None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        return Plan(self.steps(candidate.resource, observation.state), advice=self.advice)
