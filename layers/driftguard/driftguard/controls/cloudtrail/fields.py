"""A trail's own fields: its regions, its bucket, its key, its log group."""

from __future__ import annotations

from collections.abc import Iterator

from ...aws import Reader, document
from ...model import Call, Certainty, Change, Document, Resource, Suspect
from ...permissions import roles_in
from ...trail import flag, mapping, omitted, text
from ..control import References, Trigger
from ..mechanisms import Weakened, told, weaker_than_before
from .trail import CLOUDTRAIL, GONE, ROLES, TRAILS, capitalised, own_trails, trail_of

_SWITCHES = {
    "IsMultiRegionTrail": "it records one region only",
    "IncludeGlobalServiceEvents": "it leaves out global services such as IAM",
    "EnableLogFileValidation": "its log files are no longer signed",
}
_VALUES = {
    "S3BucketName": "its logs go to another bucket",
    "KmsKeyId": "its logs are not encrypted with the key from before",
    "CloudWatchLogsLogGroupArn": "its events no longer reach the log group from before",
    "CloudWatchLogsRoleArn": "its events are delivered under another role",
}
_DELIVERY = ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn")


def _updated(change: Change) -> Iterator[Suspect]:
    trail = trail_of(change)
    asked = capitalised(change.request)
    if trail is None:
        return
    off = [one for one in _SWITCHES if flag(asked.get(one)) is False]
    if off:
        yield told(trail, *off)
    elif omitted(change.request) or any(one in asked for one in _VALUES):
        yield Suspect(trail, Certainty.POSSIBLE)


def _fields(trail: Resource, reader: Reader) -> Document | None:
    found = reader.read("cloudtrail", "GetTrail", Name=trail.id, absent=GONE)
    return None if found is None else as_asked(mapping(document(found), "Trail"))


def as_asked(trail: Document) -> Document:
    """A trail in the words of UpdateTrail."""
    validated = flag(trail.get("LogFileValidationEnabled")) is True
    switches = {one: flag(trail.get(one)) is True for one in _SWITCHES}
    values = {one: text(trail, one) for one in _VALUES}
    return {**switches, **values, "EnableLogFileValidation": validated}


def _off(state: Document) -> dict[str, str]:
    return {one: why for one, why in _SWITCHES.items() if not state[one]}


def _weaker(state: Document, baseline: Document | None) -> dict[str, str]:
    before = baseline or {}
    changed = {
        one: why
        for one, why in _VALUES.items()
        if before.get(one) and state[one] != before.get(one)
    }
    return {**weaker_than_before(_off)(state, baseline), **changed}


def _update(trail: Resource, state: Document, fields: tuple[str, ...]) -> Call:
    # The log group and its role are only accepted together.
    wanted = {*fields, *(_DELIVERY if set(fields) & set(_DELIVERY) else ())}
    parameters: Document = {"Name": trail.id, **{one: state[one] for one in sorted(wanted)}}
    return Call("cloudtrail", "UpdateTrail", parameters, on=(trail.arn, *roles_in(parameters)))


CONTROLS = (
    Weakened(
        id="cloudtrail.weakened",
        title="Trail weakened",
        severity=80,
        references=References(
            security_hub=("CloudTrail.1", "CloudTrail.2", "CloudTrail.4", "CloudTrail.5"),
            attack=("T1562.008",),
        ),
        triggers=(Trigger(CLOUDTRAIL, "UpdateTrail"),),
        reads=("cloudtrail:DescribeTrails", "cloudtrail:GetTrail"),
        writes={"cloudtrail:UpdateTrail": TRAILS, "iam:PassRole": ROLES},
        found_by=own_trails,
        suspects=_updated,
        read=_fields,
        weaker=_weaker,
        put=_update,
    ),
)
