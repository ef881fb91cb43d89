"""A channel's budget: how many decisions a day it tells one by one that wait for nobody.

What was reverted, failed, is asked about, or was done in an emergency is always told at once, and
so is a preparation, and what is severe and only people can take back. What else was only observed
takes a place of the day's budget (the policy's `notifications`); without one it waits for a digest.
Half of the places are kept for what is severe, so that nobody can fill the day with trifles first
and be told of among them.

All counts stand in the state table, under keys that the channel names. An item there that
Driftguard did not write stops no message: what cannot be counted is told by itself.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from driftguard.approvals.rules import is_reminder
from driftguard.aws.calls import AwsError, told_apart
from driftguard.aws.dynamodb import Item, cancellation_reasons
from driftguard.guardrails.spoken import spoken
from driftguard.model import Autonomy, Decision, Status
from driftguard.state.item_format import FORMAT, must_be_known, written_in
from driftguard.state.keys import STATE_FORMAT, partition
from driftguard.state.table import StateTable

from . import digest
from .tally import Elsewhere, expiry, item_key, number

_log = logging.getLogger(__name__)

# From this severity on a decision may take any place of the day; a lesser one only half of them.
SEVERE = 70
_COUNTED_FOR = timedelta(days=2)
# What waits is told within the hour; longer only where nothing could be told.
_WAITS_FOR = timedelta(days=30)
_POINTER = "waiting"
_FORMAT_NAME = {"#format": FORMAT}
_FORMAT_VALUE = {":format": written_in(STATE_FORMAT)[FORMAT]}
_NAMES_FORMAT = "#format = if_not_exists(#format, :format)"


def is_counted(decision: Decision) -> bool:
    """Whether a decision takes a place of the budget: nothing was done, and it waits for nobody.

    So does every reminder of what is contained.
    """
    if is_reminder(decision):
        return True
    if decision.status is Status.EXEMPTED:
        return not digest.is_emergency(decision)
    if decision.status is not Status.OBSERVED or is_told_first(decision):
        return False
    return not digest.is_emergency(decision) and not _is_left_to_people(decision)


def is_told_first(decision: Decision) -> bool:
    """Whether people are only told of a decision because they are asked, or told again, later."""
    observing = [one for one in decision.rulings if one.limit is Autonomy.OBSERVE]
    return bool(observing) and all(
        guardrail.looks_again is not None for guardrail, _ in spoken(observing)
    )


def _is_left_to_people(decision: Decision) -> bool:
    """Whether an observed decision has people act: whoever makes decoys must not hide it.

    Either it is severe, and nothing but the lack of a remediation kept the guard from asking. Or
    the guard did ask or revert, and the remediation was lost since: no ruling held it back then.
    """
    if decision.granted is Autonomy.OBSERVE:
        return False
    observing = [one for one in decision.rulings if one.limit is Autonomy.OBSERVE]
    if not observing:
        return True
    left = [guardrail for guardrail, _ in spoken(observing) if guardrail.left_to_people]
    is_severe = decision.severity >= SEVERE and bool(decision.plan.advice)
    return is_severe and len(left) == len(observing)


def places(severity: int, most: int) -> int:
    """How many places of a day a decision of this severity may fill."""
    return most if severity >= SEVERE else (most + 1) // 2


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget of one channel. `kind` and `name` are the channel's words in the table's keys.

    What is less severe than `least` has no place in any day.
    """

    state: StateTable
    kind: str
    name: str
    most: int
    least: int = 0

    def has_place(self, decision: Decision, now: datetime) -> bool:
        """Takes a place of the day for a decision; whether it has one.

        It takes one place, however often it is told in vain. Whatever stands in the count's place
        and cannot be read is logged, and refuses nothing. Raises `Elsewhere` when another worker
        counts at this moment.
        """
        room = places(decision.severity, self.most)
        if decision.severity < self.least or not room:
            return False
        key = item_key(partition(self.kind, self.state.place, self.name), f"day {now:%Y-%m-%d}")
        expires = expiry(now, _COUNTED_FOR)
        update = {
            "TableName": self.state.name,
            "Key": key,
            "UpdateExpression": f"ADD #count :one SET #expires = :expires, {_NAMES_FORMAT}",
            "ConditionExpression": (
                "attribute_not_exists(#count) OR (NOT attribute_type(#count, :number)) "
                "OR #count < :room"
            ),
            "ExpressionAttributeNames": {"#count": "count", "#expires": "expires"} | _FORMAT_NAME,
            "ExpressionAttributeValues": {
                ":one": {"N": "1"},
                ":room": {"N": str(room)},
                ":number": {"S": "N"},
                ":expires": expires,
                **_FORMAT_VALUE,
            },
        }
        place = item_key(partition(self.kind, self.state.place, decision.id), f"{self.name} place")
        once = {
            "TableName": self.state.name,
            "Item": {**place, **written_in(STATE_FORMAT), "expires": expires},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        try:
            with told_apart("dynamodb", "TransactWriteItems"):
                self.state.client.transact_write_items(
                    TransactItems=[{"Put": once}, {"Update": update}]
                )
        except AwsError as error:
            return self._has_place_nevertheless(error, key, room)
        return True

    def _has_place_nevertheless(self, error: AwsError, key: Item, room: int) -> bool:
        """Whether a decision has a place though none could be taken; raises what comes again."""
        reasons = cancellation_reasons(str(error))
        # To add to what is no number is refused so, alone or in a transaction.
        if error.code == "ValidationException" or "ValidationError" in reasons:
            _log.warning("not counted: %s: %s", key["pk"]["S"], error)
            return True
        if error.code != "TransactionCanceledException":
            raise error
        match reasons:
            case ["ConditionalCheckFailed", _]:
                return True
            case [_, "ConditionalCheckFailed"]:
                return not self._is_full(key, room)
            case _:
                raise Elsewhere(f"another worker counts at this moment: {error}") from error

    def _is_full(self, key: Item, room: int) -> bool:
        found = _read(self.state, key)
        try:
            must_be_known(found, STATE_FORMAT, f"the count of messages {key['pk']['S']}")
            return number(found, "count") >= room
        except ValueError as error:
            _log.warning("not counted: %s", error)
            return False


class Named(NamedTuple):
    """A decision that a digest names."""

    severity: int
    decision: str
    control: str
    status: str
    words: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The decisions of one hour that wait for a digest: counts, and the most severe by name.

    `hour` is ISO 8601 in UTC. `controls`, `accounts` and `regions` are those of all of them, and
    `severity` is the highest.
    """

    hour: str
    count: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    severity: int = 0
    controls: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    named: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingRoom:
    """Keeps what waits for the digests of one channel: an item an hour, and a list of the hours."""

    state: StateTable
    kind: str
    name: str

    def add(self, decision: Decision, now: datetime, *, also: Mapping[str, object]) -> None:
        """Has a decision wait for the digest of this hour.

        `also` is the put by which the channel remembers the decision: in one transaction, so that
        it is counted once. Raises `Elsewhere` when another worker met this, and `ValueError` where
        what waits cannot be read.
        """
        hour = f"{now:%Y-%m-%dT%H}:00:00Z"
        self._note(hour, now)
        waiting = self.of(hour)
        named = _worst_first([_name(decision), *waiting.named])[: digest.NAMED]
        resource = decision.candidate.resource
        sets = {
            "controls": decision.control,
            "accounts": resource.account,
            "regions": resource.region or "none",
        }
        update = {
            "TableName": self.state.name,
            "Key": self._key(hour),
            "UpdateExpression": (
                f"SET #expires = :expires, #named = :named, severity = :severity, {_NAMES_FORMAT} "
                "ADD #count :one, #status :one, " + ", ".join(f"{name} :{name}" for name in sets)
            ),
            # Whoever was first has named others: the next delivery counts with them.
            "ConditionExpression": (
                "#count = :seen" if waiting.count else "attribute_not_exists(#count)"
            ),
            "ExpressionAttributeNames": {
                "#expires": "expires",
                "#named": "named",
                "#count": "count",
                "#status": f"n_{decision.status.value}",
                **_FORMAT_NAME,
            },
            "ExpressionAttributeValues": {
                ":expires": expiry(now, _WAITS_FOR),
                ":named": {"S": json.dumps(named)},
                ":severity": {"N": str(max(waiting.severity, decision.severity))},
                ":one": {"N": "1"},
                **({":seen": {"N": str(waiting.count)}} if waiting.count else {}),
                **{f":{name}": {"SS": [value]} for name, value in sets.items()},
                **_FORMAT_VALUE,
            },
        }
        try:
            with told_apart("dynamodb", "TransactWriteItems"):
                self.state.client.transact_write_items(
                    TransactItems=[{"Put": also}, {"Update": update}]
                )
        except AwsError as error:
            # To add to what is no set or number is refused so, alone or in a transaction.
            if error.code == "ValidationException" or "ValidationError" in cancellation_reasons(
                str(error)
            ):
                raise ValueError(f"what waits for the digest of {hour}: {error}") from error
            if error.code == "TransactionCanceledException":
                raise Elsewhere(f"another worker counts into the same digest: {error}") from error
            raise

    def hours(self) -> list[str]:
        """The hours that something waits of, oldest first. Raises `ValueError` for junk there."""
        found = _read(self.state, self._key(_POINTER))
        if not found:
            return []
        must_be_known(found, STATE_FORMAT, f"the hours that wait for a digest of {self.name}")
        hours = found.get("hours", {"SS": []}).get("SS")
        if not isinstance(hours, (list, set, tuple)):
            raise ValueError(f"the hours that wait for a digest of {self.name} are no set")
        return sorted(str(hour) for hour in hours)

    def of(self, hour: str) -> Waiting:
        """What waits of an hour. Raises `ValueError` where that cannot be read."""
        found = _read(self.state, self._key(hour))
        if not found:
            return Waiting(hour)
        must_be_known(found, STATE_FORMAT, f"what waits for the digest of {hour}")
        return Waiting(
            hour,
            count=number(found, "count"),
            statuses={
                Status(name[2:]).value: number(found, name)
                for name in sorted(found)
                if name.startswith("n_")
            },
            severity=number(found, "severity"),
            named=_named(found),
            **{name: _set(found, name) for name in ("controls", "accounts", "regions")},
        )

    def told(self, hour: str) -> None:
        """Nothing waits of this hour any more: its digest was told."""
        with told_apart("dynamodb", "UpdateItem"):
            self.state.client.update_item(
                TableName=self.state.name,
                Key=self._key(_POINTER),
                UpdateExpression="DELETE hours :hour",
                ExpressionAttributeValues={":hour": {"SS": [hour]}},
            )

    def begin_anew(self) -> None:
        """Writes over a list of hours that cannot be read."""
        with told_apart("dynamodb", "PutItem"):
            self.state.client.put_item(
                TableName=self.state.name,
                Item={**self._key(_POINTER), **written_in(STATE_FORMAT)},
            )

    def _note(self, hour: str, now: datetime) -> None:
        """Remembers that something waits of an hour, before it does."""
        try:
            with told_apart("dynamodb", "UpdateItem"):
                self.state.client.update_item(
                    TableName=self.state.name,
                    Key=self._key(_POINTER),
                    UpdateExpression=f"ADD hours :hour SET {_NAMES_FORMAT}",
                    ExpressionAttributeNames=_FORMAT_NAME,
                    ExpressionAttributeValues={":hour": {"SS": [hour]}, **_FORMAT_VALUE},
                )
        except AwsError as error:
            if error.code != "ValidationException":
                raise
            # To add to what is no set is refused so.
            raise ValueError(f"the hours that wait for a digest: {error}") from error

    def _key(self, sort: str) -> Item:
        return item_key(partition(self.kind, self.state.place, self.name), sort)


def _name(decision: Decision) -> Named:
    words = f"{decision.title}: {decision.candidate.resource.id}"[: digest.LONGEST_LINE]
    return Named(decision.severity, decision.id, decision.control, decision.status.value, words)


def _worst_first(named: Iterable[Named]) -> list[Named]:
    """By severity; the newest of equals, which are given newest first, so that it is named."""
    return sorted(named, key=lambda one: -one.severity)


def _named(found: Item) -> tuple[Named, ...]:
    listed = json.loads(str(found.get("named", {}).get("S", "[]")))
    if not isinstance(listed, list):
        raise ValueError("its names are no list")
    try:
        return tuple(Named(int(one[0]), *map(str, one[1:])) for one in listed)
    except (TypeError, LookupError) as error:
        raise ValueError(f"its names cannot be read: {error}") from error


def _set(found: Item, name: str) -> frozenset[str]:
    values = found.get(name, {}).get("SS", ())
    if not isinstance(values, (list, tuple, set)):
        raise ValueError(f"its {name} are no set")
    return frozenset(str(value) for value in values)


def _read(state: StateTable, key: Item) -> Item:
    with told_apart("dynamodb", "GetItem"):
        found = state.client.get_item(TableName=state.name, Key=key, ConsistentRead=True)
    item: Item = found.get("Item", {})
    return item
