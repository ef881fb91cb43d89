"""A trail that was deleted, made again as it was."""

from __future__ import annotations

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.permissions import roles_in
from driftguard.aws.tags import left_out, settable
from driftguard.documents import Document, items, mapping, text
from driftguard.model import Call, Resource, Step

from ..control import NOTHING, References, Trigger
from ..mechanisms.declared import evident
from ..mechanisms.removed import LEFT_OUT, Removed
from .fields import as_asked
from .selectors import put_selectors, recorded
from .trail import (
    BUSY,
    CLOUDTRAIL,
    GONE,
    ROLES,
    TRAILS,
    logging,
    made_anew,
    set_logging,
    trail_of,
)


def _whole(trail: Resource, reader: Reader) -> Document:
    found = reader.read("cloudtrail", "GetTrail", Name=trail.id, absent=GONE)
    if found is None:
        return {"exists": False}
    described = mapping(document(found), "Trail")
    insights = reader.read(
        "cloudtrail",
        "GetInsightSelectors",
        TrailName=trail.id,
        absent=("InsightNotEnabledException", *GONE),
    )
    tagged = document(reader.read("cloudtrail", "ListTags", ResourceIdList=[trail.arn]))
    tags = [tag for item in items(tagged.get("ResourceTagList")) for tag in items(item["TagsList"])]
    also = {
        "S3KeyPrefix": text(described, "S3KeyPrefix"),
        "SnsTopicName": text(described, "SnsTopicARN"),
    }
    fields = {name: value for name, value in {**as_asked(described), **also}.items() if value != ""}
    return {
        "exists": True,
        "trail": fields,
        "tags": settable(tags),
        LEFT_OUT: left_out(tags),
        "selectors": recorded(trail, reader) or {},
        "insights": [dict(item) for item in items(document(insights).get("InsightSelectors"))],
        **(logging(trail, reader) or {"logging": False}),
    }


def _made_again(trail: Resource, before: Document, _now: Document) -> tuple[Step, ...]:
    fields: Document = {"Name": trail.id, **mapping(before, "trail")}
    if before["tags"]:
        fields = {**fields, "TagsList": before["tags"]}

    def call(operation: str, parameters: Document, *settled: str) -> Call:
        on = (trail.arn, *roles_in(parameters))
        return Call("cloudtrail", operation, parameters, on=on, settled_by=settled)

    create = call("CreateTrail", fields, "TrailAlreadyExistsException")
    steps = [Step(create, (call("DeleteTrail", {"Name": trail.id}, *GONE),))]
    if selectors := mapping(before, "selectors"):
        steps.append(Step(put_selectors(trail, selectors), ()))
    if insights := before["insights"]:
        put = {"TrailName": trail.id, "InsightSelectors": insights}
        steps.append(Step(call("PutInsightSelectors", put), ()))
    if before["logging"]:
        steps.append(Step(set_logging(trail, before), ()))
    return tuple(steps)


CONTROLS = (
    Removed(
        id="cloudtrail.deleted",
        title="Trail deleted",
        severity=90,
        references=References(
            security_hub=("CloudTrail.1",),
            attack=("T1562.008",),
            stratus=("aws.defense-evasion.cloudtrail-delete",),
        ),
        cuts=NOTHING,
        busy=BUSY,
        triggers=(Trigger(CLOUDTRAIL, "DeleteTrail"),),
        reads=(
            "cloudtrail:DescribeTrails",
            "cloudtrail:GetEventSelectors",
            "cloudtrail:GetInsightSelectors",
            "cloudtrail:GetTrail",
            "cloudtrail:GetTrailStatus",
            "cloudtrail:ListTags",
        ),
        writes={
            "cloudtrail:AddTags": TRAILS,
            "cloudtrail:CreateTrail": TRAILS,
            "cloudtrail:DeleteTrail": TRAILS,
            "cloudtrail:PutEventSelectors": TRAILS,
            "cloudtrail:PutInsightSelectors": TRAILS,
            "cloudtrail:StartLogging": TRAILS,
            "iam:PassRole": ROLES,
        },
        found_by=made_anew,
        candidates=evident(trail_of, "DeleteTrail"),
        read=_whole,
        restore=_made_again,
        what="the trail",
    ),
)
