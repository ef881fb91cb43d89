"""An explanation as text for people and as one JSON document for programs."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftguard.channels.wording import said as in_a_line
from driftguard.documents import Document
from driftguard.model import Certainty, Plan

from .reasons import Explanation, Reasoning, Said, Watching

_INDENT = (0, 0, 0, 2)
_HIDDEN = (
    "The record hides what was done: the guard looks at everything of the kind that it can list, "
    "and asks people at most."
)


# ------------------------------------------------------------------------------- programs


def as_json(found: Explanation) -> Document:
    """Everything, for programs."""
    change = found.change
    return {
        "change": {
            "id": change.id,
            "source": change.source,
            "name": change.name,
            "time": change.time,
            "account": change.account,
            "region": change.region,
            "actor": change.actor.principal,
            "actor_session": change.actor.session,
            "actor_kind": change.actor.kind,
            "source_address": change.actor.source,
            "agent": change.actor.agent,
        },
        "policy": found.policy,
        "live": found.live,
        "advisories": found.advisories,
        "passed_over": found.passed_over,
        "controls": [_watching(watching) for watching in found.controls],
    }


def _watching(watching: Watching) -> Document:
    return {
        "control": watching.control.id,
        "title": watching.control.title,
        "by_the_record": _by_the_record(watching),
        "hidden": watching.hidden,
        "trouble": watching.trouble,
        "candidates": [_candidate(reasoning) for reasoning in watching.candidates],
    }


def _candidate(reasoning: Reasoning) -> Document:
    return {
        "resource": reasoning.candidate.resource.arn,
        "certainty": reasoning.candidate.certainty.value,
        "severity": reasoning.severity,
        "granted": reasoning.granted.label,
        "basis": reasoning.basis,
        "guardrails": [_guardrail(guardrail) for guardrail in reasoning.said],
        "rulings": [
            {
                "guardrail": guardrail.guardrail,
                "limit": guardrail.limit.label,
                "reason": guardrail.reason,
            }
            for guardrail in reasoning.said
            if guardrail.limit is not None
        ],
        "at_most": reasoning.at_most.label,
        "unless": list(reasoning.unless),
        "verdict": reasoning.verdict,
        "seen": reasoning.seen,
        "plan": None if reasoning.plan is None else plan_as_json(reasoning.plan),
        "trouble": reasoning.trouble,
    }


def _guardrail(said: Said) -> Document:
    says = "cannot tell" if said.wants else "nothing"
    return {
        "guardrail": said.guardrail,
        "says": says if said.limit is None else f"at most {said.limit.label}",
        "reason": said.reason or said.wants,
    }


def plan_as_json(plan: Plan) -> Document:
    """A plan: each call on one line with those that undo it."""
    return {
        "steps": [
            {"call": in_a_line(step.call), "undo": [in_a_line(call) for call in step.undo]}
            for step in plan.steps
        ],
        "untouched": list(plan.untouched),
        "advice": plan.advice,
    }


# ------------------------------------------------------------------------------- people


def as_text(found: Explanation) -> Group:
    """The story: the change, each control, each candidate, every guardrail, the verdict."""
    return Group(*_parts(found))


def _parts(found: Explanation) -> Iterator[RenderableType]:
    change, actor = found.change, found.change.actor
    yield Text(f"{change.name} ({change.source}) at {change.time or 'an unknown time'}", "bold")
    yield facts(
        ("By", f"{actor.session or 'unknown'} from {actor.source or 'unknown'}"),
        ("With", actor.agent or "unknown"),
        ("Where", f"account {change.account or 'unknown'}, {change.region or 'no region'}"),
        ("Policy", found.policy),
        *([("Advisories", found.advisories)] if found.advisories else []),
    )
    yield ""
    if found.passed_over:
        yield Text(f"The guard passes over it: {found.passed_over}.")
    elif not found.controls:
        yield Text("No control watches such a change: the guard never hears of it.")
    first = sorted(found.controls, key=lambda one: not (one.candidates or one.hidden))
    for watching in first:
        yield from _of_control(watching)


def _of_control(watching: Watching) -> Iterator[RenderableType]:
    yield Text(f"{watching.control.id}: {_by_the_record(watching)} by the record", "bold")
    yield Text(f"  {watching.control.title}")
    if watching.hidden:
        yield Text(f"  {_HIDDEN}")
    elif not watching.candidates:
        yield Text("  The record proves the change harmless: the guard makes no call.")
    if watching.trouble:
        yield Text(f"  {watching.trouble}", "red")
    for reasoning in watching.candidates:
        yield ""
        yield Padding(Group(*_of_candidate(reasoning)), _INDENT)
    yield ""


def _of_candidate(reasoning: Reasoning) -> Iterator[RenderableType]:
    about = [
        ("Resource", reasoning.candidate.resource.arn),
        ("Severity", str(reasoning.severity)),
        ("Granted", reasoning.basis),
    ]
    if reasoning.seen:
        about.append(("Seen", reasoning.seen))
    yield facts(*about)
    if reasoning.said:
        yield guardrails(reasoning.said)
    if reasoning.plan is not None:
        yield from _of_plan(reasoning.plan)
    if reasoning.trouble:
        yield Text(reasoning.trouble, "red")
    yield Text(reasoning.verdict, "bold")


def _of_plan(plan: Plan) -> Iterator[RenderableType]:
    for number, step in enumerate(plan.steps, start=1):
        yield Text(f"{number}. {in_a_line(step.call)}")
        for call in step.undo:
            yield Text(f"   undo: {in_a_line(call)}")
    if plan.untouched:
        yield Text(f"Left alone: {'; '.join(plan.untouched)}")
    if plan.advice:
        yield Text(plan.advice)


def guardrails(said: tuple[Said, ...]) -> Table:
    """One line a guardrail."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for guardrail in said:
        if guardrail.limit is not None:
            says = Text(f"at most {guardrail.limit.label}", "yellow")
        elif guardrail.wants:
            says = Text("cannot tell", "cyan")
        else:
            says = Text("says nothing", "dim")
        table.add_row(guardrail.guardrail, says, Text(guardrail.reason or guardrail.wants))
    return table


def facts(*known: tuple[str, str]) -> Table:
    """Names and values, in two columns."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in known:
        table.add_row(name, Text(value))
    return table


def _by_the_record(watching: Watching) -> str:
    """`evident`, `possible` or `harmless`: the most that the record says of any resource."""
    if watching.hidden:
        return Certainty.POSSIBLE.value
    if not watching.candidates:
        return "harmless"
    certain = {reasoning.candidate.certainty for reasoning in watching.candidates}
    return (Certainty.EVIDENT if Certainty.EVIDENT in certain else Certainty.POSSIBLE).value
