"""What follows from a decision that people hear of, from the audit table's own stream.

An approval wakes the guard, who carries it out. A question sets a timer for its deadline: silence
means something too. Everything but an approval, whose outcome is yet to come, goes to the decisions
topic. (Slack follows the same stream by itself: `slack/teller.py`. When Slack is slow or away,
nothing here waits for it.)

A stream delivers a record again whenever one before it failed, so each step can be repeated: the
guard looks at the table, a timer has the one name, and what the topic was told is noted down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import links
from .aws import Aws, AwsError, Client, told_apart
from .messages import sns
from .messages.words import Question, silence
from .model import Decision, Status, Verdict
from .policy import Policy
from .state import StateTable
from .verdicts import carry_out_message, expire_message

# A deadline nearer than this is waited for in the queue: a timer takes a moment to set.
_NEAR = timedelta(seconds=5)
# Seconds for which it is remembered that the topic was told: longer than a stream keeps a record.
_REMEMBERED = 3 * 86_400


@dataclass(frozen=True, slots=True)
class Timers:
    """Where EventBridge Scheduler keeps the deadlines, and as whom it acts."""

    group: str
    role_arn: str
    queue_arn: str
    dead_letter_queue_arn: str


@dataclass(frozen=True, slots=True)
class Answering:
    """Where answers are taken: the links' base and key, and the topic for replies.

    The base is empty where the stack has no public address: then messages carry no link.
    """

    base: str = ""
    key: Callable[[], bytes] = bytes
    replies_topic: str = ""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes the decisions of one guard."""

    aws: Aws
    state: StateTable
    policy: Policy
    topic: str
    changes_queue: str
    timers: Timers
    answering: Answering = Answering()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def follow_up(self, decision: Decision) -> bool:
        """Does what follows from a decision as it now stands; whether the topic was told."""
        if decision.status is Status.APPROVED:
            self._send(carry_out_message(decision.id))
            return False
        question = self._question(decision)
        if question is not None:
            self._set_timer(decision)
        # Further voices on the same question are no new question.
        subject = (
            f"asked {decision.before} {decision.expires}"
            if question is not None
            else f"{decision.status.value} {decision.version}"
        )
        if self._was_told(decision, subject):
            return False
        sns.publish(decision, self.aws.client("sns"), self.topic, question)
        self._remember(decision, subject)
        return True

    # ------------------------------------------------------------------------ asking

    def _question(self, decision: Decision) -> Question | None:
        if decision.status is not Status.ASKED:
            return None
        terms = self.policy.terms(decision.control, decision.severity)
        link = ""
        if self.answering.base and decision.expires:
            offered = links.for_decision(decision, self.answering.base, self.answering.key())
            # A shared link proves nobody, and so cannot keep.
            link = offered[Verdict.REVERT]
        return Question(silence(decision, terms), link, self.answering.replies_topic)

    def _set_timer(self, decision: Decision) -> None:
        """Has the guard look at the question once its time is up. Once for each deadline.

        Source: EventBridge Scheduler User Guide, "Schedule types" (`at(yyyy-mm-ddThh:mm:ss)`, whole
        seconds) and "Deleting a schedule" (`ActionAfterCompletion`). An answered question's timer
        finds nothing to do, and is gone then.
        """
        if not decision.expires:
            return
        deadline = datetime.fromisoformat(decision.expires)
        left = deadline - self.now()
        if left <= _NEAR:
            self._send(expire_message(decision.id), after=left)
            return
        # Rounded up: before its deadline the guard lets a question stand.
        at = (deadline + timedelta(microseconds=999_999)).replace(microsecond=0)
        try:
            with told_apart("scheduler", "CreateSchedule"):
                self.aws.client("scheduler").create_schedule(
                    Name=f"{decision.id}-{at:%Y%m%dT%H%M%S}",
                    GroupName=self.timers.group,
                    Description=f"Silence on {decision.id}: {decision.title}"[:512],
                    ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
                    ScheduleExpressionTimezone="UTC",
                    FlexibleTimeWindow={"Mode": "OFF"},
                    ActionAfterCompletion="DELETE",
                    Target={
                        "Arn": self.timers.queue_arn,
                        "RoleArn": self.timers.role_arn,
                        "Input": json.dumps(expire_message(decision.id)),
                        "DeadLetterConfig": {"Arn": self.timers.dead_letter_queue_arn},
                    },
                )
        except AwsError as error:
            if error.code != "ConflictException":
                raise

    def _send(self, message: Mapping[str, str], *, after: timedelta = timedelta()) -> None:
        seconds = max(0, -(-after // timedelta(seconds=1)))
        with told_apart("sqs", "SendMessage"):
            self.aws.client("sqs").send_message(
                QueueUrl=self.changes_queue,
                MessageBody=json.dumps(message),
                DelaySeconds=seconds,
            )

    # ------------------------------------------------------------------------ telling once

    def _was_told(self, decision: Decision, subject: str) -> bool:
        with told_apart("dynamodb", "GetItem"):
            found = self._table.get_item(
                TableName=self.state.name, Key=_key(decision, subject), ConsistentRead=True
            )
        return "Item" in found

    def _remember(self, decision: Decision, subject: str) -> None:
        until = self.now() + timedelta(seconds=_REMEMBERED)
        if decision.status is Status.ASKED and decision.expires:
            until = max(until, datetime.fromisoformat(decision.expires) + timedelta(days=3))
        with told_apart("dynamodb", "PutItem"):
            self._table.put_item(
                TableName=self.state.name,
                Item={
                    **_key(decision, subject),
                    "expires": {"N": f"{until.timestamp():.0f}"},
                },
            )

    @property
    def _table(self) -> Client:
        return self.state.client


def _key(decision: Decision, subject: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"told#{decision.id}"}, "sk": {"S": subject}}
