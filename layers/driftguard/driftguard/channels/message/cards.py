"""Cards for Amazon Q Developer in chat applications about many decisions: incidents, digests. Pure.

A message without a card of its schema is not shown there: whatever is sent has one.

Source: Amazon Q Developer in chat applications Administrator Guide, "Custom notifications". It
names no largest size of a card; what its readers need first stands first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from driftguard.documents import Document
from driftguard.model import Decision

from ..digest import NAMED
from ..wording import ApprovalRequest, clipped, presentable, severity_name
from .difference import of_plan

_TITLE = 200
_SUMMARY = 500
_CHARACTERS = 3_000
_HEAD = 90
_CALLS = 2
_TIMEOUTS = 3

Requests: TypeAlias = "Sequence[tuple[Decision, ApprovalRequest | None]]"


def incident(requests: Requests, title: str) -> Document:
    """The card of one incident: each request by its id, with its calls, and how to vote."""
    shown = [(presentable(decision), request) for decision, request in requests]
    decisions = [decision for decision, _ in shown]
    ids = " ".join(decision.id for decision in decisions)
    last = decisions[-1]
    incident_id = last.incident or decisions[0].id
    timeouts = dict.fromkeys(request.timeout for _, request in shown if request)
    links = [
        f"Revert {decision.id}: {request.revert_link}"
        for decision, request in shown[:NAMED]
        if request and request.revert_link
    ]
    return of_many(
        f"{last.id}-{last.version}-{len(shown)}",
        title,
        _told(decisions),
        steps=[
            *[timeout for timeout in timeouts if timeout][:_TIMEOUTS],
            f"driftguard incident contain {incident_id}: all are reverted, in order",
            f"driftguard deny {ids}: all changes stand",
            *links,
        ],
        event="approval-request",
        thread=incident_id,
        resources=[decision.candidate.resource.arn for decision in decisions[:NAMED]],
        context={
            "incident": incident_id,
            "decisions": ids,
            "account": last.candidate.resource.account,
        },
    )


def _told(decisions: Sequence[Decision]) -> Iterator[str]:
    """A request on a line, and what its calls change as far as there is room for it."""
    room = _CHARACTERS // (min(len(decisions), NAMED) + 1)
    for number, decision in enumerate(decisions[:NAMED], 1):
        resource = decision.candidate.resource
        severity = severity_name(decision.severity).capitalize()
        words = clipped(f"{severity}: {decision.title}: {resource.id}", _HEAD)
        head = f"{number}. {decision.id}  {words}"
        calls = of_plan(decision.plan.steps)
        lines = [
            line
            for one in calls[:_CALLS]
            for line in (
                one.call,
                *(f"goes: {part}" for part in one.goes),
                *(f"comes: {part}" for part in one.comes),
            )
        ]
        lines += [f"and {len(calls) - _CALLS} more calls"] * (len(calls) > _CALLS)
        yield head
        yield clipped("\n".join(f"- {line}" for line in lines), max(40, room - len(head)))
    more = len(decisions) - NAMED
    if more > 0:
        yield f"and {more} more: driftguard audit list --status asked"


def of_many(
    id_: str,
    title: str,
    lines: Iterator[str] | Sequence[str],
    *,
    steps: Sequence[str],
    event: str,
    thread: str,
    resources: Sequence[str] = (),
    context: Mapping[str, str],
) -> Document:
    """A card about many decisions. `thread` names the messages that belong together in a chat."""
    return {
        "version": "1.0",
        "source": "custom",
        "id": id_,
        "content": {
            "textType": "client-markdown",
            "title": clipped(unlinked(title), _TITLE),
            "description": clipped(unlinked("\n".join(lines)), _CHARACTERS),
            "nextSteps": list(steps),
            "keywords": [event],
        },
        "metadata": {
            "threadId": thread,
            "summary": clipped(unlinked(title), _SUMMARY),
            "eventType": f"driftguard-{event}",
            "relatedResources": list(resources),
            "additionalContext": dict(context),
        },
    }


def unlinked(text: str) -> str:
    """The text without what a chat client makes links and mentions of."""
    return text.translate(str.maketrans("<>[]", "‹›()"))
