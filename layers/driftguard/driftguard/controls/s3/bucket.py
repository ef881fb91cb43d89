"""Names, reads and writes a bucket for the controls of S3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, mapping, text
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Use

from ..control import Busy, Cuts, partition_of, resource

S3 = "s3.amazonaws.com"
BUCKETS = ("arn:{partition}:s3:::*",)
GONE = ("NoSuchBucket",)
# Source: Amazon S3 API Reference, "Error responses": try again.
BUSY = (Busy("OperationAborted"),)
WEB_SITE = Cuts(
    "a web site",
    told_by="whether the bucket is configured as a web site",
    question="does the bucket serve a web site?",
)


def bucket_of(change: Change) -> Iterator[Resource]:
    """The bucket of a record; none where it names none."""
    name = text(change.request, "bucketName")
    if name:
        yield resource(change, "s3.bucket", name, f"s3:::{name}")


def candidate(change: Change, certainty: Certainty) -> Iterable[Candidate]:
    """The bucket of a record as a candidate."""
    return [Candidate(bucket, certainty) for bucket in bucket_of(change)]


def setting(reader: Reader, bucket: Resource, operation: str, *unset: str) -> Document | None:
    """One setting of a bucket: empty where S3 answers `unset`, None when the bucket is gone."""
    try:
        return document(reader.read("s3", operation, absent=unset, Bucket=bucket.id))
    except AwsError as error:
        if error.code in GONE:
            return None
        raise


def call(bucket: Resource, operation: str, **parameters: Json) -> Call:
    """A call that changes one bucket."""
    return Call("s3", operation, {"Bucket": bucket.id, **parameters}, on=(bucket.arn,))


def buckets(reader: Reader) -> Iterator[Resource]:
    """The account's buckets that lie in the reader's region, for the sweep."""
    partition = partition_of(reader.region)
    for bucket in reader.pages("s3", "ListBuckets", "Buckets", BucketRegion=reader.region):
        name = text(document(bucket), "Name")
        arn = f"arn:{partition}:s3:::{name}"
        yield Resource("s3.bucket", name, reader.account, reader.region, arn)


def access_blocks(reader: Reader, bucket: Resource) -> dict[str, Json]:
    """The public access block of the bucket and of its account; None where there is none."""
    unset = ("NoSuchPublicAccessBlockConfiguration",)
    mine = reader.read("s3", "GetPublicAccessBlock", Bucket=bucket.id, absent=(*unset, *GONE))
    accounts = reader.read(
        "s3control", "GetPublicAccessBlock", AccountId=bucket.account, absent=unset
    )
    return {
        "block": document(mine).get("PublicAccessBlockConfiguration"),
        "account_block": document(accounts).get("PublicAccessBlockConfiguration"),
    }


def web_site(reader: Reader, bucket: Resource) -> Use:
    """Whether the bucket serves a web site to the public on purpose."""
    unset = ("NoSuchWebsiteConfiguration", *GONE)
    site = reader.read("s3", "GetBucketWebsite", Bucket=bucket.id, absent=unset)
    return Use("the bucket serves a web site") if site is not None else NOT_IN_USE


def blocked(state: Document, switch: str) -> bool:
    """Whether this switch is on, at the bucket or at its account."""
    return any(flag(mapping(state, level).get(switch)) for level in ("block", "account_block"))
