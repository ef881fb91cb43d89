"""Turns EventBridge envelopes, from CloudTrail and from services with findings, into Changes.

Parsers written from the documentation break on real records; docs/decisions/0003-records.md lists
what is flagged here. Nothing is validated beyond what is needed: an odd region, an address with
leading zeros or an unknown identity type is still a change.

Sources: AWS CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail userIdentity
element"; Amazon EventBridge User Guide, "AWS service events delivered via CloudTrail"; AWS Health
User Guide, "Health events Amazon EventBridge schema".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from driftguard.documents import Document, Json, mapping, text
from driftguard.model import Actor, Change

_VERSION_SUFFIX = re.compile(r"\d{8}(v\d+)?$")


class Unparsable(ValueError):
    """The event is not one that we know how to read; the message says what is missing."""


def change_from_event(event: Json) -> Change:
    """The change in one EventBridge envelope.

    Raises `Unparsable` with what is missing or of the wrong type; never anything else.
    """
    if not isinstance(event, Mapping):
        raise Unparsable(f"expected an EventBridge event (a JSON object), got {_kind(event)}")
    detail = event.get("detail")
    if not isinstance(detail, Mapping):
        raise Unparsable(f"the event's `detail` should be an object, it is {_kind(detail)}")
    if "eventSource" in detail or "eventName" in detail:
        return change_from_record(detail)
    return _finding(event, detail)


def change_from_record(record: Document) -> Change:
    """The change in one CloudTrail record, as in an event's `detail` or a trail's log file."""
    name, source = text(record, "eventName"), text(record, "eventSource")
    identity = mapping(record, "userIdentity")
    if not name or not source:
        missing = "eventName" if not name else "eventSource"
        raise Unparsable(f"the CloudTrail record has no `{missing}`")
    account = text(record, "recipientAccountId") or text(identity, "accountId")
    event_id = text(record, "eventID")
    if not event_id:
        raise Unparsable(f"the CloudTrail record of {name} has no `eventID`")
    return Change(
        id=event_id,
        source=source,
        name=_VERSION_SUFFIX.sub("", name),
        account=account,
        region=text(record, "awsRegion"),
        time=text(record, "eventTime"),
        actor=_actor(record, identity),
        request=unwrapped(mapping(record, "requestParameters")),
        response=unwrapped(mapping(record, "responseElements")),
        error=text(record, "errorCode"),
        read_only=record.get("readOnly") in (True, "true"),
    )


def _finding(event: Document, detail: Document) -> Change:
    """A service's own event: AWS Health names its type, others their detail-type."""
    source, event_id = text(event, "source"), text(event, "id")
    if not source or not event_id:
        raise Unparsable("the event has no `source`" if not source else "the event has no `id`")
    name = text(detail, "eventTypeCode") or text(event, "detail-type")
    return Change(
        id=event_id,
        source=source,
        name=name,
        account=text(event, "account"),
        region=text(event, "region"),
        time=text(event, "time"),
        actor=Actor(principal=source, session=source, kind="AWSService"),
        request=detail,
    )


def _actor(record: Document, identity: Document) -> Actor:
    issuer = mapping(mapping(identity, "sessionContext"), "sessionIssuer")
    arn = text(identity, "arn")
    invoked_by = text(identity, "invokedBy")
    lasting = text(issuer, "arn") or arn or invoked_by or text(identity, "principalId")
    return Actor(
        principal=lasting,
        session=arn or invoked_by or text(identity, "principalId"),
        kind=text(identity, "type"),
        account=text(identity, "accountId"),
        source=text(record, "sourceIPAddress"),
        agent=text(record, "userAgent"),
    )


# --------------------------------------------------------------- shapes of request and response


def unwrapped(parameters: Document) -> Document:
    """Without the single wrapper object of EC2's newer calls (`{"CreateFlowLogsRequest": {…}}`).

    The wrapper's name need not be the action's (`DelTGwVpcAttachReq`), so what counts is that it
    stands alone, capitalized, and holds an object or the empty string that means one.
    """
    if len(parameters) == 1:
        ((name, inner),) = parameters.items()
        if name[:1].isupper() and name.endswith(("Request", "Req", "Response", "Resp")):
            return inner if isinstance(inner, Mapping) else {}
    return parameters


def omitted(parameters: Document) -> bool:
    """Whether CloudTrail left the parameters out for their size; the state must be read instead."""
    return text(parameters, "omitted") == "true" or parameters.get("omitted") is True


def _kind(value: Json) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"
