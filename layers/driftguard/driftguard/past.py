"""What happened before to one thing under one control: reverts, what is asked, what was decided.

Pure. A fight is a thing that was reverted again and again within a window; an open question is
joined by later changes that leave the thing in the very state that was asked about; and what the
sweep finds in a state that was decided on is not decided on again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .model import Decision, Document, Json, Status, documents, stamp
from .policy.bounds import DAY, Fight
from .trail import mapping, text

if TYPE_CHECKING:
    from .trust import Case

# How long one thing's past is of any interest, in seconds.
KEPT = 30 * DAY
_MOST = 50
# How many of the states that were decided on are remembered, the newest of them.
_MOST_STATES = 20
_NAMES = ("at", "decision", "actor", "remedy", "kind", "who", "state")


@dataclass(frozen=True, slots=True)
class Revert:
    """One revert of the thing: when, by which decision, whose change it took back.

    `state` is the fingerprint of what was taken back.
    """

    at: str
    decision: str
    actor: str
    remedy: str = ""
    kind: str = ""
    who: str = ""
    state: str = ""

    @property
    def case(self) -> Case:
        """What its outcome counts for."""
        from .trust import Case

        return Case(self.remedy, self.kind, self.who)


def reverts(note: Document, now: datetime, seconds: int) -> list[Revert]:
    """The reverts of the last `seconds`, oldest first."""
    since = stamp(now - timedelta(seconds=seconds))
    return [one for one in _all(note) if one.at > since]


def fought(note: Document, terms: Fight, now: datetime) -> list[Revert]:
    """The reverts that make a fight; none while there is none."""
    recent = reverts(note, now, terms.window)
    return recent if len(recent) >= terms.reverts else []


def revert_of(note: Document, fingerprint: str, now: datetime) -> Revert | None:
    """The last revert of this very state, as long as a thing's past is kept; None without one."""
    same = [one for one in reverts(note, now, KEPT) if one.state == fingerprint]
    return same[-1] if same else None


def question(note: Document, fingerprint: str, now: str) -> str:
    """The decision that asks about this very state; "" where none does any more."""
    open_ = mapping(note, "question")
    same = text(open_, "fingerprint") == fingerprint
    return text(open_, "decision") if same and now < text(open_, "expires") else ""


def asked(note: Document) -> str:
    """The decision that asked about the thing last; "" where none did."""
    return text(mapping(note, "question"), "decision")


def decided(note: Document, seen: str) -> str:
    """The decision made last on a state, by the fingerprint that a sweep sees; "" for none."""
    return next((one for state, one in _decided(note) if state == seen), "")


def decisions(note: Document) -> list[str]:
    """The decisions on the thing that are remembered, whatever its states were, newest first."""
    return list(dict.fromkeys(one for _, one in _decided(note) if one))


def _decided(note: Document) -> Iterator[tuple[str, str]]:
    """States that were decided on, each with its decision, the newest first."""
    for one in reversed(documents(note, "decided")):
        yield text(one, "state"), text(one, "decision")


def with_state(note: Document, decision: str, seen: str) -> Document:
    """The note that remembers by which decision a state was decided on."""
    others = [one for one in documents(note, "decided") if text(one, "state") != seen]
    newest: Document = {"state": seen, "decision": decision}
    return {**note, "decided": [*others, newest][-_MOST_STATES:]}


def with_decision(note: Document, decision: Decision, remedy: str, kind: str, who: str) -> Document:
    """The note after a decision was made: a revert more, or a question."""
    if decision.status is Status.ASKED:
        open_: Document = {
            "decision": decision.id,
            "fingerprint": decision.before,
            "expires": decision.expires,
        }
        return {**note, "question": open_}
    one: Document = {
        "at": decision.decided,
        "decision": decision.id,
        "actor": decision.actor.name,
        "remedy": remedy,
        "kind": kind,
        "who": who,
        "state": decision.before,
    }
    earlier: list[Json] = [*documents(note, "reverts")]
    return {**note, "reverts": [*earlier, one][-_MOST:]}


def _all(note: Document) -> Iterator[Revert]:
    for one in documents(note, "reverts"):
        yield Revert(*(text(one, name) for name in _NAMES))
