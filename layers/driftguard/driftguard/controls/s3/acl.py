"""Bucket ACLs: public grants, and ACLs brought back to life."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.access import acl
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import Control, NoSettings, References, Trigger
from ..mechanisms.weakened import Weakened, told, weaker_than_before
from .bucket import (
    BUCKETS,
    S3,
    access_blocks,
    blocked,
    bucket_of,
    buckets,
    call,
    candidate,
    setting,
    web_site,
)

_ENFORCED = "BucketOwnerEnforced"


def _ownership(bucket: Resource, reader: Reader) -> Document | None:
    """Who owns the bucket's objects; "" where nothing was ever set."""
    found = setting(reader, bucket, "GetBucketOwnershipControls", "OwnershipControlsNotFoundError")
    if found is None:
        return None
    rule = next(items(mapping(found, "OwnershipControls").get("Rules")), {})
    return {"ownership": text(rule, "ObjectOwnership")}


class PublicAcl(Control[NoSettings]):
    """A grant of the bucket's ACL opens it to everybody, or to everybody with an AWS account."""

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
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        headers = {k: v for k, v in change.request.items() if k.lower().startswith("x-amz-")}
        asked = acl.judge_request(
            kind="bucket", acl=_acl_asked(change.request), request_headers=headers
        )
        if asked.public or omitted(change.request):
            certainty = Certainty.EVIDENT if asked.public else Certainty.POSSIBLE
            yield from candidate(change, certainty)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        bucket = candidate.resource
        grants = setting(reader, bucket, "GetBucketAcl")
        owned = _ownership(bucket, reader)
        if grants is None or owned is None:
            return None
        return {
            "acl": {"Owner": grants["Owner"], "Grants": grants.get("Grants", [])},
            **owned,
            **access_blocks(reader, bucket),
        }

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return buckets(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if state["ownership"] == _ENFORCED or blocked(state, "IgnorePublicAcls"):
            return None
        grants = [
            document(public_grant) for public_grant in acl.public_grants(mapping(state, "acl"))
        ]
        if not grants:
            return None
        opened = "; ".join(
            f"{_everybody(grant)} may {text(grant, 'Permission')}" for grant in grants
        )
        return Finding(f"the ACL lets in the public: {opened}", tuple(grants))

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> str:
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
            f"{text(item, 'Permission')} for {_grantee(item)}"
            for item in items(after.get("Grants"))
        )
        return Plan((Step(put(after), (put(before),)),), untouched=untouched)


def _acl_asked(request: Document) -> Document | None:
    """The body of a PutBucketAcl in boto3's shape; None where the request carries none."""
    body = mapping(request, "AccessControlPolicy")
    if not body:
        return None
    return {"Grants": list(items(mapping(body, "AccessControlList").get("Grant")))}


def _grantee(grant: Document) -> str:
    grantee = mapping(grant, "Grantee")
    return text(grantee, "DisplayName", "ID", "URI", "EmailAddress").rpartition("/")[2]


def _everybody(grant: Document) -> str:
    return "anybody" if _grantee(grant) == "AllUsers" else "anybody with an AWS account"


# ----------------------------------------------------------------------------- acls enabled


def _acls_enabled(change: Change) -> Iterable[Candidate]:
    rule = next(items(mapping(change.request, "OwnershipControls").get("Rule")), {})
    asked = text(rule, "ObjectOwnership")
    if asked == _ENFORCED:
        return
    if asked or change.name == "DeleteBucketOwnershipControls":
        yield from (told(bucket, "ownership") for bucket in bucket_of(change))
    else:
        yield from candidate(change, Certainty.POSSIBLE)


def _enabled(state: Document) -> dict[str, str]:
    if state["ownership"] == _ENFORCED:
        return {}
    return {"ownership": f"ACLs are in force: {state['ownership'] or 'no ownership is set'}"}


def _set_ownership(bucket: Resource, state: Document, fields: tuple[str, ...]) -> Call:
    if not state["ownership"]:
        return call(bucket, "DeleteBucketOwnershipControls")
    rules: list[Document] = [{"ObjectOwnership": state["ownership"]}]
    return call(bucket, "PutBucketOwnershipControls", OwnershipControls={"Rules": rules})


# S3 refuses to enforce ownership while the ACL still grants anything to others: the decision then
# fails and says so, rather than taking those grants away.
ACLS_ENABLED = Weakened(
    id="s3.acls-enabled",
    title="Bucket's ACLs enabled",
    severity=50,
    references=References(security_hub=("S3.12",), attack=("T1562",)),
    triggers=(
        Trigger(S3, "PutBucketOwnershipControls"),
        Trigger(S3, "DeleteBucketOwnershipControls"),
    ),
    reads=("s3:GetBucketOwnershipControls", "s3:ListAllMyBuckets"),
    writes={"s3:PutBucketOwnershipControls": BUCKETS},
    found_by=buckets,
    candidates=_acls_enabled,
    read=_ownership,
    weaker=weaker_than_before(_enabled),
    default={"ownership": _ENFORCED},
    put=_set_ownership,
)

CONTROLS = (PublicAcl(), ACLS_ENABLED)
