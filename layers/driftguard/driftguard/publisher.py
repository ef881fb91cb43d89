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
from collections.abc import Callable, Iterable, Mapping
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
class Followed:
    """What came of a batch: messages published, and the first record that must come again."""

    published: int
    failed: str = ""
    trouble: str = ""


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

    def follow_up_all(self, decisions: Iterable[tuple[str, Decision]]) -> Followed:
        """Does what follows from a batch of decisions, each with its record's sequence number.

        More than the policy's `digest_over` in a minute share one message a batch: a storm is told
        of, and does not bury what it says. Failures, and what somebody does in an emergency, are
        told one by one always.
        """
        held: list[tuple[str, Decision]] = []
        published, failed, trouble = 0, "", ""
        for sequence, decision in decisions:
            try:
                if not self._is_news(decision):
                    continue
                if not _is_urgent(decision) and self._counted() > self.policy.digest_over:
                    held.append((sequence, decision))
                    continue
                self._publish(decision)
                published += 1
            except Exception as error:  # noqa: BLE001 - it comes again, and is parked in the end
                failed, trouble = sequence, f"{type(error).__name__}: {error}"
                break
        if held:
            try:
                sns.publish_digest([one for _, one in held], self.aws.client("sns"), self.topic)
                published += 1
                for _, decision in held:
                    self._remember(decision)
            except Exception as error:  # noqa: BLE001 - as above, from the first that was not told
                failed, trouble = held[0][0], f"{type(error).__name__}: {error}"
        return Followed(published, failed, trouble)

    def follow_up(self, decision: Decision) -> bool:
        """Does what follows from one decision as it now stands; whether the topic was told."""
        news = self._is_news(decision)
        if news:
            self._publish(decision)
        return news

    def _is_news(self, decision: Decision) -> bool:
        """Wakes the guard and sets timers; whether the topic is still to be told."""
        if decision.status is Status.APPROVED:
            self._send(carry_out_message(decision.id))
            return False
        if decision.status is Status.ASKED:
            self._set_timer(decision)
        return not self._was_told(decision)

    def _publish(self, decision: Decision) -> None:
        question = self._question(decision)
        sns.publish(decision, self.aws.client("sns"), self.topic, question)
        self._remember(decision)

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

    def _was_told(self, decision: Decision) -> bool:
        with told_apart("dynamodb", "GetItem"):
            found = self._table.get_item(
                TableName=self.state.name, Key=_key(decision), ConsistentRead=True
            )
        return "Item" in found

    def _counted(self) -> int:
        """Counts one more message; how many there were in this minute."""
        now = self.now()
        with told_apart("dynamodb", "UpdateItem"):
            answer = self._table.update_item(
                TableName=self.state.name,
                Key={"pk": {"S": "told#rate"}, "sk": {"S": f"{now:%Y-%m-%dT%H:%M}"}},
                UpdateExpression="ADD #count :one SET #expires = :expires",
                ExpressionAttributeNames={"#count": "count", "#expires": "expires"},
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":expires": {"N": f"{now.timestamp() + 3600:.0f}"},
                },
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["count"]["N"])

    def _remember(self, decision: Decision) -> None:
        until = self.now() + timedelta(seconds=_REMEMBERED)
        if decision.status is Status.ASKED and decision.expires:
            until = max(until, datetime.fromisoformat(decision.expires) + timedelta(days=3))
        with told_apart("dynamodb", "PutItem"):
            self._table.put_item(
                TableName=self.state.name,
                Item={
                    **_key(decision),
                    "expires": {"N": f"{until.timestamp():.0f}"},
                },
            )

    @property
    def _table(self) -> Client:
        return self.state.client


def _is_urgent(decision: Decision) -> bool:
    emergency = any(one.guardrail == "break-glass" for one in decision.rulings)
    return emergency or decision.status is Status.FAILED


def _key(decision: Decision) -> dict[str, dict[str, str]]:
    """Under what it is remembered that the topic was told of a decision as it stands.

    Further voices on the same question are no new question.
    """
    asked = decision.status is Status.ASKED
    subject = (
        f"asked {decision.before} {decision.expires}"
        if asked
        else f"{decision.status.value} {decision.version}"
    )
    return {"pk": {"S": f"told#{decision.id}"}, "sk": {"S": subject}}
