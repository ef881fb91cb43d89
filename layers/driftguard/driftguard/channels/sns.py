"""Renders a decision for SNS: text for e-mail, JSON for programs, and a card for Amazon Q
Developer in chat applications (Slack and Teams without a custom app).

Sources: Amazon SNS Developer Guide, "Platform-specific payloads" and "Publish" (256 KB in all);
Amazon Q Developer in chat applications Administrator Guide, "Custom notifications" (it subscribes
over HTTPS, so its card is the `https` rendering).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from driftguard.approvals import act
from driftguard.documents import Document, plain
from driftguard.model import Decision, Status

from . import digest
from .budget import Waiting
from .message import cards
from .message.cards import unlinked
from .message.difference import of_plan
from .message.telling import Message, message
from .message.text import as_text, difference_lines
from .wording import (
    ApprovalRequest,
    by,
    clipped,
    first_by_actor,
    moment,
    presentable,
    severity_name,
    told,
)

# SNS takes 262,144 bytes: the renderings inside JSON inside JSON, and the attributes.
_EMAIL_CHARACTERS = 20_000
_CARD_CHARACTERS = 3_000
_CARD_CALLS = 5
_INCIDENT_CALLS = 3
_SUBJECT = 99


def kind(request: ApprovalRequest | None) -> str:
    """What a message is about, for subscribers to filter by."""
    return "approval-request" if request else "outcome"


def digest_subject(decisions: Sequence[Decision]) -> str:
    """The subject of a digest."""
    return _printable(f"[Driftguard] {len(decisions)} decisions")


def digest_text(decisions: Sequence[Decision]) -> str:
    """A storm in words: how many decisions by status, what held them back, the worst of them."""
    return "\n".join([*_digest_lines(decisions), "", *_DIGEST_COMMANDS])


def digest_card(decisions: Sequence[Decision]) -> Document:
    """A storm as a card."""
    return cards.of_many(
        f"digest-{decisions[-1].id}-{decisions[-1].version}",
        digest_subject(decisions),
        _digest_lines(decisions),
        steps=_DIGEST_COMMANDS,
        event="digest",
        thread=f"digest-{decisions[0].id}",
        context={"count": str(len(decisions))},
    )


_DIGEST_COMMANDS = ("driftguard audit list --since 1h", "driftguard approve|deny DECISION")


def _digest_lines(decisions: Sequence[Decision]) -> list[str]:
    decisions = [presentable(decision) for decision in decisions]
    lines = [f"{len(decisions)} decisions in a short time:", ""]
    lines += [f"{count:6d}  {status}" for status, count in digest.counts(decisions)]
    held = digest.held_back(decisions)
    if held:
        lines += ["", "Held back:", *(f"  - {clipped(why, 300)}" for why in held[:5])]
    lines += ["", "Among them:"]
    lines += [
        f"  - {_severity(decision)}"
        f"{clipped(f'{decision.title}: {decision.candidate.resource.id}', digest.LONGEST_LINE)}"
        f" ({decision.id})"
        for decision in digest.worst_first(decisions)[: digest.NAMED]
    ]
    more = len(decisions) - digest.NAMED
    lines += [f"  and {more} more"] * (more > 0)
    return lines


def _severity(decision: Decision) -> str:
    """Its name before a line about a decision; "" for an operator's act, which has none."""
    return "" if decision.control == act.CONTROL else f"{severity_name(decision.severity)}: "


def waiting_subject(waiting: Waiting) -> str:
    """The subject of the digest of what was beyond a day's budget."""
    return _printable(f"[Driftguard] {waiting.count} more decisions to know of")


def waiting_text(waiting: Waiting) -> str:
    """What was beyond the day's budget in words: by status, and the most severe by name."""
    return "\n".join([*_waiting_lines(waiting), "", _waiting_command(waiting)])


