"""Renders a decision as a Slack message, in Block Kit.

Sources, docs.slack.dev: "Block Kit reference" (50 blocks; 3,000 characters a section, 150 a header,
2,000 a button's value, 150 an option's; a confirmation's text 300), "Formatting text" (`&`, `<` and
`>` are escaped; whatever comes out of an account may contain them, or a mention).

What a message shows of a call is short, and a parameter whose name speaks of a secret is left out:
a channel has more readers than an account.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from driftguard.approvals.rules import is_open, is_undoable
from driftguard.approvals.rules import shown as fingerprint
from driftguard.documents import Json, plain
from driftguard.model import Call, Decision, Status

from ..digest import Storm, by_status
from ..message import telling
from ..message.difference import harmless
from ..message.text import as_text, difference_lines
from ..wording import ApprovalRequest, clipped, moment, said

Block: TypeAlias = "dict[str, object]"
# The text for notifications and screen readers, and the blocks that all others see.
Message: TypeAlias = "tuple[str, list[Block]]"

REVERT = "driftguard.revert"
ACCEPT = "driftguard.accept"
ACCEPT_FOR = "driftguard.accept-for"
DETAILS = "driftguard.details"
UNDO = "driftguard.undo"
REVERT_ALL = "driftguard.revert-all"
# Of the message by which `driftguard slack test` shows that clicks arrive.
TEST = "driftguard.test"
ACTIONS = frozenset({REVERT, ACCEPT, ACCEPT_FOR, DETAILS, UNDO, REVERT_ALL, TEST})
# For how many days "Accept for…" accepts.
LENGTHS = (1, 7, 30)

_SECTION = 3000
_CALLS = 10
_PARAMETER = 200


def message(decision: Decision, request: ApprovalRequest | None) -> Message:
    """The message of a decision in its current state."""
    told_of = telling.message(decision, request)
    text = _cut(escaped(f"{told_of.title}. {told_of.risk}"), _SECTION)
    return text, list(_blocks(decision, told_of))


def _blocks(decision: Decision, told_of: telling.Message) -> Iterator[Block]:
    yield {"type": "header", "text": plain_text(told_of.title, 150)}
    yield {
        "type": "section",
        "fields": [_markdown(f"*{name}*\n{escaped(text)}", 2000) for name, text in told_of.where],
    }
    for name, text in told_of.story:
        yield section(f"*{name}*\n{escaped(text)}")
    calls = told_of.differences
    if calls:
        shown = [line for call in calls[:_CALLS] for line in difference_lines(call)]
        yield section(f"*{told_of.doing}*\n{fenced(shown)}{more(calls)}")
    for heading, items in (
        ("Left alone", told_of.left_alone),
        ("Beside it", told_of.beside),
        ("Votes", told_of.votes),
    ):
        if items:
            listed = "\n".join(f"• {escaped(line)}" for line in items[:_CALLS])
            yield section(f"*{heading}*\n{_cut(listed, _SECTION - 200)}{more(items)}")
    if told_of.advice:
        yield section(f"*To do by hand*\n{escaped(told_of.advice)}")
    if told_of.timeout:
        yield context(escaped(told_of.timeout))
    yield {"type": "actions", "elements": list(buttons(decision))}
    yield context(f"Decided: {escaped(told_of.decided)}")
    look = f" · <{told_of.console}|the resource in the AWS console>" if told_of.console else ""
    yield context(f"`{decision.id}` · updated {moment(decision.updated)}{look}")


def buttons(decision: Decision) -> Iterator[Block]:
    shown = f"{decision.id}|{fingerprint(decision)}"
    if is_open(decision):
        if decision.status is Status.ASKED and decision.plan.steps:
            yield button(REVERT, "Revert", shown, style="primary")
        yield button(ACCEPT, "Accept", shown)
        yield {
            "type": "static_select",
            "action_id": ACCEPT_FOR,
            "placeholder": plain_text("Accept for…", 150),
            "options": [
                {
                    "text": plain_text(f"{days} day{'s' if days > 1 else ''}", 75),
                    "value": f"{shown}|{days}d",
                }
                for days in LENGTHS
            ],
        }
    yield button(DETAILS, "Details", shown)
    if is_undoable(decision):
        yield button(UNDO, "Undo", shown, style="danger") | {
            "confirm": {
                "title": plain_text("Undo this revert?", 100),
                "text": plain_text(f"The risk comes back: {decision.summary}", 300),
                "confirm": plain_text("Undo it", 30),
                "deny": plain_text("Leave it", 30),
                "style": "danger",
            }
        }


def test_message() -> Message:
    """A message about no decision, with a button that shows whether clicks arrive."""
    text = "A test by `driftguard slack test`: decisions of Driftguard will appear here."
    asked = button(TEST, "Does a click arrive?", "test")
    return text, [
        {"type": "section", "text": _markdown(text, _SECTION)},
        {"type": "actions", "elements": [asked]},
    ]


def details(decision: Decision) -> str:
    """The details that a message has no room for; without the state and without secrets."""
    calls = "\n".join(f"  - {_brief(call)}" for step in decision.plan.steps for call in step.undo)
    undo = f"\n\nAn undo would do:\n{calls}" if calls else ""
    rulings = "".join(
        f"\n  - {ruling.guardrail}: at most {ruling.limit.label}; {ruling.reason}"
        for ruling in decision.rulings
    )
    limits = f"\n\nGuardrails:{rulings}" if rulings else ""
    return fenced([as_text(decision) + limits + undo], longest=3800)


def _brief(call: Call) -> str:
    return clipped(said(Call(call.service, call.operation, _shown(call), on=call.on)), 600)


def _shown(call: Call) -> Mapping[str, Json]:
    return {name: _short(harmless(name, value)) for name, value in call.parameters.items()}


def _short(value: Json) -> Json:
    """A parameter's value, no longer than a line."""
    if isinstance(value, Mapping):
        value = {key: _short(inner) for key, inner in value.items()}
    elif isinstance(value, (list, tuple)):
        value = [_short(inner) for inner in value]
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(written) <= _PARAMETER else clipped(written, _PARAMETER)


