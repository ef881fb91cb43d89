"""Lifecycle rules that make a log bucket forget."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text, whole_number
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

from ..control import NOTHING, Control, References, Trigger
from .bucket import BUCKETS, BUSY, S3, call, candidate, setting


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """`minimum_days`: how long logs must be kept. `log_buckets`: names of buckets that hold logs.

    The names may hold `*` and `?`. A bucket that one of the account's trails writes to counts
    whatever its name.
    """

    minimum_days: int = 90
    log_buckets: tuple[str, ...] = ("*cloudtrail*", "aws-controltower-logs-*")


class LifecycleShortExpiry(Control[RetentionSettings]):
    """An enabled lifecycle rule deletes the logs in a bucket after a few days, or on a fixed day.

    The rule goes; others stay. What it has deleted already is lost.
    """

    id = "s3.lifecycle-short-expiry"
    title = "Logs expire early by a lifecycle rule"
    severity = 80
    references = References(
        security_hub=("S3.13",),
        attack=("T1485.001", "T1562.008"),
        stratus=("aws.defense-evasion.cloudtrail-lifecycle-rule",),
    )
    # CloudTrail names PutBucketLifecycleConfiguration by its older name; flagged here are both.
    triggers = (
        Trigger(S3, "PutBucketLifecycle"),
        Trigger(S3, "PutBucketLifecycleConfiguration"),
    )
    reads = ("s3:GetLifecycleConfiguration", "cloudtrail:DescribeTrails")
    writes = {"s3:PutLifecycleConfiguration": BUCKETS}
    cuts = NOTHING
    busy = BUSY
    settings = RetentionSettings

    def screen(self, change: Change, settings: RetentionSettings) -> Iterable[Candidate]:
        asked = mapping(change.request, "LifecycleConfiguration")
        rules = list(items(asked.get("Rule")))
        if rules and not any(_early(rule, settings) for rule in rules):
            return
        named = _named(text(change.request, "bucketName"), settings)
        certain = Certainty.EVIDENT if rules and named else Certainty.POSSIBLE
        yield from candidate(change, certain)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        bucket = candidate.resource
        unset = "NoSuchLifecycleConfiguration"
        found = setting(reader, bucket, "GetBucketLifecycleConfiguration", unset)
        if found is None:
            return None
        trails = items(document(reader.read("cloudtrail", "DescribeTrails")).get("trailList"))
        return {
            "bucket": bucket.id,
            "rules": found.get("Rules", []),
            "transition_minimum": text(found, "TransitionDefaultMinimumObjectSize"),
            "of_a_trail": any(text(trail, "S3BucketName") == bucket.id for trail in trails),
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: RetentionSettings
    ) -> Finding | None:
        if not (state["of_a_trail"] or _named(text(state, "bucket"), settings)):
            return None
        early = [rule for rule in items(state["rules"]) if _early(rule, settings)]
        if not early:
            return None
        return Finding("logs are deleted: " + ", ".join(map(_in_words, early)), tuple(early))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: RetentionSettings,
    ) -> Plan:
        bucket, rules = candidate.resource, list(items(observation.state["rules"]))
        rest = [rule for rule in rules if not _early(rule, settings)]
        minimum = text(observation.state, "transition_minimum")
        remediation = _put(bucket, rest, minimum) if rest else call(bucket, "DeleteBucketLifecycle")
        untouched = tuple(f"rule {text(rule, 'ID')}" for rule in rest)
        return Plan((Step(remediation, (_put(bucket, rules, minimum),)),), untouched=untouched)


def _put(bucket: Resource, rules: list[Document], minimum: str) -> Call:
    configuration: Document = {"Rules": rules}
    sizes = {"TransitionDefaultMinimumObjectSize": minimum} if minimum else {}
    return call(
        bucket,
        "PutBucketLifecycleConfiguration",
        LifecycleConfiguration=configuration,
        **sizes,
    )


def _named(bucket: str, settings: RetentionSettings) -> bool:
    return any(fnmatchcase(bucket, pattern) for pattern in settings.log_buckets)


def _early(rule: Document, settings: RetentionSettings) -> bool:
    """Whether a rule is in force and expires objects before the minimum, or on a fixed day."""
    expiration = mapping(rule, "Expiration")
    if text(rule, "Status") != "Enabled":
        return False
    days = whole_number(text(expiration, "Days"))
    return bool(text(expiration, "Date")) or (days is not None and days < settings.minimum_days)


def _in_words(rule: Document) -> str:
    expiration = mapping(rule, "Expiration")
    when = text(expiration, "Date")
    days = text(expiration, "Days")
    return f"rule {text(rule, 'ID')} " + (f"on {when}" if when else f"after {days} days")


CONTROLS = (LifecycleShortExpiry(),)
