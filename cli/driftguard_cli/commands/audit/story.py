"""`driftguard audit show`: tells one decision as a story."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftguard.approvals.rules import inverse
from driftguard.audit import AuditTable, Entry
from driftguard.audit.chain import Fault, fault_in
from driftguard.audit.items import DECISION
from driftguard.audit.seals import Sealer
from driftguard.channels.wording import by, said
from driftguard.model import Autonomy, Decision, Status

from ...aws_options import on_aws
from ...decisions import DecisionArgument, as_json_whole, known, status_in_words
from ...stack import JsonOption, Stack, StackOption
from .shared import COLOR, console

_INDENT = (0, 0, 0, 2)


@on_aws
def show(
    decision: DecisionArgument, as_json: JsonOption = False, stack: StackOption = "driftguard"
) -> None:
    """Tell one decision as a story: what, who, why, what was done, and its log.

    Exits 1 if there is no such decision. If the decision's log is broken, the
    command says so and exits 0; `driftguard audit verify` exits 1.

    Example: driftguard audit show dg-2f0c…
    """
    audit = Stack.named(stack).audit
    told = recorded(audit, decision)
    found, log, fault = told.decision, told.log, told.fault
    if as_json:
        whole = {
            **as_json_whole(found),
            "votes": [asdict(vote) for vote in found.votes],
            "log": [asdict(entry) for entry in log],
            "whole": fault is None,
            "fault": fault.text if fault else "",
        }
        typer.echo(json.dumps(whole, indent=2))
        return
    console.print(_story(found, log))
    if found.lost:
        text = f"Its state, and the undo of its plan, are lost from the record: {found.lost}."
        console.print(text, markup=False)
    if fault is not None:
        console.print(f"The log does not hold together: {fault.text}.", markup=False)
        return
    console.print(
        "The log is whole."
        + (" It is sealed: `driftguard audit verify` proves it." * is_sealed(audit, log))
    )


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision, its log, and what does not hold together there; None for nothing."""

    decision: Decision
    log: Sequence[Entry]
    fault: Fault | None


def recorded(audit: AuditTable, decision: str) -> Recorded:
    """All that is recorded of a decision. Raises `Trouble` where there is none of this id."""
    partition = audit.partition(decision)
    stored = [item for item in partition if item["sk"].get("S") == DECISION]
    found = known(audit.whole(stored[0]) if stored else None, decision)
    fault, log = fault_in(decision, partition)
    return Recorded(found, log, fault)


def is_sealed(audit: AuditTable, log: Sequence[Entry]) -> bool:
    """Whether the last day of a log is sealed."""
    last = Sealer(audit).last()
    return last is not None and log[-1].day <= last.day


def _story(decision: Decision, log: Sequence[Entry]) -> Group:
    return Group(*(part for titled in _chapters(decision, log) for part in titled), "")


def _incident(decision: Decision) -> Iterator[tuple[str, str]]:
    """The incident that a decision came to; the record of the first does not say who followed."""
    if decision.incident not in ("", decision.id):
        yield ("Incident", f"{decision.incident}, with what one actor did within minutes")


def _chapters(decision: Decision, log: Sequence[Entry]) -> Iterator[tuple[RenderableType, ...]]:
    resource, actor = decision.candidate.resource, decision.actor
    title = Text(f"{decision.title}: ", "bold")
    title.append(status_in_words(decision), COLOR.get(decision.status, "bold"))
    yield (title, Text(decision.summary), "")
    if decision.status is Status.NOTED:
        # Not about a change: what a person did to the guard itself. Its log says no more.
        yield (
            _facts(
                ("Decision", f"{decision.id}, by {decision.control}"),
                ("About", resource.arn),
                ("Done", f"{decision.change_name} at {decision.change_time}"),
                ("By", actor.session),
                ("Why", decision.reason),
            ),
        )
        yield ("", Text("Log", "bold"), Padding(_log(log), _INDENT))
        return
    yield (
        _facts(
            ("Decision", f"{decision.id}, by {decision.control}, severity {decision.severity}"),
            ("Resource", resource.arn),
            ("Where", f"account {resource.account}, {resource.region or 'no region'}"),
            ("Change", f"{decision.change_name} at {decision.change_time}"),
            ("By", by(actor)),
            ("Why", decision.reason),
            *_incident(decision),
        ),
    )
    lowered = [ruling for ruling in decision.rulings if ruling.limit < Autonomy.REVERT]
    if lowered:
        rulings = (
            f"{ruling.guardrail}: at most {ruling.limit.label}. {ruling.reason}"
            for ruling in lowered
        )
        yield _listed("What held it back", rulings)
    yield _listed("Calls", _calls(decision))
    if decision.plan.untouched:
        yield _listed("Left alone", decision.plan.untouched)
    if decision.plan.advice:
        yield ("", Text(decision.plan.advice))
    if decision.votes or decision.status is Status.ASKED:
        yield _listed(f"Votes ({decision.quorum} needed)", _answers(decision))
    yield ("", Text("Log", "bold"), Padding(_log(log), _INDENT))


def _facts(*facts: tuple[str, str]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text(value))
    return table


def _listed(title: str, lines: Sequence[str] | Iterator[str]) -> tuple[RenderableType, ...]:
    return ("", Text(title, "bold"), *(Text(f"  {line}") for line in lines))


def _calls(decision: Decision) -> Iterator[str]:
    undone = decision.status is Status.UNDONE
    for number, step in enumerate(decision.plan.steps, start=1):
        done = number <= decision.done
        yield f"{'✓' if done else '·'} {said(step.call)}" + ("" if done else "  (not made)")
    if not decision.plan.steps:
        yield "none: there is no safe remediation here"
    for step in inverse(decision.plan, decision.done).steps:
        yield f"{'✓ undone by' if undone else '  undo:'} {said(step.call)}"


def _answers(decision: Decision) -> Iterator[str]:
    for vote in decision.votes:
        until = f", exempted until {vote.until}" if vote.until else ""
        reason = f": {vote.reason}" if vote.reason else ""
        at = vote.at[:19].replace("T", " ")
        yield f"{at}  {vote.person} votes {vote.choice.value} via {vote.via}{until}{reason}"
    if not decision.votes:
        yield "none yet" + (f"; asked until {decision.expires}" if decision.expires else "")


def _log(log: Sequence[Entry]) -> Table:
    """The log as a table, each entry with its time after the entry before."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for style in ("dim", "dim", "bold", "", ""):
        table.add_column(style=style, overflow="fold")
    before = ""
    for entry in log:
        at, later = entry.at[:19].replace("T", " "), after(before, entry.at)
        table.add_row(at, later, entry.event, Text(f"by {entry.by}"), Text(entry.note))
        before = entry.at
    return table


def after(before: str, at: str) -> str:
    """Return `+0.8 s`, `+12 min`, `+3 h` or `+2 d`; "" for the first and for unreadable times."""
    try:
        seconds = (datetime.fromisoformat(at) - datetime.fromisoformat(before)).total_seconds()
    except ValueError:
        return ""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"+{seconds / size:.0f} {unit}"
    return f"{seconds:+.1f} s"
