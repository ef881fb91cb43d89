"""The reasoning on a decision, as the audit table keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import typer
from rich.console import RenderableType
from rich.text import Text

from driftguard.audit import AuditTable
from driftguard.channels.wording import told, votes
from driftguard.documents import Document
from driftguard.model import Decision, Status

from ...decisions import known
from ...terminal import Console
from .reasons import of_ruling
from .telling import facts, guardrails, plan_as_json


def tell(audit: AuditTable, id_: str, as_json: bool, console: Console) -> None:
    """Prints why a decision was made. Raises `Trouble` if there is no such decision."""
    decision = known(audit.get(id_), id_)
    if as_json:
        typer.echo(json.dumps(_document(decision), indent=2))
        return
    for part in _parts(decision):
        console.print(part)


def _document(decision: Decision) -> Document:
    return {
        "decision": decision.id,
        "control": decision.control,
        "resource": decision.candidate.resource.arn,
        "status": decision.status.value,
        "severity": decision.severity,
        "summary": decision.summary,
        "granted": decision.granted.label,
        "autonomy": decision.autonomy.label,
        "reason": decision.reason,
        "rulings": [
            {"guardrail": ruling.guardrail, "limit": ruling.limit.label, "reason": ruling.reason}
            for ruling in decision.rulings
        ],
        "plan": plan_as_json(decision.plan),
        "votes": [asdict(vote) for vote in decision.votes],
        "decided": decision.decided,
    }


def _parts(decision: Decision) -> Iterator[RenderableType]:
    yield Text(f"{decision.title}: {told(decision.status)}", "bold")
    yield Text(decision.summary)
    if decision.status is Status.NOTED:
        yield facts(("By", decision.actor.session), ("Why", decision.reason))
        return
    yield facts(
        ("Decision", f"{decision.id}, by {decision.control}, severity {decision.severity}"),
        ("Resource", decision.candidate.resource.arn),
        ("Change", f"{decision.change_name} at {decision.change_time}"),
        ("Granted", f"{decision.granted.label} by the policy"),
        ("Decided", f"{decision.autonomy.label}: {decision.reason}"),
    )
    if decision.rulings:
        yield guardrails(tuple(of_ruling(ruling) for ruling in decision.rulings))
        yield Text("All other guardrails had nothing to say.")
    else:
        yield Text("No guardrail had anything to say.")
    for line in votes(decision):
        yield Text(line)
    yield Text(f"driftguard audit show {decision.id}", "dim")
