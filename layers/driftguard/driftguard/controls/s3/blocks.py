"""The public access block of a bucket, and the one of its whole account."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.access import policy
from driftguard.aws.calls import Refused, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, mapping
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

from ..control import (
    NOTHING,
    Control,
    Cuts,
    NoSettings,
    References,
    Trigger,
    partition_of,
    resource,
)
from ..mechanisms.weakened import Weakened, told, weaker_than_before
from .bucket import BUCKETS, BUSY, S3, access_blocks, blocked, buckets, call, candidate
from .let_in import let_in, policy_of

# Records of the account's block are documented under either name.
S3_CONTROL = "s3-control.amazonaws.com"
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_UNSET = ("NoSuchPublicAccessBlockConfiguration",)


def _asked(change: Change) -> Document:
    return mapping(change.request, "PublicAccessBlockConfiguration")


class BucketBlockOff(Control[NoSettings]):
    """A switch of the bucket's public access block is off, and the account's is no substitute.

    The baseline says which switches were on, and those alone go on again. Without one all four are
    wanted, but for `RestrictPublicBuckets` on a bucket whose policy is public: it would shut out
    all who are let in. Whether a switch goes on without being asked about is for `in_use`: only
    where neither the policy nor the ACL lets anybody in from outside the account.
    """

    id = "s3.bucket-bpa-off"
    title = "Bucket's public access block off"
    severity = 70
    references = References(security_hub=("S3.8",), attack=("T1562", "T1530"))
    triggers = (
        Trigger(S3, "PutBucketPublicAccessBlock"),
        Trigger(S3, "DeleteBucketPublicAccessBlock"),
    )
    reads = (
        "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetAccountPublicAccessBlock",
        "s3:ListAllMyBuckets",
    )
    reads_use = (
        "s3:GetBucketAcl",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketPolicy",
        "s3:GetBucketWebsite",
        "s3:ListBucket",
    )
    writes = {"s3:PutBucketPublicAccessBlock": BUCKETS}
    cuts = Cuts(
        "a web site, or others outside the account",
        told_by="whether the policy, the ACL or a web site lets anybody in from outside",
        question="does anybody outside the account read the bucket?",
    )
    busy = BUSY
    baselined = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        put = _asked(change)
        if change.name == "DeleteBucketPublicAccessBlock":
            yield from candidate(change, Certainty.EVIDENT)
        elif any(flag(put.get(switch)) is not True for switch in FLAGS):
            certainty = Certainty.EVIDENT if put else Certainty.POSSIBLE
            yield from candidate(change, certainty)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        bucket = candidate.resource
        try:
            found = policy_of(reader, bucket)
        except Refused:
            # A policy may deny that it is read. Whom else it lets in is not known then.
            return {**access_blocks(reader, bucket), "public_policy": True}
        if found is None:
            return None
        return {**access_blocks(reader, bucket), "public_policy": _is_public(found, bucket)}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return buckets(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        off = [switch for switch in _wanted(state, baseline) if not blocked(state, switch)]
        if not off:
            return None
        before = "does not have" if baseline is None else "no longer has"
        summary = f"the public access block {before} {', '.join(off)}"
        if state["public_policy"] and "RestrictPublicBuckets" in off:
            why = "RestrictPublicBuckets would shut out all whom the bucket's policy lets in"
            return Finding(summary, tuple(off), at_most=Autonomy.ASK, at_most_why=why)
        return Finding(summary, tuple(off))

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        return let_in(reader, candidate.resource)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        bucket, before = candidate.resource, mapping(observation.state, "block")
        wanted = _wanted(observation.state, baseline)
        after: Document = {
            switch: switch in wanted or flag(before.get(switch)) is True for switch in FLAGS
        }

        def put(switches: Document) -> Call:
            return call(bucket, "PutPublicAccessBlock", PublicAccessBlockConfiguration=switches)

        delete = call(bucket, "DeletePublicAccessBlock")
        untouched = tuple(switch for switch in FLAGS if flag(before.get(switch)) is True)
        return Plan((Step(put(after), (put(before) if before else delete,)),), untouched=untouched)


def _is_public(written: str, bucket: Resource) -> bool:
    """Whether S3 calls the policy public: that decides what RestrictPublicBuckets shuts out."""
    if not written:
        return False
    verdict = policy.judge("s3", written, account=bucket.account)
    return verdict.public or verdict.public_by_list


def _wanted(state: Document, baseline: Document | None) -> tuple[str, ...]:
    """The switches that were on before; without a baseline, all that shut out nobody let in."""
    if baseline is not None:
        return tuple(name for name in FLAGS if flag(mapping(baseline, "block").get(name)))
    if state["public_policy"]:
        return tuple(name for name in FLAGS if name != "RestrictPublicBuckets")
    return FLAGS


# ------------------------------------------------------------------------------ the account


def _account_candidates(change: Change) -> Iterable[Candidate]:
    account = resource(change, "s3.account", change.account, "s3::{account}:public-access-block")
    put = _asked(change)
    if change.name == "DeleteAccountPublicAccessBlock":
        yield told(account, *FLAGS)
    elif not put:
        yield Candidate(account, Certainty.POSSIBLE)
    elif off := [switch for switch in FLAGS if flag(put.get(switch)) is not True]:
        yield told(account, *off)


def _account(reader: Reader) -> Iterable[Resource]:
    # The block has no ARN; this one only names it in the record.
    arn = f"arn:{partition_of(reader.region)}:s3::{reader.account}:public-access-block"
    yield Resource("s3.account", reader.account, reader.account, reader.region, arn)


def _read_account(account: Resource, reader: Reader) -> Document:
    """The four switches; null each while there is no block at all."""
    found = reader.read("s3control", "GetPublicAccessBlock", AccountId=account.id, absent=_UNSET)
    block = mapping(document(found), "PublicAccessBlockConfiguration")
    return {switch: flag(block.get(switch)) for switch in FLAGS}


def _off(state: Document) -> dict[str, str]:
    return {
        switch: f"the account's public access block no longer has {switch}"
        for switch in FLAGS
        if state[switch] is not True
    }


def _put_account(account: Resource, state: Document, fields: tuple[str, ...]) -> Call:
    operation, parameters = "DeletePublicAccessBlock", {}
    if any(state[switch] is not None for switch in FLAGS):
        operation = "PutPublicAccessBlock"
        switches = {switch: state[switch] is True for switch in FLAGS}
        parameters = {"PublicAccessBlockConfiguration": switches}
    # The account's block has no ARN that IAM would know.
    return Call("s3control", operation, {"AccountId": account.id, **parameters}, on=("*",))


ACCOUNT_BLOCK_OFF = Weakened(
    id="s3.account-bpa-off",
    title="Account's public access block off",
    severity=85,
    references=References(security_hub=("S3.1",), attack=("T1562", "T1530")),
    triggers=tuple(
        Trigger(source, name)
        for source in (S3, S3_CONTROL)
        for name in ("PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock")
    ),
    reads=("s3:GetAccountPublicAccessBlock",),
    writes={"s3:PutAccountPublicAccessBlock": ("*",)},
    found_by=_account,
    candidates=_account_candidates,
    read=_read_account,
    weaker=weaker_than_before(_off),
    put=_put_account,
    # Only switches that the baseline says were on go on again.
    cuts=NOTHING,
    busy=BUSY,
)

CONTROLS = (BucketBlockOff(), ACCOUNT_BLOCK_OFF)
