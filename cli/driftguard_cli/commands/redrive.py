"""`driftguard redrive`: has the guard handle again what was dead-lettered.

The guard signs what it dead-letters, and only what is signed is handled again without a question.
All else (what SQS moved because it killed the guard's function, what EventBridge or a timer could
not deliver, what somebody wrote into the queue) stays where it is until `--untrusted` is given.

A change goes back into the changes queue, where it has no more power than any other event. A
command never goes back into a queue. What it named is looked up, and the record says what the guard
still has to do, if anything: less than a change could bring about.

For a batch of the audit table's stream, Lambda dead-letters the batch's place in the stream and not
its content (AWS Lambda Developer Guide, "Retaining discarded batches for a DynamoDB event source").
The record shows what may be missing there, too: an approval that was not carried out, an approval
request that has expired, a failed revert that nothing tries again.

What another function could not handle (a custom action of Security Hub, a vote by SNS, news for a
hook) is no message of the guard's. Only the service that sent it can send it again: the command
says what it was about and what to do, and takes it out of the queue with `--untrusted`.
Source: AWS Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import typer

from driftguard.audit import AuditTable
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.aws.calls import AwsError, Refused, told_apart
from driftguard.aws.secrets_manager import Secrets
from driftguard.channels.hooks.security_hub import custom_action
from driftguard.documents import Document, documents, mapping, parsed, stamp, text
from driftguard.engine import dead_letters
from driftguard.events.commands import MARK
from driftguard.model import Decision, Status

from ..aws_options import on_aws
from ..errors import Trouble
from ..signed_request import ask
from ..stack import JsonOption, Stack, StackOption
from ..terminal import Console

console = Console(highlight=False)

# The key of a batch of the audit table's stream.
_BATCH = "DDBStreamBatchInfo"
# How the outcome begins of a message that stays where it is.
_LEFT = "left in the queue"
_UNSIGNED = f"{_LEFT}, because the stack has not signed it: look at it, then use --untrusted"
_UNHANDLED = f"{_LEFT}, because it could not be handled"
_UNKNOWN = "unknown"
# What Lambda dead-letters of an invocation of a function holds its event.
_EVENT = "requestPayload"
# How many characters of a reason or an origin, and of a message, are shown.
_LINE, _BODY = 400, 4_000
# Why a message is dead-lettered that does not say it.
_USUAL = {
    "change": "the guard died or timed out",
    "command": "the guard died or timed out",
    "stream": "the publisher could not follow the record",
    "invocation": "a function could not be invoked, or failed each time",
}


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """Decisions that the guard owes something, and open requests that may have no timer."""

    owed: tuple[Decision, ...]
    open: tuple[Decision, ...]


def kind_of(body: str) -> str:
    """What a dead-lettered message is, by what it says.

    A batch of the `stream`, a `command`, the `invocation` of another function than the guard's, or
    a `change`.
    """
    said = _document(body)
    if _BATCH in said:
        return "stream"
    if _EVENT in said or text(said, "detail-type") == custom_action.DETAIL_TYPE:
        return "invocation"
    return "command" if MARK in said else "change"


def _document(body: str) -> Document:
    """The JSON object of a message; an empty one where it is none."""
    try:
        said = parsed(body)
    except ValueError:
        return {}
    return said if isinstance(said, Mapping) else {}


def what_to_do(body: str) -> str:
    """What somebody does about an `invocation`, which nobody but its sender can repeat."""
    said = _document(body)
    event = mapping(said, _EVENT) or said
    if text(event, "detail-type") == custom_action.DETAIL_TYPE:
        found = documents(mapping(event, "detail"), "findings")
        named = ", ".join(dict.fromkeys(text(one, "Id") for one in found)) or "its findings"
        return (
            f'only Security Hub can send it again: choose "{custom_action.NAME}" there for {named}'
        )
    if any("Sns" in one for one in documents(event, "Records")):
        return (
            "only SNS can send it again: if it is a vote, vote again; if it is news for a hook, "
            "`driftguard audit show` tells of the decisions that it names"
        )
    function = text(mapping(said, "requestContext"), "functionArn") or "the function"
    return f"only whoever invoked {function} can do so again: look at it, and at the function's log"


def escaped(text: str, longest: int) -> str:
    """Return a text of unknown origin so that a terminal shows it and does nothing else with it.

    Control characters, line ends and bidirectional overrides are escaped, and more characters than
    `longest` are counted and left out.
    """
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text[:longest]
    )
    more = len(text) - longest
    return f"{shown} … and {more:,} characters more: --json has all" if more > 0 else shown


def unfollowed(audit: AuditTable, now: str) -> Unfollowed:
    """Return what waits in the record now."""
    asked = list(_standing(audit, Status.ASKED))
    # Whether a timer was set is not known. What is not due yet is left to it, or to the sweep.
    failed = [
        decision
        for decision in _standing(audit, Status.FAILED)
        if decision.resumable and decision.next_try <= now
    ]
    late = [decision for decision in asked if decision.expires <= now]
    return Unfollowed(
        (*_standing(audit, Status.APPROVED), *late, *failed),
        tuple(decision for decision in asked if decision.expires > now),
    )


def _standing(audit: AuditTable, status: Status) -> Iterator[Decision]:
    filters = Filters(status=status.value)
    return Finder(audit, Usage()).decisions(filters, plan(filters))


@on_aws
def redrive(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what is dead-lettered.")
    ] = False,
    untrusted: Annotated[
        bool,
        typer.Option("--untrusted", help="Handle what the stack has not signed, too."),
    ] = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Show what is in the dead-letter queue, whose it is and why, and have it handled again.

    A change is put back; of a command only its decision counts, which the guard
    is woken for. What the guard has not signed is left in the queue, unless
    --untrusted is given: then it has the power of a change at most. What could
    not be handled keeps no other message from it: it is left in the queue, and
    the command exits 1. Exits 0 also where nothing is dead-lettered.

    Example: driftguard redrive --dry-run
    """
    deployed = Stack.named(stack) if dry_run else Stack.to_change(stack)
    redriver = Redriver(deployed, dry_run=dry_run, untrusted=untrusted)
    found: list[DeadLetter] = []
    try:
        found.extend(redriver.messages())
    finally:
        # Also where the queue gives no more: what was handled by then is told.
        _tell(found, redriver.open, dry_run=dry_run, as_json=as_json)
    if any(message.outcome.startswith(_UNHANDLED) for message in found):
        raise typer.Exit(1)


