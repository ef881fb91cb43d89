"""Works out the undo of an incident, as one operator's act. Pure.

It takes whoever each of its undos would take by itself, so that the widest need decides; and who
may not undo one of them does not undo all of them. What failed and would be tried again is tried no
more: else it would be reverted later, over the release. To end that takes whom its undo would take.
Nothing is released while the guard carries out a part of the incident.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from driftguard.documents import Document, Json, text
from driftguard.model import Decision, Plan

from .act import RELEASE, Act, Done, Unfit
from .incidents import Incident
from .requester import Requester
from .rules import RELEASE_REQUESTED, inverse, why_not_undoable
from .undoing import outcome

# The entry of the log of what failed and is tried no more.
TRIES_ENDED = "tries-ended"


def asked_for(
    shown: Sequence[Decision], incident: str, requester: Requester, reason: str, at: datetime
) -> Act:
    """The act that releases these decisions of an incident, as they were shown."""
    said = said_of(shown, incident, reason)
    name = requester.person.name if requester.person else ""
    return Act(RELEASE, said, name, requester.identity, at)


def said_of(shown: Sequence[Decision], incident: str, reason: str) -> dict[str, Json]:
    """What is asked for, as the signed API takes it: each decision with its outcome as shown."""
    return {"incident": incident, "members": _members(shown), "reason": reason}


def _members(shown: Sequence[Decision]) -> list[Json]:
    return [[one.id, outcome(one)] for one in shown]


def why_not(incident: Incident) -> str:
    """Why an incident cannot be released as it is now, in words; "" where it can."""
    if underway := incident.underway:
        more = f" and {len(underway) - 1} more" if len(underway) > 1 else ""
        return (
            f"The guard still carries out {underway[0].id}{more}, and would revert that after the "
            "release: release the incident once that has ended. Each of the others can be undone "
            "by itself: `driftguard undo`."
        )
    if not incident.releasable:
        return f"Nothing of the incident {incident.id} can be undone."
    return ""


def subjects(act: Act, incident: Incident) -> tuple[Decision, ...]:
    """The decisions that an act is about, in the order of carrying them out.

    Raises `Unfit` where these are not all that the incident has to release, as they are, and while
    the guard carries out others.
    """
    if why := why_not(incident):
        raise Unfit(why)
    now = incident.to_release
    said = act.said.get("members")
    if said != _members(now):
        raise Unfit(
            "The incident has changed since it was shown: look at it again, and ask for it anew."
        )
    return now


def asked(act: Act, decision: Decision) -> tuple[Decision, str]:
    """A decision as the act leaves it, and the event that says so; it is tried no more by itself.

    What has done something is to be undone. Where that is refused, people look at it. Its lease
    stays, which is over: it says that a call got no answer, which the undo has to know.
    """
    ended = replace(decision, resumable=False, next_try="")
    if not why_not_undoable(decision):
        return ended, RELEASE_REQUESTED
    why = f"{decision.reason}; {act.person or act.identity} ended that with the release"
    return replace(ended, reason=why), TRIES_ENDED


def done(act: Act, about: Sequence[Decision]) -> Done:
    """The effects of the release of an incident."""
    undone = [one for one in about if not why_not_undoable(one)]
    name = text(act.said, "incident")
    shown: Document = {"incident": name, "members": _members(about)}
    count = f"{len(undone)} reverts are" if len(undone) > 1 else "1 revert is"
    summary = (
        f"{count} undone, the last carried out first, so that this stands again: {_named(undone)}"
    )
    if ended := [one for one in about if why_not_undoable(one)]:
        summary += f"; and what failed is tried no more: {_named(ended)}"
    steps = tuple(step for one in reversed(undone) for step in inverse(one.plan, one.done).steps)
    return Done("Undo of an incident", summary, (), name, shown, plan=Plan(steps))


def _named(decisions: Sequence[Decision]) -> str:
    return "; ".join(f"{one.title}: {one.candidate.resource.arn}" for one in decisions)
