"""Finds decisions: one filter picks the index, the others are applied within it; never a scan.

An index holds only what the filters look at. The matching decisions are then read by their key,
consistently, and filtered once more, because the index may be a moment behind.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import TypeAlias

from driftguard.aws.calls import told_apart
from driftguard.model import Decision, Status

from .items import BANDS, Item, band, last_part
from .table import AuditTable

# Of these there may be many: a control picks fewer. All others are rare.
_COMMON = frozenset({Status.OBSERVED, Status.EXEMPTED, Status.REVERTED})
# How many items of an index one query reads at most, where some are then filtered out.
_READ = 1000
_PAGE = 100

Expression: TypeAlias = "Mapping[str, object]"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which decisions are wanted. An empty field wants any.

    `since` and `until` are days or times (ISO 8601, UTC), both included. `resource` and `actor` are
    ARNs, or short names: what its service's API calls the resource, and the user, the role session
    (`alice@example.com`) or the service that made the change.
    """

    since: str = ""
    until: str = ""
    account: str = ""
    region: str = ""
    resource: str = ""
    actor: str = ""
    control: str = ""
    status: str = ""
    min_severity: int = 0

    @property
    def names_one(self) -> bool:
        """Whether anything but the time is filtered by."""
        return any(self.equalities()) or bool(self.min_severity)

    def equalities(self) -> dict[str, str]:
        """Attribute → the value it must have, the most telling first."""
        by_arn = "resource" if self.resource.startswith("arn:") else "resource_id"
        rare = self.status and self.status not in _COMMON
        ranked = {
            by_arn: self.resource,
            **_actor(self.actor),
            **({"status": self.status} if rare else {}),
            "control": self.control,
            "status": self.status,
            "region": self.region,
            "account": self.account,
        }
        return {name: value for name, value in ranked.items() if value}

    def match(self, decision: Decision) -> bool:
        """Whether a decision, as it stands now, is wanted."""
        resource, actor = decision.candidate.resource, decision.actor
        holds = {
            "resource": resource.arn,
            "resource_id": resource.id,
            "actor": actor.principal,
            "actor_name": last_part(actor.session or actor.principal),
            "status": decision.status.value,
            "control": decision.control,
            "region": resource.place.region,
            "account": resource.account,
        }
        return (
            all(holds[name] == value for name, value in self.equalities().items())
            and decision.severity >= self.min_severity
            and self._names_session(actor.session)
            and self.since <= decision.decided <= _end(self.until)
        )

    def _names_session(self, session: str) -> bool:
        return ":assumed-role/" not in self.actor or session == self.actor


def _actor(actor: str) -> dict[str, str]:
    if actor.startswith("arn:") and ":assumed-role/" not in actor:
        return {"actor": actor}
    return {"actor_name": last_part(actor)}


def _end(until: str) -> str:
    # `~` sorts after whatever may follow: a day's times, a second's fractions.
    return (until or "9999") + "~"


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """How the decisions are found. `partitions` are the values of the index's key to query.

    Several are read one after the other (days), or side by side and merged by time (severities).
    """

    index: str
    key: str
    partitions: tuple[str, ...]
    merged: bool
    since: str
    until: str
    within: tuple[tuple[str, str], ...]
    min_severity: int
    newest_first: bool

    def as_lines(self) -> list[str]:
        """For people."""
        shown = self.partitions[0]
        if len(self.partitions) > 1:
            shown = f"{self.partitions[0]} … {self.partitions[-1]} ({len(self.partitions)} queries)"
        between = f"decided from {self.since or 'the first'} to {self.until or 'now'}"
        filters = [f"{name} = {value}" for name, value in self.within]
        if self.min_severity:
            filters.append(f"severity >= {self.min_severity}")
        order = "newest first" if self.newest_first else "oldest first"
        return [
            f"index     {self.index}: {self.key} = {shown}, {between}, {order}",
            f"filter    {', '.join(filters) or 'none'}",
            "then      reads the decisions that are left by their keys, consistently",
        ]


def plan(filters: Filters, *, newest_first: bool = True) -> QueryPlan:
    """The plan for these filters. Raises `ValueError` without any filter or start."""
    equal = filters.equalities()
    # Severities take up to ten queries, but a region or an account may be the only one there is.
    picked = next((name for name in equal if name not in ("region", "account")), "")
    merged = False
    partitions: tuple[str, ...]
    if picked:
        index, key, partitions = _named(picked), picked, (equal.pop(picked),)
    elif filters.min_severity:
        index, key, merged = "by-severity", "band", True
        lowest = band(filters.min_severity)
        partitions = tuple(name for name in BANDS if name >= lowest)
    elif equal:
        picked = next(iter(equal))
        index, key, partitions = _named(picked), picked, (equal.pop(picked),)
    else:
        index, key = "by-day", "day"
        partitions = _days(filters.since, filters.until, newest_first)
    return QueryPlan(
        index=index,
        key=key,
        partitions=partitions,
        merged=merged,
        since=filters.since,
        until=filters.until,
        within=tuple(equal.items()),
        min_severity=filters.min_severity,
        newest_first=newest_first,
    )