def _tell(
    found: list[DeadLetter], open_requests: Iterable[Decision], *, dry_run: bool, as_json: bool
) -> None:
    if as_json:
        told = [message._asdict() for message in found]
        typer.echo(json.dumps({"redriven": not dry_run, "messages": told}, indent=2))
        return
    for message in found:
        _show(message)
    for open_ in open_requests:
        line = f"{open_.id}  open until {open_.expires}; perhaps nobody was notified: vote on it"
        console.print(line, markup=False)
    left = sum(message.outcome.startswith(_LEFT) for message in found)
    handled = f"{len(found) - left} handled" + (f", {left} left" if left else "")
    console.print(f"{len(found)} dead-lettered." if dry_run else f"{handled}.")


def _show(message: DeadLetter) -> None:
    for line in (
        f"{message.message}  {message.kind}: {escaped(message.reason, _LINE)}",
        f"    from {escaped(message.origin, _LINE)}, by the door of {message.door}; "
        + ("signed by the stack" if message.signed else "not signed by the stack"),
        f"    {escaped(message.body, _BODY)}",
        *([f"    {escaped(message.outcome, _BODY)}"] if message.outcome else []),
    ):
        console.print(line, markup=False, soft_wrap=True)


def _how(deployed: Stack) -> str:
    """What somebody does who is refused: there is a role, or the stack names its operators."""
    role = deployed.outputs.get("OperatorRole")
    if role:
        return f"Assume the stack's role for them: role_arn = {role} in a profile of ~/.aws/config."
    return "The stack's parameter OperatorArns names them: act as one of them, or have it name you."


class DeadLetter(NamedTuple):
    """A dead-lettered message: whose it is, why it is there, and what became of it now.

    `signed`: the guard itself has dead-lettered it. Then `door` and `reason` are the guard's word,
    too; else they are what the queue or the sender says.
    """

    message: str
    reason: str
    kind: str
    signed: bool
    origin: str
    door: str
    body: str
    outcome: str = ""


