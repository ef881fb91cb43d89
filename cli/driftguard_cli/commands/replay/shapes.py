"""Finds the records in a JSON value, whichever tool wrote it.

A trail's own log files hold `{"Records": […]}`; other tools and exports wrap or flatten records in
their own ways. Nothing here judges a record. A value that is no record raises `Unparsable`.

Sources: AWS CloudTrail User Guide, "CloudTrail log file examples", "Get and save query results" and
"Supported SQL schemas for event data stores"; API references of CloudTrail's LookupEvents and
GetQueryResults, and of CloudWatch Logs' GetQueryResults and FilterLogEvents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from driftguard.documents import Document, Json
from driftguard.events.cloudtrail import Unparsable

from .rows import record_in_row
from .values import NotJson, json_of

# Who lists its records under this name, and what a row of theirs holds the whole record under:
# CloudTrail's log files, LookupEvents and Lake; CloudWatch Logs' Insights and FilterLogEvents.
_LISTS = ("Records", "Events", "QueryResultRows", "results", "events")
_WHOLE = frozenset({"eventjson", "cloudtrailevent", "@message", "message"})
# What a digest file of a trail holds, and no record does: it proves log files, it lists no calls.
_DIGEST = "digestStartTime"


def elements(value: Json) -> Sequence[Json]:
    """Yield each possible record, in order: the value itself, or those that it lists."""
    if isinstance(value, Mapping):
        if "eventVersion" in value:
            return (value,)
        if _DIGEST in value:
            return ()
        for name in _LISTS:
            listed = value.get(name)
            if isinstance(listed, list):
                return listed
        return (value,)
    return value if isinstance(value, list) else (value,)


def record_of(element: Json) -> Document:
    """The CloudTrail record in one element, or the event of a service that reports findings.

    Raises `Unparsable` when the element is none.
    """
    if isinstance(element, dict) and "eventVersion" in element and not _flattened(element):
        return element
    if isinstance(element, list):
        element = _cells(element)
    if not isinstance(element, Mapping):
        raise Unparsable(f"expected a CloudTrail record (a JSON object), got {_kind(element)}")
    detail = element.get("detail")
    if isinstance(detail, Mapping):
        return detail if "eventSource" in detail or "eventName" in detail else element
    for name, value in element.items():
        if name.lower() in _WHOLE:
            whole = _parsed(name, value)
            if isinstance(whole, Mapping):
                return whole
    return record_in_row(element)


def is_whole(column: str) -> bool:
    """Whether a column of this name holds whole records."""
    return column.strip().lower() in _WHOLE


def _parsed(name: str, value: Json) -> Json:
    """A whole record in a cell: JSON text, or the object where the export has parsed it."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return json_of(value.encode("utf-8", "surrogatepass"))
    except NotJson as error:
        raise Unparsable(f"`{name}` is {error}") from error


def _flattened(record: Document) -> bool:
    return isinstance(record.get("requestParameters"), str) or isinstance(
        record.get("userIdentity"), str
    )


def _cells(row: Sequence[Json]) -> Json:
    """A row of a query: one object a cell, `{"eventName": …}` or `{"field": …, "value": …}`."""
    cells: dict[str, Json] = {}
    for cell in row:
        if not isinstance(cell, Mapping):
            return row
        if set(cell) == {"field", "value"}:
            cells[str(cell["field"])] = cell["value"]
        else:
            cells |= cell
    return cells


def _kind(value: Json) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
