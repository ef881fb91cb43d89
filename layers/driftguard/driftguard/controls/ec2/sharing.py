"""Snapshots and images shared with strangers, or with everybody.

Source: Amazon EC2 API Reference, "ModifySnapshotAttribute" and "ModifyImageAttribute".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, partition_of, resource
from ..mechanisms.sharing import SHARED_WITH, Sharing, is_trusted
from .records import inner, on, string

# Snapshots and images are named without an account: their ids are unique in the region.
_SNAPSHOT = ("arn:{partition}:ec2:{region}::snapshot/*",)
_IMAGE = ("arn:{partition}:ec2:{region}::image/*",)

_Candidates = Callable[[Change, Trusted], Iterable[Candidate]]
_Found = Callable[[Reader], Iterator[Resource]]


def _account_of(grantee: Json) -> str:
    """The account, organization or organizational unit of a grantee; "*" for everybody."""
    if not isinstance(grantee, dict):
        return ""
    if string(grantee, "group"):
        return "*"
    names = ("userId", "organizationArn", "organizationalUnitArn")
    return next((who for name in names if (who := string(grantee, name))), "")


def _shared(kind: str, id_: str, permission: str) -> _Candidates:
    """The resource that a record shares with somebody who is not trusted."""

    def candidates(change: Change, trusted: Trusted) -> Iterable[Candidate]:
        name = string(change.request, id_)
        asked = inner(change.request, permission)
        added = list(items(asked.get("add"))) or list(items(asked.get("Add")))
        strangers = [
            grantee
            for grantee in added
            if not is_trusted(_account_of(grantee), change.account, trusted)
        ]
        where = resource(change, f"ec2.{kind}", name, f"ec2:{{region}}::{kind}/{name}")
        names = sorted({_account_of(grantee) for grantee in strangers})
        hint: Document = {SHARED_WITH: list(names)}
        # Which organization is the own one the record does not say.
        if name and any(":organizations::" not in who for who in names):
            yield Candidate(where, Certainty.EVIDENT, hint)
        elif name and (names or (not asked and omitted(change.request))):
            yield Candidate(where, Certainty.POSSIBLE, hint)

    return candidates


def _grantees(answer: object, key: str) -> Document | None:
    if answer is None:
        return None
    found = items(document(answer).get(key))
    return {"grantees": sorted((dict(grantee) for grantee in found), key=_account_of)}


def _snapshot(snapshot: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "ec2",
        "DescribeSnapshotAttribute",
        SnapshotId=snapshot.id,
        Attribute="createVolumePermission",
        absent=("InvalidSnapshot.NotFound",),
    )
    return _grantees(answer, "CreateVolumePermissions")


def _image(image: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "ec2",
        "DescribeImageAttribute",
        ImageId=image.id,
        Attribute="launchPermission",
        absent=("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"),
    )
    return _grantees(answer, "LaunchPermissions")


def _snapshot_call(operation: str) -> Callable[[Resource, list[Json]], Call]:
    def call(snapshot: Resource, grantees: list[Json]) -> Call:
        users: list[Json] = [who for grantee in grantees if (who := _account_of(grantee)) != "*"]
        groups: list[Json] = ["all"] if len(users) < len(grantees) else []
        parameters: dict[str, Json] = {
            "SnapshotId": snapshot.id,
            "Attribute": "createVolumePermission",
            "OperationType": operation,
        }
        if users:
            parameters["UserIds"] = users
        if groups:
            parameters["GroupNames"] = groups
        return Call("ec2", "ModifySnapshotAttribute", parameters, on=(snapshot.arn,))

    return call


def _image_call(operation: str) -> Callable[[Resource, list[Json]], Call]:
    def call(image: Resource, grantees: list[Json]) -> Call:
        parameters: Document = {"ImageId": image.id, "LaunchPermission": {operation: grantees}}
        return Call("ec2", "ModifyImageAttribute", parameters, on=(image.arn,))

    return call


def _listed(kind: str, operation: str, key: str, id_: str, owner: str) -> _Found:
    """What the account owns of a kind, for the sweep."""

    def found(reader: Reader) -> Iterator[Resource]:
        where = f"arn:{partition_of(reader.region)}:ec2:{reader.region}::{kind}"
        for item in reader.pages("ec2", operation, key, **{owner: ["self"]}):
            name = string(document(item), id_)
            yield Resource(f"ec2.{kind}", name, reader.account, reader.region, f"{where}/{name}")

    return found


SNAPSHOT_SHARED = Sharing(
    id="ec2.snapshot-shared",
    title="EBS snapshot shared with a stranger",
    severity=90,
    references=References(
        security_hub=("EC2.1",),
        attack=("T1537",),
        stratus=("aws.exfiltration.ec2-share-ebs-snapshot",),
    ),
    triggers=(on("ModifySnapshotAttribute"),),
    reads=("ec2:DescribeSnapshotAttribute", "ec2:DescribeSnapshots"),
    cuts=NOTHING,
    writes={"ec2:ModifySnapshotAttribute": _SNAPSHOT},
    found_by=_listed("snapshot", "DescribeSnapshots", "Snapshots", "snapshotId", "OwnerIds"),
    candidates=_shared("snapshot", "snapshotId", "createVolumePermission"),
    read=_snapshot,
    account_of=_account_of,
    share=_snapshot_call("add"),
    unshare=_snapshot_call("remove"),
)

IMAGE_SHARED = Sharing(
    id="ec2.ami-shared",
    title="Machine image shared with a stranger",
    severity=85,
    references=References(
        attack=("T1537",),
        stratus=("aws.exfiltration.ec2-share-ami",),
    ),
    triggers=(on("ModifyImageAttribute"),),
    reads=(
        "ec2:DescribeImageAttribute",
        "ec2:DescribeImages",
        "organizations:DescribeOrganization",
    ),
    cuts=NOTHING,
    knows_organization=True,
    writes={"ec2:ModifyImageAttribute": _IMAGE},
    found_by=_listed("image", "DescribeImages", "Images", "imageId", "Owners"),
    candidates=_shared("image", "imageId", "launchPermission"),
    read=_image,
    account_of=_account_of,
    share=_image_call("Add"),
    unshare=_image_call("Remove"),
)

CONTROLS = (SNAPSHOT_SHARED, IMAGE_SHARED)
