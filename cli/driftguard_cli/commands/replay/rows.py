"""Rebuilds a record that an export has flattened into columns.

CloudTrail Lake gives `requestParameters` and `responseElements` as maps of strings, printed as
`{groupId=sg-1, ipPermissions={"items":[…]}}`, and `userIdentity` as a struct printed likewise with
its names in lower case. CloudWatch Logs Insights names nested fields with dots
(`requestParameters.ipPermissions.items.0.toPort`). An export cannot be read back without loss: ask
for the column `eventJson` (Lake) or `@message` (Logs Insights) where there is a choice.

Source: AWS CloudTrail User Guide, "Supported SQL schemas for event data stores".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from driftguard.documents import Document, Json

from .values import NotJson, json_of

_NAMES = {
    name.lower(): name
    for name in """
        additionalEventData apiVersion awsRegion errorCode errorMessage eventCategory eventID
        eventName eventSource eventTime eventType eventVersion managementEvent readOnly
        recipientAccountId requestID requestParameters resources responseElements
        serviceEventDetails sharedEventID sourceIPAddress tlsDetails userAgent userIdentity
        accessKeyId accountId arn attributes creationDate invokedBy mfaAuthenticated principalId
        sessionContext sessionIssuer sourceIdentity type userName webIdFederationData
    """.split()  # noqa: SIM905 - a list of forty lines reads worse
}
_STRUCTURED = frozenset({"requestParameters", "responseElements", "userIdentity"})
# In CloudTrail's records these are texts that hold JSON, not objects; S3's bucketPolicy is one.
_DOCUMENT = re.compile(r"(?<!bucket)(policy|document)$", re.IGNORECASE)
_NEXT_PAIR = re.compile(r",\s*(?=[\w@:./-]+=)")
_DECODER = json.JSONDecoder()


def record_in_row(row: Document) -> Document:
    """The record in a row of an export; a record that is whole comes out as it went in."""
    record: dict[str, Json] = {}
    for column, value in _nested(row).items():
        name = _NAMES.get(column.strip().lower(), column)
        if value in ("", None) and name not in _STRUCTURED:
            continue
        if name in _STRUCTURED and isinstance(value, str):
            value = structure(value)
        record[name] = value
    identity = record.get("userIdentity")
    if isinstance(identity, Mapping):
        record["userIdentity"] = _named(identity)
    time = record.get("eventTime")
    if isinstance(time, str):
        record["eventTime"] = _instant(time)
    if isinstance(record.get("readOnly"), str):
        record["readOnly"] = str(record["readOnly"]).lower() == "true"
    return record


def structure(text: str) -> Json:
    """What a printed map or struct says; the text itself when it is none that we can read."""
    text = text.strip()
    if not text.startswith("{"):
        return text or None
    try:
        return json_of(text.encode("utf-8", "surrogatepass"))
    except NotJson:
        pass
    try:
        pairs, end = _pairs(text, 0, last=len(text) - 1)
    except (ValueError, RecursionError):
        return text
    return pairs if end == len(text) else text


def _pairs(text: str, at: int, last: int) -> tuple[dict[str, Json], int]:
    """The `name=value` pairs of the map that opens at `at`, and where it has closed.

    `last` is where the map closes if that is known, else -1: values may hold braces themselves.
    """
    pairs: dict[str, Json] = {}
    at += 1
    while text[at : at + 1] != "}":
        equals = text.index("=", at)
        name = text[at:equals].strip()
        pairs[name], at = _value(text, equals + 1, last, keep=bool(_DOCUMENT.search(name)))
        if text[at : at + 1] == ",":
            at += 1
    return pairs, at + 1


def _value(text: str, at: int, last: int, *, keep: bool) -> tuple[Json, int]:
    """The value at `at`, and where it ends. With `keep` a JSON value stays the text it is."""
    if text[at : at + 1] in ("{", "["):
        try:
            value, end = _DECODER.raw_decode(text, at)
            if text[end : end + 1] in (",", "}"):
                return (text[at:end] if keep else value), end
        except (ValueError, RecursionError):
            pass
        if re.match(r"\{[\w@:./-]+=", text[at : at + 200]):
            return _pairs(text, at, last=-1)
    follows = _NEXT_PAIR.search(text, at)
    closes = text.index("}", at) if last < at else last
    end = min(follows.start(), closes) if follows else closes
    plain = text[at:end]
    return (None if plain == "null" else plain), end


def _nested(row: Document) -> Mapping[str, Json]:
    """The row with `a.b.c` as objects in objects, and lists where the names are numbers."""
    if not any("." in column for column in row):
        return row
    nested: dict[str, Json] = {}
    for column, value in row.items():
        *path, name = column.split(".")
        inner = nested
        for step in path:
            deeper = inner.get(step)
            if not isinstance(deeper, dict):
                deeper = inner[step] = {}
            inner = deeper
        if value not in ("", None) or not path:
            inner[name] = value
    return {name: _listed(value) for name, value in nested.items()}


def _listed(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() for name in value):
        return [_listed(value[name]) for name in sorted(value, key=int)]
    return {name: _listed(inner) for name, inner in value.items()}


def _named(identity: Mapping[str, Json]) -> dict[str, Json]:
    """The identity with its names in CloudTrail's own spelling."""
    return {
        _NAMES.get(name.lower(), name): _named(value) if isinstance(value, Mapping) else value
        for name, value in identity.items()
    }


def _instant(time: str) -> str:
    """`2023-01-22 00:00:00.000` as CloudTrail writes it; anything else as it is."""
    try:
        parsed = datetime.fromisoformat(time)
    except ValueError:
        return time
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
