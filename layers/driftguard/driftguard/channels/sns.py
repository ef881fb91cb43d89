"""Renders a decision for SNS: text for e-mail, JSON for programs, and a card for Amazon Q
Developer in chat applications (Slack and Teams without a custom app).

Sources: Amazon SNS Developer Guide, "Platform-specific payloads" and "Publish" (256 KB in all);
Amazon Q Developer in chat applications Administrator Guide, "Custom notifications" (it subscribes
over HTTPS, so its card is the `https` rendering).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from driftguard.documents import Document, Json, plain
from driftguard.model import Decision, Status

from . import digest
from .budget import Waiting
from .wording import (
    ApprovalRequest,
    as_json,
    as_text,
    by,
    clipped,
    moment,
    presentable,
    said,
    told,
    votes,
)

# SNS takes 262,144 bytes: the renderings inside JSON inside JSON, and the attributes.
_JSON_BYTES = 60_000
_EMAIL_CHARACTERS = 20_000
_CARD_CHARACTERS = 3_000
_SUBJECT = 99


def kind(request: ApprovalRequest | None) -> str:
    """What a message is about, for subscribers to filter by."""
    return "approval-request" if request else "outcome"


def digest_subject(decisions: Sequence[Decision]) -> str:
    """The subject of a digest."""
    return _printable(f"[Driftguard] {len(decisions)} decisions")


def digest_text(decisions: Sequence[Decision]) -> str:
    """A storm in words: how many decisions by status, what held them back, the worst of them."""
    decisions = [presentable(decision) for decision in decisions]
    lines = [f"{len(decisions)} decisions in a short time:", ""]
    lines += [f"{count:6d}  {status}" for status, count in digest.counts(decisions)]
    held = digest.held_back(decisions)
    if held:
        lines += ["", "Held back:", *(f"  - {clipped(why, 300)}" for why in held[:5])]
    lines += ["", "Among them:"]
    lines += [
        f"  - {clipped(f'{decision.title}: {decision.candidate.resource.id}', digest.LONGEST_LINE)}"
        f" ({decision.id})"
        for decision in digest.worst_first(decisions)[: digest.NAMED]
    ]
    more = len(decisions) - digest.NAMED
    lines += [f"  and {more} more"] * (more > 0)
    lines += ["", "driftguard audit list --since 1h", "driftguard approve|deny DECISION"]
    return "\n".join(lines)


def waiting_subject(waiting: Waiting) -> str:
    """The subject of the digest of what was beyond a day's budget."""
    return _printable(f"[Driftguard] {waiting.count} more decisions to know of")


def waiting_text(waiting: Waiting) -> str:
    """What was beyond the day's budget in words: by status, and the most severe by name."""
    lines = [
        f"{waiting.count} decisions since {moment(waiting.hour)} that nobody has to answer, beyond "
        "the day's budget:",
        "",
        *(
            f"{count:6d}  {told(Status(status))}"
            for status, count in sorted(waiting.statuses.items())
        ),
        "",
        "The most severe:",
    ]
    lines += [f"  - {plain(one.words)} ({one.decision}, {one.severity})" for one in waiting.named]
    more = waiting.count - len(waiting.named)
    lines += [f"  and {more} more"] * (more > 0)
    lines += ["", f"driftguard audit list --status observed --since {waiting.hour}"]
    return "\n".join(lines)


UNREAD_SUBJECT = "[Driftguard] A digest cannot be read"


def unread_text(why: str) -> str:
    """What people do where the decisions that wait for a digest cannot be read."""
    return "\n".join(
        [
            "Decisions wait for a digest, and the state table does not say which:",
            "",
            plain(why),
            "",
            "None is lost, and none of them was to be answered:",
            "driftguard audit list --status observed --since 1d",
        ]
    )


def subject(decision: Decision) -> str:
    """The subject of a message, as SNS takes one."""
    return _printable(f"[Driftguard] {told(decision.status)}: {decision.title}")


def _printable(words: str) -> str:
    """Without line breaks and control characters, and of fewer than 100 characters.

    Source: Amazon SNS API Reference, "Publish" (`Subject`).
    """
    return plain(words).encode("ascii", "replace").decode()[:_SUBJECT]


# ------------------------------------------------------------------------------- incidents

# The requests of one incident, each with how to vote on it; None where that is not known.
Requests: TypeAlias = "Sequence[tuple[Decision, ApprovalRequest | None]]"


def incident_subject(decisions: Sequence[Decision]) -> str:
    """The subject of the message about one incident."""
    who = decisions[0].actor.name
    return _printable(f"[Driftguard] {len(decisions)} requests wait for a person: changes by {who}")


def incident_default(requests: Requests) -> str:
    """The JSON that programs get of an incident: each request as it would be told by itself."""
    most = _JSON_BYTES // len(requests)
    return json.dumps(
        {
            "incident": requests[0][0].incident,
            "count": len(requests),
            "requests": [
                _fitting({**as_json(presentable(one)), **_ways_for_programs(one, request)}, most)
                for one, request in requests
            ],
        },
        ensure_ascii=False,
    )


