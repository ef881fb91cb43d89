"""Counts messages a minute and the decisions of a storm, in the state table.

Each count stands under `<kind>#<account>#<region>#<name>`: the channel gives kind and name, account
and region are where the guard stands. All but the pointer to a room's last storm expire by
themselves (DynamoDB's time to live).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from driftguard.aws.calls import AwsError, told_apart
from driftguard.aws.dynamodb import Item
from driftguard.model import Status
from driftguard.state.item_format import FORMAT, must_be_known, written_in
from driftguard.state.keys import STATE_FORMAT, partition
from driftguard.state.table import StateTable

from . import digest
from .digest import NAMED, Storm

_log = logging.getLogger(__name__)

_ALL = "all"
_RATE_LASTS = timedelta(hours=1)
# As long as a message that people may come back to: see `slack/sent.py`.
_STORM_LASTS = timedelta(days=400)
# After so long a worker that was to post a digest counts as gone.
_POSTING_LASTS = timedelta(minutes=1)

# Part of each update that may create an item. An item in another format is not relabeled: whoever
# reads it refuses it.
_NAMES_FORMAT = "#format = if_not_exists(#format, :format)"
_FORMAT_NAME = {"#format": FORMAT}
_FORMAT_VALUE = {":format": written_in(STATE_FORMAT)[FORMAT]}


class Elsewhere(Exception):
    """Another worker is at the same message; the next delivery will find it done."""


def counted(state: StateTable, kind: str, name: str, now: datetime) -> int:
    """Counts one more message of this kind and name; how many there were in this minute.

    Junk in the place of the count is logged and counts as none: it must not silence anything.
    """
    pk, minute = partition(kind, state.place, name), f"{now:%Y-%m-%dT%H:%M}"
    try:
        with told_apart("dynamodb", "UpdateItem"):
            answer = state.client.update_item(
                TableName=state.name,
                Key=item_key(pk, minute),
                UpdateExpression=f"ADD #count :one SET #expires = :expires, {_NAMES_FORMAT}",
                ExpressionAttributeNames={"#count": "count", "#expires": "expires"} | _FORMAT_NAME,
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":expires": expiry(now, _RATE_LASTS),
                    **_FORMAT_VALUE,
                },
                ReturnValues="ALL_NEW",
            )
        item: Item = answer["Attributes"]
        must_be_known(item, STATE_FORMAT, f"the count of messages {pk} {minute}")
        return number(item, "count")
    except AwsError as error:
        # To add to what is no number is refused so.
        if error.code != "ValidationException":
            raise
        _log.warning("not counted: %s %s: %s", pk, minute, error)
    except ValueError as error:
        _log.warning("not counted: %s", error)
    return 0


@dataclass(frozen=True, slots=True)
class Tally:
    """Keeps the storms of one channel, under the kind of key that the channel names.

    Raises `ValueError` where a storm cannot be read that it is asked for by name.
    """

    state: StateTable
    kind: str

    def current(self, room: str, now: datetime) -> str:
        """The room's storm at this time; a new one where the last is over, or cannot be read.

        Raises `Elsewhere` when another worker began one just now.
        """
        seen, last, condition = "", 0.0, "attribute_not_exists(pk)"
        try:
            found = self._get(room, _ALL)
            seen, last = words(found, "began"), float(attribute(found, "last", "N") or 0)
            if seen:
                self.storm(room, seen)
            if found:
                condition = "began = :seen" if seen else "attribute_exists(pk)"
        except ValueError as error:
            _log.warning("a new digest in %s: %s", room, error)
            seen, condition = "", "attribute_exists(pk)"
        began = digest.begins(seen, last, now)
        values = {":began": {"S": began}, ":last": {"N": f"{now.timestamp():.3f}"}}
        self._update(
            self._key(room, _ALL),
            f"SET began = :began, #last = :last, {_NAMES_FORMAT}",
            condition,
            values | _FORMAT_VALUE | ({":seen": {"S": seen}} if seen else {}),
            refused=f"another worker began a digest in {room}",
            names={"#last": "last"} | _FORMAT_NAME,
        )
        return began

    def storm(self, room: str, began: str) -> Storm:
        """A storm as it stands."""
        item = self._get(room, began)
        lines = item.get("lines", {"L": []}).get("L")
        if not isinstance(lines, list) or any(set(line) != {"S"} for line in lines):
            raise ValueError(f"the digest {room} {began} cannot be read: its lines are no texts")
        number(item, "posting")
        counts = {
            Status(name[2:]): number(item, name) for name in sorted(item) if name.startswith("n_")
        }
        return Storm(
            room,
            began,
            message=words(item, "ts"),
            count=number(item, "count"),
            statuses={status.value: count for status, count in counts.items() if count},
            lines=tuple(str(line["S"]) for line in lines),
        )

    def join(
        self,
        storm: Storm,
        status: Status,
        before: Status | None,
        line: str,
        now: datetime,
        *,
        also: Mapping[str, object],
    ) -> None:
        """Counts a decision into a storm, or moves it there from one status to another.

        `before` is None when it is new to the storm. `also` is the put, with a condition, by which
        the channel remembers the decision: in one transaction, so that it is counted once. Raises
        `Elsewhere` when that condition does not hold, or another transaction met this.
        """
        update = {
            "TableName": self.state.name,
            "Key": self._key(storm.room, storm.began),
            **_counting(storm, status, before, line, now),
        }
        try:
            with told_apart("dynamodb", "TransactWriteItems"):
                self.state.client.transact_write_items(
                    TransactItems=[{"Put": also}, {"Update": update}]
                )
        except AwsError as error:
            # Refused by its condition, or met by another transaction: both end well when repeated.
            if error.code == "TransactionCanceledException":
                raise Elsewhere(f"another worker counts into the same digest: {error}") from error
            raise

    def claim(self, storm: Storm, now: datetime) -> None:
        """Lets only this worker post the storm's message for a minute.

        Raises `Elsewhere` when another is at it.
        """
        values = {
            ":now": {"N": f"{now.timestamp():.0f}"},
            ":stale": {"N": f"{(now - _POSTING_LASTS).timestamp():.0f}"},
        }
        self._update_storm(
            storm,
            f"SET posting = :now, {_NAMES_FORMAT}",
            "attribute_not_exists(ts) AND (attribute_not_exists(posting) OR posting < :stale)",
            values | _FORMAT_VALUE,
            names=_FORMAT_NAME,
        )

    def unclaim(self, storm: Storm) -> None:
        """Lets anybody post the storm's message: the channel did not take it."""
        self._update_storm(storm, "REMOVE posting", "attribute_exists(pk)", {})

    def posted(self, storm: Storm, message: str) -> None:
        """Remembers the storm's message."""
        values = {":ts": {"S": message}}
        self._update_storm(storm, "SET ts = :ts", "attribute_exists(pk)", values)

    # ------------------------------------------------------------------------- the table

    def _update_storm(
        self,
        storm: Storm,
        expression: str,
        condition: str,
        values: Mapping[str, object],
        *,
        names: Mapping[str, str] | None = None,
    ) -> None:
        refused = f"another worker posts the digest in {storm.room}"
        key = self._key(storm.room, storm.began)
        self._update(key, expression, condition, values, refused=refused, names=names)

    def _update(
        self,
        key: Item,
        expression: str,
        condition: str,
        values: Mapping[str, object],
        *,
        refused: str,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Raises `Elsewhere`, in these words, where the condition does not hold."""
        try:
            with told_apart("dynamodb", "UpdateItem"):
                self.state.client.update_item(
                    TableName=self.state.name,
                    Key=key,
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    **({"ExpressionAttributeNames": names} if names else {}),
                    **({"ExpressionAttributeValues": values} if values else {}),
                )
        except AwsError as error:
            if error.code == "ConditionalCheckFailedException":
                raise Elsewhere(refused) from error
            raise

    def _get(self, room: str, began: str) -> Item:
        with told_apart("dynamodb", "GetItem"):
            found = self.state.client.get_item(
                TableName=self.state.name, Key=self._key(room, began), ConsistentRead=True
            )
        item: Item = found.get("Item", {})
        if item:
            must_be_known(item, STATE_FORMAT, f"the digest {room} {began}")
        return item

    def _key(self, room: str, began: str) -> dict[str, dict[str, str]]:
        return item_key(partition(self.kind, self.state.place, room), began)


def _counting(
    storm: Storm, status: Status, before: Status | None, line: str, now: datetime
) -> dict[str, object]:
    """The update that counts one decision."""
    names = {"#expires": "expires"} | _FORMAT_NAME
    values: dict[str, object] = {":expires": expiry(now, _STORM_LASTS), **_FORMAT_VALUE}
    setting, adding = ["#expires = :expires", _NAMES_FORMAT], []
    if before is not status:
        names[f"#{status.value}"] = f"n_{status.value}"
        values[":one"] = {"N": "1"}
        adding.append(f"#{status.value} :one")
    if before is None:
        names["#count"] = "count"
        adding.append("#count :one")
        if storm.is_of_a_day:
            names["#lines"] = "lines"
            values[":lines"] = {
                "L": [{"S": kept} for kept in digest.most_severe([line, *storm.lines])]
            }
            setting.append("#lines = :lines")
        elif len(storm.lines) < NAMED:
            names["#lines"] = "lines"
            values |= {":none": {"L": []}, ":line": {"L": [{"S": line}]}}
            setting.append("#lines = list_append(if_not_exists(#lines, :none), :line)")
    elif before is not status:
        names[f"#{before.value}"] = f"n_{before.value}"
        values[":less"] = {"N": "-1"}
        adding.append(f"#{before.value} :less")
    added = f" ADD {', '.join(adding)}" if adding else ""
    condition: dict[str, object] = {}
    if before is None and storm.is_of_a_day:
        # Whoever counted meanwhile has named others: the next delivery names them too.
        values[":seen"] = {"N": str(storm.count)}
        missing = "" if storm.count else "attribute_not_exists(#count) OR "
        condition = {"ConditionExpression": f"{missing}#count = :seen"}
    return {
        "UpdateExpression": f"SET {', '.join(setting)}{added}",
        **condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def item_key(pk: str, sk: str = _ALL) -> dict[str, dict[str, str]]:
    """An item's key; there is one item in its partition unless `sk` says otherwise."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def expiry(now: datetime, after: timedelta) -> dict[str, str]:
    """When an item expires by itself."""
    return {"N": f"{(now + after).timestamp():.0f}"}


def number(item: Item, name: str) -> int:
    """A count in an item; 0 where it is missing. Raises `ValueError` for anything else."""
    if name not in item:
        return 0
    return int(attribute(item, name, "N") or "no number")


def words(item: Item, name: str) -> str:
    """A text in an item; "" where it is missing. Raises `ValueError` for anything else."""
    if name in item and "S" not in item[name]:
        raise ValueError(f"its {name} is no text")
    return attribute(item, name)


def attribute(item: Item, name: str, kind: str = "S") -> str:
    """An attribute of an item as text; "" where it is missing."""
    return str(item.get(name, {}).get(kind, ""))
