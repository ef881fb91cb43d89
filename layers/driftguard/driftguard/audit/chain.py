"""Keeps a decision's log as a hash chain, and finds where it was tampered with.

Each entry's hash covers the entry, the hash of the one before it, and the digest of the projection
that it led to. The hash covers what is stored: a later version of Driftguard, which stores more,
still proves what an earlier one wrote. An entry in a later format cannot be proven, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import cast

from driftguard.documents import Json, digest, whole_number
from driftguard.frozen import dataclass
from driftguard.model import Decision
from driftguard.state.item_format import format_of, must_be_known, written_in

from .items import AUDIT_FORMAT, DECISION, Item, item_of
from .parts import PART, fault_of

LOG = "log#"
_TEXTS = ("account", "region", "at", "by", "event", "note", "projection", "previous", "hash")
_ENTRY = frozenset({"pk", "sk", "format", "number", "logged", *_TEXTS})
# The hash that comes after the projection, and what the publisher alone looks at.
_BESIDE = frozenset({"head", "tell"})


class Tampering(StrEnum):
    """What was done to the record."""

    EDITED = "edited"
    MISSING = "missing"
    REORDERED = "reordered"
    EXTRA = "extra"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Fault:
    """The place where the record does not hold together, and why. `entry` is 0 for no entry."""

    kind: Tampering
    text: str
    decision: str = ""
    entry: int = 0
    day: str = ""

    def __str__(self) -> str:
        where = self.decision or (f"the seal of {self.day}" if self.day else "the record")
        return f"{where}: {self.text}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One step in a decision's log. `by` took the step: `guard`, or a person.

    `account` and `region` are those of the decision's resource, `format` is the version of the
    format that the entry is stored in.
    """

    format: int
    number: int
    account: str
    region: str
    at: str
    by: str
    event: str
    note: str
    projection: str
    previous: str
    hash: str

    @property
    def day(self) -> str:
        """The day it is sealed with."""
        return self.at[:10]


@dataclass(frozen=True, slots=True)
class Slot:
    """An entry and the number that its key says it has."""

    number: int
    entry: Entry


def next_entry(decision: Decision, *, event: str, note: str, by: str) -> Entry:
    """The entry that leads to this version of a decision, whose `head` is the entry before."""
    place = decision.candidate.resource.place
    entry = Entry(
        format=AUDIT_FORMAT,
        number=decision.version,
        account=place.account,
        region=place.region,
        at=decision.updated,
        by=by,
        event=event,
        note=note,
        projection=projection_digest(item_of(decision)),
        previous=decision.head,
        hash="",
    )
    return replace(entry, hash=entry_hash(decision.id, entry))


def entry_hash(decision: str, entry: Entry) -> str:
    """What an entry's hash must be."""
    return digest(
        [
            entry.format,
            decision,
            entry.previous,
            entry.number,
            entry.account,
            entry.region,
            entry.at,
            entry.by,
            entry.event,
            entry.note,
            entry.projection,
        ]
    )


def projection_digest(item: Item) -> str:
    """The digest of all that a stored projection says, but for the hash that comes after it."""
    said = {name: dict(value) for name, value in item.items() if name not in _BESIDE}
    return digest(cast(Json, said))


def later_format(found: int) -> str:
    """Why something stored in a later format cannot be proven, in words."""
    return (
        f"stored in format {found}, and this version of Driftguard proves up to format "
        f"{AUDIT_FORMAT}: upgrade Driftguard"
    )


# ---------------------------------------------------------------------------- as it is stored


def log_key(number: int) -> str:
    """The sort key of an entry."""
    return f"{LOG}{number:04d}"


def entry_item(decision: str, entry: Entry) -> dict[str, dict[str, object]]:
    """An entry's item. `logged` finds it by its day."""
    return {
        "pk": {"S": decision},
        "sk": {"S": log_key(entry.number)},
        **written_in(entry.format),
        "number": {"N": str(entry.number)},
        "logged": {"S": entry.day},
        **{name: {"S": getattr(entry, name)} for name in _TEXTS},
    }


def entry_of(item: Item) -> Entry:
    """The entry in an item. Raises `UnknownFormat` where it is in a format not written here."""
    what = f"the entry {item['sk']['S']} of {item['pk']['S']}"
    must_be_known(item, AUDIT_FORMAT, what)
    return as_stored(item)


def as_stored(item: Item) -> Entry:
    """The entry in an item, to be proven: what was taken out of it reads as empty or 0.

    The hash is wrong then.
    """
    number = str(item.get("number", {}).get("N", "0"))
    texts = (str(item.get(name, {}).get("S", "")) for name in _TEXTS)
    return Entry(format_of(item), int(number), *texts)


# ------------------------------------------------------------------------------ what is wrong


