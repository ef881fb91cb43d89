"""How the controls of CloudTrail find a trail, and whether it records."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, text
from driftguard.model import Call, Change, Resource

from ..control import NOTHING, Busy, References, Trigger, resource
from ..mechanisms.declared import evident
from ..mechanisms.switch import Switch
from ..mechanisms.weakened import MADE

CLOUDTRAIL = "cloudtrail.amazonaws.com"
TRAILS = ("arn:{partition}:cloudtrail:{region}:{account}:trail/*",)
ROLES = ("arn:{partition}:iam::{account}:role/*",)
GONE = ("TrailNotFoundException",)
# Source: AWS CloudTrail API Reference, "UpdateTrail", errors.
BUSY = (Busy("ConflictException"),)


def trail_of(change: Change) -> Resource | None:
    """The trail that a change names; none for a trail of another account."""
    name = text(change.request, "name", "trailName") or text(change.response, "trailARN")
    if not name or (name.startswith("arn:") and change.account not in name.split(":")):
        return None
    short = name.rpartition("/")[2]
    where = f"cloudtrail:{{region}}:{{account}}:trail/{short}"
    return resource(change, "cloudtrail.trail", short, where)


def own_trails(reader: Reader) -> Iterator[Resource]:
    """The account's own trails that are at home here: in the management account, also those of its
    organization, of which members see shadows.

    Source: AWS CloudTrail API Reference, "DescribeTrails" (includeShadowTrails).
    """
    yield from (_trail(item, reader) for item in _at_home(reader))


def made_anew(reader: Reader) -> Iterator[Resource]:
    """The account's own trails but for its organization's, which are not made anew."""
    for item in _at_home(reader):
        if not flag(item.get("IsOrganizationTrail")):
            yield _trail(item, reader)


def _at_home(reader: Reader) -> Iterator[Document]:
    found = document(reader.read("cloudtrail", "DescribeTrails", includeShadowTrails=False))
    for item in items(found.get("trailList")):
        own = reader.account in text(item, "TrailARN").split(":")
        if own and text(item, "HomeRegion") == reader.region:
            yield item


def _trail(item: Document, reader: Reader) -> Resource:
    name, arn = text(item, "Name"), text(item, "TrailARN")
    return Resource("cloudtrail.trail", name, reader.account, reader.region, arn)


def made(trail: Resource, reader: Reader) -> Document:
    """`MADE`, as long as the trail has not tried to deliver a log file: it was never in use.

    AWS does not tell when a trail was made. Source: AWS CloudTrail API Reference, "GetTrailStatus".
    """
    found = document(reader.read("cloudtrail", "GetTrailStatus", Name=trail.id, absent=GONE))
    delivered = text(found, "LatestDeliveryTime", "LatestDeliveryAttemptTime")
    return {} if delivered else {MADE: None}


def logging(trail: Resource, reader: Reader) -> Document | None:
    """Whether the trail records."""
    found = reader.read("cloudtrail", "GetTrailStatus", Name=trail.id, absent=GONE)
    return None if found is None else {"logging": flag(document(found).get("IsLogging")) is True}


def set_logging(trail: Resource, state: Document) -> Call:
    """Makes the trail record, or stop."""
    operation = "StartLogging" if state["logging"] else "StopLogging"
    return Call("cloudtrail", operation, {"Name": trail.id}, on=(trail.arn,))


def capitalised(value: Json) -> Document:
    """A request as the API spells it: CloudTrail logs its keys in lower case."""

    def spelled(value: Json) -> Json:
        if isinstance(value, dict):
            return {key[:1].upper() + key[1:]: spelled(inner) for key, inner in value.items()}
        return [spelled(inner) for inner in value] if isinstance(value, list) else value

    return document(spelled(value))


CONTROLS = (
    Switch(
        id="cloudtrail.stopped",
        title="Trail stopped",
        severity=90,
        cuts=NOTHING,
        busy=BUSY,
        references=References(
            security_hub=("CloudTrail.1", "CloudTrail.3"),
            attack=("T1562.008",),
            stratus=("aws.defense-evasion.cloudtrail-stop",),
        ),
        triggers=(Trigger(CLOUDTRAIL, "StopLogging"),),
        reads=("cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus"),
        found_by=own_trails,
        writes={"cloudtrail:StartLogging": TRAILS, "cloudtrail:StopLogging": TRAILS},
        candidates=evident(trail_of, "StopLogging"),
        read=logging,
        risky=lambda state, _: "" if state["logging"] else "the trail records nothing any more",
        safe=lambda state, _: {"logging": True},
        put=set_logging,
    ),
)
