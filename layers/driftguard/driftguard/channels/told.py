"""Remembers in the state table what a channel has told, so that nothing is told twice.

One item each time: `pk` is `told#<account>#<region>#<decision>` (where the guard stands), `sk` the
channel and how the decision stood, `expires` when DynamoDB may delete it (epoch seconds).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from driftguard.aws.calls import told_apart
from driftguard.model import Decision, Status
from driftguard.state.item_format import FORMAT, UnknownFormat, must_be_known, written_in
from driftguard.state.keys import STATE_FORMAT, partition
from driftguard.state.table import StateTable

_log = logging.getLogger(__name__)

# For how long it is remembered: longer than a stream keeps a record.
_REMEMBERED = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class ToldOnce:
    """Remembers for one channel, by its name, what that channel has told of."""

    state: StateTable
    channel: str

    def was_told(self, decision: Decision) -> bool:
        """Whether the decision was told as it now stands.

        An item that Driftguard did not write silences nothing: it counts as none, and is written
        over.
        """
        with told_apart("dynamodb", "GetItem"):
            found = self.state.client.get_item(
                TableName=self.state.name, Key=self._key(decision), ConsistentRead=True
            )
        if "Item" not in found:
            return False
        try:
            must_be_known(found["Item"], STATE_FORMAT, f"what {self.channel} told of {decision.id}")
        except UnknownFormat as error:
            _log.warning("told all the same: %s", error)
            return False
        return True

    def remember(self, decision: Decision, now: datetime) -> None:
        """Remembers that the decision was told as it now stands."""
        with told_apart("dynamodb", "PutItem"):
            self.state.client.put_item(TableName=self.state.name, Item=self._item(decision, now))

    def once(self, decision: Decision, now: datetime) -> dict[str, object]:
        """The put that remembers it, as part of a transaction: refused where it was told before."""
        return {
            "TableName": self.state.name,
            "Item": self._item(decision, now),
            # What Driftguard did not write is written over, as by `remember`.
            "ConditionExpression": "attribute_not_exists(#format) OR #format <> :known",
            "ExpressionAttributeNames": {"#format": FORMAT},
            "ExpressionAttributeValues": {":known": written_in(STATE_FORMAT)[FORMAT]},
        }

    def _item(self, decision: Decision, now: datetime) -> dict[str, dict[str, str]]:
        until = now + _REMEMBERED
        if decision.status is Status.ASKED and decision.expires:
            until = max(until, datetime.fromisoformat(decision.expires) + _REMEMBERED)
        return {
            **self._key(decision),
            **written_in(STATE_FORMAT),
            "expires": {"N": f"{until.timestamp():.0f}"},
        }

    def _key(self, decision: Decision) -> dict[str, dict[str, str]]:
        """Further votes on the same approval request are no news; that it be told again is."""
        stands = (
            f"asked {decision.before} {decision.expires} {decision.told_again}".rstrip()
            if decision.status is Status.ASKED
            else f"{decision.status.value} {decision.version}"
        )
        pk = partition("told", self.state.place, decision.id)
        return {"pk": {"S": pk}, "sk": {"S": f"{self.channel} {stands}"}}