def broken_link(decision: Decision, log: Sequence[Entry]) -> str:
    """The first place where a decision's log does not hold together, in words; "" if it does."""
    slots = [Slot(entry.number, entry) for entry in log]
    fault = _fault_in_log(decision.id, slots) or _fault_at_its_end(
        item_of(decision), decision.id, slots
    )
    return fault.text if fault else ""


def fault_in(decision: str, partition: Iterable[Item]) -> tuple[Fault | None, list[Entry]]:
    """The first thing wrong with a decision as it is stored, and its log.

    `partition` is everything under its key, in the order of the sort keys.
    """
    projection: Item | None = None
    slots: list[Slot] = []
    parts: list[Item] = []
    fault: Fault | None = None
    for item in partition:
        key = str(item["sk"].get("S", ""))
        if key == DECISION:
            projection = item
        elif key.startswith(LOG) and (number := whole_number(key.removeprefix(LOG))) is not None:
            slot = Slot(number, as_stored(item))
            slots.append(slot)
            fault = fault or _fault_beside(decision, slot, item)
        elif key.startswith(PART):
            parts.append(item)
        else:
            text = f"an item `{key}` that is neither the decision nor its log was added"
            fault = fault or Fault(Tampering.EXTRA, text, decision)
    slots.sort(key=lambda slot: slot.number)
    fault = _fault_in_log(decision, slots) or fault
    fault = fault or _fault_at_its_end(projection, decision, slots)
    if fault is None and (text := fault_of(projection, parts)):
        kind = Tampering.MISSING if text.endswith("missing") else Tampering.EDITED
        fault = Fault(kind, text, decision)
    return fault, [slot.entry for slot in slots]


def _fault_in_log(decision: str, slots: Sequence[Slot]) -> Fault | None:
    previous = ""
    for expected, slot in enumerate(slots, start=1):
        entry = slot.entry
        if slot.number != expected:
            return Fault(Tampering.MISSING, f"entry {expected} is missing", decision, expected)
        if entry.number != slot.number:
            text = f"entry {entry.number} stands in the place of entry {slot.number}"
            return Fault(Tampering.REORDERED, text, decision, slot.number)
        if entry.format > AUDIT_FORMAT:
            text = f"entry {expected} is {later_format(entry.format)}"
            return Fault(Tampering.UNREADABLE, text, decision, expected)
        if entry.hash != entry_hash(decision, entry):
            return Fault(Tampering.EDITED, f"entry {expected} was edited", decision, expected)
        if entry.previous != previous:
            if expected == 1:
                text = "entry 1 claims an entry before it: it is another log's"
                return Fault(Tampering.EDITED, text, decision, 1)
            text = (
                f"entry {expected - 1} was edited and hashed anew: entry {expected} does not "
                "follow it"
            )
            return Fault(Tampering.EDITED, text, decision, expected - 1)
        previous = entry.hash
    return None


def _fault_beside(decision: str, slot: Slot, item: Item) -> Fault | None:
    """What the hash does not cover: attributes of no entry, and the day that the index uses."""
    added = sorted(set(item) - _ENTRY)
    if added:
        text = f"entry {slot.number} was given attributes that are no entry's: {', '.join(added)}"
        return Fault(Tampering.EDITED, text, decision, slot.number)
    if str(item.get("logged", {}).get("S", "")) != slot.entry.day:
        text = f"entry {slot.number} is filed under a day that is not its own"
        return Fault(Tampering.EDITED, text, decision, slot.number)
    return None


def _fault_at_its_end(
    projection: Item | None, decision: str, slots: Sequence[Slot]
) -> Fault | None:
    """Whether the projection is what the last entry led to."""
    if projection is None:
        if not slots:
            return Fault(Tampering.MISSING, "the decision and its log are missing", decision)
        return Fault(Tampering.MISSING, "the decision is missing beside its log", decision)
    if not slots:
        return Fault(Tampering.MISSING, "entry 1 is missing: there is no log", decision, 1)
    last = slots[-1].entry
    version = int(str(projection.get("version", {}).get("N", "0")))
    ends = f"the log ends at entry {last.number}, the decision stands at {version}"
    if version > last.number:
        text = f"entry {last.number + 1} is missing: {ends}"
        return Fault(Tampering.MISSING, text, decision, last.number + 1)
    if version < last.number:
        text = f"{ends}: an entry was added, or the decision was set back"
        return Fault(Tampering.EXTRA, text, decision, version + 1)
    if projection.get("head", {}).get("S") != last.hash:
        text = f"entry {last.number} was edited and hashed anew: the decision names another hash"
        return Fault(Tampering.EDITED, text, decision, last.number)
    if last.projection != projection_digest(projection):
        return Fault(Tampering.EDITED, "the decision was edited beside its log", decision)
    return None
