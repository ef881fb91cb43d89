"""`driftguard redrive`: puts dead-lettered messages back.

For a batch of the audit table's stream, Lambda dead-letters the batch's place in the stream and not
its content (AWS Lambda Developer Guide, "Retaining discarded batches for a DynamoDB event source").
The guard cannot read that. But the record shows what may be missing: an approval that was not
carried out, an approval request that has expired.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from driftguard.audit import AuditTable
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.aws.calls import told_apart
from driftguard.documents import stamp
from driftguard.events.commands import carry_out_message, expire_message
from driftguard.model import Decision, Status

from ..stack import JsonOption, Stack, StackOption

console = Console(highlight=False)

_MARK = "DDBStreamBatchInfo"


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """Commands for what the guard missed, and open approval requests that may have no timer."""

    messages: tuple[Mapping[str, str], ...]
    open: tuple[Decision, ...]


def is_of_the_stream(body: str) -> bool:
    """Whether a dead-lettered message is a batch of the audit table's stream."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return False
    return isinstance(parsed, Mapping) and _MARK in parsed


def unfollowed(audit: AuditTable, now: str) -> Unfollowed:
    """Return what waits in the record now. Sending the commands twice changes nothing."""
    asked = list(_standing(audit, Status.ASKED))
    messages = [carry_out_message(decision.id) for decision in _standing(audit, Status.APPROVED)]
    messages += [expire_message(decision.id) for decision in asked if decision.expires <= now]
    return Unfollowed(
        tuple(messages), tuple(decision for decision in asked if decision.expires > now)
    )


def _standing(audit: AuditTable, status: Status) -> Iterator[Decision]:
    filters = Filters(status=status.value)
    return Finder(audit, Usage()).decisions(filters, plan(filters))


def redrive(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what is dead-lettered.")
    ] = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Show what is in the dead-letter queue and why, and put it back to be handled again.

    Exits 0 also where nothing is dead-lettered.

    Example: driftguard redrive --dry-run
    """
    deployed = Stack.named(stack)
    queue = deployed.aws.client("sqs")
    dead_lettered: list[dict[str, str]] = []
    missed: Unfollowed | None = None
    while True:
        with told_apart("sqs", "ReceiveMessage"):
            messages = queue.receive_message(
                QueueUrl=deployed.output("DeadLetterQueue"),
                MaxNumberOfMessages=10,
                MessageAttributeNames=["reason"],
                VisibilityTimeout=30,
            ).get("Messages", [])
        if not messages:
            break
        for message in messages:
            attributes = message.get("MessageAttributes", {})
            usual = "the guard died or timed out"
            bodies = [message["Body"]]
            if is_of_the_stream(message["Body"]):
                usual = "the publisher could not follow the record"
                # All of them with the first, whichever batches they were in.
                bodies = []
                if missed is None:
                    bodies, missed = _missed(deployed)
            reason = attributes.get("reason", {}).get("StringValue", usual)
            dead_lettered.append(
                {"message": message["MessageId"], "reason": reason, "body": message["Body"]}
            )
            if dry_run:
                continue
            # Sent first, deleted second: an interruption in between repeats a message, loses none.
            for body in bodies:
                with told_apart("sqs", "SendMessage"):
                    queue.send_message(QueueUrl=deployed.output("ChangesQueue"), MessageBody=body)
            with told_apart("sqs", "DeleteMessage"):
                queue.delete_message(
                    QueueUrl=deployed.output("DeadLetterQueue"),
                    ReceiptHandle=message["ReceiptHandle"],
                )
    if as_json:
        typer.echo(json.dumps({"redriven": not dry_run, "messages": dead_lettered}, indent=2))
        return
    for message in dead_lettered:
        console.print(f"{message['message']}  {message['reason']}", markup=False)
    for open_ in missed.open if missed else ():
        line = f"{open_.id}  open until {open_.expires}; perhaps nobody was notified: vote on it"
        console.print(line, markup=False)
    console.print(f"{len(dead_lettered)} {'dead-lettered' if dry_run else 'put back'}.")


def _missed(deployed: Stack) -> tuple[list[str], Unfollowed]:
    missed = unfollowed(deployed.audit, stamp(datetime.now(UTC)))
    return [json.dumps(message) for message in missed.messages], missed
