"""One message of the changes queue, from text to decisions; nothing is ever lost.

What can never succeed is parked at once in the dead-letter queue, what may pass comes again when
the queue shows it again, and the last delivery parks what is still unfinished. Parked messages say
why: `driftguard redrive` shows the reasons and puts them back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from .aws import Client, told_apart
from .model import Decision
from .pipeline import PASSING, Guard
from .trail import change_from_event
from .verdicts import CarryOut, LookAt, Undo, is_verdict, verdict_of

# The queue's maxReceiveCount is one more: SQS itself parks only what killed the Lambda.
LAST_DELIVERY = 4


class Retry(Exception):
    """This message must be delivered again."""


@dataclass(frozen=True, slots=True)
class Message:
    """What matters of an SQS record: its text, how often it was delivered, who sent it."""

    id: str
    body: str
    deliveries: int
    sender: str

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Message:
        """The message in one record of a Lambda SQS event."""
        attributes = record.get("attributes")
        told = attributes if isinstance(attributes, Mapping) else {}
        return cls(
            id=str(record.get("messageId", "")),
            body=str(record.get("body", "")),
            deliveries=int(told.get("ApproximateReceiveCount", 1)),
            sender=str(told.get("SenderId", "")),
        )


class Log(Protocol):
    """What is asked of a logger: Powertools' and the standard library's both do."""

    def warning(self, msg: str, /, *args: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes messages for a guard and parks what cannot be judged."""

    guard: Guard
    dead_letter_queue: str
    logger: Log

    def take(self, message: Message) -> list[Decision]:
        """The decisions that the message led to. Raises `Retry` when it must come again.

        Those that were made before another control's trouble parked the message are among them.
        """
        last = message.deliveries >= LAST_DELIVERY
        made: list[Decision] = []
        try:
            for decision in self._decisions(message, last_chance=last):
                made.append(decision)
        except PASSING as error:
            if not last:
                self.logger.warning("message %s comes again: %s", message.id, error)
                raise Retry(str(error)) from error
            self.park(message, error)
        except Exception as error:  # noqa: BLE001 - nothing may be lost, whatever went wrong
            self.park(message, error)
        return made

    def nothing_to_do(self, message: Message) -> bool:
        """Whether the message is a change that its own record proves harmless."""
        try:
            body = json.loads(message.body)
            if is_verdict(body):
                return False
            return not any(True for _ in self.guard.cases(change_from_event(body)))
        except Exception:  # noqa: BLE001 - `take` says what is wrong with it
            return False

    def _decisions(self, message: Message, *, last_chance: bool) -> Iterator[Decision]:
        try:
            body = json.loads(message.body)
        except ValueError as error:
            raise ValueError(f"the message is not JSON: {error}") from error
        if is_verdict(body):
            verdict = verdict_of(body, message.sender)
            if isinstance(verdict, Undo):
                yield self.guard.undo(verdict, last_chance=last_chance)
            elif isinstance(verdict, LookAt):
                found = self.guard.look_at(verdict, last_chance=last_chance)
                if found is not None:
                    yield found
            elif isinstance(verdict, CarryOut):
                yield self.guard.carry_out(verdict.decision, last_chance=last_chance)
            else:
                yield self.guard.expire(verdict.decision, last_chance=last_chance)
        else:
            yield from self.guard.handle(change_from_event(body), last_chance=last_chance)

    def park(self, message: Message, error: Exception) -> None:
        """Puts the message into the dead-letter queue with its reason, and tells the log."""
        reason = f"{type(error).__name__}: {error}"
        self.logger.warning("message %s is parked: %s", message.id, reason)
        with told_apart("sqs", "SendMessage"):
            self._queue().send_message(
                QueueUrl=self.dead_letter_queue,
                MessageBody=message.body or "(empty)",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value[:1024]}
                    for name, value in (("reason", reason), ("message", message.id or "unknown"))
                },
            )

    def _queue(self) -> Client:
        return self.guard.aws.client("sqs")
