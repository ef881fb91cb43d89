"""The page of one decision: what, who, why, what was done, what can be done, and the proof."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile, zip_longest

from starlette.responses import Response

from driftguard.approvals import incidents
from driftguard.approvals.act import CONTROL as OPERATOR
from driftguard.approvals.incidents import Incident
from driftguard.approvals.rules import (
    UNDO_REQUESTS,
    inverse,
    is_open,
    is_tried_again,
    why_not_undoable,
)
from driftguard.audit.verify import Verifier
from driftguard.channels.message.difference import harmless
from driftguard.channels.message.telling import message
from driftguard.channels.wording import presentable, said
from driftguard.documents import Document, why_unkept
from driftguard.model import Autonomy, Decision, Status

from ..audit.story import Recorded, after, is_sealed, recorded
from .rendering import page
from .site import Site, Visit

# More lines of a state than this are no reading: the command line has all.
_LINES = 2_000
# What differs is aligned line by line up to so many lines. The time that this takes grows with the
# third power where lines are alike, and whoever makes a change chooses the lines.
_ALIGNED = 300


@dataclass(frozen=True, slots=True)
class Side:
    """A line of a state and whether only this side has it."""

    text: str = ""
    changed: bool = False


def whole(visit: Visit) -> Response:
    """The whole page."""
    told = recorded(visit.site.stack.audit, visit.path["decision"])
    return page(visit, "decision", {"here": "decisions", **_story(visit.site, told)})


def live(visit: Visit) -> Response:
    """The story again; nothing where it has not moved since the version that is shown."""
    found = visit.site.stack.audit.get(visit.path["decision"])
    if found is not None and str(found.version) == visit.asked("version"):
        return Response(status_code=204)
    told = recorded(visit.site.stack.audit, visit.path["decision"])
    return page(visit, "parts/story", _story(visit.site, told))


def proof(visit: Visit) -> Response:
    """What the chain and the seals prove of the decision."""
    verified = Verifier(visit.site.stack.audit).decision(visit.path["decision"])
    return page(visit, "parts/proof", {"proof": verified})


def possible(decision: Decision) -> tuple[str, ...]:
    """What people can do about a decision now, as the addresses name it."""
    if decision.status is Status.PROPOSED:
        return ("confirm",)
    if is_open(decision):
        may_revert = decision.plan.steps and not is_tried_again(decision)
        return (*("approve",) * bool(may_revert), "deny", "accept")
    return () if decision.control == OPERATOR or why_not_undoable(decision) else ("undo",)


def _story(site: Site, told: Recorded) -> dict[str, object]:
    decision = presentable(told.decision)
    undone = decision.status is Status.UNDONE
    return {
        "title": f"{decision.title}: {decision.id}",
        "decision": decision,
        "message": message(told.decision),
        "acts": possible(told.decision),
        "moves": _moves(told),
        "held_back": [one for one in decision.rulings if one.limit < Autonomy.REVERT],
        "calls": [
            (said(step.call), number <= decision.done)
            for number, step in enumerate(decision.plan.steps, start=1)
        ],
        "undo": [said(step.call) for step in inverse(decision.plan, decision.done).steps],
        "undone": undone,
        "log": list(_log(told)),
        "fault": told.fault.text if told.fault else "",
        "sealed": told.fault is None and is_sealed(site.stack.audit, told.log),
        "state": _sides(told.decision),
        "unkept": why_unkept(told.decision.state),
        "incident": _incident(site, told.decision),
    }


def _incident(site: Site, decision: Decision) -> Incident | None:
    """The incident that a decision is in with others, as the tables have it."""
    if not decision.incident:
        return None
    found = incidents.found(site.stack.audit, site.stack.state, decision.id)
    return found if found is not None and len(found.members) > 1 else None


def _moves(told: Recorded) -> bool:
    """Whether more may come of a decision soon, so that its page reads it again and again."""
    decision = told.decision
    waits = is_open(decision) or decision.status is Status.PROPOSED
    # The guard has not taken the undo up yet.
    requested = bool(told.log) and told.log[-1].event in UNDO_REQUESTS
    return waits or requested or not decision.settled


def _log(told: Recorded) -> Iterator[tuple[str, str, str, str, str]]:
    before = ""
    for entry in told.log:
        yield entry.at, after(before, entry.at), entry.event, entry.by, entry.note
        before = entry.at


def _sides(decision: Decision) -> list[tuple[Side, Side]]:
    """The state that was found, and beside it the one that the revert left, line by line.

    Only the first where nothing was changed.
    """
    found = _lines(decision.state)
    if not decision.left:
        return [(Side(line), Side()) for line in found]
    return list(side_by_side(found, _lines(decision.left)))


def _lines(state: Document) -> list[str]:
    written = json.dumps(harmless("", state), indent=2, sort_keys=True, ensure_ascii=False)
    return written.split("\n")[:_LINES]


def side_by_side(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[Side, Side]]:
    """Two texts beside each other, equal lines on one height.

    Of a difference of many lines only the first and the last lines may be equal: from there on it
    is one block, with what was found beside what was left.
    """
    head = _alike(one, other)
    rest = min(len(one), len(other)) - head
    tail = min(rest, _alike(one[::-1], other[::-1]))
    ends = len(one) - tail, len(other) - tail
    yield from _beside(one[:head], other[:head], differs=False)
    yield from _aligned(one[head : ends[0]], other[head : ends[1]])
    yield from _beside(one[ends[0] :], other[ends[1] :], differs=False)


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines are equal from the first one on."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in alike)


def _aligned(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[Side, Side]]:
    if max(len(one), len(other)) > _ALIGNED:
        yield from _beside(one, other, differs=True)
        return
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for kind, start, end, from_, to in matcher.get_opcodes():
        yield from _beside(one[start:end], other[from_:to], differs=kind != "equal")


def _beside(
    one: Sequence[str], other: Sequence[str], *, differs: bool
) -> Iterator[tuple[Side, Side]]:
    for here, there in zip_longest(one, other):
        yield (
            Side() if here is None else Side(here, differs),
            Side() if there is None else Side(there, differs),
        )
