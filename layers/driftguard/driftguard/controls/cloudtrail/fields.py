"""A trail's own fields: its regions, its bucket, its key, its log group."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.permissions import roles_in
from driftguard.documents import Document, flag, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Use

from ..control import Cuts, References, Trigger
from ..mechanisms.declared import listed
from ..mechanisms.weakened import TOLD, Weakened, told, weaker_than_before
from .trail import BUSY, CLOUDTRAIL, GONE, ROLES, TRAILS, capitalised, made, own_trails, trail_of

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
# What an organization's trail needs in its management account.
# Source: AWS CloudTrail User Guide, "Prepare for creating a trail for your organization".
_LINKED_ROLE = (
    "arn:{partition}:iam::{account}:role/aws-service-role/cloudtrail.amazonaws.com/"
    "AWSServiceRoleForCloudTrail"
)
_ORGANIZATION = ("*",)
_OF_ORGANIZATION = "IsOrganizationTrail"
_DELIVERY = ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn")


def _updated(change: Change) -> Iterator[Candidate]:
    trail = trail_of(change)
    asked = capitalised(change.request)
    if trail is None:
        return
    off = [switch for switch in _SWITCHES if flag(asked.get(switch)) is False]
    moved = [value for value in _VALUES if value in asked]
    if off:
        yield told(trail, *off, *moved)
    elif moved or omitted(change.request):
        yield Candidate(trail, Certainty.POSSIBLE, {TOLD: list(moved)} if moved else {})


def _fields(trail: Resource, reader: Reader) -> Document | None:
    found = reader.read("cloudtrail", "GetTrail", Name=trail.id, absent=GONE)
    if found is None:
        return None
    described = mapping(document(found), "Trail")
    of_organization = flag(described.get(_OF_ORGANIZATION)) is True
    return {
        **as_asked(described),
        **({_OF_ORGANIZATION: True} if of_organization else {}),
        **made(trail, reader),
    }


def _read_elsewhere(trail: Resource, state: Document, reader: Reader) -> Use:
    """Only a change of where the logs go can have made somebody read them there."""
    told_of = listed(state, TOLD)
    if told_of and not any(field in _VALUES for field in told_of):
        return NOT_IN_USE
    return Use(unknown=_ANYBODY)


_ANYBODY = "does anybody read the logs where they go now?"


def as_asked(trail: Document) -> Document:
    """A trail in the words of UpdateTrail."""
    validated = flag(trail.get("LogFileValidationEnabled")) is True
    switches = {switch: flag(trail.get(switch)) is True for switch in _SWITCHES}
    values = {value: text(trail, value) for value in _VALUES}
    return {**switches, **values, "EnableLogFileValidation": validated}


def _off(state: Document) -> dict[str, str]:
    return {switch: why for switch, why in _SWITCHES.items() if not state[switch]}


def _weaker(state: Document, baseline: Document | None) -> dict[str, str]:
    before = baseline or {}
    changed = {
        field: why
        for field, why in _VALUES.items()
        if before.get(field) and state[field] != before.get(field)
    }
    return {**weaker_than_before(_off)(state, baseline), **changed}


def _update(trail: Resource, state: Document, fields: tuple[str, ...]) -> Call:
    # The log group and its role are only accepted together.
    wanted = {*fields, *(_DELIVERY if set(fields) & set(_DELIVERY) else ())}
    parameters: Document = {"Name": trail.id, **{field: state[field] for field in sorted(wanted)}}
    on = (trail.arn, *roles_in(parameters))
    if state.get(_OF_ORGANIZATION):
        # It stays what it is, and CloudTrail asks for more of who says so.
        parameters = {**parameters, _OF_ORGANIZATION: True}
        linked = _LINKED_ROLE.format(partition=trail.partition, account=trail.account)
        on = (*on, linked, *_ORGANIZATION)
    return Call("cloudtrail", "UpdateTrail", parameters, on=on)


CONTROLS = (
    Weakened(
        id="cloudtrail.weakened",
        title="Trail weakened",
        severity=80,
        references=References(
            security_hub=("CloudTrail.1", "CloudTrail.2", "CloudTrail.4", "CloudTrail.5"),
            attack=("T1562.008",),
        ),
        cuts=Cuts(
            "those who read the logs where they go now",
            "the record says whether the change moved the logs",
            _ANYBODY,
        ),
        uses=_read_elsewhere,
        busy=BUSY,
        triggers=(Trigger(CLOUDTRAIL, "UpdateTrail"),),
        reads=("cloudtrail:DescribeTrails", "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus"),
        writes={
            "cloudtrail:UpdateTrail": TRAILS,
            "iam:CreateServiceLinkedRole": (_LINKED_ROLE,),
            "iam:GetRole": (_LINKED_ROLE,),
            "iam:PassRole": ROLES,
            "organizations:ListAWSServiceAccessForOrganization": _ORGANIZATION,
        },
        found_by=own_trails,
        candidates=_updated,
        read=_fields,
        weaker=_weaker,
        put=_update,
    ),
)