class Redriver:
    """Takes the dead-letter queue's messages one by one, each to where it may go."""

    def __init__(self, deployed: Stack, *, dry_run: bool, untrusted: bool) -> None:
        self._deployed = deployed
        self._dry_run = dry_run
        self._untrusted = untrusted
        self._sqs = deployed.aws.client("sqs")
        self._secrets: Secrets | None = None
        self._followed: str | None = None
        self.open: tuple[Decision, ...] = ()

    def messages(self) -> Iterator[DeadLetter]:
        """Every message once. What is handled is deleted after: an interruption repeats one.

        A message that could not be handled stays in the queue, and its outcome says why. Raises
        what keeps the queue, or the key of the guard's signatures, from being read.
        """
        queue = self._deployed.output("DeadLetterQueue")
        seen: set[str] = set()
        while True:
            batch = self._received(queue)
            new = [message for message in batch if message["MessageId"] not in seen]
            seen.update(message["MessageId"] for message in new)
            if not new:
                return
            for message in new:
                letter = self.read(message)
                try:
                    letter = self._redriven(letter)
                    if not (self._dry_run or letter.outcome.startswith(_LEFT)):
                        self._delete(queue, message)
                except (Trouble, AwsError) as error:
                    done = f" (after: {letter.outcome})" if letter.outcome else ""
                    letter = letter._replace(outcome=f"{_UNHANDLED}{done}: {error}")
                yield letter

    def _delete(self, queue: str, message: Any) -> None:
        with told_apart("sqs", "DeleteMessage"):
            self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def _received(self, queue: str) -> list[Any]:
        try:
            with told_apart("sqs", "ReceiveMessage"):
                received: list[Any] = self._sqs.receive_message(
                    QueueUrl=queue,
                    MaxNumberOfMessages=10,
                    MessageAttributeNames=["All"],
                    AttributeNames=["SenderId", "DeadLetterQueueSourceArn"],
                    VisibilityTimeout=30,
                ).get("Messages", [])
        except Refused as error:
            raise Trouble(
                "The dead-letter queue lets only operators in, and refuses "
                f"{self._deployed.caller()}. {_how(self._deployed)}"
            ) from error
        return received

    def read(self, message: Any) -> DeadLetter:
        """What a message of the queue is, as SQS gives it."""
        body: str = message["Body"]
        values = {
            name: str(value.get("StringValue", ""))
            for name, value in message.get("MessageAttributes", {}).items()
        }
        signed = "signature" in values and dead_letters.is_own(body, values, self._key())
        kind = kind_of(body)
        if signed:
            # The guard knows the door; the message only claims what it is.
            kind = "command" if values["door"] == dead_letters.COMMANDS else "change"
        origin, door = self._origin(message.get("Attributes", {}), values, signed)
        failed = text(mapping(_document(body), "responsePayload"), "errorMessage")
        reason = values.get("reason") or values.get("ERROR_MESSAGE") or failed or _USUAL[kind]
        return DeadLetter(message["MessageId"], reason, kind, signed, origin, door, body)

    def _origin(
        self, system: Mapping[str, str], values: Mapping[str, str], signed: bool
    ) -> tuple[str, str]:
        """Who brought the message, and the door that it came by."""
        if signed:
            return "the guard", values["door"]
        source = system.get("DeadLetterQueueSourceArn", "")
        if source:
            doors = {
                self._deployed.output("ChangesQueue"): dead_letters.CHANGES,
                self._deployed.output("CommandsQueue"): dead_letters.COMMANDS,
            }
            name = source.rpartition(":")[2]
            door = next((door for url, door in doors.items() if url.endswith(f"/{name}")), "")
            return f"SQS, which took it from {name}", door or _UNKNOWN
        if "RULE_ARN" in values:
            return f"EventBridge, says the message: {values['RULE_ARN']}", _UNKNOWN
        return system.get("SenderId", "somebody"), _UNKNOWN

    def _key(self) -> bytes:
        if self._secrets is None:
            self._secrets = Secrets(self._deployed.aws, self._deployed.output("DeadLetterKey"))
        return self._secrets.signing_key()

    def _redriven(self, letter: DeadLetter) -> DeadLetter:
        if self._dry_run:
            if letter.kind == "stream":
                self._look()
            return letter
        if letter.kind == "stream":
            # Nothing of it is believed or sent: it only says that something was not followed.
            return letter._replace(outcome=self._follow())
        if letter.kind == "invocation":
            left = f"{_LEFT}, until --untrusted takes it out"
            outcome = f"{'dropped' if self._untrusted else left}: {what_to_do(letter.body)}"
            return letter._replace(outcome=outcome)
        if not (letter.signed or self._untrusted):
            return letter._replace(outcome=_UNSIGNED)
        redrive = self._wake if letter.kind == "command" else self._send
        return letter._replace(outcome=redrive(letter.body))

    def _send(self, body: str) -> str:
        with told_apart("sqs", "SendMessage"):
            self._sqs.send_message(QueueUrl=self._deployed.output("ChangesQueue"), MessageBody=body)
        return "put back"

    def _wake(self, body: str) -> str:
        try:
            said = parsed(body)
        except ValueError:
            return "dropped: it is not JSON"
        decision = said.get("decision") if isinstance(said, Mapping) else None
        if not isinstance(decision, str):
            return "dropped: the next sweep finds again what it was about"
        return self._asked_to_wake(decision)

    def _follow(self) -> str:
        """All that the record owes with the first batch, whichever batches it was in.

        Raises `Trouble` once every decision was tried, if the guard was not woken for all of them;
        and again for each other batch, so that all of them stay in the queue.
        """
        if self._followed:
            raise Trouble(self._followed)
        if self._followed is not None:
            return "followed up with the batch before"
        owed, troubles = self._look().owed, list[str]()
        for decision in owed:
            try:
                self._asked_to_wake(decision.id)
            except (Trouble, AwsError) as error:
                troubles.append(f"{decision.id}: {error}")
        self._followed = "; ".join(troubles)
        if troubles:
            raise Trouble(self._followed)
        return f"{len(owed)} decisions followed up"

    def _look(self) -> Unfollowed:
        missed = unfollowed(self._deployed.audit, stamp(datetime.now(UTC)))
        self.open = missed.open
        return missed

    def _asked_to_wake(self, decision: str) -> str:
        return f"{decision}: {ask(self._deployed, '/wake', {'decision': decision})['text']}"
