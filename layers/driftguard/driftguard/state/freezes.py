"""The kill switch: what its state record becomes when set or lifted, and whether it holds.

Pure. A freeze that was lifted stays as a record that says so until it expires, so that people see
who lifted it. A record names the decision that tells of it; a record that names none was not
written through the signed API, and the guard records it when it first meets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from driftguard.documents import Document, stamp, text
from driftguard.model import Place

from .keys import ALL, StateRecord, StateRecords, freeze_key, freeze_keys

# How long it can be seen who lifted a freeze.
_LIFTED_IS_SEEN = timedelta(days=30)


def anew(place: Place, scope: str, at: datetime) -> StateRecord:
    """A state record to be written over whatever is there; its version counts on from the time.

    So nobody who has read the one before it writes over it. `scope` is `all`, `account#<id>` or
    `control#<id>`.
    """
    return StateRecord(freeze_key(place, scope), version=int(at.timestamp() * 1000))


def frozen(
    record: StateRecord, *, by: str, reason: str, at: datetime, until: str = "", decision: str = ""
) -> StateRecord:
    """The record of a freeze that holds until then (ISO 8601, UTC), or until it is lifted.

    `decision` records it; "" where nothing does yet.
    """
    document: Document = {"by": by, "reason": reason, "since": stamp(at), "until": until}
    return record.saying(_recorded(document, decision))


def lifted(
    record: StateRecord, *, by: str, reason: str, at: datetime, decision: str = ""
) -> StateRecord:
    """The record of a freeze that no longer holds."""
    left = {name: value for name, value in record.document.items() if name != "decision"}
    document: Document = {**left, "lifted": stamp(at), "lifted_by": by, "lifted_why": reason}
    expires = int((at + _LIFTED_IS_SEEN).timestamp())
    return record.saying(_recorded(document, decision), expires=expires)


def holds(record: StateRecord, now: datetime) -> bool:
    """Whether a freeze is on. A freeze that cannot be read counts as on."""
    until = text(record.document, "until")
    ended = bool(until) and until <= stamp(now)
    return bool(record.version) and not is_lifted(record) and not ended


def is_lifted(record: StateRecord) -> bool:
    """Whether a state record says that somebody lifted the freeze."""
    return "lifted" in record.document


def scope(record: StateRecord) -> str:
    """What the freeze covers, in words: `everything`, `control ec2.open-ingress`, `account …`."""
    return "everything" if record.key[1] == ALL else record.key[1].replace("#", " ")


def unrecorded(remembered: StateRecords, control: str, account: str) -> Iterator[StateRecord]:
    """The freezes and lifts, among those that concern a control, that no decision records."""
    for key in freeze_keys(remembered.place, account, control):
        record = remembered[key]
        if record.version and not text(record.document, "decision"):
            yield record


def _recorded(document: Document, decision: str) -> Document:
    return {**document, "decision": decision} if decision else document


def why_frozen(remembered: StateRecords, control: str, account: str, now: datetime) -> str:
    """Why nothing may be changed now, in words; "" while there is no freeze, or it has ended."""
    for key in freeze_keys(remembered.place, account, control):
        record = remembered[key]
        if not holds(record, now):
            continue
        what = "" if key[1] == ALL else f" ({scope(record)})"
        until, by = text(record.document, "until"), text(record.document, "by")
        reason = f"frozen by {by or 'somebody'}{what}" + (f" until {until}" if until else "")
        why = text(record.document, "reason")
        return f"{reason}: {why}" if why else reason
    return ""
