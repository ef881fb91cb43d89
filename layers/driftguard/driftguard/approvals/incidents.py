"""Reads an incident as the record has it: its members in order, and what one answer is bound to.

What the state table remembers of an incident is only which decisions it has. Whatever is done to
one of them is authorized by that decision's own record: its votes, or the request for its undo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from driftguard.audit import AuditTable, Entry
from driftguard.documents import Json, digest
from driftguard.model import Decision, Place, Status
from driftguard.state import incidents
from driftguard.state.keys import incident_members_key
from driftguard.state.table import StateTable

from .incident_order import place_of
from .rules import SETTLING, UNDOABLE, is_undoable, shown, why_not_undoable

# The events of a log with which the guard begins to carry out, and those with which an undo ends.
_TRIES = ("carrying-out", "resumed")
_UNDO_ENDED = frozenset({"undo-refused", "undone", *(status.value for status in UNDOABLE)})
_NEVER = (Status.OBSERVED, Status.EXEMPTED, Status.NOTED, Status.PROPOSED)


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident: the id that it goes by, and its decisions, in the order of their making.

    The id is that of its first decision, as far as the others are remembered under it.
    """

    id: str
    members: tuple[Decision, ...]

    @property
    def answerable(self) -> tuple[Decision, ...]:
        """Those that people were, are or may be asked about, in the order of carrying them out."""
        return in_order(one for one in self.members if one.status not in _NEVER)

    @property
    def waiting(self) -> tuple[Decision, ...]:
        """Those that one answer to the incident approves, in the order of carrying them out."""
        return tuple(one for one in self.answerable if waits(one))

    @property
    def releasable(self) -> tuple[Decision, ...]:
        """Those that have done something that can be undone, in the order of carrying them out."""
        return tuple(one for one in self.answerable if not why_not_undoable(one))

    @property
    def not_undoable(self) -> tuple[Decision, ...]:
        """Those that have done something that cannot be undone, in the same order."""
        return tuple(one for one in self.answerable if is_undoable(one) and why_not_undoable(one))

    @property
    def underway(self) -> tuple[Decision, ...]:
        """Those that the guard is yet to carry out, or is at, in the order of carrying them out.

        And those that failed with their first call in doubt, until a look tells whether it is made.
        """
        at_it = (Status.APPROVED, Status.REVERTING)
        return tuple(one for one in self.answerable if one.status in at_it or _in_doubt(one))

    @property
    def tried_again(self) -> tuple[Decision, ...]:
        """Those that failed with nothing to undo, and are to be tried again, in the same order."""
        failed = (one for one in self.answerable if one.status is Status.FAILED)
        pending = (one for one in failed if one.resumable or one.next_try)
        return tuple(one for one in pending if why_not_undoable(one) and not _in_doubt(one))

    @property
    def to_release(self) -> tuple[Decision, ...]:
        """All that a release is about: what it undoes, and what is tried no more after it."""
        return in_order((*self.releasable, *self.tried_again))

    @property
    def fingerprint(self) -> str:
        """What one answer is bound to: who is in it, and the state that each was shown in.

        What is only told is no part of it, so that nobody keeps an answer from counting by what
        nobody is asked about.
        """
        return fingerprint(self.answerable)


def _in_doubt(decision: Decision) -> bool:
    """Whether a revert failed, and may have made its first call all the same."""
    pending = decision.status is Status.FAILED and decision.resumable and not decision.done
    return pending and bool(decision.lease_until)


def waits(decision: Decision) -> bool:
    """Whether a decision waits for a vote, and there is something to approve."""
    return decision.status is Status.ASKED and bool(decision.plan.steps)


def fingerprint(decisions: Iterable[Decision]) -> str:
    """A short digest of which decisions these are, and in which state each was shown."""
    pairs: list[Json] = [[one.id, shown(one)] for one in sorted(decisions, key=lambda one: one.id)]
    return digest(pairs)[:16]


def in_order(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Decisions in the order in which they are to be carried out."""
    return tuple(sorted(decisions, key=lambda one: (place_of(one.control), one.decided, one.id)))


def carried_out_at(decision: Decision, log: Sequence[Entry]) -> str:
    """When the guard last began to carry a decision out before its outcome (ISO 8601, UTC).

    It did so first when it decided, where nobody was asked; and again where it tried again. To look
    whether AWS has settled what was called is no such time, and neither is an undo.
    """
    begun, is_undo, is_settling = decision.decided, False, False
    for entry in log:
        if entry.event == "undo-asked":
            is_undo = True
        elif entry.event in _TRIES:
            begun = begun if is_undo or is_settling else entry.at
        elif entry.event in _UNDO_ENDED:
            is_undo = False
        if entry.event != "resumed":
            is_settling = entry.event == "waiting" and entry.note.startswith(SETTLING)
    return begun


def last_first(
    decisions: Iterable[Decision], log_of: Callable[[Decision], Sequence[Entry]]
) -> list[Decision]:
    """Decisions in the inverse order of what was carried out: so they are undone.

    Of two at once, the one that comes later in the order is undone first. `log_of` gives a
    decision's log.
    """
    ordered = sorted(in_order(decisions), key=lambda one: carried_out_at(one, log_of(one)))
    ordered.reverse()
    return ordered


def found(audit: AuditTable, state: StateTable, decision_id: str) -> Incident | None:
    """The incident that a decision belongs to; None where there is no such decision.

    A decision without others is an incident of its own. One that is not, or no longer, remembered
    as a member stands with those that are, under its own id: by that, whoever acts on it finds the
    same.
    """
    decision = audit.get(decision_id)
    if decision is None:
        return None
    id_ = decision.incident or decision.id
    first = decision if id_ == decision.id else audit.get(id_)
    if first is None:
        return Incident(decision.id, (decision,))
    listed = members_of(state, first)
    known = {one.id: one for one in audit.many(one for one in listed if one != first.id)}
    known |= {first.id: first, decision.id: decision}
    # What others wrote into its place names nobody who says otherwise of themselves.
    named = dict.fromkeys((first.id, *listed, decision.id))
    members = tuple(one for one in map(known.get, named) if one and (one.incident or one.id) == id_)
    return Incident(first.id if decision.id in (first.id, *listed) else decision.id, members)


def members_of(state: StateTable, first: Decision) -> list[str]:
    """The ids of the decisions in an incident that began with this one."""
    place: Place = state.place
    account = first.candidate.resource.account
    record = state.record(incident_members_key(place, account, first.decided, first.id))
    return [one.decision for one in incidents.members_of(record.document)]
