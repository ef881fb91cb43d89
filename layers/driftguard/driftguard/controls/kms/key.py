"""Names, reads and calls a key for the controls of KMS."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import Refused, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Call, Change, Resource

from ..control import Busy, Settling, partition_of, resource

KMS = "kms.amazonaws.com"
KEYS = ("arn:{partition}:kms:{region}:{account}:key/*",)
GONE = ("NotFoundException",)
SETTLING = Settling(
    300,
    "a change of a key takes effect within minutes (AWS KMS Developer Guide, “AWS KMS eventual "
    "consistency”)",
)
# A key whose deletion was just cancelled is told to be pending deletion for a while.
BUSY = (Busy("KMSInvalidStateException", "pending deletion"),)


def key_of(change: Change) -> Resource | None:
    """The key of a change, named by its id or its ARN; these calls take no aliases.

    A key that was just made is named by the answer.
    """
    made = mapping(change.response, "keyMetadata")
    id_ = (text(change.request, "keyId") or text(made, "keyId")).rpartition("/")[2]
    if not id_:
        return None
    return resource(change, "kms.key", id_, f"kms:{{region}}:{{account}}:key/{id_}")


def keys(reader: Reader) -> Iterator[Resource]:
    """Every key of the account and region, those of AWS's services too."""
    for key in map(document, reader.pages("kms", "ListKeys", "Keys")):
        id_ = text(key, "KeyId")
        arn = f"arn:{partition_of(reader.region)}:kms:{reader.region}:{reader.account}:key/{id_}"
        yield Resource("kms.key", id_, reader.account, reader.region, arn)


def describe(key: Resource, reader: Reader) -> Document | None:
    """The key's metadata, None when it is gone or is an AWS service's."""
    found = reader.read("kms", "DescribeKey", KeyId=key.id, absent=GONE)
    described = mapping(document(found), "KeyMetadata")
    return described if text(described, "KeyManager") == "CUSTOMER" else None


def customers(key: Resource, reader: Reader) -> bool:
    """Whether the key is there, and no AWS service's.

    A key may deny that it is described: then it has a policy of its own, so it is a customer's.
    """
    try:
        return describe(key, reader) is not None
    except Refused:
        return True


def call(key: Resource, operation: str, more: Document | None = None, *settled: str) -> Call:
    """A call about the key, with what it takes beside the key's id."""
    asked: Document = {"KeyId": key.id, **(more or {})}
    return Call("kms", operation, asked, on=(key.arn,), settled_by=settled)
