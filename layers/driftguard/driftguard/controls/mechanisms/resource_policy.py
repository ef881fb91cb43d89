"""Controls over resource policies: opened to strangers, or robbed of what they denied.

- `OpenPolicy`: a policy opens its resource; the offending principals or statements go.
- `DenyLost`: a policy was deleted, or replaced without its Deny statements; they come back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from driftguard.access import policy
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
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

from ..control import Control, NoSettings, TrustSettings
from .declared import Candidates, Declared, Read, listed
from .weakened import TOLD


@dataclass(frozen=True, kw_only=True)
class OpenPolicy(Declared, Control[TrustSettings]):
    """A resource policy that opens its resource to the public, or to accounts not trusted.

    `service` is what `access.policy.judge` calls it; `audiences` which openings count. `written`
    is the policy in the record, as text or object, None where the record has none. `read` answers
    `{"policy": "<text>", …}`. `put` writes a text, `delete` removes the policy; a service without
    deletion never leaves it empty.
    """

    service: str
    audiences: tuple[str, ...] = ("public", "external")
    candidates: Candidates
    written: Callable[[Change], Json]
    read: Read
    put: Callable[[Resource, str, Document], Call]
    delete: Callable[[Resource, Document], Call] | None = None
    settings: type[TrustSettings] = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        written = self.written(change)
        for candidate in self.candidates(change):
            if not isinstance(written, (str, dict)):
                yield Candidate(candidate.resource, Certainty.POSSIBLE, candidate.hint)
            elif self._openings(written, candidate.resource.account, settings) or (
                self._verdict(written, candidate.resource.account, settings).unparsable
            ):
                yield Candidate(candidate.resource, Certainty.EVIDENT, candidate.hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = self.read(candidate.resource, reader)
        return None if found is None else {"owner": candidate.resource.account, **found}

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        written, owner = text(state, "policy"), text(state, "owner")
        if not written:
            return None
        if unparsable := self._verdict(written, owner, settings).unparsable:
            return Finding(f"the policy cannot be read: {unparsable}")
        openings = self._openings(written, owner, settings)
        return Finding("; ".join(opening.reason for opening in openings)) if openings else None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        resource, written = candidate.resource, text(observation.state, "policy")
        if self._verdict(written, resource.account, settings).unparsable:
            return Plan((), advice="Read the policy; it could not be parsed to amend it.")
        openings = self._openings(written, resource.account, settings)
        rest = policy.without(self.service, written, openings, account=resource.account)
        if rest is None and self.delete is not None:
            call = self.delete(resource, observation.state)
        elif rest is None:
            return Plan((), advice="Nothing would be left of the policy, and it cannot be deleted.")
        else:
            call = self.put(resource, json.dumps(rest), observation.state)
        untouched = statements_kept(written, rest)
        return Plan(
            (Step(call, (self.put(resource, written, observation.state),)),), untouched=untouched
        )

    def _verdict(
        self, written: str | dict[str, Json], account: str, settings: TrustSettings
    ) -> policy.Verdict:
        return policy.judge(self.service, written, account=account, trusted=settings.trusted)

    def _openings(
        self, written: str | dict[str, Json], account: str, settings: TrustSettings
    ) -> list[policy.Opening]:
        verdict = self._verdict(written, account, settings)
        return [opening for opening in verdict.openings if opening.audience in self.audiences]


@dataclass(frozen=True, kw_only=True)
class DenyLost(Declared, Control[NoSettings]):
    """A resource policy was deleted, or replaced by one without the Deny statements it had.

    `written` is the policy in the record, None in one of a deletion; one that denies something is
    taken to have lost nothing. `read` answers `{"policy": "<text>"}`, null where there is none. A
    deleted policy comes back whole; to a replaced one the lost statements are added. Without a
    baseline nobody knows what was denied: people are asked about a deletion.
    """

    candidates: Callable[[Change], Iterable[Candidate]]
    written: Callable[[Change], Json]
    read: Read
    put: Callable[[Resource, str, Document], Call]
    delete: Callable[[Resource, Document], Call]
    baselined: bool = True
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        written = self.written(change)
        if not any(map(_denies, _statements(written))):
            hint = {} if written else {TOLD: ["policy"]}
            for candidate in self.candidates(change):
                yield Candidate(candidate.resource, Certainty.POSSIBLE, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = self.read(candidate.resource, reader)
        return None if found is None else {**found, **candidate.hint}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if baseline is None:
            deleted = state["policy"] is None and bool(listed(state, TOLD))
            return Finding("the policy was deleted") if deleted else None
        lost = self._lost(state, baseline)
        names = ", ".join(text(statement, "Sid") or "a Deny without a name" for statement in lost)
        return Finding(f"the policy no longer has {names}", tuple(lost)) if lost else None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        if baseline is None:
            return Plan((), advice="What the policy denied is not recorded.")
        resource, written = candidate.resource, text(observation.state, "policy")
        if not written:
            whole = self.put(resource, text(baseline, "policy"), observation.state)
            return Plan((Step(whole, (self.delete(resource, observation.state),)),))
        lost = self._lost(observation.state, baseline)
        there = [*_statements(written), *lost]
        amended = json.dumps({**json.loads(written), "Statement": there})
        step = Step(
            self.put(resource, amended, observation.state),
            (self.put(resource, written, observation.state),),
        )
        return Plan(
            (step,),
            untouched=tuple(text(statement, "Sid") for statement in there if statement not in lost),
        )

    def _lost(self, state: Document, baseline: Document) -> list[Document]:
        now = _statements(state["policy"])
        return [
            statement
            for statement in _statements(baseline["policy"])
            if _denies(statement) and statement not in now
        ]


def statements_kept(written: str, rest: Mapping[str, object] | None) -> tuple[str, ...]:
    """What a surgical edit leaves of a policy's statements, a name each.

    A statement that lost some of its principals is named as amended.
    """
    before = list(items(json.loads(written).get("Statement")))
    after = list(items(document(rest or {}).get("Statement")))
    return tuple(
        f"statement {text(statement, 'Sid') or number}"
        + ("" if statement in before else ", amended")
        for number, statement in enumerate(after, start=1)
    )


def _statements(written: Json) -> list[Document]:
    """The statements of a policy, as text or object; none if it cannot be read."""
    try:
        parsed = json.loads(written) if isinstance(written, str) else written
    except ValueError:
        return []
    return list(items(parsed.get("Statement"))) if isinstance(parsed, Mapping) else []


def _denies(statement: Document) -> bool:
    return text(statement, "Effect") == "Deny"
