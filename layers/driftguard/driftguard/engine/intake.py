"""Takes a message of the guard's two queues from text to decisions; no message is ever lost.

Events and commands are two doors: what comes by the changes queue, which EventBridge can reach, is
a change and nothing else; commands come by a queue that only the stack's roles can write.

A message that can never succeed is dead-lettered at once; one that failed for a passing reason is
delivered again; and the last delivery dead-letters what is still unfinished. What waits for AWS, or
for a service that did not answer another message, is put into its queue anew instead. Dead-lettered
messages say why: `driftguard redrive` shows the reasons and has the messages handled again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from driftguard.aws.calls import Client, Malformed, Stale, told_apart
from driftguard.aws.time_limit import Resting
from driftguard.documents import Document, Json, parsed, plain
from driftguard.events.cloudtrail import change_from_event
from driftguard.events.commands import (
    AcceptBaseline,
    AskAbout,
    CarryOut,
    Command,
    Contain,
    Expire,
    JudgeAnew,
    LookAt,
    LookFor,
    Release,
    Thaw,
    UndoRequested,
    command_of,
)
from driftguard.model import Decision

from .errors import NotAsked, Waiting
from .guard import PASSING, Guard, Screening

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftguard.logger import Logger

# The queue's maxReceiveCount is one more: SQS itself dead-letters only what killed the Lambda.
LAST_DELIVERY = 4
# How long a message is held back that is put into the queue anew, in seconds.
_AGAIN = 240


class Retry(Exception):
    """This message must be delivered again."""


class Message(NamedTuple):
    """The text of an SQS record, how often it was delivered, and the ARN of its queue."""

    id: str
    body: str
    deliveries: int
    queue: str

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Message:
        """The message in one record of a Lambda SQS event."""
        sent = record.get("attributes")
        attributes = sent if isinstance(sent, Mapping) else {}
        return cls(
            id=str(record.get("messageId", "")),
            body=str(record.get("body", "")),
            deliveries=int(attributes.get("ApproximateReceiveCount", 1)),
            queue=str(record.get("eventSourceARN", "")),
        )


class Opened(NamedTuple):
    """A message and what it says: a change, screened; a command; or why it could not be read."""

    message: Message
    screening: Screening | None = None
    command: Command | None = None
    trouble: Exception | None = None

    @property
    def is_harmless(self) -> bool:
        """Whether the message is a change that its own record proves harmless."""
        return self.screening is not None and self.screening.is_harmless


class Queues(NamedTuple):
    """The guard's queues, by URL, and the ARN by which a command is known."""

    changes: str
    commands: str
    commands_arn: str
    dead_letters: str

    def of(self, message: Message) -> str:
        """The queue that a message came by."""
        return self.commands if message.queue == self.commands_arn else self.changes


def opened(guard: Guard, message: Message, commands_arn: str) -> Opened:
    """What the message says, screened once; `trouble` is why it could not be read.

    It is a command if it came by the queue with the ARN `commands_arn`, and else a change.
    """
    last = message.deliveries >= LAST_DELIVERY
    try:
        body = _json(message)
        if message.queue == commands_arn:
            return Opened(message, command=command_of(body))
        change = change_from_event(body)
        return Opened(message, screening=guard.screen(change, last_chance=last))
    except Exception as error:  # noqa: BLE001 - `take` dead-letters it with its reason
        return Opened(message, trouble=error)


