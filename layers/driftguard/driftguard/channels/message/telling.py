"""Makes the parts of a message about a decision, in the order in which people need them. Pure.

How bad, what and where; what changed; why it is risky; who; what is done about it, as a difference;
what is left alone; until when; what can be done now; where to look. Renderings take it from there.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from driftguard.approvals import act
from driftguard.approvals.rules import is_reminder, is_tried_again
from driftguard.frozen import dataclass
from driftguard.model import Decision, Status

from ..wording import (
    ApprovalRequest,
    moment,
    presentable,
    severity_name,
    told,
    votes,
)
from . import console
from .difference import Difference, of_plan

# What of a plan a status says, as a heading.
_DONE = {
    Status.REVERTING: "What is being done",
    Status.REVERTED: "What was done",
    Status.UNDOING: "What is being put back",
    Status.UNDONE: "What was done, and is put back",
    Status.FAILED: "What was tried",
}
_WOULD = "What would take it back"


# Names and texts, in their order.
Facts: TypeAlias = "tuple[tuple[str, str], ...]"


class Command(NamedTuple):
    """A command to type, and what it does."""

    line: str
    does: str


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says of one decision.

    Every text is plain, on one line; a text is "" and a list empty where there is nothing to say.
    `severity` is "" for an operator's act. `where` names control, account and resource; `story`
    says what changed, why it is risky, and who made it. `timeout` says what happens by itself, and
    when. `link` is the page on which the revert is confirmed.
    """

    severity: str
    headline: str
    where: Facts
    story: Facts
    risk: str
    doing: str
    differences: tuple[Difference, ...]
    left_alone: tuple[str, ...]
    advice: str
    beside: tuple[str, ...]
    timeout: str
    link: str
    commands: tuple[Command, ...]
    decided: str
    votes: tuple[str, ...]
    console: str

    @property
    def title(self) -> str:
        """The headline, after the severity where there is one."""
        return f"{self.severity.capitalize()}: {self.headline}" if self.severity else self.headline


def message(decision: Decision, request: ApprovalRequest | None = None) -> Message:
    """What there is to say of a decision in its current state."""
    shown = presentable(decision)
    resource = shown.candidate.resource
    asked = shown.status is Status.ASKED
    is_act = shown.control == act.CONTROL
    risk = _sentence(shown.summary)
    place = f"{resource.account}, {resource.region}" if resource.region else resource.account
    return Message(
        severity="" if is_act else f"{severity_name(shown.severity)} ({shown.severity} of 100)",
        headline=f"{shown.title}: {_stands(shown)}",
        where=(("Control", shown.control), ("Account", place), ("Resource", resource.arn)),
        story=(
            ("Act" if is_act else "Changed", _changed(shown)),
            ("Effect" if is_act else "Risk", risk),
            ("By", who(shown)),
            *_contained(shown),
        ),
        risk=risk,
        doing="What it does" if is_act else heading(shown.status, asked=asked),
        differences=tuple(of_plan(shown.plan.steps)),
        left_alone=shown.plan.untouched,
        advice=shown.plan.advice,
        beside=shown.beside if asked else (),
        timeout=request.timeout if request else _next_try(shown),
        link=request.revert_link if request and shown.plan.steps else "",
        commands=tuple(_commands(shown)),
        decided=_decided(shown),
        votes=tuple(votes(shown)),
        console=console.link(resource),
    )


def heading(status: Status, *, asked: bool) -> str:
    """What stands over the difference: what is, was, or would be done."""
    if asked:
        return "What a revert would do"
    return _DONE.get(status, _WOULD)


def who(decision: Decision) -> str:
    """Who made the change, from where, and with what, in words."""
    actor = decision.actor
    if actor.is_unattributed:
        return "Not known: no event reported the change."
    words = f"{actor.session or actor.principal or 'Somebody unknown'}"
    words += f" from {actor.source or 'an unknown place'}"
    if actor.agent and actor.agent != actor.source:
        words += f", with {actor.agent}"
    if actor.source_identity:
        words += f", source identity {actor.source_identity}"
    return words


def _changed(decision: Decision) -> str:
    at = moment(decision.change_time)
    if decision.actor.is_unattributed:
        return f"{decision.change_name}, {at}: {decision.candidate.resource.id}."
    if decision.control == act.CONTROL:
        return f"{decision.change_name}, {at}."
    return f"{decision.change_name} on {decision.candidate.resource.id}, {at}."


def _stands(decision: Decision) -> str:
    return "still contained" if is_reminder(decision) else told(decision.status)


def _contained(decision: Decision) -> Facts:
    """By whom something is contained, and since when, for reminders."""
    if not is_reminder(decision):
        return ()
    since = max((cast.at for cast in decision.votes), default=decision.decided)
    people = ", ".join(dict.fromkeys(cast.person for cast in decision.votes))
    return (("Contained", f"Since {moment(since)}, by {people or 'the guard, as policy says'}."),)


def _next_try(decision: Decision) -> str:
    if decision.status is Status.REVERTED and decision.remind:
        return f"People are reminded at {moment(decision.remind)}, unless it is released before."
    if decision.status is Status.OBSERVED and decision.next_try:
        return f"It is looked at again at {moment(decision.next_try)}, and told or asked then."
    if not (is_tried_again(decision) and decision.next_try):
        return ""
    return f"It is tried again at {moment(decision.next_try)}, unless people let the change stand."


def _decided(decision: Decision) -> str:
    """Why the decision stands as it does, and since when."""
    why = decision.reason.strip().rstrip(".") or "no reason is recorded"
    return f"{why} ({moment(decision.updated)})."


def _commands(decision: Decision) -> list[Command]:
    """What can be done now about a decision, and how it is looked at: the last of them."""
    id_, found = decision.id, []
    if decision.status is Status.ASKED:
        if decision.plan.steps:
            found.append(Command(f"driftguard approve {id_}", "the change is reverted"))
        found += [
            Command(f"driftguard deny {id_}", "the change stands"),
            Command(
                f"driftguard accept {id_} --for 7d",
                "it stands, and nobody is asked about the resource until then",
            ),
        ]
    elif decision.status is Status.PROPOSED:
        found.append(Command(f"driftguard confirm {id_}", "it has effect"))
    elif is_tried_again(decision):
        found += [
            Command(f"driftguard deny {id_}", "lets the change stand: it is tried no more"),
            Command(
                f"driftguard accept {id_} --for 7d", "exempts the resource as well, until then"
            ),
        ]
    elif decision.status is Status.REVERTED and decision.remind:
        control, arn = decision.control, decision.candidate.resource.arn
        found += [
            Command(f"driftguard undo {id_}", "it is released, and so the risk comes back"),
            Command(
                f"driftguard exempt add {control} {arn} --for 7d --reason …",
                "it stays contained, and nobody is reminded or asked about it until then",
            ),
        ]
    elif decision.status is Status.REVERTED:
        found.append(
            Command(f"driftguard undo {id_}", "the change comes back, and so does the risk")
        )
    return [*found, Command(f"driftguard audit show {id_}", "the whole record")]


def _sentence(words: str) -> str:
    sentence = words.strip()
    ends = sentence.endswith((".", "!", "?", "…"))
    return sentence if ends else f"{sentence}."
