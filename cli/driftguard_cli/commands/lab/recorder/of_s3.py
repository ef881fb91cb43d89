"""How CloudTrail spells S3's calls: the bucket, the query, some headers, and the body as a tree.

Sources: records of S3 that security teams have published (events/shapes.json names them); Amazon S3
User Guide, "Amazon S3 CloudTrail events" and "CloudTrail log file entries for Amazon S3".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

from driftguard.documents import Json, parsed

from .tree import name_of, tree_of
from .wire import Named

_GRANTS = "x-amz-grant-"
# Headers of the transport: no record has them.
_PLUMBING = (
    *("x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-user-agent"),
    *("x-amz-sdk", "x-amz-checksum", "x-amz-decoded-content-length", "x-amz-trailer"),
    *("x-amz-account-id", "x-amz-te"),
)


def request_of(
    call: Named,
    query: Iterable[tuple[str, str]],
    headers: Iterable[tuple[str, str]],
    body: bytes,
    asked: Mapping[str, Any],
) -> Json:
    """What a call asks for. `asked` is the request, parsed; the rest is what came."""
    return {**_where(call, asked), **_query(query), **_headers(headers), **_body(call, body)}


def _where(call: Named, asked: Mapping[str, Any]) -> dict[str, Json]:
    region = call.scope.region
    if call.service == "s3control":
        account = str(asked.get("AccountId", ""))
        found: dict[str, Json] = {"Host": f"{account}.s3-control.{region}.amazonaws.com"}
        if name := asked.get("Name"):
            return {"name": str(name), **found}
        return {"accountId": account, **found, "publicAccessBlock": ""}
    bucket = str(asked.get("Bucket", ""))
    found = {"bucketName": bucket, "Host": f"{bucket}.s3.{region}.amazonaws.com"}
    return {**found, "key": str(asked["Key"])} if "Key" in asked else found


def _query(query: Iterable[tuple[str, str]]) -> dict[str, Json]:
    """The sub-resource, which is empty, and what has a value, in a list."""
    return {name: [value] if value else "" for name, value in query if name != "x-id"}


def _headers(headers: Iterable[tuple[str, str]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    grants: dict[str, Json] = {}
    for name, value in ((name.lower(), value) for name, value in headers):
        if name.startswith(_GRANTS):
            grants[name] = value
        elif name.startswith("x-amz-") and not name.startswith(_PLUMBING):
            found[name] = value
    return {**found, "accessControlList": grants} if grants else found


def _body(call: Named, body: bytes) -> dict[str, Json]:
    if call.operation == "PutBucketPolicy":
        return {"bucketPolicy": parsed(body)}
    if not body.lstrip().startswith(b"<"):
        return {}
    root = ElementTree.fromstring(body)
    tree = tree_of(root)
    if call.operation in ("PutAccessPointPolicy", "PutMultiRegionAccessPointPolicy"):
        policy = next((one for one in root.iter() if name_of(one) == "Policy"), None)
        return {"policy": parsed((policy.text if policy is not None else "") or "null")}
    return {name_of(root): tree}
