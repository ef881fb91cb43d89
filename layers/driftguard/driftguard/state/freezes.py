"""The kill switch: what its state record becomes when set or lifted, and whether it holds.

Pure. A freeze that was lifted stays as a record that says so until it expires, so that people see
who lifted it. A record names the decision that tells of it. Whoever may write the record can name
any: one that no decision proves was not written through the signed API, and the guard records it
when it first meets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from driftguard.documents import Document, digest, moment, stamp, text
from driftguard.model import Decision, Place, Status

from .keys import ALL, StateRecord, StateRecords, freeze_key, freeze_keys

# The acts that set and lift a freeze.
FREEZING = "freeze"
ACTS = (FREEZING, "unfreeze")
# How long it can be seen who lifted a freeze.
_LIFTED_IS_SEEN = timedelta(days=30)
# How far back is looked where it is not known when a freeze began.
UNKNOWN_BEGINNING = timedelta(days=30)
# So long after a freeze has ended, what it held back may not have been judged anew yet.
_JUDGED = timedelta(days=1)


def anew(place: Place, scope: str, at: datetime, standing: StateRecord | None) -> StateRecord:
    """A state record to be written over whatever is there; its version counts on from the time.

    So nobody who has read the one before it writes over it. `scope` is `all`, `account#<id>` or
    `control#<id>`. `standing` is the record that is there; where it could not be read (None), it
    is held to be a freeze that began `UNKNOWN_BEGINNING` ago: what it held back must not be lost.
    """
    key, version = freeze_key(place, scope), int(at.timestamp() * 1000)
    if standing is None:
        return StateRecord(key, {"since": stamp(at - UNKNOWN_BEGINNING)}, version=version)
    return StateRecord(key, standing.document, version=version)


def frozen(
    record: StateRecord, *, by: str, reason: str, at: datetime, until: str = "", decision: str = ""
) -> StateRecord:
    """The record of a freeze that holds until then (ISO 8601, UTC), or until it is lifted.

    `decision` records it; "" where nothing does yet. Where it goes on from another freeze, its end
    makes up for what that one has held back (`held_since`). Where it is set `over` one that holds,
    it names the decision of that: "" where none records it.
    """
    document: Document = {"by": by, "reason": reason, "since": stamp(at), "until": until}
    earlier = beginning(record.document, stamp(at))
    if holds(record, at):
        document = {**document, "over": text(record.document, "decision")}
        earlier = earlier or stamp(at - UNKNOWN_BEGINNING)
    if earlier and not _is_over(record, at):
        document = {**document, "held_since": earlier}
    return record.saying(_recorded(document, decision))


def lifted(
    record: StateRecord, *, by: str, reason: str, at: datetime, decision: str = ""
) -> StateRecord:
    """The record of a freeze that no longer holds; `froze` names the freeze's decision."""
    left = {name: value for name, value in record.document.items() if name != "decision"}
    froze = _recorded({}, text(record.document, "decision"), "froze")
    how: Document = {"lifted": stamp(at), "lifted_by": by, "lifted_why": reason}
    document: Document = {**left, **froze, **how}
    expires = int((at + _LIFTED_IS_SEEN).timestamp())
    return record.saying(_recorded(document, decision), expires=expires)


def holds(record: StateRecord, now: datetime) -> bool:
    """Whether a freeze is on. A freeze that cannot be read counts as on, and so does its end."""
    ends = _as_stamp(text(record.document, "until"))
    ended = bool(ends) and ends <= stamp(now)
    return bool(record.version) and not is_lifted(record) and not ended


def _is_over(record: StateRecord, at: datetime) -> bool:
    """Whether a freeze ended so long ago that all it held back is judged anew."""
    ended = _as_stamp(text(record.document, "lifted") or text(record.document, "until"))
    return not holds(record, at) and "" < ended < stamp(at - _JUDGED)


def before_lift(document: Document) -> Document:
    """What the record of a lifted freeze said before."""
    added = ("lifted", "lifted_by", "lifted_why", "froze", "decision")
    left = {name: value for name, value in document.items() if name not in added}
    return _recorded(left, text(document, "froze"))


