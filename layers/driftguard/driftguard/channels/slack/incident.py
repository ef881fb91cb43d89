"""Renders the approval requests of one incident as one Slack message, with an answer for each.

One button more reverts all that still wait, each in the state that the message shows: its value
names every decision with its fingerprint, and each vote is bound to its own.

Sources, docs.slack.dev: as in `blocks.py` (50 blocks; 2,000 characters a button's value).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from driftguard.approvals.rules import shown as fingerprint
from driftguard.model import Decision, Status

from ..message import telling
from ..message.text import difference_lines
from ..wording import ApprovalRequest, by, moment
from . import blocks
from .blocks import Block

Requests: TypeAlias = "Sequence[tuple[Decision, ApprovalRequest | None]]"

# As many have room in one message: four blocks each, and three for all of them.
MOST = 11
_CALLS = 3
_BETWEEN = ","


def message(requests: Requests) -> blocks.Message:
    """The message of an incident's requests in their current state."""
    first = requests[0][0]
    waiting = [one for one, _ in requests if one.status is Status.ASKED]
    title = f"{len(requests)} changes of one caller: {_count(waiting)}"
    text = blocks.escaped(f"{title}. By {by(first.actor)}.")
    return text, list(_blocks(title, first, requests, waiting))


def _count(waiting: Sequence[Decision]) -> str:
    return f"{len(waiting)} wait for a person" if waiting else "none waits for a person"


def _blocks(
    title: str, first: Decision, requests: Requests, waiting: Sequence[Decision]
) -> Iterator[Block]:
    yield {"type": "header", "text": blocks.plain_text(title, 150)}
    yield blocks.section(
        f"*By*\n{blocks.escaped(telling.who(first))}\n"
        "Each has an answer of its own, bound to its state as it is shown here."
    )
    for number, (decision, request) in enumerate(requests, 1):
        told_of = telling.message(decision, request)
        resource = decision.candidate.resource
        lines = [
            f"*{number}. {blocks.escaped(told_of.title)}*",
            blocks.escaped(f"{decision.control}: {resource.arn}"),
            blocks.escaped(told_of.risk),
            *(f"• {blocks.escaped(line)}" for line in (*told_of.votes, *told_of.beside[:2])),
        ]
        yield blocks.section("\n".join(lines))
        calls = told_of.differences
        if shown := [line for call in calls[:_CALLS] for line in difference_lines(call)]:
            left = f"\nand {len(calls) - _CALLS} calls more" if len(calls) > _CALLS else ""
            yield blocks.section(f"{blocks.fenced(shown)}{left}")
        yield blocks.context(
            f"{blocks.escaped(told_of.timeout)} `{decision.id}` · "
            f"updated {moment(decision.updated)}".strip()
        )
        yield {"type": "actions", "elements": list(blocks.buttons(decision))}
    revertible = [one for one in waiting if one.plan.steps]
    if len(revertible) > 1:
        yield {"type": "actions", "elements": [_revert_all(revertible)]}


def _revert_all(decisions: Sequence[Decision]) -> Block:
    value = _BETWEEN.join(f"{one.id}|{fingerprint(one)}" for one in decisions)
    words = f"Revert all {len(decisions)}"
    asked = "Each is reverted in the state that is shown here, where your vote is enough."
    return blocks.button(blocks.REVERT_ALL, words, value, style="primary") | {
        "confirm": {
            "title": blocks.plain_text(f"{words}?", 100),
            "text": blocks.plain_text(asked, 300),
            "confirm": blocks.plain_text("Revert them", 30),
            "deny": blocks.plain_text("Leave them", 30),
        }
    }


def pairs_of(value: str) -> list[tuple[str, str]]:
    """The decisions that a click is about, each with the fingerprint that was shown."""
    pairs = [one.partition("|")[::2] for one in value.split(_BETWEEN)[:MOST]]
    return list(dict.fromkeys(pairs))