def waiting_card(waiting: Waiting) -> Document:
    """What was beyond the day's budget as a card."""
    return cards.of_many(
        f"waiting-{waiting.hour}",
        waiting_subject(waiting),
        _waiting_lines(waiting),
        steps=[_waiting_command(waiting)],
        event="digest",
        thread=f"waiting-{waiting.hour}",
        context={"count": str(waiting.count), "since": waiting.hour},
    )


def _waiting_command(waiting: Waiting) -> str:
    return f"driftguard audit list --status observed --since {waiting.hour}"


def _waiting_lines(waiting: Waiting) -> list[str]:
    lines = [
        f"{waiting.count} decisions since {moment(waiting.hour)} that wait for no vote, beyond the "
        "day's budget:",
        "",
        *(
            f"{count:6d}  {told(Status(status))}"
            for status, count in sorted(waiting.statuses.items())
        ),
        "",
        "The most severe:",
    ]
    lines += [
        f"  - {severity_name(one.severity)}: {plain(one.words)} ({one.decision})"
        for one in waiting.named
    ]
    more = waiting.count - len(waiting.named)
    lines += [f"  and {more} more"] * (more > 0)
    return lines


UNREAD_SUBJECT = "[Driftguard] A digest cannot be read"
_UNREAD_COMMAND = "driftguard audit list --status observed --since 1d"


def unread_text(why: str) -> str:
    """What people do where the decisions that wait for a digest cannot be read."""
    return "\n".join([*_unread_lines(why), _UNREAD_COMMAND])


def unread_card(why: str, at: str) -> Document:
    """The same as a card. `at` (ISO 8601, UTC) tells it apart from others."""
    return cards.of_many(
        f"unread-{at}",
        UNREAD_SUBJECT,
        _unread_lines(why),
        steps=[_UNREAD_COMMAND],
        event="digest",
        thread=f"unread-{at}",
        context={"since": at},
    )


def _unread_lines(why: str) -> list[str]:
    return [
        "Decisions wait for a digest, and the state table does not say which:",
        "",
        plain(why),
        "",
        "None is lost, and none of them waits for a vote:",
    ]


def subject(decision: Decision) -> str:
    """The subject of a message, as SNS takes one."""
    words = f"{told(decision.status)}: {decision.title}"
    if decision.control != act.CONTROL:
        resource = decision.candidate.resource
        severity = severity_name(decision.severity)
        words = f"({severity}) {words} in {resource.account} {resource.region}"
    return _printable(f"[Driftguard] {words}")


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
    who = first_by_actor(decisions).actor.name
    return _printable(f"[Driftguard] {len(decisions)} requests wait for a person: changes by {who}")


def incident_card(requests: Requests) -> Document:
    """One incident as a card."""
    return cards.incident(requests, incident_subject([decision for decision, _ in requests]))


def incident_email(requests: Requests) -> str:
    """One incident in words: who it was, each request with its calls, and how to vote on each."""
    decisions = [presentable(decision) for decision, _ in requests]
    first, whose = decisions[0], by(first_by_actor(decisions).actor)
    lines = [
        f"{len(decisions)} changes by {whose} within minutes wait for a person.",
        "Each has an answer of its own, which is bound to its state as it is shown here.",
    ]
    most = _EMAIL_CHARACTERS // len(decisions)
    for number, (decision, (_, request)) in enumerate(zip(decisions, requests, strict=True), 1):
        resource = decision.candidate.resource
        told_of = [
            f"{number}. {severity_name(decision.severity).capitalize()}: {decision.title}",
            f"   {decision.control} in {resource.account}, {resource.region or 'no region'}",
            f"   {resource.arn}",
            f"   {decision.summary}",
            *(
                f" {line}"
                for call in of_plan(decision.plan.steps[:_INCIDENT_CALLS])
                for line in difference_lines(call)
            ),
            *(f"   {line}" for line in decision.beside[:2]),
        ]
        text = "\n".join(told_of)
        lines += ["", clipped(text, most), *_rest(decision, is_cut=len(text) > most)]
        if request is not None:
            link = [f"   revert it: {request.revert_link}"] if request.revert_link else []
            lines += [f"   {request.timeout}", *link]
    ids = " ".join(decision.id for decision in decisions)
    lines += [
        "",
        "To vote as yourself, with your AWS credentials:",
        "",
        f"  driftguard incident contain {first.incident or first.id}    all are reverted, in order",
        f"  driftguard deny {ids}    all changes stand",
        *(f"  driftguard audit show {decision.id}" for decision in decisions[:1]),
    ]
    return "\n".join(lines)


