"""The history of one resource under one control: reverts, what is asked, what was decided.

Pure. A resource is flapping when it was reverted again and again within a window. Later changes
join an open approval request if they leave the resource in the very state that it asks about. If
the sweep finds a resource in a state that was decided on, it is not decided on again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from driftguard.documents import Document, Json, documents, mapping, stamp, text
from driftguard.frozen import dataclass
from driftguard.model import Decision, Status
from driftguard.policy.bounds import DAY, Flapping

if TYPE_CHECKING:
    from .trust import Case

# How long the history of a resource is of any interest, in seconds.
KEPT = 30 * DAY
_MOST = 50
# How many of the states that were decided on are remembered, the newest of them.
_MOST_STATES = 20
# How many parts of a state are remembered as having been risky before.
_MOST_PARTS = 50
_NAMES = ("at", "decision", "actor", "remediation", "kind", "who", "state", "idle")


@dataclass(frozen=True, slots=True)
class Revert:
    """One revert of the resource: when, by which decision, whose change it took back.

    `state` is the fingerprint of what was taken back. `idle` is "yes" if it ended without changing
    anything.
    """

    at: str
    decision: str
    actor: str
    remediation: str = ""
    kind: str = ""
    who: str = ""
    state: str = ""
    idle: str = ""

    @property
    def case(self) -> Case:
        """The case that the revert's outcome counts for."""
        from .trust import Case

        return Case(self.remediation, self.kind, self.who)


def reverts(stored: Document, now: datetime, seconds: int) -> list[Revert]:
    """The reverts of the last `seconds`, oldest first."""
    since = stamp(now - timedelta(seconds=seconds))
    return [revert for revert in _all(stored) if revert.at > since]


def fought(stored: Document, terms: Flapping, now: datetime) -> list[Revert]:
    """The reverts that make the resource flapping; none if it is not."""
    recent = [revert for revert in reverts(stored, now, terms.window) if not revert.idle]
    return recent if len(recent) >= terms.reverts else []


def revert_of(stored: Document, fingerprint: str, now: datetime) -> Revert | None:
    """The last revert of this very state, as long as its history is kept; None without one."""
    same = [revert for revert in reverts(stored, now, KEPT) if revert.state == fingerprint]
    return same[-1] if same else None


def approval_request(stored: Document, fingerprint: str, now: str) -> str:
    """The open approval request about this very state, by its decision; "" if none is open."""
    open_ = mapping(stored, "question")
    same = text(open_, "fingerprint") == fingerprint
    return text(open_, "decision") if same and now < text(open_, "expires") else ""


def asked(stored: Document) -> str:
    """The last decision that asked about the resource; "" if none did."""
    return text(mapping(stored, "question"), "decision")


def decided(stored: Document, seen: str) -> str:
    """The decision made last on a state, by the fingerprint that a sweep sees; "" for none."""
    return next((decision for state, decision in _decided(stored) if state == seen), "")


def decisions(stored: Document) -> list[str]:
    """The remembered decisions on the resource, whatever its states were, newest first."""
    return list(dict.fromkeys(decision for _, decision in _decided(stored) if decision))


def _decided(stored: Document) -> Iterator[tuple[str, str]]:
    """States that were decided on, each with its decision, the newest first."""
    for about in reversed(documents(stored, "decided")):
        yield text(about, "state"), text(about, "decision")


def left_standing(stored: Document) -> dict[str, str]:
    """The parts of states that a sweep found risky, each with the decision on it."""
    left: dict[str, str] = {}
    for about in documents(stored, "decided"):
        parts = about.get("parts")
        for part in parts if isinstance(parts, (list, tuple)) else ():
            left[str(part)] = text(about, "decision")
    return left


def with_state(stored: Document, decision: str, seen: str, parts: Sequence[str] = ()) -> Document:
    """The state record that says by which decision a state was decided on.

    `parts` are digests of what made the state risky, if it was there before any change.
    """
    others = [about for about in documents(stored, "decided") if text(about, "state") != seen]
    newest: Document = {"state": seen, "decision": decision}
    if parts:
        newest = {**newest, "parts": [*parts[:_MOST_PARTS]]}
    return {**stored, "decided": [*others, newest][-_MOST_STATES:]}


def with_decision(
    stored: Document, decision: Decision, remediation: str, kind: str, who: str
) -> Document:
    """The state record after a decision: a revert more, or an approval request."""
    if decision.status is Status.ASKED:
        open_: Document = {
            "decision": decision.id,
            "fingerprint": decision.before,
            "expires": decision.expires,
        }
        return {**stored, "question": open_}
    newest: Document = {
        "at": decision.decided,
        "decision": decision.id,
        "actor": decision.actor.name,
        "remediation": remediation,
        "kind": kind,
        "who": who,
        "state": decision.before,
    }
    earlier: list[Json] = [*documents(stored, "reverts")]
    return {**stored, "reverts": [*earlier, newest][-_MOST:]}


def with_outcome(stored: Document, decision: str, *, idle: bool) -> Document | None:
    """The state record that knows whether a revert changed anything; None where it does already."""
    said = "yes" if idle else ""
    known = [*documents(stored, "reverts")]
    if all(text(one, "decision") != decision or text(one, "idle") == said for one in known):
        return None
    told: list[Json] = [
        {**one, "idle": said} if text(one, "decision") == decision else one for one in known
    ]
    return {**stored, "reverts": told}


def _all(stored: Document) -> Iterator[Revert]:
    for revert in documents(stored, "reverts"):
        yield Revert(*(text(revert, name) for name in _NAMES))
