"""Weakened: a setting that became weaker than its baseline, restored to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from driftguard.aws.client import Reader
from driftguard.documents import Document
from driftguard.model import (
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import Control, NoSettings
from .declared import Candidates, Declared, Read, listed

# Where a `Weakened` state says which of its fields the record itself told to be weak.
TOLD = "told"


@dataclass(frozen=True, kw_only=True)
class Weakened(Declared, Control[NoSettings]):
    """A configuration of several fields, weaker than its baseline in some of them.

    `weaker` names the fields of a state that are weaker than the baseline's, each with a reason;
    it is given None where there is no baseline, and then judges by what is weak in itself.
    `default` is what a weak field is set to without a baseline; a field it does not name is asked
    about. `put` is the call that sets these fields (a whole state, the named fields changed).
    A candidate's hint becomes part of the state: see `told` and `weaker_than_before`.
    """

    candidates: Candidates
    read: Read
    weaker: Callable[[Document, Document | None], Mapping[str, str]]
    put: Callable[[Resource, Document, tuple[str, ...]], Call]
    default: Document = field(default_factory=dict)
    advice: str = ""
    baselined: bool = True
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        return self.candidates(change)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = self.read(candidate.resource, reader)
        return None if found is None else {**found, **candidate.hint}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        weak = self.weaker(state, baseline)
        return Finding("; ".join(weak.values()), tuple(weak)) if weak else None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        weak = tuple(self.weaker(observation.state, baseline))
        before = self.default if baseline is None else baseline
        unknown = [name for name in weak if name not in before]
        if unknown:
            return Plan((), advice=f"What {', '.join(unknown)} was before is not recorded.")
        restored = {**observation.state, **{name: before[name] for name in weak}}
        step = Step(
            self.put(candidate.resource, restored, weak),
            (self.put(candidate.resource, observation.state, weak),),
        )
        untouched = tuple(
            name for name in observation.state if name not in (*weak, *candidate.hint)
        )
        return Plan((step,), untouched=untouched, advice=self.advice)

    def put_back(self, candidate: Candidate, observation: Observation, baseline: Document) -> Plan:
        state = observation.state
        differs = tuple(name for name in baseline if state.get(name) != baseline[name])
        there = self.put(candidate.resource, {**state, **baseline}, differs)
        return Plan((Step(there, (self.put(candidate.resource, state, differs),)),))


def told(resource: Resource, *weak: str) -> Candidate:
    """The candidate of a record that itself says that these fields were made weak."""
    return Candidate(resource, Certainty.EVIDENT, {TOLD: list(weak)})


def weaker_than_before(
    weak: Callable[[Document], Mapping[str, str]],
) -> Callable[[Document, Document | None], Mapping[str, str]]:
    """For `Weakened`: the fields that are weak now and were not before.

    `weak` names the fields of a state that are weak in themselves. Many are weak from the start
    (AWS's own defaults), and that is no drift. Without a baseline only a record's word counts:
    what it was `told`; a sweep records what it finds.
    """

    def weaker(state: Document, baseline: Document | None) -> Mapping[str, str]:
        if baseline is None:
            known = listed(state, TOLD)
            return {name: why for name, why in weak(state).items() if name in known}
        before = weak(baseline)
        return {name: why for name, why in weak(state).items() if name not in before}

    return weaker
