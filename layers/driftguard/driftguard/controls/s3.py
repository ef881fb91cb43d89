"""S3: buckets public by policy, by ACL, or no longer guarded by their public access block."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..access import acl, policy
from ..aws import Reader, document
from ..model import (
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
from ..trail import flag, items, mapping, omitted, text
from .control import Control, NoSettings, References, Trigger, resource

_S3 = "s3.amazonaws.com"
_BUCKET = ("arn:{partition}:s3:::*",)
_GONE = ("NoSuchBucket",)
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class _OfBucket(Control[NoSettings]):
    """What the controls of a bucket share: how the bucket is named and its guard rails are read."""

    settings = NoSettings

    def _bucket(self, change: Change, certainty: Certainty) -> Iterable[Suspect]:
        name = text(change.request, "bucketName")
        if name:
            yield Suspect(resource(change, "s3.bucket", name, f"s3:::{name}"), certainty)


def _blocks(reader: Reader, bucket: Resource) -> dict[str, Json]:
    """The public access block of the bucket and of its account; None where there is none."""
    mine = reader.read(
        "s3",
        "GetPublicAccessBlock",
        Bucket=bucket.id,
        absent=("NoSuchPublicAccessBlockConfiguration", *_GONE),
    )
    accounts = reader.read(
        "s3control",
        "GetPublicAccessBlock",
        AccountId=bucket.account,
        absent=("NoSuchPublicAccessBlockConfiguration",),
    )
    return {
        "block": document(mine).get("PublicAccessBlockConfiguration"),
        "account_block": document(accounts).get("PublicAccessBlockConfiguration"),
    }


def _blocked(state: Document, switch: str) -> bool:
    """Whether this switch is on, at the bucket or at its account."""
    return any(flag(mapping(state, level).get(switch)) for level in ("block", "account_block"))


class PublicPolicy(_OfBucket):
    """A statement of the bucket's policy opens it to everybody.

    A block that restricts public buckets, at the bucket or its account, makes it ineffective.
    """

    id = "s3.public-policy"
    title = "Bucket public by its policy"
    severity = 90
    references = References(
        security_hub=("S3.2", "S3.3"),
        attack=("T1530", "T1537"),
        stratus=("aws.exfiltration.s3-backdoor-bucket-policy",),
    )
    triggers = (Trigger(_S3, "PutBucketPolicy"),)
    reads = (
        "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetAccountPublicAccessBlock",
    )
    writes = {"s3:PutBucketPolicy": _BUCKET, "s3:DeleteBucketPolicy": _BUCKET}

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        written = change.request.get("bucketPolicy")
        if isinstance(written, (list, tuple)) and len(written) == 1:
            written = written[0]
        if omitted(change.request) or not isinstance(written, (str, dict)):
            yield from self._bucket(change, Certainty.POSSIBLE)
        elif policy.judge("s3", written, account=change.account).public:
            yield from self._bucket(change, Certainty.EVIDENT)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        bucket = suspect.resource
        found = reader.read(
            "s3", "GetBucketPolicy", Bucket=bucket.id, absent=("NoSuchBucketPolicy", *_GONE)
        )
        if found is None:
            return None
        written = text(document(found), "Policy")
        return {"policy": written, "account": bucket.account, **_blocks(reader, bucket)}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        if _blocked(state, "RestrictPublicBuckets"):
            return None
        if unparsable := self._verdict(state).unparsable:
            return Risk(f"the policy cannot be read: {unparsable}")
        public = self._public(state)
        if not public:
            return None
        return Risk("; ".join(one.reason for one in public), tuple(one.index for one in public))

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        bucket, written = suspect.resource, text(facet.state, "policy")
        if self._verdict(facet.state).unparsable:
            return Plan((), advice="Read the bucket policy; it could not be parsed to amend it.")
        openings = self._public(facet.state)
        rest = policy.without("s3", written, openings, account=bucket.account)
        put_back = Call(
            "s3", "PutBucketPolicy", {"Bucket": bucket.id, "Policy": written}, on=(bucket.arn,)
        )
        if rest is None:
            call = Call("s3", "DeleteBucketPolicy", {"Bucket": bucket.id}, on=(bucket.arn,))
        else:
            amended: Document = {"Bucket": bucket.id, "Policy": json.dumps(rest)}
            call = Call("s3", "PutBucketPolicy", amended, on=(bucket.arn,))
        gone = {one.index for one in openings}
        statements = list(items(json.loads(written).get("Statement")))
        kept = tuple(
            f"statement {text(one, 'Sid') or index + 1}"
            for index, one in enumerate(statements)
            if index not in gone
        )
        return Plan((Step(call, (put_back,)),), kept=kept)

    def _verdict(self, state: Document) -> policy.Verdict:
        return policy.judge("s3", text(state, "policy"), account=text(state, "account"))

    def _public(self, state: Document) -> list[policy.Opening]:
        return [one for one in self._verdict(state).openings if one.audience == "public"]


class PublicAcl(_OfBucket):
    """A grant of the bucket's ACL opens it to everybody, or to everybody with an AWS account."""

    id = "s3.public-acl"
    title = "Bucket public by its ACL"
    severity = 88
    references = References(security_hub=("S3.2", "S3.3", "S3.12"), attack=("T1530",))
    triggers = (Trigger(_S3, "PutBucketAcl"), Trigger(_S3, "CreateBucket"))
    reads = (
        "s3:GetBucketAcl",
        "s3:GetBucketOwnershipControls",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetAccountPublicAccessBlock",
    )
    writes = {"s3:PutBucketAcl": _BUCKET}

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        headers = {k: v for k, v in change.request.items() if k.lower().startswith("x-amz-")}
        asked = acl.judge_request(
            kind="bucket", acl=_acl_asked(change.request), request_headers=headers
        )
        if asked.public or omitted(change.request):
            certainty = Certainty.EVIDENT if asked.public else Certainty.POSSIBLE
            yield from self._bucket(change, certainty)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        bucket = suspect.resource
        found = reader.read("s3", "GetBucketAcl", Bucket=bucket.id, absent=_GONE)
        if found is None:
            return None
        owned = reader.read(
            "s3",
            "GetBucketOwnershipControls",
            Bucket=bucket.id,
            absent=("OwnershipControlsNotFoundError", *_GONE),
        )
        rule = next(items(mapping(document(owned), "OwnershipControls").get("Rules")), {})
        grants = document(found)
        return {
            "acl": {"Owner": grants["Owner"], "Grants": grants.get("Grants", [])},
            "ownership": text(rule, "ObjectOwnership"),
            **_blocks(reader, bucket),
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        if state["ownership"] == "BucketOwnerEnforced" or _blocked(state, "IgnorePublicAcls"):
            return None
        grants = [document(one) for one in acl.public_grants(mapping(state, "acl"))]
        if not grants:
            return None
        opened = "; ".join(f"{_everybody(one)} may {text(one, 'Permission')}" for one in grants)
        return Risk(f"the ACL lets in the public: {opened}", tuple(grants))

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        bucket, before = suspect.resource, mapping(facet.state, "acl")
        after = document(acl.without_public_grants(before))

        def put(grants: Document) -> Call:
            return Call(
                "s3",
                "PutBucketAcl",
                {"Bucket": bucket.id, "AccessControlPolicy": grants},
                on=(bucket.arn,),
            )

        kept = tuple(
            f"{text(one, 'Permission')} for {_grantee(one)}" for one in items(after.get("Grants"))
        )
        return Plan((Step(put(after), (put(before),)),), kept=kept)


class BucketBlockOff(_OfBucket):
    """A switch of the bucket's public access block is off, and the account's is no substitute."""

    id = "s3.bucket-bpa-off"
    title = "Bucket's public access block off"
    severity = 70
    references = References(security_hub=("S3.8",), attack=("T1562", "T1530"))
    triggers = (
        Trigger(_S3, "PutBucketPublicAccessBlock"),
        Trigger(_S3, "DeleteBucketPublicAccessBlock"),
    )
    reads = ("s3:GetBucketPublicAccessBlock", "s3:GetAccountPublicAccessBlock", "s3:ListBucket")
    writes = {"s3:PutBucketPublicAccessBlock": _BUCKET}

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        put = mapping(change.request, "PublicAccessBlockConfiguration")
        if change.name == "DeleteBucketPublicAccessBlock":
            yield from self._bucket(change, Certainty.EVIDENT)
        elif any(flag(put.get(switch)) is not True for switch in FLAGS):
            certainty = Certainty.EVIDENT if put else Certainty.POSSIBLE
            yield from self._bucket(change, certainty)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        bucket = suspect.resource
        if reader.read("s3", "HeadBucket", Bucket=bucket.id, absent=("404", *_GONE)) is None:
            return None
        return _blocks(reader, bucket)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        off = [switch for switch in self._wanted(baseline) if not _blocked(state, switch)]
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
            return Call(
                "s3",
                "PutPublicAccessBlock",
                {"Bucket": bucket.id, "PublicAccessBlockConfiguration": switches},
                on=(bucket.arn,),
            )

        delete = Call("s3", "DeletePublicAccessBlock", {"Bucket": bucket.id}, on=(bucket.arn,))
        kept = tuple(switch for switch in FLAGS if flag(before.get(switch)) is True)
        return Plan((Step(put(after), (put(before) if before else delete,)),), kept=kept)

    def _wanted(self, baseline: Document | None) -> tuple[str, ...]:
        """The switches that were on before; without a baseline, all four."""
        if baseline is None:
            return FLAGS
        return tuple(one for one in FLAGS if flag(mapping(baseline, "block").get(one)))


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


CONTROLS = (PublicPolicy(), PublicAcl(), BucketBlockOff())
