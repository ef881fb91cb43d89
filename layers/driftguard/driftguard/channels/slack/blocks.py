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
from dataclasses import replace
from typing import TypeAlias

from driftguard.approvals.rules import is_open, is_undoable
from driftguard.approvals.rules import shown as fingerprint
from driftguard.documents import Json, plain
from driftguard.model import Call, Decision, Status

from ..digest import Storm, by_status
from ..wording import ApprovalRequest, as_text, by, clipped, moment, said, told, votes

Block: TypeAlias = "dict[str, object]"
# The text for notifications and screen readers, and the blocks that all others see.
Message: TypeAlias = "tuple[str, list[Block]]"

REVERT = "driftguard.revert"
ACCEPT = "driftguard.accept"
ACCEPT_FOR = "driftguard.accept-for"
DETAILS = "driftguard.details"
UNDO = "driftguard.undo"
ACTIONS = frozenset({REVERT, ACCEPT, ACCEPT_FOR, DETAILS, UNDO})
# For how many days "Accept for…" accepts.
LENGTHS = (1, 7, 30)

_SECTION = 3000
_CALLS = 10
_PARAMETER = 200
_SECRET = re.compile(r"secret|password|token|credential|privatekey|environment|userdata", re.I)


def message(decision: Decision, request: ApprovalRequest | None) -> Message:
    """The message of a decision in its current state."""
    title = f"{decision.title}: {told(decision.status)}"
    text = _cut(escaped(f"{title}. {decision.summary}"), _SECTION)
    return text, list(_blocks(decision, request, title))


def _blocks(decision: Decision, request: ApprovalRequest | None, title: str) -> Iterator[Block]:
    yield {"type": "header", "text": _plain(title, 150)}
    yield _section(escaped(decision.summary))
    yield {"type": "section", "fields": [_markdown(fact, 2000) for fact in _facts(decision)]}
    calls = [_brief(step.call) for step in decision.plan.steps]
    if calls:
        yield _section(f"*{_heading(decision)}*\n{_fenced(calls[:_CALLS])}{_more(calls)}")
    if decision.plan.untouched:
        untouched = "\n".join(f"• {escaped(line)}" for line in decision.plan.untouched[:_CALLS])
        yield _section(f"*Left alone*\n{untouched}{_more(decision.plan.untouched)}")
    if decision.plan.advice:
        yield _section(escaped(decision.plan.advice))
    if decision.beside and decision.status is Status.ASKED:
        beside = "\n".join(f"• {escaped(line)}" for line in decision.beside[:_CALLS])
        yield _section(f"*Beside it*\n{beside}{_more(decision.beside)}")
    cast = list(votes(decision))
    if cast:
        yield _section("*Votes*\n" + "\n".join(f"• {escaped(line)}" for line in cast))
    if request is not None and request.timeout:
        yield _context(escaped(request.timeout))
    yield {"type": "actions", "elements": list(_buttons(decision))}
    yield _context(f"`{decision.id}` · updated {moment(decision.updated)}")


def _facts(decision: Decision) -> Iterator[str]:
    resource = decision.candidate.resource
    place = " ".join(part for part in (resource.account, resource.region) if part)
    for name, value in (
        ("Resource", resource.arn),
        ("Account", place),
        ("Change", f"{decision.change_name}, {moment(decision.change_time)}"),
        ("By", by(decision.actor)),
        ("Control", f"{decision.control}, severity {decision.severity}"),
        ("Why", decision.reason),
    ):
        yield f"*{name}*\n{escaped(value)}"


def _heading(decision: Decision) -> str:
    if decision.status in (Status.REVERTED, Status.UNDONE):
        return "Done"
    return "Would do" if decision.status is not Status.FAILED else "Was to do"


def _buttons(decision: Decision) -> Iterator[Block]:
    shown = f"{decision.id}|{fingerprint(decision)}"
    if is_open(decision):
        if decision.status is Status.ASKED and decision.plan.steps:
            yield _button(REVERT, "Revert", shown, style="primary")
        yield _button(ACCEPT, "Accept", shown)
        yield {
            "type": "static_select",
            "action_id": ACCEPT_FOR,
            "placeholder": _plain("Accept for…", 150),
            "options": [
                {
                    "text": _plain(f"{days} day{'s' if days > 1 else ''}", 75),
                    "value": f"{shown}|{days}d",
                }
                for days in LENGTHS
            ],
        }
    yield _button(DETAILS, "Details", shown)
    if is_undoable(decision):
        yield _button(UNDO, "Undo", shown, style="danger") | {
            "confirm": {
                "title": _plain("Undo this revert?", 100),
                "text": _plain(f"The risk comes back: {decision.summary}", 300),
                "confirm": _plain("Undo it", 30),
                "deny": _plain("Leave it", 30),
                "style": "danger",
            }
        }


