"""A decision as a Slack message, in Block Kit.

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

from ..messages.sns import as_text
from ..messages.words import Question, by, clipped, moment, said, told, voices
from ..model import Call, Decision, Json, Status

Block: TypeAlias = "dict[str, object]"
# The text for notifications and screen readers, and the blocks that all others see.
Message: TypeAlias = "tuple[str, list[Block]]"

REVERT = "driftguard.revert"
KEEP = "driftguard.keep"
KEEP_FOR = "driftguard.keep-for"
DETAILS = "driftguard.details"
UNDO = "driftguard.undo"
ACTIONS = frozenset({REVERT, KEEP, KEEP_FOR, DETAILS, UNDO})
# For how many days "Keep for…" keeps.
LENGTHS = (1, 7, 30)

_SECTION = 3000
_CALLS = 10
_PARAMETER = 200
_SECRET = re.compile(r"secret|password|token|credential|privatekey|environment|userdata", re.I)


def message(decision: Decision, question: Question | None) -> Message:
    """A decision's message as it should be now."""
    title = f"{decision.title}: {told(decision.status)}"
    text = _cut(escaped(f"{title}. {decision.summary}"), _SECTION)
    return text, list(_blocks(decision, question, title))


def _blocks(decision: Decision, question: Question | None, title: str) -> Iterator[Block]:
    yield {"type": "header", "text": _plain(title, 150)}
    yield _section(escaped(decision.summary))
    yield {"type": "section", "fields": [_markdown(one, 2000) for one in _facts(decision)]}
    calls = [_brief(step.call) for step in decision.plan.steps]
    if calls:
        yield _section(f"*{_heading(decision)}*\n{_fenced(calls[:_CALLS])}{_more(calls)}")
    if decision.plan.kept:
        kept = "\n".join(f"• {escaped(one)}" for one in decision.plan.kept[:_CALLS])
        yield _section(f"*Left alone*\n{kept}{_more(decision.plan.kept)}")
    if decision.plan.advice:
        yield _section(escaped(decision.plan.advice))
    said_so_far = list(voices(decision))
    if said_so_far:
        yield _section("*Answers*\n" + "\n".join(f"• {escaped(one)}" for one in said_so_far))
    if question is not None and question.silence:
        yield _context(escaped(question.silence))
    yield {"type": "actions", "elements": list(_buttons(decision))}
    yield _context(f"`{decision.id}` · updated {moment(decision.updated)}")


def _facts(decision: Decision) -> Iterator[str]:
    resource = decision.suspect.resource
    place = " ".join(one for one in (resource.account, resource.region) if one)
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
    shown = f"{decision.id}|{decision.before}"
    if decision.status is Status.ASKED:
        if decision.plan.steps:
            yield _button(REVERT, "Revert", shown, style="primary")
        yield _button(KEEP, "Keep", shown)
        yield {
            "type": "static_select",
            "action_id": KEEP_FOR,
            "placeholder": _plain("Keep for…", 150),
            "options": [
                {
                    "text": _plain(f"{days} day{'s' if days > 1 else ''}", 75),
                    "value": f"{shown}|{days}d",
                }
                for days in LENGTHS
            ],
        }
    yield _button(DETAILS, "Details", shown)
    undoable = decision.status in (Status.REVERTED, Status.FAILED) and decision.done
    if undoable:
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
    """All that a message has no room for, for who asked: still no state, and no secret."""
    calls = "\n".join(f"  - {_brief(one)}" for step in decision.plan.steps for one in step.undo)
    undo = f"\n\nAn undo would do:\n{calls}" if calls else ""
    rulings = "".join(
        f"\n  - {one.guardrail}: at most {one.limit.label}; {one.reason}"
        for one in decision.rulings
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
        value = {key: _harmless(key, one) for key, one in value.items()}
    elif isinstance(value, (list, tuple)):
        value = [_harmless("", one) for one in value]
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(written) <= _PARAMETER else clipped(written, _PARAMETER)


# ------------------------------------------------------------------------------- storms


def digest(count: int, statuses: Mapping[str, int], lines: tuple[str, ...], since: str) -> Message:
    """One message for a storm of decisions."""
    by_status = ", ".join(
        f"{number} {_of_many(Status(status))}" for status, number in sorted(statuses.items())
    )
    title = f"{count} decisions since {since}"
    text = escaped(f"{title}: {by_status}")
    blocks: list[Block] = [{"type": "header", "text": _plain(title, 150)}, _section(text)]
    if lines:
        rest = count - len(lines)
        more = f"\nand {rest} more" if rest > 0 else ""
        named = "\n".join(f"• {escaped(one)}" for one in lines)
        blocks.append(_section(f"{named}{more}"))
    if statuses.get(Status.ASKED.value):
        blocks.append(
            _context(
                "Too many at once for a message each. Those that wait for an answer: "
                "`driftguard audit list --status asked`"
            )
        )
    return text, blocks


def _of_many(status: Status) -> str:
    return "waiting for an answer" if status is Status.ASKED else told(status)


def log(lines: list[str]) -> str:
    """What goes into a message's thread."""
    return _fenced(lines)


# ------------------------------------------------------------------------------- pieces


def escaped(text: str) -> str:
    """Text that Slack shows as it is: no link, no mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fenced(lines: list[str], longest: int = _SECTION - 200) -> str:
    inside = "\n".join(escaped(one.replace("```", "'''")) for one in lines)
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
    return {"type": "plain_text", "text": clipped(text, longest), "emoji": False}


def _button(action: str, text: str, value: str, *, style: str = "") -> Block:
    button: Block = {
        "type": "button",
        "action_id": action,
        "text": _plain(text, 75),
        "value": value,
    }
    return button | {"style": style} if style else button
