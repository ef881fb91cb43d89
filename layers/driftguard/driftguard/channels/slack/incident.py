"""Renders the approval requests of one incident as one Slack message, with an answer for each.

They stand in the order in which they are carried out. One button more is one answer to the whole
incident, bound to its fingerprint: it is there where the message shows all of it that waits.

Sources, docs.slack.dev: as in `blocks.py` (50 blocks; 2,000 characters a button's value).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from driftguard.approvals.incidents import Incident
from driftguard.model import Decision, Status

from ..message import telling
from ..message.text import difference_lines
from ..wording import ApprovalRequest, by, first_by_actor, moment
from . import blocks
from .blocks import Block

Requests: TypeAlias = "Sequence[tuple[Decision, ApprovalRequest | None]]"

# As many have room in one message: four blocks each, and three for all of them.
MOST = 11
_CALLS = 3


def message(requests: Requests, whole: Incident) -> blocks.Message:
    """The message of an incident's requests in their current state."""
    waiting = [one for one, _ in requests if one.status is Status.ASKED]
    title = f"{len(requests)} changes of one caller: {_count(waiting)}"
    whose = _whose(requests, whole)
    text = blocks.escaped(f"{title}. By {by(whose.actor)}.")
    return text, list(_blocks(title, requests, whole))


def _whose(requests: Requests, whole: Incident) -> Decision:
    """The decision that names whose incident it is, which may have been told before."""
    return first_by_actor(whole.members or [decision for decision, _ in requests])


def _count(waiting: Sequence[Decision]) -> str:
    return f"{len(waiting)} wait for a person" if waiting else "none waits for a person"


def _blocks(title: str, requests: Requests, whole: Incident) -> Iterator[Block]:
    yield {"type": "header", "text": blocks.plain_text(title, 150)}
    yield blocks.section(
        f"*By*\n{blocks.escaped(telling.who(_whose(requests, whole)))}\n"
        "Each has an answer of its own, bound to its state as it is shown here. One answer to all "
        "is carried out in this order: ways back in first, data last."
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
    if len(whole.waiting) < 2:
        return
    if {one.id for one in whole.waiting} <= {one.id for one, _ in requests}:
        yield {"type": "actions", "elements": [_revert_all(whole)]}
    else:
        yield blocks.context(
            f"{len(whole.waiting)} of this incident wait, and not all are shown here: "
            f"`driftguard incident contain {whole.id}`"
        )


def _revert_all(whole: Incident) -> Block:
    words = f"Revert all {len(whole.waiting)}"
    asked = (
        "They are reverted in this order, each in the state that is shown here, where your vote is "
        "enough."
    )
    value = f"{whole.id}|{whole.fingerprint}"
    return blocks.button(blocks.REVERT_ALL, words, value, style="primary") | {
        "confirm": {
            "title": blocks.plain_text(f"{words}?", 100),
            "text": blocks.plain_text(asked, 300),
            "confirm": blocks.plain_text("Revert them", 30),
            "deny": blocks.plain_text("Leave them", 30),
        }
    }
