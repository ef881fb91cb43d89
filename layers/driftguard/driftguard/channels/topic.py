"""The decisions topic: a channel over Amazon SNS. `sns.py` has the renderings.

Sources: Amazon SNS Developer Guide, "Message filtering", "Platform-specific payloads", "Publish".
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from driftguard.aws.calls import Client, told_apart
from driftguard.documents import Document
from driftguard.model import Choice, Decision, Status
from driftguard.policy.model import Policy

from . import digest, links, sns
from .budget import Budget, Waiting, WaitingRoom, is_counted, is_told_first
from .channel import NOTHING_NEW, ONE_MESSAGE, OVER_BUDGET, Told
from .message import programs
from .tally import counted
from .told import ToldOnce
from .wording import FORMAT, ApprovalRequest, timeout

_log = logging.getLogger(__name__)

# SNS takes 262,144 bytes, with what it counts beside body and attributes.
_ROOM = 200_000
_DIGEST = "digest"
_INCIDENT = "incident "


class Message(NamedTuple):
    """What is published: the subject, a text for each kind of subscriber, what they filter by."""

    subject: str
    renderings: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, str]]

    @property
    def body(self) -> str:
        """The renderings as SNS takes them."""
        return json.dumps(self.renderings, ensure_ascii=False)

    @property
    def size(self) -> int:
        """The bytes of body and attributes."""
        return len(self.body.encode()) + len(json.dumps(self.attributes).encode())


@dataclass(frozen=True, slots=True)
class Voting:
    """Where votes are taken: the links' base and key, and the topic for replies.

    The base is empty where the stack has no public address: then messages carry no link.
    """

    base: str = ""
    key: Callable[[], bytes] = bytes
    replies_topic: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """Publishes decisions to one SNS topic. `client` gives SNS's client."""

    client: Callable[[], Client]
    arn: str
    policy: Policy
    told: ToldOnce
    voting: Voting = Voting()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def tell(self, decision: Decision) -> Told:
        """Publishes the decision, or leaves it to the batch's digest when there are too many."""
        if self.told.was_told(decision) or _is_no_news(decision):
            return NOTHING_NEW
        if is_counted(decision) and self._waits(decision):
            return OVER_BUDGET
        if not digest.stands_alone(decision):
            minute = counted(self.told.state, "told", "rate", self.now())
            if minute > self.policy.digest_over:
                return Told(digest=_DIGEST)
        if decision.status is Status.ASKED and decision.incident:
            return Told(digest=f"{_INCIDENT}{decision.incident}")
        publish(decision, self.client(), self.arn, self._request(decision))
        self.told.remember(decision, self.now())
        return ONE_MESSAGE

    def _waits(self, decision: Decision) -> bool:
        """Has the decision wait for the next digest where the day's budget is used up."""
        now = self.now()
        if self._budget.has_place(decision, now):
            return False
        try:
            self._room.add(decision, now, also=self.told.once(decision, now))
        except ValueError as error:
            _log.warning("told by itself: %s", error)
            return False
        return True

    def tell_waiting(self) -> int:
        """Tells of what waits of the hours that are over; how many messages that took.

        Where the state table holds junk, people are told where to look instead.
        """
        over = f"{self.now():%Y-%m-%dT%H}"
        try:
            hours = [hour for hour in self._room.hours() if hour[: len(over)] < over]
        except ValueError as error:
            self._tell_unread(str(error))
            self._room.begin_anew()
            return 1
        for hour in hours:
            try:
                waiting = self._room.of(hour)
            except ValueError as error:
                self._tell_unread(str(error))
            else:
                if waiting.count:
                    _send(of_waiting(waiting), self.client(), self.arn)
            self._room.told(hour)
        return len(hours)

    def _tell_unread(self, why: str) -> None:
        _log.warning("a digest cannot be told: %s", why)
        renderings = {
            "default": json.dumps(
                {"version": FORMAT, "digest": True, "unread": why}, ensure_ascii=False
            ),
            "email": sns.unread_text(why),
            "https": json.dumps(
                sns.unread_card(why, f"{self.now():%Y-%m-%dT%H:%M:%SZ}"), ensure_ascii=False
            ),
        }
        kind = {"kind": {"DataType": "String", "StringValue": "digest"}}
        _send(Message(sns.UNREAD_SUBJECT, renderings, kind), self.client(), self.arn)

    @property
    def _budget(self) -> Budget:
        most, least = self.policy.notifications, self.policy.notify_from
        return Budget(self.told.state, "told", "budget", most, least)

    @property
    def _room(self) -> WaitingRoom:
        return WaitingRoom(self.told.state, "told", "waiting")

    def tell_digest(self, digest: str, decisions: Sequence[Decision]) -> int:
        """Publishes many decisions as one message: a digest, or the requests of one incident.

        What is too large for one message is told in several, down to one by one.
        """
        message = self._together(digest, decisions)
        if len(decisions) > 1 and message.size > _ROOM:
            half = len(decisions) // 2
            parts = (decisions[:half], decisions[half:])
            return sum(self.tell_digest(digest, part) for part in parts)
        _send(message, self.client(), self.arn)
        for decision in decisions:
            self.told.remember(decision, self.now())
        return 1

    def _together(self, digest: str, decisions: Sequence[Decision]) -> Message:
        if not digest.startswith(_INCIDENT):
            return of_digest(decisions)
        if len(decisions) == 1:
            return of_decision(decisions[0], self._request(decisions[0]))
        return of_incident([(one, self._request(one)) for one in decisions])

    def _request(self, decision: Decision) -> ApprovalRequest | None:
        if decision.status is not Status.ASKED:
            return None
        terms = self.policy.terms(decision.control, decision.severity)
        link = ""
        if self.voting.base and decision.expires:
            offered = links.for_decision(decision, self.voting.base, self.voting.key())
            # A shared link does not prove who uses it, so it cannot accept the change.
            link = offered[Choice.REVERT]
        return ApprovalRequest(timeout(decision, terms), link, self.voting.replies_topic)


