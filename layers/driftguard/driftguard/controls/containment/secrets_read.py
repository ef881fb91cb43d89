"""Names the secrets that an access key or a session has read lately: they are to be rotated.

To deny a principal everything takes back nothing that it has read. CloudTrail's event history has
the calls of a key in a region, of management events alone, for 90 days; it is asked for a few pages
of the last day, and what it could not tell is said. An instance is only known there by the name of
its sessions, which whoever assumes a role can give theirs: what counts is what CloudTrail says was
called with credentials that the metadata service handed out.

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
# How many keys are asked about, how many pages of 50 events each, and how many more at most while
# others' events are among them.
_KEYS = 2
_PAGES = 4
_A_PAGE = 50
_MOST_PAGES = 12
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
    """Whose events: `attribute` is what LookupEvents calls it, `value` what it has to be.

    `handed_out`: only those of credentials that EC2's metadata service handed out.
    """

    attribute: str
    value: str
    handed_out: bool = False


class _History(NamedTuple):
    """What CloudTrail told: the records that count, how many do not, and of how many events.

    `whole`: these are all since then.
    """

    records: list[Document]
    others: int
    read: int
    whole: bool


def by_keys(keys: Iterable[str], reader: Reader) -> list[str]:
    """What people are told of the secrets that these keys read in the reader's region lately."""
    return _told([Whose("AccessKeyId", key) for key in keys][:_KEYS], reader)


def by_session(name: str, reader: Reader) -> list[str]:
    """The same of an instance, by its id: so the sessions of its role are called.

    Source: Amazon EC2 User Guide, "IAM roles for Amazon EC2" (the session's name).
    """
    return _told([Whose("Username", name, handed_out=True)], reader)


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
            history = _history(one, since, reader)
        except AwsError as error:
            yield (
                f"Which secrets {key} read could not be looked up ({error}): look for "
                f"GetSecretValue and GetParameter in CloudTrail: {_by_hand(one)}"
            )
            continue
        where += _left_out(history)
        read = dict.fromkeys(found for event in history.records for found in _read(event))
        if read:
            told = "; ".join(_in_words(kind, name) for kind, name in [*read][:_NAMED])
            more = f"; and {len(read) - _NAMED} more" if len(read) > _NAMED else ""
            yield f"Rotate what {key} read ({where}): {told}{more}."
        else:
            yield f"No secret that {key} read is in {where}. See other regions, too."


def _by_hand(whose: Whose) -> str:
    return (
        "aws cloudtrail lookup-events --lookup-attributes "
        f"AttributeKey={whose.attribute},AttributeValue={whose.value}"
    )


def _left_out(history: _History) -> str:
    """What of a history was not read, or does not count, in words; "" for nothing."""
    said = "" if history.whole else f", of which only the newest {history.read} events were read"
    if not history.others:
        return said
    said += (
        f"; {history.others} events of the name are of sessions that others called so"
        if history.others > 1
        else "; 1 event of the name is of a session that somebody else called so"
    )
    return said if history.whole else f"{said}: look in the logs of a trail, for `ec2RoleDelivery`"


def _history(whose: Whose, since: datetime, reader: Reader) -> _History:
    """The newest management events of a key or an instance. What others fill it with is read past.

    Raises `AwsError` where CloudTrail tells nothing.
    """
    attribute = {"AttributeKey": whose.attribute, "AttributeValue": whose.value}
    counted: list[Document] = []
    others = pages = 0
    token: dict[str, Any] = {}
    while pages < _PAGES or (others and len(counted) < _PAGES * _A_PAGE and pages < _MOST_PAGES):
        try:
            answer = reader.read(
                "cloudtrail",
                "LookupEvents",
                LookupAttributes=[attribute],
                StartTime=since,
                MaxResults=_A_PAGE,
                **token,
            )
        except AwsError:
            if not pages:
                raise
            break
        page = document(answer)
        pages += 1
        records = [_record(one) for one in items(page.get("Events"))]
        own = [one for one in records if not whose.handed_out or _is_handed_out(one)]
        counted += own
        others += len(records) - len(own)
        if not page.get("NextToken"):
            return _History(counted, others, pages * _A_PAGE, whole=True)
        token = {"NextToken": text(page, "NextToken")}
    return _History(counted, others, pages * _A_PAGE, whole=False)


def _is_handed_out(record: Document) -> bool:
    context = mapping(mapping(record, "userIdentity"), "sessionContext")
    return bool(text(context, "ec2RoleDelivery"))


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
