"""Weakened: a setting that became weaker than its baseline, restored to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from driftguard.aws.client import Reader
from driftguard.documents import Document, moment, text
from driftguard.model import (
    Autonomy,
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

from ..control import Control, NoSettings, Preparation
from .declared import NOTHING_LOST, Candidates, Declared, Read, listed

# Where a `Weakened` state says which of its fields the record itself told to be weak.
TOLD = "told"
# Where it says when the change was made (ISO 8601, UTC).
_CHANGED = "changed"
# Where `read` may say when the resource was made (ISO 8601, UTC), or None while it was never in
# use. It does not become part of the state.
MADE = "made"
# What is changed so soon after it was made is still being made: tools make a thing with several
# calls, and name settings with a `false` that they never had.
_BEING_MADE = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Weakened(Declared, Control[NoSettings]):
    """A configuration of several fields, weaker than its baseline in some of them.

    `weaker` names the fields of a state that are weaker than the baseline's, each with a reason;
    it is given None where there is no baseline, and then judges by what is weak in itself.
    `put` is the call that sets these fields (a whole state, the named fields changed). A field goes
    back to the baseline's value, one that the baseline does not know to `default`'s; people are
    told of a field that neither knows, and the others go back without it. `back` gives the values
    where only some of a field goes back: from the state, what was before, and the fields' names.
    A candidate's hint becomes part of the state: see `told` and `weaker_than_before`.

    A weakening needs a before. Without a baseline the record only tells what a field is now, so
    people are asked; not where all weak fields are `in_itself` a risk, whatever they were before.
    What `read` says was `MADE` minutes before the change is judged as made, not as weakened.

    `guards` are the fields that only keep the thing from being deleted: where nothing else is weak,
    that is a preparation.
    """

    candidates: Candidates
    read: Read
    weaker: Callable[[Document, Document | None], Mapping[str, str]]
    put: Callable[[Resource, Document, tuple[str, ...]], Call]
    default: Document = field(default_factory=dict)
    in_itself: frozenset[str] = frozenset()
    guards: frozenset[str] = frozenset()
    back: Callable[[Document, Document, tuple[str, ...]], Document] = lambda _now, before, known: {
        name: before[name] for name in known
    }
    advice: str = ""
    baselined: bool = True
    # When it was changed does not tell two states apart: made again, it is the same request.
    volatile: frozenset[str] = frozenset({_CHANGED})
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        for candidate in self.candidates(change):
            at: Document = {_CHANGED: change.time} if TOLD in candidate.hint else {}
            yield replace(candidate, hint={**candidate.hint, **at})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = self.read(candidate.resource, reader)
        if found is None:
            return None
        state = {name: value for name, value in found.items() if name != MADE}
        just_made = MADE in found and is_being_made(found, text(candidate.hint, _CHANGED))
        return {**state, **candidate.hint, **({TOLD: []} if just_made else {})}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        weak = self.weaker(state, baseline)
        if not weak:
            return None
        preparation = self._why_preparation(weak)
        finding = Finding("; ".join(weak.values()), tuple(weak), preparation=preparation)
        unsure = [name for name in weak if name not in (baseline or {})]
        if set(unsure) <= self.in_itself:
            return finding
        why = f"whether {', '.join(unsure)} was any different before is not recorded"
        return replace(finding, at_most=Autonomy.ASK, at_most_why=why)

    @property
    def prepares(self) -> bool:
        return bool(self.guards)

    def preparation(self, told: Document) -> Preparation | None:
        why = self._why_preparation(map(str, listed(told, TOLD)))
        return Preparation(why) if why else None

    def _why_preparation(self, weak: Iterable[str]) -> str:
        fields = set(weak)
        return NOTHING_LOST if fields and fields <= self.guards else ""

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        state = _as_read(observation.state)
        before = {**self.default, **(baseline or {})}
        weak = tuple(self.weaker(observation.state, baseline))
        known = tuple(name for name in weak if name in before)
        unknown = ", ".join(name for name in weak if name not in before)
        if not known:
            return Plan((), advice=f"What {unknown} was before is not recorded.")
        restored = {**state, **self.back(state, before, known)}
        there = self.put(candidate.resource, restored, known)
        step = Step(there, (self.put(candidate.resource, state, known),))
        beside = (*weak, *candidate.hint)
        untouched = tuple(name for name in state if name not in beside)
        left = f"What {unknown} was before is not recorded, and stays as it is." if unknown else ""
        return Plan((step,), untouched, advice=" ".join(filter(None, (left, self.advice))))

    def put_back(self, candidate: Candidate, observation: Observation, baseline: Document) -> Plan:
        state = _as_read(observation.state)
        differs = tuple(name for name in baseline if state.get(name) != baseline[name])
        there = self.put(candidate.resource, {**state, **baseline}, differs)
        return Plan((Step(there, (self.put(candidate.resource, state, differs),)),))


def _as_read(state: Document) -> Document:
    """A state without what only a record tells: a call must not be given that."""
    return {name: value for name, value in state.items() if name not in (TOLD, _CHANGED)}


def is_being_made(found: Document, changed: str) -> bool:
    """Whether a thing was made right before a change, or never was in use: see `MADE`."""
    if found[MADE] is None:
        return True
    made, at = moment(text(found, MADE)), moment(changed)
    return made is not None and at is not None and at - made < _BEING_MADE


def told(resource: Resource, *weak: str) -> Candidate:
    """The candidate of a record that itself says that these fields were made weak."""
    return Candidate(resource, Certainty.EVIDENT, {TOLD: list(weak)})


def weaker_than_before(
    weak: Callable[[Document], Mapping[str, str]],
) -> Callable[[Document, Document | None], Mapping[str, str]]:
    """For `Weakened`: the fields that are weak now and were not before.

    `weak` names the fields of a state that are weak in themselves. Many are weak from the start
    (AWS's own defaults), and that is no drift. Of a field that no baseline knows only a record's
    word counts: what it was `told`; a sweep records what it finds.
    """

    def weaker(state: Document, baseline: Document | None) -> Mapping[str, str]:
        known, before = baseline or {}, {} if baseline is None else weak(baseline)
        of_the_record = listed(state, TOLD)
        return {
            name: why
            for name, why in weak(state).items()
            if name not in before and (name in known or name in of_the_record)
        }

    return weaker
