"""Controls over resource policies: opened to strangers, or robbed of what they denied.

- `OpenPolicy`: a policy opens its resource; the offending principals or statements go.
- `DenyLost`: a policy was deleted, or replaced without its Deny statements; they come back.

Both put whole documents, without the users and roles that are deleted (`left_out`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from driftguard.access import policy
from driftguard.access.document import as_list, element, load
from driftguard.access.patterns import overlaps
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
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

from ..control import Control, NoSettings, TrustSettings
from .declared import Candidates, Declared, Read, listed
from .left_out import VOLATILE, left_out, living
from .weakened import TOLD

OPEN_BEFORE = "its baseline is open to some of them: people accepted that"


@dataclass(frozen=True, kw_only=True)
class OpenPolicy(Declared, Control[TrustSettings]):
    """A resource policy that opens its resource to the public, or to accounts not trusted.

    `service` is what `access.policy.judge` calls it; `audiences` which openings count. `written`
    is the policy in the record, as text or object, None where the record has none. `read` answers
    `{"policy": "<text>", …}`. `put` writes a text, `delete` removes the policy; a service without
    deletion never leaves it empty: its baseline comes back, or people are told. `spared` says why
    a state's policy is for people to amend, "" if it is not.

    What people accepted is in the baseline: a policy that is still open to whom it was open there
    is at most asked about.
    """

    service: str
    audiences: tuple[str, ...] = ("public", "external")
    candidates: Candidates
    written: Callable[[Change], Json]
    read: Read
    put: Callable[[Resource, str, Document], Call]
    delete: Callable[[Resource, Document], Call] | None = None
    spared: Callable[[Document], str] = lambda _: ""
    baselined: bool = True
    volatile: frozenset[str] = VOLATILE
    settings: type[TrustSettings] = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        written = self.written(change)
        for candidate in self.candidates(change):
            if not isinstance(written, (str, dict)):
                yield Candidate(candidate.resource, Certainty.POSSIBLE, candidate.hint)
            elif self._openings(written, candidate.resource.account, settings) or (
                self._verdict(written, candidate.resource.account, settings).doubt
            ):
                yield Candidate(candidate.resource, Certainty.EVIDENT, candidate.hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = self.read(candidate.resource, reader)
        return None if found is None else {"owner": candidate.resource.account, **living(found)}

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        written, owner = text(state, "policy"), text(state, "owner")
        if not written:
            return None
        if doubt := self._verdict(written, owner, settings).doubt:
            return Finding(f"the policy {doubt}")
        openings = self._openings(written, owner, settings)
        if not openings:
            return None
        summary = "; ".join(opening.reason for opening in openings)
        before, granted = text(baseline or {}, "policy"), grants(written, openings)
        offending = tuple([*grant] for grant in sorted(granted))
        if granted & grants(before, self._openings(before, owner, settings)):
            return Finding(summary, offending, at_most=Autonomy.ASK, at_most_why=OPEN_BEFORE)
        return Finding(summary, offending)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        resource, written = candidate.resource, text(observation.state, "policy")
        if self._verdict(written, resource.account, settings).doubt:
            return Plan((), advice=_NOT_UNDERSTOOD)
        if advice := self.spared(observation.state):
            return Plan((), advice=advice)
        openings = self._openings(written, resource.account, settings)
        rest = policy.without(self.service, written, openings, account=resource.account)
        before = text(baseline or {}, "policy")
        if rest is not None:
            call = self.put(resource, json.dumps(rest), observation.state)
        elif self.delete is not None:
            call = self.delete(resource, observation.state)
        elif before and not self._openings(before, resource.account, settings):
            call, rest = self.put(resource, before, observation.state), json.loads(before)
        else:
            return Plan((), advice=_EMPTIED)
        untouched = (*statements_kept(written, rest), *left_out(observation.state))
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


_NOT_UNDERSTOOD = "Read the policy: it is not understood well enough to amend it."
_EMPTIED = (
    "Nothing would be left of the policy, and without one the service's default applies. Put a "
    "policy that names who may use the resource."
)


@dataclass(frozen=True, kw_only=True)
class DenyLost(Declared, Control[NoSettings]):
    """A resource policy was deleted, or replaced by one without the Deny statements it had.

    `written` is the policy in the record, None in one of a deletion; one that denies something is
    taken to have lost nothing. `read` answers `{"policy": "<text>"}`, null where there is none. A
    deleted policy comes back whole; to a replaced one the lost statements are added. A Deny in the
    place of the lost one, about the same actions and resources, is a question: both together may
    let nobody in, so the old one would take its place. Without a baseline nobody knows what was
    denied: people are told of a deletion.

    `by_default` says whom the service lets in where there is no policy, "" for nobody else: then
    each policy that is deleted is a loss, whether it denied anything or not.
    """

    candidates: Callable[[Change], Iterable[Candidate]]
    written: Callable[[Change], Json]
    read: Read
    put: Callable[[Resource, str, Document], Call]
    delete: Callable[[Resource, Document], Call]
    by_default: str = ""
    baselined: bool = True
    volatile: frozenset[str] = VOLATILE
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        written = self.written(change)
        if not any(map(_denies, _statements(written))):
            hint = {} if written else {TOLD: ["policy"]}
            for candidate in self.candidates(change):
                yield Candidate(candidate.resource, Certainty.POSSIBLE, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = self.read(candidate.resource, reader)
        return None if found is None else {**living(found), **candidate.hint}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if baseline is None:
            deleted = state["policy"] is None and bool(listed(state, TOLD))
            return Finding("the policy was deleted") if deleted else None
        if self.by_default and baseline["policy"] and state["policy"] is None:
            return Finding(f"the policy was deleted: {self.by_default}")
        lost = _lost(state, baseline)
        if not lost:
            return None
        summary = f"the policy no longer has {', '.join(map(_name, lost))}"
        if replaced := _in_place_of(lost, state, baseline):
            instead = ", ".join(map(_name, replaced))
            why = f"{instead} came in its place, and both together may let nobody in"
            return Finding(summary, tuple(lost), at_most=Autonomy.ASK, at_most_why=why)
        return Finding(summary, tuple(lost))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        if baseline is None:
            return Plan((), advice="What the policy denied is not recorded.")
        state, resource = observation.state, candidate.resource
        written = text(state, "policy")
        if not written:
            whole = self.put(resource, text(baseline, "policy"), state)
            undo = self.delete(resource, state)
            return Plan((Step(whole, (undo,)),), untouched=left_out(baseline))
        lost = _lost(state, baseline)
        replaced = _in_place_of(lost, state, baseline)
        kept = [statement for statement in _statements(written) if statement not in replaced]
        amended = json.dumps({**json.loads(written), "Statement": [*kept, *lost]})
        step = Step(self.put(resource, amended, state), (self.put(resource, written, state),))
        return Plan((step,), untouched=(*map(_name, kept), *left_out(state)))


def _lost(state: Document, baseline: Document) -> list[Document]:
    """The Deny statements of the baseline that are no longer there."""
    now = _statements(state["policy"])
    return [
        statement
        for statement in _statements(baseline["policy"])
        if _denies(statement) and statement not in now
    ]


def _in_place_of(lost: list[Document], state: Document, baseline: Document) -> list[Document]:
    """The Deny statements that are new, and are about what a lost one was about."""
    before = _statements(baseline["policy"])
    return [
        statement
        for statement in _statements(state["policy"])
        if _denies(statement)
        and statement not in before
        and any(_about_the_same(statement, old) for old in lost)
    ]


def _about_the_same(new: Document, old: Document) -> bool:
    """Whether two statements bear the same Sid, or share an action on a resource.

    What a statement excludes (NotAction, NotResource) is not compared: it may share anything.
    """
    sid = text(new, "Sid")
    return bool(sid and sid == text(old, "Sid")) or (
        _share(new, old, "Action") and _share(new, old, "Resource")
    )


def _share(new: Document, old: Document, element: str) -> bool:
    if element not in new or element not in old:
        return True
    return any(
        overlaps(str(one).lower(), str(other).lower())
        for one in as_list(new[element])
        for other in as_list(old[element])
    )


def _name(statement: Document) -> str:
    """What people call a statement."""
    effect = "a Deny" if _denies(statement) else "an Allow"
    return text(statement, "Sid") or f"{effect} without a name"


def grants(written: str, openings: Iterable[policy.Opening]) -> set[tuple[str, str]]:
    """What openings grant, and to whom: equal for two policies however else they differ."""
    return {
        (_granted(written, opening.index), name)
        for opening in openings
        for name in opening.principals
    }


def _granted(written: str, index: int) -> str:
    """What a statement says beside its name and its principals, in one spelling."""
    loaded, _ = load(written)
    statement = as_list(element(loaded, "Statement"))[index]
    assert isinstance(statement, Mapping)
    apart = ("sid", "principal")
    granted = {name: value for name, value in statement.items() if name.lower() not in apart}
    return json.dumps(granted, sort_keys=True)


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
    except (ValueError, RecursionError):
        return []
    return list(items(parsed.get("Statement"))) if isinstance(parsed, Mapping) else []


def _denies(statement: Document) -> bool:
    return text(statement, "Effect") == "Deny"
