"""Bucket ACLs: public grants, and ACLs brought back to life."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.access import acl
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    NOT_IN_USE,
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

from ..control import Control, Cuts, NoSettings, References, Trigger
from ..mechanisms.resource_policy import OPEN_BEFORE
from ..mechanisms.switch import Switch
from ..mechanisms.weakened import TOLD
from .bucket import (
    BUCKETS,
    BUSY,
    GONE,
    S3,
    WEB_SITE,
    access_blocks,
    blocked,
    bucket_of,
    buckets,
    call,
    candidate,
    setting,
    web_site,
)
from .let_in import ENFORCED, granted_to_others, ownership_of

# The account by which CloudFront delivers its standard logs into a bucket.
# Source: Amazon CloudFront Developer Guide, "Configure standard logging (legacy)".
CLOUDFRONT_LOGS = "c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0"


class PublicAcl(Control[NoSettings]):
    """A grant of the bucket's ACL opens it to everybody, or to everybody with an AWS account.

    A grant that people accepted is in the baseline: then people are asked.
    """

    id = "s3.public-acl"
    title = "Bucket public by its ACL"
    severity = 88
    references = References(security_hub=("S3.2", "S3.3", "S3.12"), attack=("T1530",))
    triggers = (Trigger(S3, "PutBucketAcl"), Trigger(S3, "CreateBucket"))
    reads = (
        "s3:GetBucketAcl",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetAccountPublicAccessBlock",
        "s3:ListAllMyBuckets",
    )
    reads_use = ("s3:GetBucketWebsite",)
    writes = {"s3:PutBucketAcl": BUCKETS}
    cuts = WEB_SITE
    busy = BUSY
    baselined = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        asked = acl.judge_request(
            kind="bucket",
            acl=acl_asked(change.request),
            request_headers=headers_asked(change.request),
        )
        if asked.public or omitted(change.request):
            # What cannot be read counts as public, and proves nothing.
            certainty = Certainty.EVIDENT if asked.offending else Certainty.POSSIBLE
            yield from candidate(change, certainty)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        bucket = candidate.resource
        grants = setting(reader, bucket, "GetBucketAcl")
        owned = ownership_of(reader, bucket)
        if grants is None or owned is None:
            return None
        return {
            "acl": {"Owner": grants["Owner"], "Grants": grants.get("Grants", [])},
            "ownership": owned,
            **access_blocks(reader, bucket),
        }

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return buckets(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if state["ownership"] == ENFORCED or blocked(state, "IgnorePublicAcls"):
            return None
        grants = [
            document(public_grant) for public_grant in acl.public_grants(mapping(state, "acl"))
        ]
        if not grants:
            return None
        opened = "; ".join(
            f"{everybody_in_words(grant)} may {text(grant, 'Permission')}" for grant in grants
        )
        summary = f"the ACL lets in the public: {opened}"
        if any(grant in items(mapping(baseline or {}, "acl").get("Grants")) for grant in grants):
            return Finding(summary, tuple(grants), at_most=Autonomy.ASK, at_most_why=OPEN_BEFORE)
        return Finding(summary, tuple(grants))

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        return web_site(reader, candidate.resource)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        bucket, before = candidate.resource, mapping(observation.state, "acl")
        after = document(acl.without_public_grants(before))

        def put(grants: Document) -> Call:
            return call(bucket, "PutBucketAcl", AccessControlPolicy=grants)

        untouched = tuple(
            f"{text(item, 'Permission')} for {grantee_of(item)}"
            for item in items(after.get("Grants"))
        )
        return Plan((Step(put(after), (put(before),)),), untouched=untouched)


def acl_asked(request: Document) -> Document | None:
    """The body of a PutBucketAcl in boto3's shape; None where the request carries none."""
    body = mapping(request, "AccessControlPolicy")
    if not body:
        return None
    return {"Grants": list(items(mapping(body, "AccessControlList").get("Grant")))}


def headers_asked(request: Document) -> dict[str, Json]:
    """The headers of a PutBucketAcl or CreateBucket, and where grants stand beside them."""
    return {
        name: value
        for name, value in request.items()
        if name.lower().startswith("x-amz-") or name == "accessControlList"
    }


def grantee_of(grant: Document) -> str:
    grantee = mapping(grant, "Grantee")
    return text(grantee, "DisplayName", "ID", "URI", "EmailAddress").rpartition("/")[2]


