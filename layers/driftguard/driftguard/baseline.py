"""The last state of a resource's facet that was clean or that a person approved, and its versions.

Pure. A baseline moves by itself only to a state that is clean beside two others: the baseline
before it, and the anchor, which is the last one that a person accepted or the first that was
recorded. So a row of steps, each too small to matter, cannot walk it to where one step could not.

Who accepted a baseline is kept with what was there before: it does not vouch for changes of their
own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .model import Document, Resource, moment, stamp
from .state import Note, baseline_log_key
from .trail import mapping, text

# A baseline that was found unchanged is marked as checked again after so many seconds.
_CHECKED_EVERY = 7 * 86_400
# What is kept of a resource beside its ARN, which is the note's own key.
_RESOURCE = ("kind", "id", "account", "region")


@dataclass(frozen=True, slots=True)
class Word:
    """Whose word an accepted baseline is: their name (may be empty), their ARN, and when."""

    person: str
    identity: str
    at: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """A recorded state: since when it is it, when it was last found so, and who said so.

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
        """How long ago it was last found to be so."""
        return now - datetime.fromisoformat(self.checked)


def baseline_of(note: Note) -> Baseline | None:
    """The baseline in a note; None where none is recorded, or cannot be read."""
    kept = note.document
    state, anchor = kept.get("state"), kept.get("anchor")
    readable = moment(text(kept, "checked")) is not None
    if not isinstance(state, dict) or not isinstance(anchor, dict) or not readable:
        return None
    return Baseline(
        state,
        anchor,
        recorded=text(kept, "recorded"),
        checked=text(kept, "checked"),
        by=text(kept, "by"),
        why=text(kept, "why"),
        version=note.version,
        word=Word(*(text(accepted, name) for name in ("person", "identity", "at")))
        if (accepted := mapping(kept, "accepted"))
        else None,
        before=mapping(accepted, "state") or None,
        before_anchor=mapping(accepted, "anchor") or None,
    )


def moved(
    note: Note,
    control: str,
    resource: Resource,
    state: Document,
    *,
    at: datetime,
    by: str,
    why: str,
    anchored: bool,
    word: Word | None = None,
) -> tuple[Note, Note]:
    """The notes that make this state the baseline: the current one, and the version kept for good.

    `anchored`: a person accepted it, so that it is what later states are measured against. `word`
    says whose act that was, where it may be of somebody who changes the resource too.
    """
    before = baseline_of(note)
    anchor = state if anchored or before is None else before.anchor
    # Who accepts a state knows no more of the resource than its ARN.
    named: Document = {name: getattr(resource, name) for name in _RESOURCE}
    document: Document = {
        "resource": named if resource.id else mapping(note.document, "resource"),
        "state": state,
        "anchor": anchor,
        "recorded": stamp(at),
        "checked": stamp(at),
        "by": by,
        "why": why,
    }
    version = Note(baseline_log_key(control, resource, note.version + 1))
    accepted = mapping(note.document, "accepted") if not anchored else _accepted(word, before)
    current: Document = {**document, "accepted": accepted} if accepted else document
    return note.saying(current), version.saying(document)


def _accepted(word: Word | None, before: Baseline | None) -> Document:
    """An act of accepting, with what held before it; before the first of several of one person."""
    if word is None:
        return {}
    said: Document = {"person": word.person, "identity": word.identity, "at": word.at}
    if before is None:
        return said
    if before.word is not None and before.word.identity == word.identity:
        state, anchor = before.before, before.before_anchor
    else:
        state, anchor = before.state, before.anchor
    return {**said, **({"state": state, "anchor": anchor} if state is not None else {})}


def resource_of(note: Note) -> Resource | None:
    """The resource whose baseline is in a note; None where the note does not say."""
    named = mapping(note.document, "resource")
    kind, id_, account, region = (text(named, name) for name in _RESOURCE)
    return Resource(kind, id_, account, region, note.key[1]) if id_ else None


def checked(note: Note, at: datetime) -> Note | None:
    """The note that says a baseline was found unchanged; None while the last look is recent."""
    known = baseline_of(note)
    if known is None or known.age(at).total_seconds() < _CHECKED_EVERY:
        return None
    return note.saying({**note.document, "checked": stamp(at)})
