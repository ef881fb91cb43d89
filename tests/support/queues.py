"""The guard's two doors: messages as SQS delivers them, and requests as the desk makes them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from driftguard.approvals.rules import UNDO_REQUESTED
from driftguard.audit import AuditTable
from driftguard.documents import Json
from driftguard.engine.intake import Message, Queues
from driftguard.events.commands import undo_message
from driftguard.model import Decision

CHANGES_ARN = "arn:aws:sqs:us-east-1:123456789012:changes"
COMMANDS_ARN = "arn:aws:sqs:us-east-1:123456789012:commands"


def queues(dead_letters: str = "dead", changes: str = "changes") -> Queues:
    """The guard's queues, of which only these URLs matter."""
    return Queues(changes, "commands", COMMANDS_ARN, dead_letters)


def change_message(body: Any, deliveries: int = 1) -> Message:
    """A message by the queue that EventBridge can reach."""
    return Message("m-1", _text(body), deliveries, CHANGES_ARN)


def command_message(body: Any, deliveries: int = 1) -> Message:
    """A message by the queue that only the stack's roles can write."""
    return Message("m-1", _text(body), deliveries, COMMANDS_ARN)


def undo_requested(
    audit: AuditTable, decision: Decision, by: str, reason: str = ""
) -> dict[str, Json]:
    """The command to undo a decision, and in its log the request, as the desk records it."""
    now = audit.get(decision.id)
    assert now is not None
    written = audit.append(
        replace(now, updated=now.updated), event=UNDO_REQUESTED, note=reason, by=by
    )
    return undo_message(decision.id, written.version)


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)
