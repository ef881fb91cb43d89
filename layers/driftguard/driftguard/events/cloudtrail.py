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

from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import Actor, Change

from .envelope import VIA_CLOUDTRAIL, must_agree, must_agree_with_finding
from .envelope import Unparsable as Unparsable

# Bytes of what a record says of its actor that are kept. AWS's own are shorter (an ARN has up to
# 650); only a forged one is not, and a decision is found by its actor, whose key has a limit.
# Source: Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB" (2,048 bytes of a key).
_LONGEST = 1_024
# The ids of changes that the guard makes up itself: what the sweep found, what a freeze held back.
# A decision's id follows from its change's, and so an event must not take the place of one of them.
_OWN_IDS = re.compile(r"sweep-|.*-after-", re.DOTALL)
# STS calls these read-only, which they are for the account: but they hand out credentials.
# Source: IAM User Guide, "Track privileged tasks in AWS CloudTrail".
_HANDING_OUT = frozenset({("sts.amazonaws.com", "AssumeRoot")})
# How EC2 names instances.
_INSTANCE = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_VERSION_SUFFIX = re.compile(r"\d{8}(v\d+)?$")


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
        change = _of_others(change_from_record(detail))
        must_agree(event, detail)
        return change
    if text(event, "detail-type").endswith(VIA_CLOUDTRAIL):
        raise Unparsable("the event says that it comes via CloudTrail, and holds no record")
    change = _of_others(_finding(event, detail))
    must_agree_with_finding(event, detail)
    return change


def _of_others(change: Change) -> Change:
    """The change. Raises `Unparsable` where its id is one that only the guard gives."""
    if _OWN_IDS.match(change.id):
        raise Unparsable(f"the event's id `{change.id[:100]}` is none that AWS gives")
    return change


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
        read_only=record.get("readOnly") in (True, "true") and (source, name) not in _HANDING_OUT,
        resources=tuple(arn for named in items(record.get("resources")) if (arn := _arn(named))),
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


def _arn(named: Document) -> str:
    return text(named, "ARN", "arn")


def _actor(record: Document, identity: Document) -> Actor:
    context = mapping(identity, "sessionContext")
    issuer = mapping(context, "sessionIssuer")
    arn = text(identity, "arn")
    invoked_by = text(identity, "invokedBy")
    lasting = text(issuer, "arn") or arn or invoked_by or text(identity, "principalId")
    said = (
        lasting,
        arn or invoked_by or text(identity, "principalId"),
        text(identity, "type"),
        text(identity, "accountId"),
        text(record, "sourceIPAddress"),
        text(record, "userAgent"),
        text(context, "sourceIdentity"),
        text(identity, "accessKeyId"),
        _instance(arn, context),
    )
    return Actor(*(value.encode()[:_LONGEST].decode(errors="ignore") for value in said))


def _instance(arn: str, context: Document) -> str:
    """The EC2 instance that a session's credentials were handed out to, "" for any other session.

    Its name is the instance's id, which whoever assumes the role themselves can choose, too: but
    only for credentials of the metadata service does AWS say how they were delivered.

    Source: AWS CloudTrail User Guide, "CloudTrail userIdentity element" (`ec2RoleDelivery`).
    """
    name = arn.rpartition("/")[2]
    return name if text(context, "ec2RoleDelivery") and _INSTANCE.fullmatch(name) else ""


# --------------------------------------------------------------- shapes of request and response


def unwrapped(parameters: Document) -> Document:
    """Without the single wrapper object of EC2's newer calls (`{"CreateFlowLogsRequest": {…}}`).

    The wrapper's name need not be the action's (`DelTGwVpcAttachReq`), so what counts is that it
    alone is capitalized and named so, and holds an object or the empty string that means one. What
    stands beside it, which AWS does not write today, is kept.
    """
    wrappers = [
        name
        for name, inner in parameters.items()
        if name[:1].isupper()
        and name.endswith(("Request", "Req", "Response", "Resp"))
        and (isinstance(inner, Mapping) or inner == "")
    ]
    if len(wrappers) != 1:
        return parameters
    (wrapper,) = wrappers
    beside = {name: value for name, value in parameters.items() if name != wrapper}
    return {**beside, **mapping(parameters, wrapper)}


def omitted(parameters: Document) -> bool:
    """Whether CloudTrail left the parameters out for their size; the state must be read instead."""
    return text(parameters, "omitted") == "true" or parameters.get("omitted") is True


# What services write in the place of a value that is secret or free text.
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


def is_hidden(value: Json) -> bool:
    """Whether a value of a record stands for one that is not recorded."""
    return isinstance(value, str) and value.strip("*<> ").upper() in (_HIDDEN, "REDACTED")


def hides(value: Json) -> bool:
    """Whether anything in a request or a response is hidden."""
    if isinstance(value, Mapping):
        return any(map(hides, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(hides, value))
    return is_hidden(value)


def _kind(value: Json) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"
