"""Checks EventBridge's envelope and what it carries against each other.

EventBridge fills in the envelope of what a service sends, from the very record that it carries. An
envelope that says anything else was put together by somebody. Such an event is neither acted on nor
called harmless: it is dead-lettered with its reason.

Sources: Amazon EventBridge User Guide, "AWS service events delivered via AWS CloudTrail" and "Event
structure reference"; AWS CloudTrail User Guide, "CloudTrail record contents" (`awsRegion`,
`recipientAccountId`), "Global service events"; AWS re:Post, "Why does my EventBridge rule for IAM
events only trigger in the us-east-1 Region?"; GuardDuty User Guide, "Processing GuardDuty
findings with Amazon EventBridge".
"""

from __future__ import annotations

from datetime import timedelta

from driftguard.documents import Document, moment, text

VIA_CLOUDTRAIL = " via CloudTrail"
# EventBridge takes the time from the record; how far a late delivery may have moved it is not
# documented.
_APART = timedelta(days=1)
# What the stack's own functions send as changes begins so; AWS has no such service.
_OURS = "driftguard."
# Whose events come to one region only, wherever the call was made.
_GLOBAL = frozenset(
    {
        *("account", "cloudfront", "iam", "importexport", "networkmanager", "organizations"),
        *("route53", "route53domains", "shield", "signin", "sso", "sts", "support", "waf"),
    }
)


class Unparsable(ValueError):
    """The event is not one that we know how to read; the message says what is missing."""


class Mismatch(Unparsable):
    """The envelope of an event and what it carries contradict each other."""


def must_agree(event: Document, record: Document) -> None:
    """Raises `Mismatch` where an envelope and the CloudTrail record in it differ.

    What one of them leaves out, the other cannot contradict.
    """
    service = text(record, "eventSource").removesuffix(".amazonaws.com")
    _must_be(event, "source", service if service.startswith(_OURS) else f"aws.{service}")
    _must_be(event, "account", text(record, "recipientAccountId"))
    if service not in _GLOBAL:
        _must_be(event, "region", text(record, "awsRegion"))
    kind = text(event, "detail-type")
    if kind and not kind.endswith(VIA_CLOUDTRAIL):
        raise Mismatch(f"the event carries a CloudTrail record, and its detail-type is `{kind}`")
    sent, made = moment(text(event, "time")), moment(text(record, "eventTime"))
    if sent is not None and made is not None and abs(sent - made) > _APART:
        raise Mismatch(
            f"the event is of {text(event, 'time')}, and its record of {text(record, 'eventTime')}"
        )


def must_agree_with_finding(event: Document, finding: Document) -> None:
    """Raises `Mismatch` where an envelope and the finding of a service in it differ.

    An administrator's account gets the findings of its members too. They are about accounts that
    the controls leave out.
    """
    if text(event, "source") == "aws.guardduty":
        _must_be(event, "region", text(finding, "region"))


def _must_be(event: Document, name: str, carried: str) -> None:
    said = text(event, name)
    if said and carried and said != carried:
        raise Mismatch(f"the event's {name} is `{said}`, and what it carries is of `{carried}`")
