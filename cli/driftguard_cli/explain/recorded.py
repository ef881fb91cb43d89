"""The reasoning on a decision, as the audit table keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from driftguard.audit import AuditTable
from driftguard.messages.words import told, voices
from driftguard.model import Decision, Document, Status

from ..audit.shared import known
from .reasons import of_ruling
from .telling import facts, guardrails, plan_as_json


def tell(audit: AuditTable, id_: str, as_json: bool, console: Console) -> None:
    """Prints why a decision was made as it was. Raises `Trouble` for one that there is not."""
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
        "resource": decision.suspect.resource.arn,
        "status": decision.status.value,
        "severity": decision.severity,
        "summary": decision.summary,
        "granted": decision.granted.label,
        "autonomy": decision.autonomy.label,
        "reason": decision.reason,
        "rulings": [
            {"guardrail": one.guardrail, "limit": one.limit.label, "reason": one.reason}
            for one in decision.rulings
        ],
        "plan": plan_as_json(decision.plan),
        "answers": [asdict(one) for one in decision.answers],
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
        ("Resource", decision.suspect.resource.arn),
        ("Change", f"{decision.change_name} at {decision.change_time}"),
        ("Granted", f"{decision.granted.label} by the policy"),
        ("Decided", f"{decision.autonomy.label}: {decision.reason}"),
    )
    if decision.rulings:
        yield guardrails(tuple(of_ruling(one) for one in decision.rulings))
        yield Text("All other guardrails had nothing to say.")
    else:
        yield Text("No guardrail had anything to say.")
    for one in voices(decision):
        yield Text(one)
    yield Text(f"driftguard audit show {decision.id}", "dim")
