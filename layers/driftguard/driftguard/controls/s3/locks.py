"""Object Lock: buckets that keep new objects for less time than before, or not at all.

Objects that are there keep the retention that they were given.

Source: Amazon S3 API Reference, "PutObjectLockConfiguration"; Amazon S3 User Guide, "Locking
objects with Object Lock" (retention modes).
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger
from ..mechanisms.declared import listed
from ..mechanisms.weakened import TOLD, Weakened, told
from .bucket import BUCKETS, BUSY, S3, bucket_of, buckets, call, candidate, setting

_DAYS_A_YEAR = 365
# The longest that S3 takes: nothing is weaker than it was, whatever it was.
_LONGEST = 100 * _DAYS_A_YEAR


def _retention(configuration: Document) -> Document:
    return mapping(mapping(configuration, "Rule"), "DefaultRetention")


def _loosened(change: Change) -> Iterable[Candidate]:
    asked = mapping(change.request, "ObjectLockConfiguration")
    retention = _retention(asked)
    if asked and not retention:
        yield from (told(bucket, "retention") for bucket in bucket_of(change))
    elif text(retention, "Mode") != "COMPLIANCE" or _days(retention) < _LONGEST:
        yield from candidate(change, Certainty.POSSIBLE)


def _lock(bucket: Resource, reader: Reader) -> Document | None:
    """The default retention; None of a bucket that knows no Object Lock."""
    unset = "ObjectLockConfigurationNotFoundError"
    found = setting(reader, bucket, "GetObjectLockConfiguration", unset)
    if not found:
        return None
    retention = _retention(mapping(found, "ObjectLockConfiguration"))
    return {"retention": {name: value for name, value in retention.items() if value} or None}


def _days(retention: Document) -> int:
    days, years = text(retention, "Days"), text(retention, "Years")
    return int(days or 0) + _DAYS_A_YEAR * int(years or 0)


def _weaker(state: Document, baseline: Document | None) -> dict[str, str]:
    now, before = mapping(state, "retention"), mapping(baseline or {}, "retention")
    if not now and (before or (baseline is None and "retention" in listed(state, TOLD))):
        return {"retention": "new objects are no longer locked"}
    if _days(now) < _days(before):
        why = f"new objects are locked for {_days(now)} days, not {_days(before)}"
        return {"retention": why}
    if text(before, "Mode") == "COMPLIANCE" and text(now, "Mode") == "GOVERNANCE":
        return {"retention": "some people can unlock new objects, which nobody could before"}
    return {}


def _put(bucket: Resource, state: Document, _: tuple[str, ...]) -> Call:
    retention = mapping(state, "retention")
    rule: dict[str, Json] = {"Rule": {"DefaultRetention": retention}} if retention else {}
    configuration: Document = {"ObjectLockEnabled": "Enabled", **rule}
    return call(bucket, "PutObjectLockConfiguration", ObjectLockConfiguration=configuration)


LOCK_WEAKENED = Weakened(
    id="s3.object-lock-weakened",
    title="Bucket locks new objects for less time",
    severity=70,
    cuts=NOTHING,
    busy=BUSY,
    references=References(security_hub=("S3.15",), attack=("T1485", "T1490")),
    # Records are said to have the API's name, and IAM's: no sample of either is published.
    triggers=(
        Trigger(S3, "PutObjectLockConfiguration"),
        Trigger(S3, "PutBucketObjectLockConfiguration"),
    ),
    reads=("s3:GetBucketObjectLockConfiguration", "s3:ListAllMyBuckets"),
    writes={"s3:PutBucketObjectLockConfiguration": BUCKETS},
    found_by=buckets,
    candidates=_loosened,
    read=_lock,
    weaker=_weaker,
    put=_put,
    advice="What was written meanwhile has the retention that it was written with.",
)

CONTROLS = (LOCK_WEAKENED,)
