"""Bucket policies: public, open to strangers, or deleted with what they denied."""

from __future__ import annotations

import json
from collections.abc import Iterable

from driftguard.access import policy
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, text
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

from ..control import NOTHING, Control, NoSettings, References, Trigger
from ..mechanisms.left_out import VOLATILE, left_out, living
from ..mechanisms.resource_policy import OPEN_BEFORE, DenyLost, OpenPolicy, grants, statements_kept
from .bucket import (
    BUCKETS,
    BUSY,
    S3,
    WEB_SITE,
    access_blocks,
    blocked,
    buckets,
    call,
    candidate,
    setting,
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

    A block that restricts public buckets, at the bucket or its account, makes it ineffective. An
    opening that people accepted is in the baseline: then people are asked.
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
    cuts = WEB_SITE
    busy = BUSY
    baselined = True
    volatile = VOLATILE
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        written = _written(change)
        if omitted(change.request) or not isinstance(written, (str, dict)):
            yield from candidate(change, Certainty.POSSIBLE)
        elif policy.judge("s3", written, account=change.account).public:
            yield from candidate(change, Certainty.EVIDENT)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        bucket = candidate.resource
        found = _read(bucket, reader)
        if found is None:
            return None
        return {**living(found), "account": bucket.account, **access_blocks(reader, bucket)}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return buckets(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if blocked(state, "RestrictPublicBuckets") or not state["policy"]:
            return None
        if doubt := self._verdict(state).doubt:
            return Finding(f"the policy {doubt}")
        public = self._public(state)
        if not public:
            return None
        summary = "; ".join(opening.reason for opening in public)
        granted = _granted(state, public)
        offending = tuple([*grant] for grant in sorted(granted))
        if baseline is not None and granted & _granted(baseline, self._public(baseline)):
            return Finding(summary, offending, at_most=Autonomy.ASK, at_most_why=OPEN_BEFORE)
        return Finding(summary, offending)

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        return web_site(reader, candidate.resource)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        bucket, written = candidate.resource, text(observation.state, "policy")
        if self._verdict(observation.state).doubt:
            return Plan((), advice="Read the bucket policy; it is not understood well enough.")
        openings = self._public(observation.state)
        rest = policy.without("s3", written, openings, account=bucket.account)
        if rest is None:
            remediation = _delete(bucket, observation.state)
        else:
            remediation = _put(bucket, json.dumps(rest), observation.state)
        put_back = _put(bucket, written, observation.state)
        untouched = (*statements_kept(written, rest), *left_out(observation.state))
        return Plan((Step(remediation, (put_back,)),), untouched=untouched)

    def _verdict(self, state: Document) -> policy.Verdict:
        return policy.judge("s3", text(state, "policy"), account=text(state, "account"))

    def _public(self, state: Document) -> list[policy.Opening]:
        return [
            opening for opening in self._verdict(state).openings if opening.audience == "public"
        ]


def _granted(state: Document, openings: list[policy.Opening]) -> set[tuple[str, str]]:
    return grants(text(state, "policy"), openings)


EXTERNAL_POLICY = OpenPolicy(
    id="s3.external-policy",
    title="Bucket open to a foreign account by its policy",
    severity=85,
    cuts=NOTHING,
    busy=BUSY,
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
    candidates=lambda change: candidate(change, Certainty.POSSIBLE),
    written=_written,
    read=_read,
    put=_put,
    delete=_delete,
)


POLICY_DELETED = DenyLost(
    id="s3.policy-deleted",
    title="Bucket policy lost what it denied",
    severity=60,
    cuts=NOTHING,
    busy=BUSY,
    references=References(security_hub=("S3.5",), attack=("T1562",)),
    triggers=(Trigger(S3, "DeleteBucketPolicy"), Trigger(S3, "PutBucketPolicy")),
    reads=("s3:GetBucketPolicy", "s3:ListAllMyBuckets"),
    writes=_WRITES,
    found_by=buckets,
    candidates=lambda change: candidate(change, Certainty.POSSIBLE),
    written=_written,
    read=_read,
    put=_put,
    delete=_delete,
)

CONTROLS = (PublicPolicy(), EXTERNAL_POLICY, POLICY_DELETED)
