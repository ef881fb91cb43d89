"""What protects and watches over a bucket's objects: encryption, versions, access logs."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
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

from ..control import NOTHING, Control, References, Trigger, TrustSettings
from ..mechanisms.sharing import is_trusted
from ..mechanisms.weakened import Weakened, told, weaker_than_before
from .bucket import BUCKETS, BUSY, S3, bucket_of, buckets, call, candidate, setting

# Weakest first. What is not listed is stronger than we know and never an offence.
_ALGORITHMS = ("", "AES256", "aws:kms", "aws:kms:dsse")


class EncryptionWeakened(Control[TrustSettings]):
    """A bucket's default encryption got weaker than it was, or uses a stranger's key.

    S3 encrypts by itself since 2023 ("Setting default server-side encryption behavior for Amazon S3
    buckets"): without a setting, or after its deletion, it is AES256. A key in an account that is
    not trusted lets that account take the objects away by disabling it.
    """

    id = "s3.encryption-weakened"
    title = "Bucket's default encryption weakened"
    severity = 60
    references = References(security_hub=("S3.17",), attack=("T1562", "T1486"))
    triggers = (Trigger(S3, "DeleteBucketEncryption"), Trigger(S3, "PutBucketEncryption"))
    reads = ("s3:GetEncryptionConfiguration", "s3:ListAllMyBuckets")
    writes = {"s3:PutEncryptionConfiguration": BUCKETS}
    baselined = True
    cuts = NOTHING
    busy = BUSY
    settings = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        asked = mapping(change.request, "ServerSideEncryptionConfiguration")
        rule = _default(next(items(asked.get("Rule")), {}))
        if _stranger(text(rule, "KMSMasterKeyID"), change.account, settings):
            yield from candidate(change, Certainty.EVIDENT)
        elif change.name == "DeleteBucketEncryption":
            hint = {"deleted": True}
            yield from (Candidate(bucket, Certainty.POSSIBLE, hint) for bucket in bucket_of(change))
        elif not text(rule, "SSEAlgorithm").startswith("aws:kms"):
            yield from candidate(change, Certainty.POSSIBLE)

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return buckets(reader)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        unset = "ServerSideEncryptionConfigurationNotFoundError"
        found = setting(reader, candidate.resource, "GetBucketEncryption", unset)
        if found is None:
            return None
        rules = mapping(found, "ServerSideEncryptionConfiguration").get("Rules", [])
        return {"owner": candidate.resource.account, "rules": rules, **candidate.hint}

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        now = _default(next(items(state["rules"]), {}))
        key, algorithm = text(now, "KMSMasterKeyID"), text(now, "SSEAlgorithm") or "none"
        if _stranger(key, text(state, "owner"), settings):
            return Finding(f"objects are encrypted with the key of a stranger: {key}")
        if baseline is None:
            return Finding("the default encryption was deleted") if "deleted" in state else None
        before = text(_default(next(items(baseline["rules"]), {})), "SSEAlgorithm")
        if _strength(now) >= _strength({"SSEAlgorithm": before}):
            return None
        return Finding(f"the default encryption is {algorithm}, it was {before}")

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        if baseline is None:
            return Plan((), advice="What the default encryption was before is not recorded.")
        bucket = candidate.resource
        put, back = (
            _encrypt(bucket, baseline["rules"]),
            _encrypt(bucket, observation.state["rules"]),
        )
        advice = "Objects written meanwhile keep the encryption that they were written with."
        return Plan((Step(put, (back,)),), advice=advice)


def _default(rule: Document) -> Document:
    return mapping(rule, "ApplyServerSideEncryptionByDefault")


def _strength(default: Document) -> int:
    algorithm = text(default, "SSEAlgorithm")
    return _ALGORITHMS.index(algorithm) if algorithm in _ALGORITHMS else len(_ALGORITHMS)


def _stranger(key: str, own: str, settings: TrustSettings) -> bool:
    """Whether a KMS key is of an account that is not trusted. A bare id or alias is our own."""
    return key.startswith("arn:") and not is_trusted(key, own, settings.trusted)


def _encrypt(bucket: Resource, rules: Json) -> Call:
    if not rules:
        return call(bucket, "DeleteBucketEncryption")
    configuration: Document = {"Rules": rules}
    return call(bucket, "PutBucketEncryption", ServerSideEncryptionConfiguration=configuration)


# ------------------------------------------------------------------------------- versioning


def _suspended(change: Change) -> Iterable[Candidate]:
    asked = text(mapping(change.request, "VersioningConfiguration"), "Status")
    if asked == "Suspended":
        yield from (told(bucket, "versioning") for bucket in bucket_of(change))
    elif not asked:
        yield from candidate(change, Certainty.POSSIBLE)


def _versioning(bucket: Resource, reader: Reader) -> Document | None:
    found = setting(reader, bucket, "GetBucketVersioning")
    return None if found is None else {"versioning": text(found, "Status")}


def _unversioned(state: Document) -> dict[str, str]:
    return {} if state["versioning"] == "Enabled" else {"versioning": "versioning is suspended"}


def _set_versioning(bucket: Resource, state: Document, fields: tuple[str, ...]) -> Call:
    status: Document = {"Status": state["versioning"]}
    return call(bucket, "PutBucketVersioning", VersioningConfiguration=status)


# With MFA Delete, S3 takes this call from the root user's MFA device alone: the decision then fails
# and a person hears of it.
VERSIONING_SUSPENDED = Weakened(
    id="s3.versioning-suspended",
    title="Bucket's versioning suspended",
    severity=60,
    cuts=NOTHING,
    busy=BUSY,
    references=References(security_hub=("S3.14",), attack=("T1490", "T1485")),
    triggers=(Trigger(S3, "PutBucketVersioning"),),
    reads=("s3:GetBucketVersioning", "s3:ListAllMyBuckets"),
    writes={"s3:PutBucketVersioning": BUCKETS},
    found_by=buckets,
    candidates=_suspended,
    read=_versioning,
    weaker=weaker_than_before(_unversioned),
    default={"versioning": "Enabled"},
    put=_set_versioning,
)


# ------------------------------------------------------------------------------ access logs


def _logging_off(change: Change) -> Iterable[Candidate]:
    if "BucketLoggingStatus" not in change.request:
        yield from candidate(change, Certainty.POSSIBLE)
    elif not mapping(mapping(change.request, "BucketLoggingStatus"), "LoggingEnabled"):
        yield from (told(bucket, "logging") for bucket in bucket_of(change))


def _logging(bucket: Resource, reader: Reader) -> Document | None:
    found = setting(reader, bucket, "GetBucketLogging")
    return None if found is None else {"logging": found.get("LoggingEnabled")}


def _unlogged(state: Document) -> dict[str, str]:
    return {} if state["logging"] else {"logging": "access to the bucket is no longer logged"}


def _set_logging(bucket: Resource, state: Document, fields: tuple[str, ...]) -> Call:
    status: Document = {"LoggingEnabled": state["logging"]} if state["logging"] else {}
    return call(bucket, "PutBucketLogging", BucketLoggingStatus=status)


LOGGING_DISABLED = Weakened(
    id="s3.logging-disabled",
    title="Bucket's access logging disabled",
    severity=70,
    cuts=NOTHING,
    busy=BUSY,
    references=References(security_hub=("S3.9", "CloudTrail.7"), attack=("T1562.008",)),
    triggers=(Trigger(S3, "PutBucketLogging"),),
    reads=("s3:GetBucketLogging", "s3:ListAllMyBuckets"),
    writes={"s3:PutBucketLogging": BUCKETS},
    found_by=buckets,
    candidates=_logging_off,
    read=_logging,
    weaker=weaker_than_before(_unlogged),
    put=_set_logging,
)

CONTROLS = (EncryptionWeakened(), VERSIONING_SUSPENDED, LOGGING_DISABLED)
