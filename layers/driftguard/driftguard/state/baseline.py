"""The last state of a resource that was clean or that a person approved, and its versions.

Pure. A baseline moves by itself only to a state that is clean beside two others: the baseline
before it, and the anchor, which is the last one that a person accepted or the first that was
recorded. So a row of small steps cannot move it to where one big step could not.

The person who accepted a baseline is recorded with what was there before, because the baseline does
not vouch for that person's own changes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from driftguard.documents import Document, mapping, moment, stamp, text
from driftguard.frozen import dataclass
from driftguard.model import Resource

from .keys import StateRecord, baseline_log_key

# A baseline that was found unchanged is marked as checked again after so many seconds.
_CHECKED_EVERY = 7 * 86_400
# What is kept of a resource beside its ARN, which is the record's sort key unless it is too long.
_RESOURCE = ("kind", "id", "account", "region")


@dataclass(frozen=True, slots=True)
class Word:
    """The acceptance of a baseline: the person's name (may be empty), their ARN, and when.

    `agreed` are others who accepted it too, each by name and ARN.
    """

    person: str
    identity: str
    at: str
    agreed: tuple[tuple[str, str], ...] = ()

    @property
    def people(self) -> tuple[tuple[str, str], ...]:
        """Everybody who accepted it."""
        return ((self.person, self.identity), *self.agreed)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A recorded state: since when it is the baseline, when it was last seen, and who set it.

    `word` is the act by which somebody accepted it or the anchor it moved on from, and `before`
    and `before_anchor` are what held until then; None where nothing did.
    """

    state: Document
    anchor: Document
    recorded: str
    checked: str
    by: str
    why: str
    version: int
    word: Word | None = None
    before: Document | None = None
    before_anchor: Document | None = None

    def age(self, now: datetime) -> timedelta:
        """How long ago the baseline was last seen."""
        return now - datetime.fromisoformat(self.checked)


def baseline_of(record: StateRecord) -> Baseline | None:
    """The baseline in a state record; None where none is recorded, or cannot be read."""
    stored = record.document
    state, anchor = stored.get("state"), stored.get("anchor")
    readable = moment(text(stored, "checked")) is not None
    if not isinstance(state, dict) or not isinstance(anchor, dict) or not readable:
        return None
    return Baseline(
        state,
        anchor,
        recorded=text(stored, "recorded"),
        checked=text(stored, "checked"),
        by=text(stored, "by"),
        why=text(stored, "why"),
        version=record.version,
        word=_word(accepted) if (accepted := mapping(stored, "accepted")) else None,
        before=mapping(accepted, "state") or None,
        before_anchor=mapping(accepted, "anchor") or None,
    )


def moved(
    record: StateRecord,
    control: str,
    resource: Resource,
    state: Document,
    *,
    at: datetime,
    by: str,
    why: str,
    anchored: bool,
    word: Word | None = None,
) -> tuple[StateRecord, StateRecord]:
    """The records that make this state the baseline: the current one, and its version for good.

    `anchored`: a person accepted it, so that it is what later states are measured against. `word`
    says whose act that was, where it may be of somebody who changes the resource too.
    """
    before = baseline_of(record)
    anchor = state if anchored or before is None else before.anchor
    # Who accepts a state knows no more of the resource than its ARN.
    named: Document = {name: getattr(resource, name) for name in _RESOURCE}
    if record.key[1] != resource.arn:
        named = {**named, "arn": resource.arn}
    document: Document = {
        "resource": named if resource.id else mapping(record.document, "resource"),
        "state": state,
        "anchor": anchor,
        "recorded": stamp(at),
        "checked": stamp(at),
        "by": by,
        "why": why,
    }
    if record.unreadable:
        # Its version is not known: the time is after all those before.
        record = replace(record, version=int(at.timestamp()))
    version = StateRecord(baseline_log_key(control, resource, record.version + 1))
    accepted = mapping(record.document, "accepted") if not anchored else _accepted(word, before)
    current: Document = {**document, "accepted": accepted} if accepted else document
    return record.saying(current), version.saying(document)


def _accepted(word: Word | None, before: Baseline | None) -> Document:
    """An acceptance with the baseline before it, or before a person's first of several."""
    if word is None:
        return {}
    said: Document = {"person": word.person, "identity": word.identity, "at": word.at}
    if word.agreed:
        said = {**said, "agreed": [list(one) for one in word.agreed]}
    if before is None:
        return said
    earlier = before.word.people if before.word is not None else ()
    if any(identity == known for _, identity in word.people for _, known in earlier):
        state, anchor = before.before, before.before_anchor
    else:
        state, anchor = before.state, before.anchor
    return {**said, **({"state": state, "anchor": anchor} if state is not None else {})}


def _word(accepted: Document) -> Word:
    agreed = accepted.get("agreed")
    pairs = [one for one in agreed if isinstance(one, list)] if isinstance(agreed, list) else []
    person, identity, at = (text(accepted, name) for name in ("person", "identity", "at"))
    return Word(person, identity, at, tuple((str(one[0]), str(one[1])) for one in pairs))


def resource_of(record: StateRecord) -> Resource | None:
    """The resource whose baseline is in a state record; None where the record does not say."""
    named = mapping(record.document, "resource")
    kind, id_, account, region = (text(named, name) for name in _RESOURCE)
    arn = text(named, "arn") or record.key[1]
    return Resource(kind, id_, account, region, arn) if id_ else None


def checked(record: StateRecord, at: datetime) -> StateRecord | None:
    """The record that says a baseline was found unchanged; None while the last look is recent."""
    known = baseline_of(record)
    if known is None or known.age(at).total_seconds() < _CHECKED_EVERY:
        return None
    return record.saying({**record.document, "checked": stamp(at)})
