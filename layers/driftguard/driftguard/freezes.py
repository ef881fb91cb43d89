"""The kill switch: what its note becomes when it is set or lifted, and whether it holds.

Pure. A freeze that is lifted stays as a note that says so, until it expires: so who lifted it is
seen too. A note names the decision that records it; one that names none was written around the
console, and the guard records it when it first meets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from .model import Document, stamp
from .state import ALL, Memory, Note, freeze_keys
from .trail import text

# How long it can be seen who lifted a freeze.
_LIFTED_IS_SEEN = timedelta(days=30)


def anew(scope: str, at: datetime) -> Note:
    """A note to be written over whatever is there; its version counts on from the time.

    So nobody who has read the one before it writes over it. `scope` is `all`, `account#<id>` or
    `control#<id>`.
    """
    return Note(("freeze", scope), version=int(at.timestamp() * 1000))


def frozen(
    note: Note, *, by: str, reason: str, at: datetime, until: str = "", decision: str = ""
) -> Note:
    """The note of a freeze that holds until then (ISO 8601, UTC), or until it is lifted.

    `decision` records it; "" where nothing does yet.
    """
    document: Document = {"by": by, "reason": reason, "since": stamp(at), "until": until}
    return note.saying(_recorded(document, decision))


def lifted(note: Note, *, by: str, reason: str, at: datetime, decision: str = "") -> Note:
    """The note of a freeze that no longer holds."""
    left = {name: one for name, one in note.document.items() if name != "decision"}
    document: Document = {**left, "lifted": stamp(at), "lifted_by": by, "lifted_why": reason}
    expires = int((at + _LIFTED_IS_SEEN).timestamp())
    return note.saying(_recorded(document, decision), expires=expires)


def holds(note: Note, now: datetime) -> bool:
    """Whether a freeze is on. One that cannot be read is: that is what it was written for."""
    until = text(note.document, "until")
    ended = bool(until) and until <= stamp(now)
    return bool(note.version) and not is_lifted(note) and not ended


def is_lifted(note: Note) -> bool:
    """Whether a note says that somebody lifted the freeze."""
    return "lifted" in note.document


def scope(note: Note) -> str:
    """What it is a freeze of, in words: `everything`, `control ec2.open-ingress`, `account …`."""
    return "everything" if note.key[1] == ALL else note.key[1].replace("#", " ")


def unrecorded(memory: Memory, control: str, account: str) -> Iterator[Note]:
    """The freezes and lifts, among those that concern a control, that no decision records."""
    for key in freeze_keys(account, control):
        note = memory[key]
        if note.version and not text(note.document, "decision"):
            yield note


def _recorded(document: Document, decision: str) -> Document:
    return {**document, "decision": decision} if decision else document