def everybody_in_words(grant: Document) -> str:
    return "anybody" if grantee_of(grant) == "AllUsers" else "anybody with an AWS account"


# ----------------------------------------------------------------------------- acls enabled

# The header of CreateBucket that says who owns objects.
# Source: Amazon S3 User Guide, "Controlling ownership of objects and disabling ACLs for your
# bucket".
_OWNERSHIP = "x-amz-object-ownership"


def _acls_enabled(change: Change) -> Iterable[Candidate]:
    rule = next(items(mapping(change.request, "OwnershipControls").get("Rule")), {})
    made = change.name == "CreateBucket"
    asked = (
        text(headers_asked(change.request), _OWNERSHIP) if made else text(rule, "ObjectOwnership")
    )
    # ACLs of a new bucket are disabled unless the request says otherwise.
    if asked == ENFORCED or (made and not asked and not omitted(change.request)):
        return
    if asked or change.name == "DeleteBucketOwnershipControls":
        for bucket in bucket_of(change):
            yield Candidate(bucket, Certainty.EVIDENT, {TOLD: ["ownership"]})
    else:
        yield from candidate(change, Certainty.POSSIBLE)


def _acls(bucket: Resource, reader: Reader) -> Document | None:
    owned, granted = ownership_of(reader, bucket), setting(reader, bucket, "GetBucketAcl")
    if owned is None or granted is None:
        return None
    return {"ownership": owned, "granted": sorted({*map(_named, granted_to_others(granted))})}


def _named(grant: Document) -> str:
    grantee = text(mapping(grant, "Grantee"), "ID", "EmailAddress")
    return "CloudFront's log delivery" if grantee == CLOUDFRONT_LOGS else grantee


def _enabled(state: Document, baseline: Document | None) -> str:
    """Why ACLs in force are a risk: they were not before, or the record itself tells of it."""
    before = state.get(TOLD) if baseline is None else baseline["ownership"] == ENFORCED
    if state["ownership"] == ENFORCED or not before:
        return ""
    return f"ACLs are in force: {state['ownership'] or 'no ownership is set'}"


def _disabled(state: Document, baseline: Document | None) -> Document | None:
    return None if state["granted"] else {**state, "ownership": ENFORCED}


def _set_ownership(bucket: Resource, state: Document) -> Call:
    if not state["ownership"]:
        return call(bucket, "DeleteBucketOwnershipControls")
    rules: list[Document] = [{"ObjectOwnership": state["ownership"]}]
    return call(bucket, "PutBucketOwnershipControls", OwnershipControls={"Rules": rules})


def _used(bucket: Resource, state: Document, reader: Reader) -> Use:
    listed = reader.read("s3", "ListObjectsV2", Bucket=bucket.id, MaxKeys=1, absent=GONE)
    question = ACLS_ENABLED.cuts.question
    return Use(unknown=question) if document(listed).get("Contents") else NOT_IN_USE


ACLS_ENABLED = Switch(
    id="s3.acls-enabled",
    title="Bucket's ACLs enabled",
    severity=50,
    references=References(security_hub=("S3.12",), attack=("T1562",)),
    triggers=(
        Trigger(S3, "CreateBucket"),
        Trigger(S3, "PutBucketOwnershipControls"),
        Trigger(S3, "DeleteBucketOwnershipControls"),
    ),
    reads=("s3:GetBucketAcl", "s3:GetBucketOwnershipControls", "s3:ListAllMyBuckets"),
    reads_use=("s3:ListBucket",),
    writes={"s3:PutBucketOwnershipControls": BUCKETS},
    cuts=Cuts(
        "whoever reads objects, or delivers logs, by an ACL",
        told_by="whether the bucket is empty; with grants to others people are asked in any case",
        question="does anybody read objects, or deliver into the bucket, by an ACL?",
    ),
    busy=BUSY,
    uses=_used,
    found_by=buckets,
    candidates=_acls_enabled,
    read=_acls,
    risky=_enabled,
    safe=_disabled,
    put=_set_ownership,
    baselined=True,
    advice="S3 enforces no ownership while the ACL grants anything to others, as to CloudFront's "
    "standard logs: see whether they still need it, take the grants away, then disable ACLs.",
)

CONTROLS = (PublicAcl(), ACLS_ENABLED)
