"""An explanation as text for people and as one JSON document for programs."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftguard.messages.words import said as in_a_line
from driftguard.model import Certainty, Document, Plan

from .reasons import Explanation, Reasoning, Said, Watching

_INDENT = (0, 0, 0, 2)


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
        "controls": [_watching(one) for one in found.controls],
    }


def _watching(one: Watching) -> Document:
    return {
        "control": one.control.id,
        "title": one.control.title,
        "by_the_record": _by_the_record(one),
        "suspects": [_suspect(each) for each in one.suspects],
    }


def _suspect(one: Reasoning) -> Document:
    return {
        "resource": one.suspect.resource.arn,
        "certainty": one.suspect.certainty.value,
        "severity": one.severity,
        "granted": one.granted.label,
        "basis": one.basis,
        "guardrails": [_guardrail(each) for each in one.said],
        "rulings": [
            {"guardrail": each.guardrail, "limit": each.limit.label, "reason": each.reason}
            for each in one.said
            if each.limit is not None
        ],
        "at_most": one.at_most.label,
        "unless": list(one.unless),
        "verdict": one.verdict,
        "seen": one.seen,
        "plan": None if one.plan is None else plan_as_json(one.plan),
        "trouble": one.trouble,
    }


def _guardrail(one: Said) -> Document:
    says = "cannot tell" if one.wants else "nothing"
    return {
        "guardrail": one.guardrail,
        "says": says if one.limit is None else f"at most {one.limit.label}",
        "reason": one.reason or one.wants,
    }


def plan_as_json(plan: Plan) -> Document:
    """A plan: each call on one line with those that undo it."""
    return {
        "steps": [
            {"call": in_a_line(one.call), "undo": [in_a_line(each) for each in one.undo]}
            for one in plan.steps
        ],
        "kept": list(plan.kept),
        "advice": plan.advice,
    }


# ------------------------------------------------------------------------------- people


def as_text(found: Explanation) -> Group:
    """The story: the change, each control, each suspect, every guardrail, the verdict."""
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
    for one in sorted(found.controls, key=lambda one: not one.suspects):
        yield from _of_control(one)


def _of_control(one: Watching) -> Iterator[RenderableType]:
    yield Text(f"{one.control.id}: {_by_the_record(one)} by the record", "bold")
    yield Text(f"  {one.control.title}")
    if not one.suspects:
        yield Text("  The record proves the change harmless: the guard makes no call.")
    for each in one.suspects:
        yield ""
        yield Padding(Group(*_of_suspect(each)), _INDENT)
    yield ""


def _of_suspect(one: Reasoning) -> Iterator[RenderableType]:
    about = [
        ("Resource", one.suspect.resource.arn),
        ("Severity", str(one.severity)),
        ("Granted", one.basis),
    ]
    if one.seen:
        about.append(("Seen", one.seen))
    yield facts(*about)
    if one.said:
        yield guardrails(one.said)
    if one.plan is not None:
        yield from _of_plan(one.plan)
    if one.trouble:
        yield Text(one.trouble, "red")
    yield Text(one.verdict, "bold")


def _of_plan(plan: Plan) -> Iterator[RenderableType]:
    for number, step in enumerate(plan.steps, start=1):
        yield Text(f"{number}. {in_a_line(step.call)}")
        for call in step.undo:
            yield Text(f"   undo: {in_a_line(call)}")
    if plan.kept:
        yield Text(f"Left alone: {'; '.join(plan.kept)}")
    if plan.advice:
        yield Text(plan.advice)


def guardrails(said: tuple[Said, ...]) -> Table:
    """One line a guardrail."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in said:
        if one.limit is not None:
            says = Text(f"at most {one.limit.label}", "yellow")
        elif one.wants:
            says = Text("cannot tell", "cyan")
        else:
            says = Text("says nothing", "dim")
        table.add_row(one.guardrail, says, Text(one.reason or one.wants))
    return table


def facts(*known: tuple[str, str]) -> Table:
    """Names and values, in two columns."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in known:
        table.add_row(name, Text(value))
    return table


def _by_the_record(one: Watching) -> str:
    """`evident`, `possible` or `harmless`: the most that the record says of any resource."""
    if not one.suspects:
        return "harmless"
    certain = {each.suspect.certainty for each in one.suspects}
    return (Certainty.EVIDENT if Certainty.EVIDENT in certain else Certainty.POSSIBLE).value
