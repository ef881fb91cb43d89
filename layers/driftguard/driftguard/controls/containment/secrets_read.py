"""Names the secrets that an access key or a session has read lately: they are to be rotated.

To deny a principal everything takes back nothing that it has read. CloudTrail's event history has
the calls of a key in a region, of management events alone, for 90 days; it is asked for a few pages
of the last day, and what it could not tell is said.

Sources: AWS CloudTrail API Reference, "LookupEvents" (two calls a second in an account and region;
the newest events first, some minutes after they happened); AWS Secrets Manager User Guide, "Log AWS
Secrets Manager events with AWS CloudTrail"; AWS Systems Manager User Guide, "Logging AWS Systems
Manager API calls with AWS CloudTrail"; AWS KMS Developer Guide, "Logging AWS KMS API calls".
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text

READS = ("cloudtrail:LookupEvents",)

HOURS = 24
# How many keys are asked about, and how many pages of 50 events each.
_KEYS = 2
_PAGES = 4
_A_PAGE = 50
# How long that may take altogether, in seconds.
_SECONDS = 8.0
# How many names are told, and how much of each.
_NAMED = 10
_LONGEST = 128

_SECRET, _PARAMETER, _KEY = "secret", "parameter", "KMS key"
_ROTATION = {
    _SECRET: "aws secretsmanager rotate-secret --secret-id {name}",
    _PARAMETER: "aws ssm put-parameter --overwrite --name {name} --value …",
    _KEY: "what was decrypted with it, its events name",
}


class Whose(NamedTuple):
    """Whose events: `attribute` is what LookupEvents calls it, `value` what it has to be."""

    attribute: str
    value: str


def by_keys(keys: Iterable[str], reader: Reader) -> list[str]:
    """What people are told of the secrets that these keys read in the reader's region lately."""
    return _told([Whose("AccessKeyId", key) for key in keys][:_KEYS], reader)


def by_session(name: str, reader: Reader) -> list[str]:
    """The same of sessions of this name: those of an instance's role bear the instance's id.

    Source: Amazon EC2 User Guide, "IAM roles for Amazon EC2" (the session's name).
    """
    return _told([Whose("Username", name)], reader)


def _told(whose: Iterable[Whose], reader: Reader) -> list[str]:
    # What is to be contained does not wait for long.
    with reader.aws.time.within(min(_SECONDS, reader.aws.time.left() / 4)):
        return [*_lines(whose, reader)]


def _lines(whose: Iterable[Whose], reader: Reader) -> Iterator[str]:
    since = datetime.now(UTC) - timedelta(hours=HOURS)
    for one in whose:
        key = one.value
        where = f"CloudTrail's event history of {reader.region}, last {HOURS} hours"
        try:
            events, whole = _events(one, since, reader)
        except AwsError as error:
            yield (
                f"Which secrets {key} read could not be looked up ({error}): look for "
                f"GetSecretValue and GetParameter in CloudTrail: {_by_hand(one)}"
            )
            continue
        unread = "" if whole else f", of which only the newest {_PAGES * _A_PAGE} events were read"
        read = dict.fromkeys(found for event in events for found in _read(event))
        if read:
            told = "; ".join(_in_words(kind, name) for kind, name in [*read][:_NAMED])
            more = f"; and {len(read) - _NAMED} more" if len(read) > _NAMED else ""
            yield f"Rotate what {key} read ({where}{unread}): {told}{more}."
        else:
            yield f"No secret that {key} read is in {where}{unread}. See other regions, too."


def _by_hand(whose: Whose) -> str:
    return (
        "aws cloudtrail lookup-events --lookup-attributes "
        f"AttributeKey={whose.attribute},AttributeValue={whose.value}"
    )


def _events(whose: Whose, since: datetime, reader: Reader) -> tuple[list[Document], bool]:
    """The newest management events of a key or session, and whether these are all since then."""
    attribute = {"AttributeKey": whose.attribute, "AttributeValue": whose.value}
    found: list[Document] = []
    token: dict[str, Any] = {}
    for _ in range(_PAGES):
        answer = reader.read(
            "cloudtrail",
            "LookupEvents",
            LookupAttributes=[attribute],
            StartTime=since,
            MaxResults=_A_PAGE,
            **token,
        )
        page = document(answer)
        found += [_record(one) for one in items(page.get("Events"))]
        if not page.get("NextToken"):
            return found, True
        token = {"NextToken": text(page, "NextToken")}
    return found, False


def _record(event: Document) -> Document:
    """CloudTrail's own record of an event; empty where it is none."""
    try:
        record = json.loads(text(event, "CloudTrailEvent"))
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _read(record: Document) -> Iterator[tuple[str, str]]:
    """What an event read, if it was let: the kind, and the name as the caller gave it."""
    if text(record, "errorCode"):
        return
    asked = mapping(record, "requestParameters")
    match text(record, "eventName"):
        case "GetSecretValue":
            yield _SECRET, text(asked, "secretId")
        case "BatchGetSecretValue":
            for one in _texts(asked.get("secretIdList")):
                yield _SECRET, one
        case "GetParameter" | "GetParameterHistory" if flag(asked.get("withDecryption")):
            yield _PARAMETER, text(asked, "name")
        case "GetParameters" if flag(asked.get("withDecryption")):
            for one in _texts(asked.get("names")):
                yield _PARAMETER, one
        case "GetParametersByPath" if flag(asked.get("withDecryption")):
            yield _PARAMETER, f"{text(asked, 'path').rstrip('/')}/*"
        case "Decrypt":
            for key in items(record.get("resources")):
                yield _KEY, text(key, "ARN")


def _texts(value: Json) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _in_words(kind: str, name: str) -> str:
    """A secret and how it is rotated; its name is whatever its reader called it by."""
    quoted = shlex.quote(name[:_LONGEST])
    return f"{kind} {quoted} ({_ROTATION[kind].format(name=quoted)})"