def _named(attribute: str) -> str:
    return "by-" + attribute.replace("_", "-")


def _days(since: str, until: str, newest_first: bool) -> tuple[str, ...]:
    if not since:
        raise ValueError("the time must have a start where nothing else is filtered by")
    first, last = date.fromisoformat(since[:10]), date.fromisoformat(until[:10])
    days = [(first + timedelta(n)).isoformat() for n in range((last - first).days + 1)]
    return tuple(reversed(days) if newest_first else days)


@dataclass(slots=True)
class Usage:
    """What the search has cost so far, in DynamoDB's own counts; capacity is 0 if unknown."""

    queries: int = 0
    items_read: int = 0
    decisions_read: int = 0
    capacity: float = 0.0

    def add(self, answer: Mapping[str, object]) -> None:
        """Counts one page of a query."""
        self.queries += 1
        self.items_read += int(str(answer.get("ScannedCount", 0)))
        consumed = answer.get("ConsumedCapacity")
        if isinstance(consumed, Mapping):
            self.capacity += float(str(consumed.get("CapacityUnits", 0)))

    def __str__(self) -> str:
        return (
            f"{self.queries} queries, {self.items_read:,} index items, {self.decisions_read:,} "
            f"decisions; {self.capacity:g} read units for the index"
        )


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds decisions in an audit table."""

    table: AuditTable
    usage: Usage

    def decisions(
        self, filters: Filters, how: QueryPlan, *, page: int = _PAGE
    ) -> Iterator[Decision]:
        """The decisions that match, in the plan's order; read as they are asked for."""
        found = self.index_items(how, page=page)
        # `batched` is not in Python 3.11 yet.
        while ids := [str(item["pk"]["S"]) for item in islice(found, min(page, _PAGE))]:
            self.usage.decisions_read += len(ids)
            yield from (decision for decision in self.table.many(ids) if filters.match(decision))

    def index_items(self, how: QueryPlan, *, page: int = _PAGE) -> Iterator[Item]:
        """What the index holds of the decisions that match."""
        found = [self._partition(how, value, page) for value in how.partitions]
        if not how.merged:
            return (item for items in found for item in items)
        return heapq.merge(*found, key=_decided, reverse=how.newest_first)

    def _partition(self, how: QueryPlan, value: str, page: int) -> Iterator[Item]:
        query = {
            "TableName": self.table.name,
            "IndexName": how.index,
            "ScanIndexForward": not how.newest_first,
            "ReturnConsumedCapacity": "TOTAL",
            **_expressions(how, value),
        }
        query["Limit"] = _READ if "FilterExpression" in query else min(page, _PAGE)
        while True:
            with told_apart("dynamodb", "Query"):
                answer = self.table.client.query(**query)
            self.usage.add(answer)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _decided(item: Item) -> str:
    return str(item["decided"]["S"])


def _expressions(how: QueryPlan, value: str) -> dict[str, object]:
    names = {"#key": how.key, "#decided": "decided"}
    values: dict[str, dict[str, str]] = {
        ":key": {"S": value},
        ":since": {"S": how.since or "0"},
        ":until": {"S": _end(how.until)},
    }
    conditions = []
    for number, (name, wanted) in enumerate(how.within):
        names[f"#f{number}"], values[f":f{number}"] = name, {"S": wanted}
        conditions.append(f"#f{number} = :f{number}")
    # All of a band above the least is severe enough.
    if how.min_severity and not (how.key == "band" and int(value) >= how.min_severity):
        names["#severity"], values[":least"] = "severity", {"N": str(how.min_severity)}
        conditions.append("#severity >= :least")
    filtered = {"FilterExpression": " AND ".join(conditions)} if conditions else {}
    return {
        "KeyConditionExpression": "#key = :key AND #decided BETWEEN :since AND :until",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        **filtered,
    }


def how_many(table: AuditTable, status: Status) -> int:
    """How many decisions stand there, by the index alone, which may be a moment behind."""
    counted = 0
    query = {
        "TableName": table.name,
        "IndexName": _named("status"),
        "KeyConditionExpression": "#status = :status",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":status": {"S": status.value}},
        "Select": "COUNT",
    }
    with told_apart("dynamodb", "Query"):
        for page in table.client.get_paginator("query").paginate(**query):
            counted += page["Count"]
    return counted


def outcomes(finder: Finder, days: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """(day, control, status) of every decision of these days, from the index alone."""
    for day in days:
        how = plan(Filters(since=day, until=day), newest_first=False)
        for item in finder.index_items(how, page=_READ):
            yield day, str(item["control"]["S"]), str(item["status"]["S"])