def _rest(decision: Decision, *, is_cut: bool) -> list[str]:
    """Where to read what an incident's message does not say of a request."""
    more = len(decision.plan.steps) - _INCIDENT_CALLS
    if more > 0:
        calls = "calls" if more > 1 else "call"
        return [f"   and {more} more {calls}: driftguard audit show {decision.id}"]
    return [f"   the rest: driftguard audit show {decision.id}"] if is_cut else []


# ------------------------------------------------------------------------------- people


def as_email(decision: Decision, request: ApprovalRequest | None) -> str:
    """The text, and for an approval request how to vote; the ways to vote are never cut off."""
    asking = "\n".join(_ways(decision, request)) if request else ""
    text = as_text(decision, request)
    if len(text) > _EMAIL_CHARACTERS:
        rest = f"\nThe rest: driftguard audit show {decision.id}"
        if decision.status is Status.ASKED:
            rest += f"\nTo vote: driftguard approve|deny {decision.id}"
        text = clipped(text, _EMAIL_CHARACTERS) + rest
    return text + asking


def _ways(decision: Decision, request: ApprovalRequest) -> list[str]:
    """How to vote without AWS credentials, line by line: the link, a reply by SNS."""
    lines: list[str] = []
    if request.revert_link and decision.plan.steps:
        lines += [
            "",
            "",
            "To revert it, open this page and confirm there. Everybody who got this message has",
            "this link, so it counts as one vote, and it cannot accept the change:",
            "",
            request.revert_link,
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
    told_of = message(decision, request)
    decision = presentable(decision)
    resource = decision.candidate.resource
    return {
        "version": "1.0",
        "source": "custom",
        "id": f"{decision.id}-{decision.version}",
        "content": {
            "textType": "client-markdown",
            "title": clipped(unlinked(told_of.title), 200),
            "description": clipped(unlinked(_description(told_of)), _CARD_CHARACTERS),
            "nextSteps": _next_steps(told_of),
            "keywords": [
                told(decision.status),
                decision.control,
                f"severity {decision.severity}",
            ],
        },
        "metadata": {
            "threadId": decision.id,
            "summary": clipped(unlinked(f"{told_of.headline}. {told_of.risk}"), 500),
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


def _description(told_of: Message) -> str:
    """A message's parts, in their order, as a card has room for them."""
    lines = [f"{name}: {text}" for name, text in told_of.where]
    lines += ["", *(f"{name}: {text}" for name, text in told_of.story)]
    for difference in told_of.differences[:_CARD_CALLS]:
        lines += ["", f"{told_of.doing}: {difference.call}"]
        lines += [f"- goes: {part}" for part in difference.goes]
        lines += [f"- comes: {part}" for part in difference.comes]
    for heading, items in (
        ("Left alone", told_of.left_alone),
        ("Beside it", told_of.beside),
        ("Votes", told_of.votes),
    ):
        lines += ["", f"{heading}:", *(f"- {item}" for item in items)] if items else []
    if told_of.advice:
        lines += ["", f"To do by hand: {told_of.advice}"]
    return "\n".join([*lines, "", f"Decided: {told_of.decided}"])


def _next_steps(told_of: Message) -> list[str]:
    """Until when, what happens then, and the ways to answer; then where to look."""
    steps = [told_of.timeout] if told_of.timeout else []
    if told_of.link:
        steps.append(f"Revert it: {told_of.link}")
    steps += [f"{command.line}: {command.does}" for command in told_of.commands]
    return [*steps, f"The resource: {told_of.console}"] if told_of.console else steps
