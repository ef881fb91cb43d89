"""Goes through the decisions of an incident in order, to carry them out or to undo them.

What is to be done with each is in its own record, which says how far it is: so whoever goes through
them again, after a worker died or time was up, does what is left and nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from driftguard.approvals import incidents
from driftguard.approvals.owed import standing_undo
from driftguard.approvals.rules import is_of_one_answer, is_undoable
from driftguard.events.commands import UndoRequested
from driftguard.model import Decision, Status

from .context import Context
from .errors import UnknownDecision

# What carrying out one decision may take, in seconds: with less left, the rest is left to another
# message.
NEEDED = 30.0


def due(context: Context, incident: str, go_on: Callable[[], None]) -> Iterator[str]:
    """The ids of what was approved in one answer and is not carried out yet, in order.

    What is approved meanwhile is among them: the votes of one answer are recorded one by one.
    `go_on` has the guard told again of what there is no time for. Raises `UnknownDecision`.
    """
    tried: set[str] = set()
    while left := [one for one in _due(context, incident) if one.id not in tried]:
        if tried and not _has_time(context):
            go_on()
            return
        tried.add(left[0].id)
        yield left[0].id


def _due(context: Context, incident: str) -> list[Decision]:
    return [one for one in _known(context, incident).answerable if _is_due(one)]


def _is_due(decision: Decision) -> bool:
    underway = decision.status in (Status.APPROVED, Status.REVERTING)
    return underway and is_of_one_answer(decision)


def undos(context: Context, incident: str, go_on: Callable[[], None]) -> Iterator[UndoRequested]:
    """The undos that people asked for, in the inverse order of what was carried out.

    Where one of them is not undone in the end, what was done before to the same resource is not
    undone either, because each is only exact on top of the other; the log says so. `go_on` is as in
    `due`. Raises `UnknownDecision`.
    """
    members = [
        one
        for one in _known(context, incident).answerable
        if is_undoable(one) or one.status is Status.UNDOING
    ]
    logs = {one.id: context.audit.log(one.id) for one in members}
    stuck: dict[str, str] = {}
    begun = False
    for one in incidents.last_first(members, lambda one: logs[one.id]):
        arn, request = one.candidate.resource.arn, standing_undo(one, logs[one.id])
        if request is None:
            # It was answered before, and is still not undone.
            stuck[arn] = one.id
            continue
        if begun and not _has_time(context):
            go_on()
            return
        begun = True
        if after := next((id_ for other, id_ in stuck.items() if _is_part(arn, other)), ""):
            _hold_back(context, one, after)
            stuck[arn] = one.id
            continue
        yield UndoRequested(one.id, request.number)
        now = context.audit.get(one.id)
        if now is None or now.status is not Status.UNDONE:
            stuck[arn] = one.id


def _is_part(one: str, other: str) -> bool:
    """Whether two ARNs are of one resource, or one is of a part of the other: a user's key."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _hold_back(context: Context, decision: Decision, after: str) -> None:
    current = context.audit.get(decision.id) or decision
    why = f"{after} changed the same resource later, and is not undone: undo that first"
    noted = replace(current, updated=context.stamp())
    context.audit.append(noted, event="undo-refused", note=why)


def _known(context: Context, incident: str) -> incidents.Incident:
    found = incidents.found(context.audit, context.state, incident)
    if found is None:
        raise UnknownDecision(f"the audit table knows no decision {incident}")
    return found


def _has_time(context: Context) -> bool:
    return context.aws.time.left() >= NEEDED
