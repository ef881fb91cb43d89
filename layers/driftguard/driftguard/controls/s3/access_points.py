"""S3 access points open by their policy.

A multi-Region access point is told of only: AWS works for minutes on a policy that it is given, and
answers before.

Sources: Amazon S3 User Guide, "Configuring IAM policies for using access points" (a bucket that
delegates to its access points lets in whom they let in); Amazon S3 API Reference, "Amazon S3
Control", "PutAccessPointPolicy", "PutMultiRegionAccessPointPolicy" (logged in us-west-2).
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger, resource
from ..mechanisms.resource_policy import OpenPolicy
from .bucket import S3

_POINTS = ("arn:{partition}:s3:{region}:{account}:accesspoint/*",)
_NONE = ("NoSuchAccessPointPolicy",)
_MULTI_REGION = "s3.multi-region-access-point"
_PUT_MULTI_REGION = "PutMultiRegionAccessPointPolicy"
_BY_HAND = "by_hand"


def _point(change: Change) -> Iterator[Candidate]:
    """The access point of a record, which may name it by its ARN."""
    if change.name == _PUT_MULTI_REGION:
        named = text(_details(change), "Name", "name")
        # Its real ARN has an alias that the record does not tell; this only names it.
        tail = f"s3::{{account}}:accesspoint/{named}"
        if named:
            yield Candidate(resource(change, _MULTI_REGION, named, tail), Certainty.POSSIBLE)
        return
    name = text(change.request, "name").rpartition("/")[2]
    if name:
        where = f"s3:{{region}}:{{account}}:accesspoint/{name}"
        yield Candidate(resource(change, "s3.access-point", name, where), Certainty.POSSIBLE)


def _details(change: Change) -> Document:
    """What a multi-Region access point is given: within the body, which has a name of its own."""
    body = mapping(change.request, f"{_PUT_MULTI_REGION}Request") or change.request
    return mapping(body, "Details") or mapping(body, "details")


def _written(change: Change) -> Json:
    if change.name != _PUT_MULTI_REGION:
        return change.request.get("policy")
    details = _details(change)
    return details.get("Policy", details.get("policy"))


def _points(reader: Reader) -> Iterator[Resource]:
    asked: dict[str, str] = {"AccountId": reader.account}
    while True:
        page = document(reader.read("s3control", "ListAccessPoints", absent=(), **asked))
        for point in items(page.get("AccessPointList")):
            name, arn = text(point, "Name"), text(point, "AccessPointArn")
            yield Resource("s3.access-point", name, reader.account, reader.region, arn)
        if not text(page, "NextToken"):
            return
        asked["NextToken"] = text(page, "NextToken")


def _proposed(point: Resource, reader: Reader) -> Document | None:
    """The policy that a multi-Region access point has, or gets as soon as AWS is done."""
    found = reader.read(
        "s3control",
        "GetMultiRegionAccessPointPolicy",
        AccountId=point.account,
        Name=point.id,
        absent=("NoSuchMultiRegionAccessPoint",),
    )
    if found is None:
        return None
    both = mapping(document(found), "Policy")
    written = (text(mapping(both, one), "Policy") for one in ("Proposed", "Established"))
    return {"policy": next(filter(None, written), ""), _BY_HAND: True}


def _policy(point: Resource, reader: Reader) -> Document | None:
    if point.kind == _MULTI_REGION:
        return _proposed(point, reader)
    try:
        found = reader.read(
            "s3control",
            "GetAccessPointPolicy",
            AccountId=point.account,
            Name=point.id,
            absent=_NONE,
        )
    except AwsError as error:
        if error.code == "NoSuchAccessPoint":
            return None
        raise
    return {"policy": text(document(found), "Policy")}


PUBLIC_ACCESS_POINT = OpenPolicy(
    id="s3.public-access-point",
    title="Access point open by its policy",
    severity=85,
    cuts=NOTHING,
    references=References(attack=("T1530", "T1537")),
    triggers=(Trigger(S3, "PutAccessPointPolicy"), Trigger(S3, _PUT_MULTI_REGION)),
    reads=(
        "s3:GetAccessPointPolicy",
        "s3:GetMultiRegionAccessPointPolicy",
        "s3:ListAccessPoints",
    ),
    writes={"s3:PutAccessPointPolicy": _POINTS, "s3:DeleteAccessPointPolicy": _POINTS},
    found_by=_points,
    service="s3-access-point",
    candidates=_point,
    written=_written,
    read=_policy,
    spared=lambda state: (
        "Put a policy that names whom the multi-Region access point lets in, and wait until AWS "
        "says that it is established."
        if _BY_HAND in state
        else ""
    ),
    put=lambda point, written, _: Call(
        "s3control",
        "PutAccessPointPolicy",
        {"AccountId": point.account, "Name": point.id, "Policy": written},
        on=(point.arn,),
    ),
    delete=lambda point, _: Call(
        "s3control",
        "DeleteAccessPointPolicy",
        {"AccountId": point.account, "Name": point.id},
        on=(point.arn,),
    ),
)

CONTROLS = (PUBLIC_ACCESS_POINT,)
