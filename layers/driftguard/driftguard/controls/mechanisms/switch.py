"""Switch: a setting that must stay on, put back by one call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from driftguard.aws.client import Reader
from driftguard.documents import Document
from driftguard.model import (
    Autonomy,
    Call,
    Candidate,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import Control, NoSettings
from .declared import NOTHING_LOST, Candidates, Declared, Read, listed
from .weakened import TOLD


@dataclass(frozen=True, kw_only=True)
class Switch(Declared, Control[NoSettings]):
    """A setting that has a safe value.

    `read` answers the state, None when the resource is gone. `risky` says in words why a state is
    risky, "" if it is not; it is given the baseline's state, or None. `put` is the call that sets
    a state's values; `safe` is the state to set, from the risky one and the baseline's. When it
    answers None there is nothing safe to guess, and people are told `advice`. A candidate's
    hint becomes part of the state. `asks` says why people must be asked about a risky state, "" if
    they need not be. `guards`: all that the setting does is to keep the thing from being deleted,
    so that to switch it off is a preparation.
    """

    candidates: Candidates
    read: Read
    risky: Callable[[Document, Document | None], str]
    safe: Callable[[Document, Document | None], Document | None]
    put: Callable[[Resource, Document], Call]
    asks: Callable[[Document, Document | None], str] = lambda _state, _baseline: ""
    guards: bool = False
    advice: str = ""
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        return self.candidates(change)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = self.read(candidate.resource, reader)
        return None if found is None else {**found, **candidate.hint}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        why = self.risky(state, baseline)
        if not why:
            return None
        asked = self.asks(state, baseline)
        most = Autonomy.ASK if asked else Autonomy.REVERT
        preparation = NOTHING_LOST if self.guards else ""
        return Finding(why, at_most=most, at_most_why=asked, preparation=preparation)

    @property
    def prepares(self) -> bool:
        return self.guards

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        safe = self.safe(observation.state, baseline)
        if safe is None:
            return Plan((), advice=self.advice)
        there, back = (
            self.put(candidate.resource, safe),
            self.put(candidate.resource, observation.state),
        )
        untouched = tuple(
            f"{name}: {json.dumps(value)}"
            for name, value in observation.state.items()
            if safe.get(name) == value
        )
        return Plan((Step(there, (back,)),), untouched=untouched, advice=self.advice)

    def put_back(self, candidate: Candidate, observation: Observation, baseline: Document) -> Plan:
        there, back = (
            self.put(candidate.resource, state) for state in (baseline, observation.state)
        )
        return Plan((Step(there, (back,)),))


def since_before(risky: Callable[[Document], str]) -> Callable[[Document, Document | None], str]:
    """For `Switch`: why a state is risky that was not so before.

    Many settings are risky from the start (AWS's own defaults), and that is no drift. Without a
    baseline only a record's word counts (`told`); a sweep records what it finds.
    """

    def why(state: Document, baseline: Document | None) -> str:
        if baseline is None:
            return risky(state) if listed(state, TOLD) else ""
        return "" if risky(baseline) else risky(state)

    return why