class Intake(NamedTuple):
    """Takes messages for a guard and dead-letters what cannot be judged.

    `key` gives the key that dead letters are signed with; an empty one signs nothing.
    """

    guard: Guard
    queues: Queues
    logger: Logger
    key: Callable[[], bytes] = bytes

    def opened(self, message: Message) -> Opened:
        """What the message says, screened once; `trouble` is why it could not be read."""
        return opened(self.guard, message, self.queues.commands_arn)

    def take(self, opened: Opened) -> list[Decision]:
        """The decisions that the message led to. Raises `Retry` when it must come again.

        They include decisions made before another control's trouble dead-lettered the message.
        """
        message = opened.message
        last = message.deliveries >= LAST_DELIVERY
        made: list[Decision] = []
        try:
            for decision in self._decisions(opened, last_chance=last):
                made.append(decision)
        except Malformed as error:
            self.dead_letter(message, error)
        except (Waiting, Resting) as error:
            # Waiting takes no part in what is counted: else one trouble after it would be the last.
            anew = last if isinstance(error, Resting) else message.deliveries > 1
            if not anew:
                self.logger.warning("message %s comes again: %s", message.id, error)
                raise Retry(str(error)) from error
            self._send_again(message)
        except PASSING as error:
            if isinstance(error, Stale):
                self.guard.aws.renew()
            if not last:
                self.logger.warning("message %s comes again: %s", message.id, error)
                raise Retry(str(error)) from error
            self.dead_letter(message, error)
        except Exception as error:  # noqa: BLE001 - nothing may be lost, whatever went wrong
            self.dead_letter(message, error)
        return made

    def _decisions(self, opened: Opened, *, last_chance: bool) -> Iterator[Decision]:
        if opened.trouble is not None:
            raise opened.trouble
        command = opened.command
        if opened.screening is not None:
            yield from self.guard.decide(opened.screening)
        elif isinstance(command, UndoRequested):
            yield self.guard.undo_requested(command, last_chance=last_chance)
        elif isinstance(command, LookFor | AskAbout):
            yield from self._wanted(command, last_chance=last_chance)
        elif isinstance(command, LookAt):
            found = self.guard.look_at(command, last_chance=last_chance)
            if found is not None:
                yield found
        elif isinstance(command, CarryOut):
            yield self.guard.carry_out(command.decision, last_chance=last_chance)
        elif isinstance(command, Contain):
            yield from self.guard.contain(command, self._command, last_chance=last_chance)
        elif isinstance(command, Release):
            yield from self.guard.release(command, self._command, last_chance=last_chance)
        elif isinstance(command, AcceptBaseline):
            yield self.guard.accept_baseline(command, last_chance=last_chance)
        elif isinstance(command, Thaw):
            yield self.guard.thaw(command, self._command)
        elif isinstance(command, JudgeAnew):
            judged = self.guard.judge_anew(command.decision, last_chance=last_chance)
            if judged is not None:
                yield judged
        elif isinstance(command, Expire):
            yield self.guard.expire(command.decision, last_chance=last_chance)

    def _wanted(self, command: LookFor | AskAbout, *, last_chance: bool) -> Iterator[Decision]:
        """What follows from somebody's wish. Where that is nothing, the log says why."""
        try:
            if isinstance(command, AskAbout):
                yield self.guard.ask_about(command.decision, last_chance=last_chance)
            elif (found := self.guard.look_at(command, last_chance=last_chance)) is not None:
                yield found
        except NotAsked as error:
            self.logger.warning("nobody is asked: %s", error)

    def dead_letter(self, message: Message, error: Exception) -> None:
        """Puts the message into the dead-letter queue with its reason, and tells the log."""
        # SQS refuses most control characters.
        reason = plain(f"{type(error).__name__}: {error}")
        self.logger.warning("message %s is dead-lettered: %s", message.id, reason)
        # Only here: few messages are dead-lettered, and a cold start is not to load this.
        from .dead_letters import CHANGES, COMMANDS, DeadLettered, key_of

        door = COMMANDS if message.queue == self.queues.commands_arn else CHANGES
        letter = DeadLettered.of(message.body, message.id, door, reason)
        key = key_of(self.key, self.logger)
        with told_apart("sqs", "SendMessage"):
            self._queue().send_message(
                QueueUrl=self.queues.dead_letters,
                MessageBody=letter.body,
                MessageAttributes=letter.attributes(key),
            )

    def _send_again(self, message: Message) -> None:
        """Puts the message into the queue anew: what it waits for takes longer than it is kept.

        It ends: nobody waits for longer than the control declares that its service settles, and of
        the messages that wait for a service that hangs, those that ask it are dead-lettered.
        """
        with told_apart("sqs", "SendMessage"):
            self._queue().send_message(
                QueueUrl=self.queues.of(message),
                MessageBody=message.body,
                DelaySeconds=_AGAIN,
            )

    def _command(self, command: Document) -> None:
        """Puts a command of the guard's own into its queue."""
        with told_apart("sqs", "SendMessage"):
            self._queue().send_message(
                QueueUrl=self.queues.commands, MessageBody=json.dumps(command)
            )

    def _queue(self) -> Client:
        return self.guard.aws.client("sqs")


def _json(message: Message) -> Json:
    try:
        return parsed(message.body)
    except ValueError as error:
        raise ValueError(f"the message is not JSON: {error}") from error
