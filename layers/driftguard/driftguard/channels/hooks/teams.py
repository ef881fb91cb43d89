"""Microsoft Teams: an adaptive card for each message, by the incoming webhook of a workflow.

A card cannot be edited by a webhook, so each state of a decision is a card of its own.

Sources, learn.microsoft.com: "Create incoming webhooks with Workflows" (a `message` with one
attachment), "Types of cards" and "Format cards in Microsoft Teams" (a message of 28 KB; text blocks
and facts take Markdown, so that links and mentions of others are taken out), Adaptive Cards 1.4.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from driftguard.model import Decision

from .. import digest
from ..message.telling import Facts, Message, message
from ..message.text import difference_lines
from ..wording import ApprovalRequest, clipped, presentable, severity_name
from .post import Post

# Teams counts the whole message, as it is encoded.
LARGEST = 27_000
_UNLINKED = str.maketrans("<>[]", "‹›()")
_COLORS = {"critical": "attention", "high": "attention", "medium": "warning"}

Element = dict[str, object]


@dataclass(frozen=True, slots=True)
class Teams:
    """Posts to one workflow's webhook. Its address is its secret."""

    post: Post

    def send(self, decision: Decision, request: ApprovalRequest | None) -> None:
        """Sends a decision's card."""
        self.post(card_of(decision, request))

    def send_digest(self, decisions: Sequence[Decision], count: int) -> None:
        """Sends one card that names the decisions, the most severe first."""
        shown = [presentable(one) for one in digest.worst_first(decisions)[: digest.NAMED]]
        named = [f"{severity_name(one.severity)}: {digest.line(one)}" for one in shown]
        body = [_text(f"{count} decisions in a short time", size="Large", weight="Bolder")]
        more = [f"and {count - len(named)} more"] if count > len(named) else []
        self.post(_message([*body, *map(_text, [*named, *more])], ""))


def card_of(decision: Decision, request: ApprovalRequest | None) -> bytes:
    """The body of the request about a decision, with its texts cut until Teams takes it."""
    told_of = message(decision, request)
    color = _COLORS.get(severity_name(decision.severity), "default")
    for longest, items in ((1_500, 12), (400, 8), (150, 4)):
        body = _message(list(_elements(told_of, color, longest, items)), told_of.console)
        if len(body) <= LARGEST:
            break
    return body


def _elements(told_of: Message, color: str, longest: int, items: int) -> Iterable[Element]:
    yield _text(clipped(told_of.title, longest), size="Large", weight="Bolder", color=color)
    yield _facts(told_of.where, longest)
    yield _facts(told_of.story, longest)
    if told_of.differences:
        yield _text(told_of.doing, weight="Bolder")
        lines = [line for one in told_of.differences for line in difference_lines(one)]
        yield _text(_listed(map(str.strip, lines), longest, items))
    for heading, listed in (
        ("Left alone", told_of.left_alone),
        ("To do by hand", (told_of.advice,) if told_of.advice else ()),
        ("Beside it", told_of.beside),
        ("Votes", told_of.votes),
    ):
        if listed:
            yield _text(heading, weight="Bolder")
            yield _text(_listed(listed, longest, items))
    if told_of.timeout:
        yield _text(clipped(told_of.timeout, longest))
    yield _text("With your AWS credentials", weight="Bolder")
    commands = (f"{one.line}: {one.does}" for one in told_of.commands)
    yield _text(_listed(commands, longest, items))
    yield _text(f"Decided: {clipped(told_of.decided, longest)}", isSubtle=True)


def _listed(lines: Iterable[str], longest: int, items: int) -> str:
    every = list(lines)
    more = [f"and {len(every) - items} more"] if len(every) > items else []
    return "\n".join(f"- {clipped(line, longest)}" for line in [*every[:items], *more])


def _facts(facts: Facts, longest: int) -> Element:
    return {
        "type": "FactSet",
        "facts": [
            {"title": name, "value": clipped(text, longest).translate(_UNLINKED)}
            for name, text in facts
        ],
    }


def _text(text: str, **how: object) -> Element:
    return {"type": "TextBlock", "text": text.translate(_UNLINKED), "wrap": True, **how}


def _message(body: list[Element], console: str) -> bytes:
    card: Element = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if console:
        card["actions"] = [
            {"type": "Action.OpenUrl", "title": "The resource in the AWS console", "url": console}
        ]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False).encode()
