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
# The longest text in characters, and the items of a list, step by step until it fits.
_CUTS = ((4_000, 50), (1_000, 50), (150, 50), (150, 5))
# Of what does not fit even so: no list, and only the beginning of a text.
_LEAST = 60
_KEPT = (
    "decision",
    "control",
    "severity_name",
    "account",
    "region",
    "resource",
    "fingerprint",
    "incident",
    "expires",
    "timeout",
    "revert_link",
    "reply",
    "replies_topic",
)

Requests: TypeAlias = "Sequence[tuple[Decision, ApprovalRequest | None]]"


def document(
    decision: Decision, request: ApprovalRequest | None = None, most: int = _BYTES
) -> Document:
    """A decision for programs, cut until it has at most so many bytes as a text within JSON.

    What a vote needs is never cut: where that alone is more, the document is longer.
    """
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
    if size(whole) <= most:
        return whole
    for longest, items in _CUTS:
        cut = {name: _cut(value, longest, items) for name, value in whole.items()}
        fitting = {**cut, **_kept(whole), "truncated": True}
        if size(fitting) <= most:
            return fitting
    return _least(whole)


def size(document: Document) -> int:
    """The bytes of a document as a text within JSON, as SNS is given it: quotes count twice."""
    text = json.dumps(document, ensure_ascii=False)
    return len(json.dumps(text, ensure_ascii=False).encode())


def _kept(whole: Document) -> Document:
    """What is of no use when it is cut short: identities, and what a vote needs."""
    return {name: whole[name] for name in _KEPT if name in whole}


def _least(whole: Document) -> Document:
    """What names a decision, its risk and its resource, and what a vote needs; the rest is empty.

    It has the names that programs rely on: see docs/message.schema.json.
    """
    fewer = {name: _cut(value, _LEAST, 0) for name, value in whole.items()}
    return {**fewer, **_kept(whole), "truncated": True}


def _cut(value: Json, longest: int, items: int) -> Json:
    if isinstance(value, str):
        return clipped(value, longest)
    if isinstance(value, Mapping):
        return {name: _cut(inner, longest, items) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [_cut(inner, longest, items) for inner in value[:items]]
    return value