def beginning(document: Document, latest: str) -> str:
    """Since when a freeze has held back what is to be judged anew (ISO 8601, UTC); "" if unknown.

    `document` is the freeze's, or the state of the decision that records it. What is no time, or
    is later than `latest` (ISO 8601, UTC), does not count: anybody who may write the record can put
    it there.
    """
    written = (_as_stamp(text(document, name)) for name in ("since", "held_since"))
    return min((since for since in written if since and since <= latest), default="")


def _as_stamp(written: str) -> str:
    """A time in the spelling of the records, so that texts compare as times do; "" for no time."""
    at = moment(written)
    try:
        return stamp(at.astimezone(UTC)) if at is not None else ""
    except OverflowError:
        # The first or the last day that there is, in another time zone.
        return ""


def moves_end(record: StateRecord, until: str, now: datetime, *, longer: bool) -> str:
    """Why a freeze that holds may not get another end (ISO 8601, UTC, "" for none), in words.

    Whoever only gives another reason must not keep the guard frozen for longer, unless they say so
    (`longer`), nor end somebody's freeze before its time. "" where it may.
    """
    ends = text(record.document, "until")
    if not holds(record, now):
        return ""
    what = f"{scope(record)} is frozen by {text(record.document, 'by') or 'somebody'}"
    if until and (not ends or until < ends):
        return f"{what} for longer than that: lift that freeze instead."
    if ends and until != ends and not longer:
        return f"{what} until {ends}: say that this freeze is to be longer, with `--longer`."
    return ""


def is_lifted(record: StateRecord) -> bool:
    """Whether a state record says that somebody lifted the freeze."""
    return "lifted" in record.document


def scope(record: StateRecord) -> str:
    """What the freeze covers, in words: `everything`, `control ec2.open-ingress`, `account …`."""
    return "everything" if record.key[1] == ALL else record.key[1].replace("#", " ")


def concerning(remembered: StateRecords, control: str, account: str) -> Iterator[StateRecord]:
    """The freezes that concern a control, whether they hold, have ended or were lifted."""
    for key in freeze_keys(remembered.place, account, control):
        if remembered[key].version:
            yield remembered[key]


def holds_by(act: Decision, now: str) -> bool:
    """Whether a freeze still holds at a time (ISO 8601, UTC) by the decision that records it."""
    is_freeze = act.status is Status.NOTED and act.change_name == FREEZING
    return is_freeze and (not act.expires or now < act.expires)


def found_id(record: StateRecord) -> str:
    """The id of the decision that records this version of a freeze where none proves it."""
    return "dg-" + digest(["found", *record.key, record.version, record.document])[:24]


def named_decision(document: Document, name: str = "decision") -> str:
    """The id of a decision that a freeze's record names; "" where that can be no id.

    What was written by hand may be no key that DynamoDB takes.
    """
    id_ = text(document, name)
    hexadecimal = set(id_[3:]) <= set("0123456789abcdef")
    return id_ if id_.startswith("dg-") and len(id_) == 27 and hexadecimal else ""


def is_proven(record: StateRecord, decision: Decision | None) -> bool:
    """Whether a decision, the one that a freeze's record names, records just this freeze or lift.

    Its scope counts too: else what was recorded of one control's freeze would freeze all.
    """
    return (
        decision is not None
        and decision.status is Status.NOTED
        and decision.change_name == ACTS[is_lifted(record)]
        and decision.candidate.resource.arn == scope(record)
        and decision.state == record.document
    )


def _recorded(document: Document, decision: str, name: str = "decision") -> Document:
    return {**document, name: decision} if decision else document


def holding(
    remembered: StateRecords, control: str, account: str, now: datetime
) -> Iterator[StateRecord]:
    """The freezes that hold now, among those that concern a control."""
    for key in freeze_keys(remembered.place, account, control):
        if holds(remembered[key], now):
            yield remembered[key]


def why_frozen(remembered: StateRecords, control: str, account: str, now: datetime) -> str:
    """Why nothing may be changed now, in words; "" while there is no freeze, or it has ended."""
    for record in holding(remembered, control, account, now):
        what = "" if record.key[1] == ALL else f" ({scope(record)})"
        until, by = text(record.document, "until"), text(record.document, "by")
        reason = f"frozen by {by or 'somebody'}{what}" + (f" until {until}" if until else "")
        why = text(record.document, "reason")
        return f"{reason}: {why}" if why else reason
    return ""
