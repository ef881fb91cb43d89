"""Bucket policies: public, open to strangers, or deleted with what they denied."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ...access import policy
from ...aws import Reader
from ...model import (
    Call,
    Certainty,
    Change,
    Document,
    Facet,
    Json,
    Plan,
    Resource,
    Risk,
    Step,
    Suspect,
)
from ...trail import omitted, text
from ..control import Control, NoSettings, References, Trigger
from ..policy_bearing import DenyLost, OpenPolicy, statements_kept
from .bucket import (
    BUCKETS,
    S3,
    access_blocks,
    blocked,
    buckets,
    call,
    setting,
    suspect,
    web_site,
)

_WRITES = {"s3:PutBucketPolicy": BUCKETS, "s3:DeleteBucketPolicy": BUCKETS}


def _written(change: Change) -> Json:
    """The policy in a record: parsed, as a string, or either in a list of one."""
    written = change.request.get("bucketPolicy")
    if isinstance(written, (list, tuple)) and len(written) == 1:
        return written[0]
    return written


def _read(bucket: Resource, reader: Reader) -> Document | None:
    found = setting(reader, bucket, "GetBucketPolicy", "NoSuchBucketPolicy")
    return None if found is None else {"policy": text(found, "Policy") or None}


def _put(bucket: Resource, written: str, state: Document) -> Call:
    return call(bucket, "PutBucketPolicy", Policy=written)


def _delete(bucket: Resource, state: Document) -> Call:
    return call(bucket, "DeleteBucketPolicy")


class PublicPolicy(Control[NoSettings]):
    """A statement of the bucket's policy opens it to everybody.

    A block that restricts public buckets, at the bucket or its account, makes it ineffective.
    """

    id = "s3.public-policy"
    title = "Bucket public by its policy"
    severity = 90
    references = References(security_hub=("S3.2", "S3.3"), attack=("T1530", "T1537"))
    triggers = (Trigger(S3, "PutBucketPolicy"),)
    reads = (
        "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetAccountPublicAccessBlock",
        "s3:ListAllMyBuckets",
    )
    reads_use = ("s3:GetBucketWebsite",)
    writes = _WRITES
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        written = _written(change)
        if omitted(change.request) or not isinstance(written, (str, dict)):
            yield from suspect(change, Certainty.POSSIBLE)
        elif policy.judge("s3", written, account=change.account).public:
            yield from suspect(change, Certainty.EVIDENT)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        bucket = suspect.resource
        found = _read(bucket, reader)
        if found is None or not found["policy"]:
            return None
        return {**found, "account": bucket.account, **access_blocks(reader, bucket)}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return buckets(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        if blocked(state, "RestrictPublicBuckets"):
            return None
        if unparsable := self._verdict(state).unparsable:
            return Risk(f"the policy cannot be read: {unparsable}")
        public = self._public(state)
        if not public:
            return None
        return Risk("; ".join(one.reason for one in public), tuple(one.index for one in public))

    def in_use(self, suspect: Suspect, state: Document, reader: Reader) -> str:
        return web_site(reader, suspect.resource)

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        bucket, written = suspect.resource, text(facet.state, "policy")
        if self._verdict(facet.state).unparsable:
            return Plan((), advice="Read the bucket policy; it could not be parsed to amend it.")
        openings = self._public(facet.state)
        rest = policy.without("s3", written, openings, account=bucket.account)
        if rest is None:
            remedy = _delete(bucket, facet.state)
        else:
            remedy = _put(bucket, json.dumps(rest), facet.state)
        put_back = _put(bucket, written, facet.state)
        return Plan((Step(remedy, (put_back,)),), kept=statements_kept(written, rest))

    def _verdict(self, state: Document) -> policy.Verdict:
        return policy.judge("s3", text(state, "policy"), account=text(state, "account"))

    def _public(self, state: Document) -> list[policy.Opening]:
        return [one for one in self._verdict(state).openings if one.audience == "public"]


EXTERNAL_POLICY = OpenPolicy(
    id="s3.external-policy",
    title="Bucket open to a foreign account by its policy",
    severity=85,
    references=References(
        security_hub=("S3.6",),
        attack=("T1537", "T1530"),
        stratus=("aws.exfiltration.s3-backdoor-bucket-policy",),
    ),
    triggers=(Trigger(S3, "PutBucketPolicy"),),
    reads=("s3:GetBucketPolicy", "s3:ListAllMyBuckets"),
    writes=_WRITES,
    found_by=buckets,
    service="s3",
    audiences=("external",),
    suspects=lambda change: suspect(change, Certainty.POSSIBLE),
    written=_written,
    read=_read,
    put=_put,
    delete=_delete,
)


POLICY_DELETED = DenyLost(
    id="s3.policy-deleted",
    title="Bucket policy lost what it denied",
    severity=60,
    references=References(security_hub=("S3.5",), attack=("T1562",)),
    triggers=(Trigger(S3, "DeleteBucketPolicy"), Trigger(S3, "PutBucketPolicy")),
    reads=("s3:GetBucketPolicy", "s3:ListAllMyBuckets"),
    writes=_WRITES,
    found_by=buckets,
    suspects=lambda change: suspect(change, Certainty.POSSIBLE),
    written=_written,
    read=_read,
    put=_put,
    delete=_delete,
)

CONTROLS = (PublicPolicy(), EXTERNAL_POLICY, POLICY_DELETED)
