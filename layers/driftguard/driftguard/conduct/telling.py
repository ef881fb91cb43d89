"""Writes the event by which the guard is to look at a principal's conduct, and reads it.

It goes to the queue of changes, and so it is a hint: the guard reads in the state table what the
conduct was, and that the watcher sent this event about this session. It has the form of a
CloudTrail record, so that whoever reads who made a change also reads whose conduct it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from driftguard.aws.calls import Client, told_apart
from driftguard.documents import Document, text
from driftguard.model import Actor, Change, Place

from .unusual import Unusual

SOURCE = "driftguard.conduct"
NAME = "UnusualConduct"
# The control that asks about it.
CONTROL = "containment.unusual-conduct"


class Told(NamedTuple):
    """What an event names: the sort key of the principal's record, the day, and the band."""

    record: str
    day: int
    band: int


@dataclass(frozen=True, slots=True)
class ChangesQueue:
    """Sends changes to the guard. `sqs` gives SQS's client, made when it is first needed."""

    sqs: Callable[[], Client]
    url: str

    def send(self, event: Document) -> None:
        """Sends an event. Raises `AwsError` when SQS does not take it."""
        with told_apart("sqs", "SendMessage"):
            self.sqs().send_message(QueueUrl=self.url, MessageBody=json.dumps(event))


def event_of(unusual: Unusual, record: str, here: Place) -> Document:
    """The event about an unusual day of a principal, whose record has this sort key."""
    id_ = event_id(record, unusual.day, unusual.band)
    return {
        "version": "0",
        "id": id_,
        "detail-type": "Unusual Conduct via CloudTrail",
        "source": SOURCE,
        "account": here.account,
        "time": unusual.at,
        "region": here.region,
        "resources": [],
        "detail": {
            "eventSource": SOURCE,
            "eventName": NAME,
            "eventTime": unusual.at,
            "eventID": id_,
            "awsRegion": here.region,
            "recipientAccountId": here.account,
            "readOnly": False,
            "sourceIPAddress": unusual.actor.source,
            "userAgent": unusual.actor.agent,
            "userIdentity": _identity(unusual),
            "requestParameters": {
                "record": record,
                "day": unusual.day,
                "band": unusual.band,
                "score": unusual.score,
            },
        },
    }


def event_id(record: str, day: int, band: int) -> str:
    """The event's id: one for a principal, a day and a band, and so one decision about them."""
    return f"conduct-{record}-{day}-{band}"


def told(change: Change) -> Told | None:
    """What an event of ours names; None for any other, or one under an id that is not its own."""
    if change.source != SOURCE:
        return None
    request = change.request
    record, day, band = text(request, "record"), request.get("day"), request.get("band")
    if not record or type(day) is not int or type(band) is not int:
        return None
    return Told(record, day, band) if change.id == event_id(record, day, band) else None


def _identity(unusual: Unusual) -> Document:
    actor: Actor = unusual.actor
    issuer: Document = {}
    if actor.principal != actor.session:
        issuer = {"sessionIssuer": {"arn": actor.principal, "principalId": unusual.id}}
    borne: Document = {"sourceIdentity": actor.source_identity} if actor.source_identity else {}
    # By what AWS says of the credentials, the question joins what else was done with them.
    handed_out: Document = {"ec2RoleDelivery": "2.0"} if actor.instance else {}
    return {
        "type": actor.kind,
        "principalId": unusual.id,
        "arn": actor.session,
        "accountId": actor.account,
        "accessKeyId": actor.access_key,
        "sessionContext": {**issuer, **borne, **handed_out},
    }