# ------------------------------------------------------------------------------- storms


def digest(storm: Storm) -> Message:
    """The message of a storm in its current state."""
    title = f"{storm.count} decisions since {moment(storm.since)}"
    if storm.is_of_a_day:
        title = f"{storm.count} more decisions on {storm.since[:10]} that wait for no vote"
    text = escaped(f"{title}: {by_status(storm.statuses)}")
    blocks: list[Block] = [{"type": "header", "text": plain_text(title, 150)}, section(text)]
    if storm.lines:
        more = f"\nand {storm.unnamed} more" if storm.unnamed else ""
        named = "\n".join(f"• {escaped(line)}" for line in storm.lines)
        blocks.append(section(f"{named}{more}"))
    if storm.statuses.get(Status.ASKED.value):
        blocks.append(
            context(
                "Too many at once for a message each. Those that wait for votes: "
                "`driftguard audit list --status asked`"
            )
        )
    return text, blocks


def log(lines: list[str]) -> str:
    """Log entries as they go into a message's thread."""
    return fenced(lines)


# ------------------------------------------------------------------------------- pieces


def escaped(text: str) -> str:
    """Text that Slack shows as it is, on one line, without links and mentions."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fenced(lines: list[str], longest: int = _SECTION - 200) -> str:
    inside = "\n".join(escaped(line.replace("```", "'''")) for line in lines)
    return f"```{_cut(inside, longest)}```"


def _cut(text: str, longest: int) -> str:
    """Escaped text cut short, never within an entity."""
    return text if len(text) <= longest else re.sub(r"&\w*$", "", text[: longest - 1]) + "…"


def more(all_of_them: Sequence[object]) -> str:
    left = len(all_of_them) - _CALLS
    return f"\nand {left} more" if left > 0 else ""


def section(text: str) -> Block:
    return {"type": "section", "text": _markdown(text, _SECTION)}


def context(text: str) -> Block:
    return {"type": "context", "elements": [_markdown(text, 2000)]}


def _markdown(text: str, longest: int) -> Block:
    return {"type": "mrkdwn", "text": _cut(text, longest), "verbatim": True}


def plain_text(text: str, longest: int) -> Block:
    return {"type": "plain_text", "text": clipped(plain(text), longest), "emoji": False}


def button(action: str, text: str, value: str, *, style: str = "") -> Block:
    made: Block = {
        "type": "button",
        "action_id": action,
        "text": plain_text(text, 75),
        "value": value,
    }
    return made | {"style": style} if style else made