def _is_no_news(decision: Decision) -> bool:
    """Whether a preparation that people were told of is over, or looked at later still."""
    if decision.status is not Status.OBSERVED or not is_told_first(decision):
        return False
    is_deferred = decision.version > 1 and bool(decision.next_try)
    return bool(decision.after) or is_deferred


def publish(
    decision: Decision, client: Client, topic: str, request: ApprovalRequest | None = None
) -> None:
    """Publishes a decision to a topic. Raises `AwsError` when SNS does not take it."""
    _send(of_decision(decision, request), client, topic)


def of_decision(decision: Decision, request: ApprovalRequest | None = None) -> Message:
    """The message about one decision."""
    renderings = {
        "default": json.dumps(programs.document(decision, request), ensure_ascii=False),
        "email": sns.as_email(decision, request),
        "https": json.dumps(sns.as_q(decision, request), ensure_ascii=False),
    }
    attributes = {
        name: {"DataType": kind, "StringValue": value}
        for name, kind, value in (
            ("kind", "String", sns.kind(request)),
            ("status", "String", decision.status.value),
            ("control", "String", decision.control),
            ("severity", "Number", str(decision.severity)),
            ("account", "String", decision.candidate.resource.account),
            ("region", "String", decision.candidate.resource.region or "none"),
        )
    }
    return Message(sns.subject(decision), renderings, attributes)


def publish_digest(decisions: Sequence[Decision], client: Client, topic: str) -> None:
    """Publishes many decisions as one message. Raises `AwsError` when SNS does not take it."""
    _send(of_digest(decisions), client, topic)


def of_digest(decisions: Sequence[Decision]) -> Message:
    """The message about many decisions.

    Its attributes are those of all that it holds: a subscriber who hears only of the severe, or of
    one control, must hear of a storm that has it.
    """
    machine: Document = {
        "version": FORMAT,
        "digest": True,
        "count": len(decisions),
        "decisions": [
            {
                "decision": decision.id,
                "status": decision.status.value,
                "control": decision.control,
            }
            for decision in digest.worst_first(decisions)[: digest.LISTED]
        ],
    }
    renderings = {
        "default": json.dumps(machine, ensure_ascii=False),
        "email": sns.digest_text(decisions),
        "https": json.dumps(sns.digest_card(decisions), ensure_ascii=False),
    }
    attributes = _attributes_of(decisions, kind="digest")
    return Message(sns.digest_subject(decisions), renderings, attributes)


def of_incident(requests: sns.Requests) -> Message:
    """The message about the approval requests of one incident, each with its own votes."""
    decisions = [decision for decision, _ in requests]
    renderings = {
        "default": json.dumps(programs.incident(requests), ensure_ascii=False),
        "email": sns.incident_email(requests),
        "https": json.dumps(sns.incident_card(requests), ensure_ascii=False),
    }
    attributes = _attributes_of(decisions, kind="approval-request")
    return Message(sns.incident_subject(decisions), renderings, attributes)


def of_waiting(waiting: Waiting) -> Message:
    """The message about what waited for an hour's digest."""
    machine: Document = {
        "version": FORMAT,
        "digest": True,
        "since": waiting.hour,
        "count": waiting.count,
        "statuses": dict(waiting.statuses),
        "decisions": [
            {"decision": one.decision, "status": one.status, "control": one.control}
            for one in waiting.named
        ],
    }
    renderings = {
        "default": json.dumps(machine, ensure_ascii=False),
        "email": sns.waiting_text(waiting),
        "https": json.dumps(sns.waiting_card(waiting), ensure_ascii=False),
    }
    attributes = _many_attributes(
        waiting.severity,
        "digest",
        status=waiting.statuses,
        control=waiting.controls,
        account=waiting.accounts,
        region=waiting.regions,
    )
    return Message(sns.waiting_subject(waiting), renderings, attributes)


def _attributes_of(decisions: Sequence[Decision], kind: str) -> dict[str, Mapping[str, str]]:
    resources = [decision.candidate.resource for decision in decisions]
    return _many_attributes(
        max(decision.severity for decision in decisions),
        kind,
        status=[decision.status.value for decision in decisions],
        control=[decision.control for decision in decisions],
        account=[resource.account for resource in resources],
        region=[resource.region or "none" for resource in resources],
    )


def _many_attributes(
    severity: int, kind: str, **named: Iterable[str]
) -> dict[str, Mapping[str, str]]:
    """The attributes of a message about many decisions, by which subscribers filter."""
    return {
        "kind": {"DataType": "String", "StringValue": kind},
        "severity": {"DataType": "Number", "StringValue": str(severity)},
        **{
            name: {"DataType": "String.Array", "StringValue": json.dumps(sorted(set(values)))}
            for name, values in named.items()
        },
    }


def _send(message: Message, client: Client, topic: str) -> None:
    with told_apart("sns", "Publish"):
        client.publish(
            TopicArn=topic,
            Subject=message.subject,
            Message=message.body,
            MessageStructure="json",
            MessageAttributes=message.attributes,
        )
