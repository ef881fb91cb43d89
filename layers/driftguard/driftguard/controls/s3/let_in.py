"""Says whom a bucket lets in from outside of its account: by its policy, its ACL, or a web site."""

from __future__ import annotations

from driftguard.access import acl, policy
from driftguard.aws.calls import Refused, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.model import NOT_IN_USE, Resource, Use

from .bucket import GONE, setting, web_site

ENFORCED = "BucketOwnerEnforced"
_BY_A_POLICY = "does its policy, which cannot be read, let anybody in from outside?"
_BY_OBJECTS = "is any object of the bucket read by an ACL of its own?"


def policy_of(reader: Reader, bucket: Resource) -> str | None:
    """The bucket's policy, "" where there is none; None when the bucket is gone."""
    found = setting(reader, bucket, "GetBucketPolicy", "NoSuchBucketPolicy")
    return None if found is None else text(found, "Policy")


def ownership_of(reader: Reader, bucket: Resource) -> str | None:
    """Who owns the bucket's objects; "" where nothing was ever set, None when it is gone."""
    found = setting(reader, bucket, "GetBucketOwnershipControls", "OwnershipControlsNotFoundError")
    if found is None:
        return None
    return text(
        next(items(mapping(found, "OwnershipControls").get("Rules")), {}), "ObjectOwnership"
    )


def granted_to_others(granted: Document) -> list[Document]:
    """The grants of an ACL to other accounts; groups, as log delivery, are of none."""
    owner = text(mapping(granted, "Owner"), "ID")
    return [
        grant
        for grant in items(granted.get("Grants"))
        if not text(mapping(grant, "Grantee"), "URI")
        and text(mapping(grant, "Grantee"), "ID") != owner
    ]


def let_in(reader: Reader, bucket: Resource) -> Use:
    """Whom from outside of the account a public access block would cut off.

    Objects may be public by ACLs of their own, unless the bucket's owner owns them all: then only
    an empty bucket surely lets nobody in.
    """
    site = web_site(reader, bucket)
    if site.by:
        return site
    try:
        written = policy_of(reader, bucket)
    except Refused:
        return Use(unknown=_BY_A_POLICY)
    if written:
        verdict = policy.judge("s3", written, account=bucket.account)
        # One that S3 calls public may let in others of the organization: they would be shut out.
        if verdict.public or verdict.external or verdict.public_by_list:
            return Use(f"the bucket's policy: {'; '.join(verdict.because)}")
    granted = setting(reader, bucket, "GetBucketAcl") or {}
    if acl.public_grants(granted) or granted_to_others(granted):
        return Use("the bucket's ACL lets in others than its owner")
    if ownership_of(reader, bucket) == ENFORCED:
        return NOT_IN_USE
    listed = reader.read("s3", "ListObjectsV2", Bucket=bucket.id, MaxKeys=1, absent=GONE)
    return Use(unknown=_BY_OBJECTS) if document(listed).get("Contents") else NOT_IN_USE