def incident_email(requests: Requests) -> str:
    """One incident in words: who it was, each request with its calls, and how to vote on each."""
    decisions = [presentable(decision) for decision, _ in requests]
    first = decisions[0]
    lines = [
        f"{len(decisions)} changes by {by(first.actor)} within minutes wait for a person.",
        "Each has an answer of its own, which is bound to its state as it is shown here.",
    ]
    most = _EMAIL_CHARACTERS // len(decisions)
    for number, (decision, (_, request)) in enumerate(zip(decisions, requests, strict=True), 1):
        told_of = [
            f"{number}. {decision.title} (severity {decision.severity})",
            f"   {decision.summary}",
            f"   {decision.candidate.resource.arn}",
            *(f"   would do: {clipped(said(step.call), 200)}" for step in decision.plan.steps[:3]),
            *(f"   {line}" for line in decision.beside[:2]),
        ]
        lines += ["", clipped("\n".join(told_of), most)]
        if request is not None:
            link = [f"   revert it: {request.revert_link}"] if request.revert_link else []
            lines += [f"   {request.timeout}", *link]
    ids = " ".join(decision.id for decision in decisions)
    lines += [
        "",
        "To vote as yourself, with your AWS credentials:",
        "",
        f"  driftguard approve {ids}    all are reverted",
        f"  driftguard deny {ids}    all changes stand",
        *(f"  driftguard audit show {decision.id}" for decision in decisions[:1]),
    ]
    return "\n".join(lines)


# ------------------------------------------------------------------------------- programs


def as_default(decision: Decision, request: ApprovalRequest | None) -> str:
    """The JSON that programs get, cut until it fits into a message."""
    decision = presentable(decision)
    machine = _fitting({**as_json(decision), **_ways_for_programs(decision, request)})
    return json.dumps(machine, ensure_ascii=False)


def _ways_for_programs(decision: Decision, request: ApprovalRequest | None) -> Document:
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


def _fitting(whole: Document, most: int = _JSON_BYTES) -> Document:
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


# ------------------------------------------------------------------------------- people


def as_email(decision: Decision, request: ApprovalRequest | None) -> str:
    """The text, and for an approval request how to vote; the ways to vote are never cut off."""
    asking = "\n".join(_ways(decision, request)) if request else ""
    text = as_text(decision)
    if len(text) > _EMAIL_CHARACTERS:
        rest = f"\nThe rest: driftguard audit show {decision.id}"
        text = clipped(text, _EMAIL_CHARACTERS) + rest
    return text + asking


def _ways(decision: Decision, request: ApprovalRequest) -> list[str]:
    """How to vote, line by line: the link, the command line, a reply by SNS."""
    lines = ["", "", "-" * 72, request.timeout, ""]
    if request.revert_link and decision.plan.steps:
        lines += [
            "To revert it, open this page and confirm there. Everybody who got this message has",
            "this link, so it counts as one vote, and it cannot accept the change:",
            "",
            request.revert_link,
            "",
        ]
    lines += ["To vote as yourself, with your AWS credentials:", ""]
    if decision.plan.steps:
        lines.append(f"  driftguard approve {decision.id}         it is reverted")
    lines += [
        f"  driftguard deny {decision.id}            the change stands",
        f"  driftguard accept {decision.id} --for 7d   it stands, and nobody is asked until then",
    ]
    if request.token and request.replies_topic and decision.plan.steps:
        lines += [
            "",
            "Or by SNS:",
            "",
            f"  aws sns publish --topic-arn {request.replies_topic} \\",
            f"    --message 'revert {decision.id} {request.token}'",
        ]
    return lines


# ------------------------------------------------------------------------------- chat


def as_q(decision: Decision, request: ApprovalRequest | None) -> Document:
    """The card for Amazon Q Developer: one thread a decision, with values for custom actions."""
    decision = presentable(decision)
    resource = decision.candidate.resource
    status = told(decision.status)
    calls = [clipped(said(step.call), 300) for step in decision.plan.steps[:5]]
    description = "\n".join(
        [
            decision.summary,
            "",
            f"Change: {decision.change_name}, {moment(decision.change_time)}",
            f"By: {by(decision.actor)}",
            f"Why: {decision.reason}",
            *(["", *decision.beside] if decision.beside and request else []),
            *(["", "Calls:", *calls] if calls else []),
            *(["", *votes(decision)] if decision.votes else []),
        ]
    )
    return {
        "version": "1.0",
        "source": "custom",
        "id": f"{decision.id}-{decision.version}",
        "content": {
            "textType": "client-markdown",
            "title": clipped(_unlinked(f"{decision.title}: {status}"), 200),
            "description": clipped(_unlinked(description), _CARD_CHARACTERS),
            "nextSteps": _next_steps(decision, request),
            "keywords": [status, decision.control, f"severity {decision.severity}"],
        },
        "metadata": {
            "threadId": decision.id,
            "summary": clipped(_unlinked(f"{decision.title}: {status}. {decision.summary}"), 500),
            "eventType": f"driftguard-{kind(request)}",
            "relatedResources": [resource.arn],
            "additionalContext": {
                "decision": decision.id,
                "status": decision.status.value,
                "control": decision.control,
                "account": resource.account,
                "region": resource.region or "none",
                "fingerprint": decision.before,
            },
        },
    }


def _unlinked(text: str) -> str:
    """The text without what a chat client makes links and mentions of."""
    return text.translate(str.maketrans("<>[]", "‹›()"))


def _next_steps(decision: Decision, request: ApprovalRequest | None) -> list[str]:
    if request is None:
        undo = [f"driftguard undo {decision.id}"] if decision.status is Status.REVERTED else []
        return [f"driftguard audit show {decision.id}", *undo]
    steps = [request.timeout] if request.timeout else []
    if decision.plan.steps:
        if request.revert_link:
            steps.append(f"Revert it: {request.revert_link}")
        steps.append(f"driftguard approve {decision.id}")
    return [*steps, f"driftguard deny {decision.id}", f"driftguard accept {decision.id} --for 7d"]
