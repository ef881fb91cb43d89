"""Keeps in the state table where decisions are told in Slack, and which requests were taken.

`slack#…#<decision>` says where a decision's message is, `slack-seen#…#<request>` is a request that
was taken; both expire by themselves (DynamoDB's time to live). `slack-rate#…#<channel>` counts
messages a minute and `slack-digest#…#<channel>` holds a storm's one message with its counts: see
`tally.py`. The `…` is account and region, where the guard stands.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from driftguard.aws.calls import AwsError, told_apart
from driftguard.model import Decision, Status
from driftguard.policy.model import Policy
from driftguard.state.item_format import must_be_known, written_in
from driftguard.state.keys import STATE_FORMAT, partition
from driftguard.state.table import StateTable

from .. import digest
from ..budget import Budget
from ..digest import Storm
from ..tally import Tally, counted, expiry, item_key, number, words

_log = logging.getLogger(__name__)

# Marks an item that stands where one was that could not be read.
_VOID = "nowhere"
# Slack lets an app edit its own messages for as long as they are there; people undo within weeks.
_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A decision's message: its channel and Slack's timestamp, and what it says so far.

    In a storm the message is the digest's, named by `storm`. `version` is the decision's as shown,
    `logged` the last log entry that its thread has. `together` are the decisions of a message about
    one incident, in their order; none where the message is the decision's own.
    """

    channel: str
    ts: str
    version: int
    status: Status
    logged: int = 0
    storm: str = ""
    together: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentMessages:
    """Reads and writes the items that belong to Slack."""

    state: StateTable

    @property
    def tally(self) -> Tally:
        """The storms of each Slack channel."""
        return Tally(self.state, "slack-digest")

    # ------------------------------------------------------------------------- messages

    def message(self, decision: str) -> SentMessage | None:
        """The decision's message; None while there is none.

        An item that cannot be read is logged, written over, and counts as none.
        """
        with told_apart("dynamodb", "GetItem"):
            found = self.state.client.get_item(
                TableName=self.state.name, Key=self._key(decision), ConsistentRead=True
            )
        item = found.get("Item")
        if item is None or _VOID in item:
            return None
        try:
            must_be_known(item, STATE_FORMAT, f"where Slack has the message of {decision}")
            return SentMessage(
                channel=words(item, "channel"),
                ts=words(item, "ts"),
                version=number(item, "version"),
                status=Status(words(item, "status")),
                logged=number(item, "logged"),
                storm=words(item, "storm"),
                together=tuple(words(item, "together").split()),
            )
        except ValueError as error:
            _log.warning("told anew: %s", error)
            self._void(decision)
            return None

    def _void(self, decision: str) -> None:
        """Writes over what cannot be read, so that it is in nobody's way."""
        void = {**self._key(decision), **written_in(STATE_FORMAT), _VOID: {"BOOL": True}}
        with told_apart("dynamodb", "PutItem"):
            self.state.client.put_item(TableName=self.state.name, Item=void)

    def keep(self, decision: str, message: SentMessage, now: datetime) -> None:
        """Remembers where a decision's message is and what it says."""
        with told_apart("dynamodb", "PutItem"):
            self.state.client.put_item(
                TableName=self.state.name, Item=self._item_of(decision, message, now)
            )

    def counted(self, channel: str, now: datetime) -> int:
        """Counts one more message to the channel; how many there were in this minute."""
        return counted(self.state, "slack-rate", channel, now)

    def budget(self, channel: str, policy: Policy) -> Budget:
        """The channel's budget for what asks nothing of anybody."""
        most, least = policy.notifications, policy.notify_from
        return Budget(self.state, "slack-rate", channel, most, least)

    def join(
        self, decision: Decision, message: SentMessage, before: SentMessage | None, now: datetime
    ) -> None:
        """Counts a decision into a storm, or moves it there from one status to another: once.

        Raises `Elsewhere` when another worker did so meanwhile.
        """
        put: dict[str, object] = {
            "TableName": self.state.name,
            "Item": self._item_of(decision.id, message, now),
            "ConditionExpression": f"attribute_not_exists(pk) OR attribute_exists({_VOID})",
        }
        if before is None:
            storm = self.tally.storm(message.channel, message.storm)
        else:
            storm = Storm(message.channel, message.storm)
            put["ConditionExpression"] = "version = :seen"
            put["ExpressionAttributeValues"] = {":seen": {"N": str(before.version)}}
        status_before = None if before is None else before.status
        line = digest.line_of_a_day(decision) if storm.is_of_a_day else digest.line(decision)
        self.tally.join(storm, message.status, status_before, line, now, also=put)

    # ------------------------------------------------------------------------- requests

    def first_sight(self, request: str, now: datetime, keep_seconds: int) -> bool:
        """Whether this request was never seen before; remembers it."""
        lasts = timedelta(seconds=keep_seconds)
        item = {
            **item_key(partition("slack-seen", self.state.place, request)),
            **written_in(STATE_FORMAT),
            "expires": expiry(now, lasts),
        }
        try:
            with told_apart("dynamodb", "PutItem"):
                self.state.client.put_item(
                    TableName=self.state.name,
                    Item=item,
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    # ------------------------------------------------------------------------- the table

    def _item_of(self, decision: str, message: SentMessage, now: datetime) -> dict[str, object]:
        return {
            **self._key(decision),
            **written_in(STATE_FORMAT),
            "channel": {"S": message.channel},
            "ts": {"S": message.ts},
            "version": {"N": str(message.version)},
            "status": {"S": message.status.value},
            "logged": {"N": str(message.logged)},
            "storm": {"S": message.storm},
            "together": {"S": " ".join(message.together)},
            "expires": expiry(now, _KEPT),
        }

    def _key(self, decision: str) -> dict[str, dict[str, str]]:
        return item_key(partition("slack", self.state.place, decision))
