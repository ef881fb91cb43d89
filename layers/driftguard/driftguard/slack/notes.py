"""What is kept in the state table on behalf of Slack, all of it under `slack…`.

`slack#<decision>` says where a decision's message is; `slack-digest#<channel>` is a storm's one
message and its counts; `slack-rate#<channel>` counts messages a minute; `slack-seen#…` is a request
that was taken. All but a storm's pointer expire by themselves (DynamoDB's time to live).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..aws import AwsError, Client, told_apart
from ..model import Status
from ..state import StateTable

_ALL = "all"
# Slack lets an app edit its own messages for as long as they are there; people undo within weeks.
_KEPT = 400 * 86_400
# Seconds without a further decision after which a storm is over.
STORM = 600
# How many decisions a storm's message names, and how long one of these lines may be.
NAMED = 15
_LINE = 160


class Elsewhere(Exception):
    """Another worker is at the same message; whoever delivers this again will find it done."""


@dataclass(frozen=True, slots=True)
class Place:
    """A decision's message: its channel and Slack's timestamp, and what it says so far.

    In a storm the message is the digest's, named by `storm`. `version` is the decision's as shown,
    `logged` the last log entry that its thread has.
    """

    channel: str
    ts: str
    version: int
    status: Status
    logged: int = 0
    storm: str = ""


@dataclass(frozen=True, slots=True)
class Storm:
    """Many decisions under one message: how many, how many of each status, the first by name."""

    channel: str
    began: str
    ts: str = ""
    count: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notes:
    """Reads and writes them."""

    state: StateTable

    @property
    def client(self) -> Client:
        """DynamoDB's client, made when it is first used."""
        return self.state.client

    # ------------------------------------------------------------------------- messages

    def place(self, decision: str) -> Place | None:
        """Where the decision's message is; None while there is none."""
        item = self._get(f"slack#{decision}")
        if item is None:
            return None
        return Place(
            channel=_text(item, "channel"),
            ts=_text(item, "ts"),
            version=int(_text(item, "version", "N")),
            status=Status(_text(item, "status")),
            logged=int(_text(item, "logged", "N")),
            storm=_text(item, "storm"),
        )

    def keep(self, decision: str, place: Place, now: datetime) -> None:
        """Remembers where a decision's message is and what it says."""
        with told_apart("dynamodb", "PutItem"):
            self.client.put_item(TableName=self.state.name, Item=_item_of(decision, place, now))

    # ------------------------------------------------------------------------- the rate

    def counted(self, channel: str, now: datetime) -> int:
        """Counts one more message to the channel; how many there were in this minute."""
        with told_apart("dynamodb", "UpdateItem"):
            answer = self.client.update_item(
                TableName=self.state.name,
                Key=_key(f"slack-rate#{channel}", f"{now:%Y-%m-%dT%H:%M}"),
                UpdateExpression="ADD #count :one SET #expires = :expires",
                ExpressionAttributeNames={"#count": "count", "#expires": "expires"},
                ExpressionAttributeValues={":one": {"N": "1"}, ":expires": _expires(now, 3600)},
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["count"]["N"])

    # ------------------------------------------------------------------------- storms

    def storm_of(self, channel: str, now: datetime) -> str:
        """The channel's storm at this time; a new one where the last is over."""
        pk = f"slack-digest#{channel}"
        current = self._get(pk) or {}
        began, last = _text(current, "began"), float(_text(current, "last", "N") or 0)
        if not began or now.timestamp() - last >= STORM:
            began = f"{now:%Y-%m-%dT%H:%M:%S.%f}"
        values = {":began": {"S": began}, ":last": {"N": f"{now.timestamp():.3f}"}}
        seen = _text(current, "began")
        condition = "began = :seen" if seen else "attribute_not_exists(pk)"
        try:
            with told_apart("dynamodb", "UpdateItem"):
                self.client.update_item(
                    TableName=self.state.name,
                    Key=_key(pk),
                    UpdateExpression="SET began = :began, #last = :last",
                    ConditionExpression=condition,
                    ExpressionAttributeNames={"#last": "last"},
                    ExpressionAttributeValues=values | ({":seen": {"S": seen}} if seen else {}),
                )
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                raise Elsewhere(f"another worker began a digest in {channel}") from error
            raise
        return began

    def join(
        self, decision: str, place: Place, before: Place | None, line: str, now: datetime
    ) -> None:
        """Counts a decision into a storm, or moves it there from one status to another: once."""
        names = {"#expires": "expires", f"#{place.status.value}": f"n_{place.status.value}"}
        values: dict[str, dict[str, object]] = {
            ":one": {"N": "1"},
            ":expires": {**_expires(now, _KEPT)},
        }
        adding = [f"#{place.status.value} :one"]
        setting = ["#expires = :expires"]
        if before is None:
            names["#count"] = "count"
            adding.append("#count :one")
            condition: dict[str, object] = {"ConditionExpression": "attribute_not_exists(pk)"}
            storm = self.storm(place.channel, place.storm)
            if len(storm.lines) < NAMED:
                names["#lines"] = "lines"
                values |= {":none": {"L": []}, ":line": {"L": [{"S": line[:_LINE]}]}}
                setting.append("#lines = list_append(if_not_exists(#lines, :none), :line)")
        else:
            if before.status is not place.status:
                names[f"#{before.status.value}"] = f"n_{before.status.value}"
                values[":less"] = {"N": "-1"}
                adding.append(f"#{before.status.value} :less")
            else:
                adding, names = [], {"#expires": "expires"}
                del values[":one"]
            condition = {
                "ConditionExpression": "version = :seen",
                "ExpressionAttributeValues": {":seen": {"N": str(before.version)}},
            }
        expression = "SET " + ", ".join(setting)
        if adding:
            expression += " ADD " + ", ".join(adding)
        self._transact(
            {
                "Put": {
                    "TableName": self.state.name,
                    "Item": _item_of(decision, place, now),
                    **condition,
                }
            },
            {
                "Update": {
                    "TableName": self.state.name,
                    "Key": _key(f"slack-digest#{place.channel}", place.storm),
                    "UpdateExpression": expression,
                    "ExpressionAttributeNames": names,
                    "ExpressionAttributeValues": values,
                }
            },
        )

    def storm(self, channel: str, began: str) -> Storm:
        """A storm as it stands."""
        item = self._get(f"slack-digest#{channel}", began) or {}
        lines = item.get("lines", {}).get("L", [])
        assert isinstance(lines, list)
        return Storm(
            channel,
            began,
            ts=_text(item, "ts"),
            count=int(_text(item, "count", "N") or 0),
            statuses={
                name[2:]: int(_text(item, name, "N"))
                for name in sorted(item)
                if name.startswith("n_") and _text(item, name, "N") != "0"
            },
            lines=tuple(str(one["S"]) for one in lines),
        )

    def claim(self, storm: Storm, now: datetime) -> None:
        """Lets one worker, and for a minute no other, post the storm's message.

        Raises `Elsewhere` when another is at it.
        """
        values = {
            ":now": {"N": f"{now.timestamp():.0f}"},
            ":stale": {"N": f"{now.timestamp() - 60:.0f}"},
        }
        self._update_storm(
            storm,
            "SET posting = :now",
            "attribute_not_exists(ts) AND (attribute_not_exists(posting) OR posting < :stale)",
            values,
        )

    def unclaim(self, storm: Storm) -> None:
        """Lets anybody post the storm's message: Slack did not take it."""
        self._update_storm(storm, "REMOVE posting", "attribute_exists(pk)", {})

    def posted(self, storm: Storm, ts: str) -> None:
        """Remembers the storm's message."""
        self._update_storm(storm, "SET ts = :ts", "attribute_exists(pk)", {":ts": {"S": ts}})

    def _update_storm(
        self, storm: Storm, expression: str, condition: str, values: Mapping[str, object]
    ) -> None:
        try:
            with told_apart("dynamodb", "UpdateItem"):
                self.client.update_item(
                    TableName=self.state.name,
                    Key=_key(f"slack-digest#{storm.channel}", storm.began),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    **({"ExpressionAttributeValues": values} if values else {}),
                )
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                raise Elsewhere(f"another worker posts the digest in {storm.channel}") from error
            raise

    # ------------------------------------------------------------------------- requests

    def first_sight(self, request: str, now: datetime, keep_seconds: int) -> bool:
        """Whether this request was never seen before; from now on it was."""
        item = {**_key(f"slack-seen#{request}"), "expires": _expires(now, keep_seconds)}
        try:
            with told_apart("dynamodb", "PutItem"):
                self.client.put_item(
                    TableName=self.state.name,
                    Item=item,
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    # ------------------------------------------------------------------------- shared

    def _get(self, pk: str, sk: str = _ALL) -> Mapping[str, Mapping[str, object]] | None:
        with told_apart("dynamodb", "GetItem"):
            found = self.client.get_item(
                TableName=self.state.name, Key=_key(pk, sk), ConsistentRead=True
            )
        item: Mapping[str, Mapping[str, object]] | None = found.get("Item")
        return item

    def _transact(self, *items: Mapping[str, object]) -> None:
        try:
            with told_apart("dynamodb", "TransactWriteItems"):
                self.client.transact_write_items(TransactItems=list(items))
        except AwsError as error:
            # Refused by its condition, or met by another transaction: both end well when repeated.
            if error.code == "TransactionCanceledException":
                raise Elsewhere(f"another worker counts into the same digest: {error}") from error
            raise


def _item_of(decision: str, place: Place, now: datetime) -> dict[str, object]:
    return {
        **_key(f"slack#{decision}"),
        "channel": {"S": place.channel},
        "ts": {"S": place.ts},
        "version": {"N": str(place.version)},
        "status": {"S": place.status.value},
        "logged": {"N": str(place.logged)},
        "storm": {"S": place.storm},
        "expires": _expires(now, _KEPT),
    }


def _key(pk: str, sk: str = _ALL) -> dict[str, dict[str, str]]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _expires(now: datetime, seconds: int) -> dict[str, str]:
    return {"N": f"{now.timestamp() + seconds:.0f}"}


def _text(item: Mapping[str, Mapping[str, object]], name: str, kind: str = "S") -> str:
    return str(item.get(name, {}).get(kind, ""))
