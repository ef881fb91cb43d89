"""The public access block of a bucket, and the one of its whole account."""

from __future__ import annotations

from collections.abc import Iterable

from ...aws import Reader, document
from ...model import (
    Call,
    Certainty,
    Change,
    Document,
    Facet,
    Plan,
    Resource,
    Risk,
    Step,
    Suspect,
)
from ...trail import flag, mapping
from ..control import Control, NoSettings, References, Trigger, partition_of, resource
from ..mechanisms import Weakened, told, weaker_than_before
from .bucket import BUCKETS, GONE, S3, access_blocks, blocked, buckets, call, suspect

# Records of the account's block are documented under either name.
S3_CONTROL = "s3-control.amazonaws.com"
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_UNSET = ("NoSuchPublicAccessBlockConfiguration",)


def _asked(change: Change) -> Document:
    return mapping(change.request, "PublicAccessBlockConfiguration")


class BucketBlockOff(Control[NoSettings]):
    """A switch of the bucket's public access block is off, and the account's is no substitute."""

    id = "s3.bucket-bpa-off"
    title = "Bucket's public access block off"
    severity = 70
    references = References(security_hub=("S3.8",), attack=("T1562", "T1530"))
    triggers = (
        Trigger(S3, "PutBucketPublicAccessBlock"),
        Trigger(S3, "DeleteBucketPublicAccessBlock"),
    )
    reads = (
        "s3:GetBucketPublicAccessBlock",
        "s3:GetAccountPublicAccessBlock",
        "s3:ListAllMyBuckets",
        "s3:ListBucket",
    )
    writes = {"s3:PutBucketPublicAccessBlock": BUCKETS}
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        put = _asked(change)
        if change.name == "DeleteBucketPublicAccessBlock":
            yield from suspect(change, Certainty.EVIDENT)
        elif any(flag(put.get(switch)) is not True for switch in FLAGS):
            certainty = Certainty.EVIDENT if put else Certainty.POSSIBLE
            yield from suspect(change, certainty)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        bucket = suspect.resource
        if reader.read("s3", "HeadBucket", Bucket=bucket.id, absent=("404", *GONE)) is None:
            return None
        return access_blocks(reader, bucket)

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return buckets(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        off = [switch for switch in self._wanted(baseline) if not blocked(state, switch)]
        if not off:
            return None
        return Risk(f"the public access block no longer has {', '.join(off)}", tuple(off))

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        bucket, before = suspect.resource, mapping(facet.state, "block")
        wanted = self._wanted(baseline)
        after: Document = {
            switch: switch in wanted or flag(before.get(switch)) is True for switch in FLAGS
        }

        def put(switches: Document) -> Call:
            return call(bucket, "PutPublicAccessBlock", PublicAccessBlockConfiguration=switches)

        delete = call(bucket, "DeletePublicAccessBlock")
        kept = tuple(switch for switch in FLAGS if flag(before.get(switch)) is True)
        return Plan((Step(put(after), (put(before) if before else delete,)),), kept=kept)

    def _wanted(self, baseline: Document | None) -> tuple[str, ...]:
        """The switches that were on before; without a baseline, all four."""
        if baseline is None:
            return FLAGS
        return tuple(one for one in FLAGS if flag(mapping(baseline, "block").get(one)))


# ------------------------------------------------------------------------------ the account


def _account_suspects(change: Change) -> Iterable[Suspect]:
    account = resource(change, "s3.account", change.account, "s3::{account}:public-access-block")
    put = _asked(change)
    if change.name == "DeleteAccountPublicAccessBlock":
        yield told(account, *FLAGS)
    elif not put:
        yield Suspect(account, Certainty.POSSIBLE)
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
    suspects=_account_suspects,
    read=_read_account,
    weaker=weaker_than_before(_off),
    put=_put_account,
)

CONTROLS = (BucketBlockOff(), ACCOUNT_BLOCK_OFF)
