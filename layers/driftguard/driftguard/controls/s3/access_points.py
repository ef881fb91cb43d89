"""S3 access points open by their policy.

Sources: Amazon S3 User Guide, "Configuring IAM policies for using access points" (a bucket that
delegates to its access points lets in whom they let in); Amazon S3 API Reference, "Amazon S3
Control", "PutAccessPointPolicy".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger, resource
from ..mechanisms.resource_policy import OpenPolicy
from .bucket import S3

_POINTS = ("arn:{partition}:s3:{region}:{account}:accesspoint/*",)
_NONE = ("NoSuchAccessPointPolicy",)


def _point(change: Change) -> Iterator[Candidate]:
    """The access point of a record, which may name it by its ARN."""
    name = text(change.request, "name").rpartition("/")[2]
    if name:
        where = f"s3:{{region}}:{{account}}:accesspoint/{name}"
        yield Candidate(resource(change, "s3.access-point", name, where), Certainty.POSSIBLE)


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


def _policy(point: Resource, reader: Reader) -> Document | None:
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
    triggers=(Trigger(S3, "PutAccessPointPolicy"),),
    reads=("s3:GetAccessPointPolicy", "s3:ListAccessPoints"),
    writes={"s3:PutAccessPointPolicy": _POINTS, "s3:DeleteAccessPointPolicy": _POINTS},
    found_by=_points,
    service="s3-access-point",
    candidates=_point,
    written=lambda change: change.request.get("policy"),
    read=_policy,
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