def details(decision: Decision) -> str:
    """The details that a message has no room for; without the state and without secrets."""
    calls = "\n".join(f"  - {_brief(call)}" for step in decision.plan.steps for call in step.undo)
    undo = f"\n\nAn undo would do:\n{calls}" if calls else ""
    rulings = "".join(
        f"\n  - {ruling.guardrail}: at most {ruling.limit.label}; {ruling.reason}"
        for ruling in decision.rulings
    )
    limits = f"\n\nGuardrails:{rulings}" if rulings else ""
    return _fenced([as_text(_briefly(decision)) + limits + undo], longest=3800)


def _briefly(decision: Decision) -> Decision:
    """The decision with the calls of its plan as short as a channel may see them."""
    steps = tuple(
        replace(step, call=replace(step.call, parameters=_shown(step.call)))
        for step in decision.plan.steps
    )
    return replace(decision, plan=replace(decision.plan, steps=steps))


def _brief(call: Call) -> str:
    return clipped(said(Call(call.service, call.operation, _shown(call), on=call.on)), 600)


def _shown(call: Call) -> Mapping[str, Json]:
    return {name: _harmless(name, value) for name, value in call.parameters.items()}


def _harmless(name: str, value: Json) -> Json:
    """A parameter's value, if it may be shown, no longer than a line."""
    if _SECRET.search(name):
        return "(not shown)"
    if isinstance(value, Mapping):
        value = {key: _harmless(key, inner) for key, inner in value.items()}
    elif isinstance(value, (list, tuple)):
        value = [_harmless("", inner) for inner in value]
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(written) <= _PARAMETER else clipped(written, _PARAMETER)


# ------------------------------------------------------------------------------- storms


def digest(storm: Storm) -> Message:
    """The message of a storm in its current state."""
    title = f"{storm.count} decisions since {moment(storm.since)}"
    if storm.is_of_a_day:
        title = f"{storm.count} more decisions on {storm.since[:10]} that nobody has to answer"
    text = escaped(f"{title}: {by_status(storm.statuses)}")
    blocks: list[Block] = [{"type": "header", "text": _plain(title, 150)}, _section(text)]
    if storm.lines:
        more = f"\nand {storm.unnamed} more" if storm.unnamed else ""
        named = "\n".join(f"• {escaped(line)}" for line in storm.lines)
        blocks.append(_section(f"{named}{more}"))
    if storm.statuses.get(Status.ASKED.value):
        blocks.append(
            _context(
                "Too many at once for a message each. Those that wait for votes: "
                "`driftguard audit list --status asked`"
            )
        )
    return text, blocks


def log(lines: list[str]) -> str:
    """Log entries as they go into a message's thread."""
    return _fenced(lines)


# ------------------------------------------------------------------------------- pieces


def escaped(text: str) -> str:
    """Text that Slack shows as it is, on one line, without links and mentions."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fenced(lines: list[str], longest: int = _SECTION - 200) -> str:
    inside = "\n".join(escaped(line.replace("```", "'''")) for line in lines)
    return f"```{_cut(inside, longest)}```"


def _cut(text: str, longest: int) -> str:
    """Escaped text cut short, never within an entity."""
    return text if len(text) <= longest else re.sub(r"&\w*$", "", text[: longest - 1]) + "…"


def _more(all_of_them: Sequence[str]) -> str:
    left = len(all_of_them) - _CALLS
    return f"\nand {left} more" if left > 0 else ""


def _section(text: str) -> Block:
    return {"type": "section", "text": _markdown(text, _SECTION)}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_markdown(text, 2000)]}


def _markdown(text: str, longest: int) -> Block:
    return {"type": "mrkdwn", "text": _cut(text, longest), "verbatim": True}


def _plain(text: str, longest: int) -> Block:
    return {"type": "plain_text", "text": clipped(plain(text), longest), "emoji": False}


def _button(action: str, text: str, value: str, *, style: str = "") -> Block:
    button: Block = {
        "type": "button",
        "action_id": action,
        "text": _plain(text, 75),
        "value": value,
    }
    return button | {"style": style} if style else button
