"""Objects that their own ACL opens to everybody.

Such a call is a data event: it reaches the guard where a trail logs those of the bucket.

Sources: Amazon S3 API Reference, "PutObjectAcl"; Amazon S3 User Guide, "Amazon S3 CloudTrail
events".
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.access import acl
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    Autonomy,
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
    Use,
)

from ..control import Control, Cuts, NoSettings, References, Trigger, resource
from .acl import acl_asked, everybody_in_words, grantee_of, headers_asked
from .bucket import BUSY, GONE, S3, access_blocks, blocked, web_site
from .let_in import ENFORCED, ownership_of

_OBJECTS = ("arn:{partition}:s3:::*/*",)
# The version that a change was about, which is not the one that the guard reads.
_VERSION = "version"


class PublicObject(Control[NoSettings]):
    """A grant of an object's ACL opens it to everybody, or to everybody with an AWS account."""

    id = "s3.public-object"
    title = "Object public by its ACL"
    severity = 75
    references = References(attack=("T1530",))
    triggers = (Trigger(S3, "PutObjectAcl"),)
    reads = (
        "s3:GetObjectAcl",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetAccountPublicAccessBlock",
    )
    reads_use = ("s3:GetBucketWebsite",)
    writes = {"s3:PutObjectAcl": _OBJECTS}
    cuts = Cuts(
        "whoever fetches the object without signing in",
        told_by="whether the bucket is configured as a web site",
        question="is the object meant for everybody?",
    )
    busy = BUSY
    proven = "stub"
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        asked = acl.judge_request(
            kind="object",
            acl=acl_asked(change.request),
            request_headers=headers_asked(change.request),
        )
        bucket, key = text(change.request, "bucketName"), text(change.request, "key")
        if bucket and key and (asked.public or omitted(change.request)):
            certainty = Certainty.EVIDENT if asked.offending else Certainty.POSSIBLE
            named = resource(change, "s3.object", f"{bucket}/{key}", f"s3:::{bucket}/{key}")
            version = text(change.request, "versionId", "VersionId")
            yield Candidate(named, certainty, {_VERSION: version} if version else {})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        bucket = _bucket_of(candidate.resource)
        grants = reader.read(
            "s3", "GetObjectAcl", absent=(*GONE, "NoSuchKey"), **_named(candidate.resource)
        )
        owned = ownership_of(reader, bucket)
        if grants is None or owned is None:
            return None
        told = document(grants)
        return {
            "acl": {"Owner": told["Owner"], "Grants": told.get("Grants", [])},
            "ownership": owned,
            **access_blocks(reader, bucket),
            **candidate.hint,
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if state["ownership"] == ENFORCED or blocked(state, "IgnorePublicAcls"):
            return None
        if version := text(state, _VERSION):
            return Finding(
                f"the ACL of version {version} may let in the public",
                at_most=Autonomy.ASK,
                at_most_why="the guard reads the ACL of an object's current version only",
            )
        grants = [document(grant) for grant in acl.public_grants(mapping(state, "acl"))]
        if not grants:
            return None
        opened = "; ".join(
            f"{everybody_in_words(grant)} may {text(grant, 'Permission')}" for grant in grants
        )
        return Finding(f"the object's ACL lets in the public: {opened}", tuple(grants))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        if text(observation.state, _VERSION):
            return Plan((), advice="Read the version's ACL, and take the public grants off it.")
        object_, before = candidate.resource, mapping(observation.state, "acl")
        after = document(acl.without_public_grants(before))

        def put(grants: Document) -> Call:
            parameters: Document = {**_named(object_), "AccessControlPolicy": grants}
            return Call("s3", "PutObjectAcl", parameters, on=(object_.arn,))

        untouched = tuple(
            f"{text(item, 'Permission')} for {grantee_of(item)}"
            for item in items(after.get("Grants"))
        )
        return Plan((Step(put(after), (put(before),)),), untouched=untouched)

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        """A web site's objects are meant for everybody; of others only people know."""
        site = web_site(reader, _bucket_of(candidate.resource))
        return site if site.by else Use(unknown=self.cuts.question)


def _named(object_: Resource) -> Document:
    bucket, _, key = object_.id.partition("/")
    return {"Bucket": bucket, "Key": key}


def _bucket_of(object_: Resource) -> Resource:
    bucket = object_.id.partition("/")[0]
    arn = f"arn:{object_.partition}:s3:::{bucket}"
    return Resource("s3.bucket", bucket, object_.account, object_.region, arn)


CONTROLS = (PublicObject(),)
