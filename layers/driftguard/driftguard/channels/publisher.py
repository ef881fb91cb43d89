"""Follows the audit table's stream: acts on each decision and tells people of it.

An approval wakes the guard, which carries it out. An approval request sets a timer for its
deadline, at which the guard takes the timeout action; so do a revert that is tried again, a
preparation that is looked at again, and a containment of which people are reminded. The channels
tell of everything but an approval, whose outcome is yet to come. (Slack has a function of its own
that follows the same stream, so that nothing here waits when Slack is slow or away.)

A stream delivers a record again whenever one before it failed, so each step can be repeated: the
guard looks at the table, a timer's name is derived from its deadline, and a channel remembers what
it told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.rules import is_of_one_answer
from driftguard.aws.calls import AwsError, told_apart
from driftguard.aws.client import Aws
from driftguard.documents import Document
from driftguard.events.commands import (
    carry_out_message,
    contain_message,
    expire_message,
    thaw_message,
)
from driftguard.model import Decision, Status

from .channel import Channel, Followed, tell_all

# A deadline nearer than this is waited for in the queue: a timer takes a moment to set.
_NEAR = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Timers:
    """Where EventBridge Scheduler keeps the deadlines, and which role it uses."""

    group: str
    role_arn: str
    queue_arn: str
    dead_letter_queue_arn: str


@dataclass(frozen=True, slots=True)
class Publisher:
    """Follows the decisions of one guard: commands and timers for the guard, news for channels."""

    aws: Aws
    commands: CommandQueue
    timers: Timers
    channels: Sequence[Channel]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def follow_up_all(self, decisions: Iterable[tuple[str, Decision]]) -> Followed:
        """Follows up a batch of decisions, each with its record's sequence number.

        An incident that was answered as one is one command, however many decisions it has.
        """
        woken: set[str] = set()
        return tell_all(self.channels, decisions, before=lambda one: self._act_on(one, woken))

    def _act_on(self, decision: Decision, woken: set[str]) -> bool:
        """Wakes the guard and sets timers; whether channels are to hear of the decision."""
        if decision.status is Status.APPROVED:
            if not is_of_one_answer(decision):
                self.commands.send(carry_out_message(decision.id))
            elif (incident := decision.incident or decision.id) not in woken:
                self.commands.send(contain_message(incident))
                woken.add(incident)
            return False
        if decision.status is Status.ASKED:
            self._set_timer(decision, decision.expires, expire_message(decision.id))
        elif decision.status in (Status.FAILED, Status.OBSERVED, Status.REVERTED):
            at_time = decision.next_try or decision.remind
            self._set_timer(decision, at_time, expire_message(decision.id))
        elif decision.status is Status.NOTED and decision.change_name == "unfreeze":
            self.commands.send(thaw_message(decision.id))
        elif decision.status is Status.NOTED and decision.change_name == "freeze":
            self._set_timer(decision, decision.expires, thaw_message(decision.id))
        return True

    def _set_timer(self, decision: Decision, at_time: str, command: Document) -> None:
        """Has the guard carry out a command about a decision at a time (ISO 8601, UTC).

        Once for each time.

        Source: EventBridge Scheduler User Guide, "Schedule types" (`at(yyyy-mm-ddThh:mm:ss)`, whole
        seconds) and "Deleting a schedule" (`ActionAfterCompletion`). When people have voted, the
        timer finds nothing to do, and is gone then.
        """
        if not at_time:
            return
        deadline = datetime.fromisoformat(at_time)
        left = deadline - self.now()
        if left <= _NEAR:
            self.commands.send(command, after=left)
            return
        # Rounded up: before its deadline the guard leaves an approval request open.
        at = (deadline + timedelta(microseconds=999_999)).replace(microsecond=0)
        try:
            with told_apart("scheduler", "CreateSchedule"):
                self.aws.client("scheduler").create_schedule(
                    Name=f"{decision.id}-{at:%Y%m%dT%H%M%S}",
                    GroupName=self.timers.group,
                    Description=f"Timer of {decision.id}: {decision.title}"[:512],
                    ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
                    ScheduleExpressionTimezone="UTC",
                    FlexibleTimeWindow={"Mode": "OFF"},
                    ActionAfterCompletion="DELETE",
                    Target={
                        "Arn": self.timers.queue_arn,
                        "RoleArn": self.timers.role_arn,
                        "Input": json.dumps(command),
                        "DeadLetterConfig": {"Arn": self.timers.dead_letter_queue_arn},
                    },
                )
        except AwsError as error:
            if error.code != "ConflictException":
                raise
