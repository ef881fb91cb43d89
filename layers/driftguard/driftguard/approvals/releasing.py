"""Works out the undo of an incident, as one operator's act. Pure.

It takes whoever each of its undos would take by itself, so that the widest need decides; and who
may not undo one of them does not undo all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from driftguard.documents import Document, Json, text
from driftguard.model import Decision, Plan

from .act import RELEASE, Act, Done, Unfit
from .incidents import Incident
from .requester import Requester
from .rules import inverse, why_not_undoable


def asked_for(
    shown: Sequence[Decision], incident: str, requester: Requester, reason: str, at: datetime
) -> Act:
    """The act that undoes these decisions of an incident, as they were shown."""
    said = said_of(shown, incident, reason)
    name = requester.person.name if requester.person else ""
    return Act(RELEASE, said, name, requester.identity, at)


def said_of(shown: Sequence[Decision], incident: str, reason: str) -> dict[str, Json]:
    """What is asked for, as the signed API takes it: each decision in the version shown."""
    members: list[Json] = [[one.id, one.version] for one in shown]
    return {"incident": incident, "members": members, "reason": reason}


def subjects(act: Act, incident: Incident) -> tuple[Decision, ...]:
    """The decisions that an act undoes, in the order of carrying them out.

    Raises `Unfit` where these are not all that the incident has to undo, as they are.
    """
    now = incident.releasable
    if not now:
        raise Unfit(f"Nothing of the incident {incident.id} can be undone.")
    said = act.said.get("members")
    if said != [[one.id, one.version] for one in now]:
        raise Unfit(
            "The incident has changed since it was shown: look at it again, and ask for it anew."
        )
    return now


def done(act: Act, undone: Sequence[Decision]) -> Done:
    """The effects of the undo of an incident. Raises `Unfit` where one cannot be undone."""
    for one in undone:
        if why := why_not_undoable(one):
            raise Unfit(f"{one.id}: {why}")
    members: list[Json] = [[one.id, one.version, one.after] for one in undone]
    name = text(act.said, "incident")
    shown: Document = {"incident": name, "members": members}
    what = "; ".join(f"{one.title}: {one.candidate.resource.arn}" for one in undone)
    count = f"{len(undone)} reverts are" if len(undone) > 1 else "1 revert is"
    summary = f"{count} undone, the last carried out first, so that this stands again: {what}"
    steps = tuple(step for one in reversed(undone) for step in inverse(one.plan, one.done).steps)
    return Done("Undo of an incident", summary, (), name, shown, plan=Plan(steps))
