"""`driftguard redrive`: has the guard handle again what was dead-lettered.

A change goes back into the changes queue, where it has no more power than any other event. A
command does not: a dead-lettered command may have been written by anybody who can reach the queue.
What it named is looked up, and the record says what the guard still has to do.

For a batch of the audit table's stream, Lambda dead-letters the batch's place in the stream and not
its content (AWS Lambda Developer Guide, "Retaining discarded batches for a DynamoDB event source").
The record shows what may be missing there, too: an approval that was not carried out, an approval
request that has expired.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console

from driftguard.audit import AuditTable
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.aws.calls import told_apart
from driftguard.documents import stamp
from driftguard.events.commands import MARK
from driftguard.model import Decision, Status

from ..signed_request import ask
from ..stack import JsonOption, Stack, StackOption

console = Console(highlight=False)

# The key of a batch of the audit table's stream.
_BATCH = "DDBStreamBatchInfo"
# Why a message is dead-lettered that does not say it.
_USUAL = {
    "change": "the guard died or timed out",
    "command": "the guard died or timed out",
    "stream": "the publisher could not follow the record",
}


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """Decisions that the guard owes something, and open requests that may have no timer."""

    owed: tuple[Decision, ...]
    open: tuple[Decision, ...]


def kind_of(body: str) -> str:
    """What a dead-lettered message is: a batch of the `stream`, a `command`, or a `change`."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return "change"
    if not isinstance(parsed, Mapping):
        return "change"
    if _BATCH in parsed:
        return "stream"
    return "command" if MARK in parsed else "change"


def unfollowed(audit: AuditTable, now: str) -> Unfollowed:
    """Return what waits in the record now."""
    asked = list(_standing(audit, Status.ASKED))
    return Unfollowed(
        (*_standing(audit, Status.APPROVED), *(late for late in asked if late.expires <= now)),
        tuple(decision for decision in asked if decision.expires > now),
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
    """Show what is in the dead-letter queue and why, and have it handled again.

    A change is put back; of a command only its decision counts, which the guard is woken for.
    Exits 0 also where nothing is dead-lettered.

    Example: driftguard redrive --dry-run
    """
    deployed = Stack.named(stack)
    redriver = Redriver(deployed, dry_run)
    found = list(redriver.messages())
    if as_json:
        told = [message._asdict() for message in found]
        typer.echo(json.dumps({"redriven": not dry_run, "messages": told}, indent=2))
        return
    for message in found:
        console.print(f"{message.message}  {message.kind}: {message.reason}", markup=False)
        console.print(f"    {message.body}", markup=False)
        if message.outcome:
            console.print(f"    {message.outcome}", markup=False)
    for open_ in redriver.open:
        line = f"{open_.id}  open until {open_.expires}; perhaps nobody was notified: vote on it"
        console.print(line, markup=False)
    console.print(f"{len(found)} {'dead-lettered' if dry_run else 'handled'}.")


class DeadLetter(NamedTuple):
    """A dead-lettered message: why it is there, what kind it is, and what became of it now."""

    message: str
    reason: str
    kind: str
    body: str
    outcome: str


class Redriver:
    """Takes the dead-letter queue's messages one by one, each to where it may go."""

    def __init__(self, deployed: Stack, dry_run: bool) -> None:
        self._deployed = deployed
        self._dry_run = dry_run
        self._sqs = deployed.aws.client("sqs")
        self._followed = False
        self.open: tuple[Decision, ...] = ()

    def messages(self) -> Iterator[DeadLetter]:
        """Every message, redriven and then deleted: an interruption repeats one, and loses none."""
        queue = self._deployed.output("DeadLetterQueue")
        while True:
            with told_apart("sqs", "ReceiveMessage"):
                batch = self._sqs.receive_message(
                    QueueUrl=queue,
                    MaxNumberOfMessages=10,
                    MessageAttributeNames=["reason"],
                    VisibilityTimeout=30,
                ).get("Messages", [])
            if not batch:
                return
            for message in batch:
                yield self._redriven(message)
                if self._dry_run:
                    continue
                with told_apart("sqs", "DeleteMessage"):
                    self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def _redriven(self, message: Any) -> DeadLetter:
        body: str = message["Body"]
        kind = kind_of(body)
        redrive = {"stream": self._follow, "command": self._wake}.get(kind, self._send)
        reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue")
        outcome = "" if self._dry_run else redrive(body)
        if kind == "stream" and self._dry_run:
            self._look()
        return DeadLetter(message["MessageId"], reason or _USUAL[kind], kind, body, outcome)

    def _send(self, body: str) -> str:
        with told_apart("sqs", "SendMessage"):
            self._sqs.send_message(QueueUrl=self._deployed.output("ChangesQueue"), MessageBody=body)
        return "put back"

    def _wake(self, body: str) -> str:
        decision = json.loads(body).get("decision")
        if not isinstance(decision, str):
            return "dropped: the next sweep finds again what it was about"
        return self._asked_to_wake(decision)

    def _follow(self, _: str) -> str:
        """All that the record owes with the first batch, whichever batches it was in."""
        if self._followed:
            return "followed up with the batch before"
        woken = [self._asked_to_wake(decision.id) for decision in self._look().owed]
        return f"{len(woken)} decisions followed up"

    def _look(self) -> Unfollowed:
        missed = unfollowed(self._deployed.audit, stamp(datetime.now(UTC)))
        self._followed, self.open = True, missed.open
        return missed

    def _asked_to_wake(self, decision: str) -> str:
        return f"{decision}: {ask(self._deployed, '/wake', {'decision': decision})['text']}"
