"""Renders messages for programs: JSON that docs/message.schema.json describes. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from driftguard.documents import Document, Json
from driftguard.model import Decision

from ..wording import FORMAT, ApprovalRequest, as_json, clipped, presentable
from . import console
from .difference import of_plan

# What SNS has room for beside the other renderings, and what any program takes.
_BYTES = 60_000

Requests: TypeAlias = "Sequence[tuple[Decision, ApprovalRequest | None]]"


def document(
    decision: Decision, request: ApprovalRequest | None = None, most: int = _BYTES
) -> Document:
    """A decision for programs, cut until it has at most so many bytes as JSON."""
    shown = presentable(decision)
    changes: list[Document] = [
        {"call": one.call, "goes": one.goes, "comes": one.comes, "unnamed": one.unnamed}
        for one in of_plan(shown.plan.steps)
    ]
    whole: Document = {
        **as_json(shown),
        "changes": changes,
        "console": console.link(shown.candidate.resource),
        **_ways(shown, request),
    }
    return _fitting(whole, most)


def incident(requests: Requests) -> Document:
    """One incident: each of its approval requests as it would be told by itself."""
    most = _BYTES // len(requests)
    return {
        "version": FORMAT,
        "incident": requests[0][0].incident,
        "count": len(requests),
        "requests": [document(one, request, most) for one, request in requests],
    }


def _ways(decision: Decision, request: ApprovalRequest | None) -> Document:
    """How a program may vote: what to publish to the topic for replies."""
    if request is None:
        return {}
    reply = {"decision": decision.id, "choice": "revert", "token": request.token}
    return {
        "timeout": request.timeout,
        "revert_link": request.revert_link,
        "reply": reply if request.token else {},
        "replies_topic": request.replies_topic,
    }


def _fitting(whole: Document, most: int) -> Document:
    """The document with its longest texts and lists cut until it fits; then it says `truncated`."""
    fitting, truncated = whole, {"truncated": True}
    for longest in (4_000, 1_000, 150):
        if len(json.dumps(fitting, ensure_ascii=False).encode()) <= most:
            break
        cut = {name: _cut(value, longest) for name, value in whole.items()}
        # A link that is cut short is no link.
        links = {name: whole[name] for name in ("revert_link", "reply") if name in whole}
        fitting = cut | links | truncated
    return fitting


def _cut(value: Json, longest: int) -> Json:
    if isinstance(value, str):
        return clipped(value, longest)
    if isinstance(value, Mapping):
        return {name: _cut(inner, longest) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [_cut(inner, longest) for inner in value[:50]]
    return value
