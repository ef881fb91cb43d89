"""Where a bucket's objects go: replicated to strangers, or served as a website."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
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

from ..control import NOTHING, Control, Cuts, References, Trigger, TrustSettings
from ..mechanisms.sharing import is_trusted
from ..mechanisms.weakened import Weakened, told, weaker_than_before
from .bucket import BUCKETS, BUSY, S3, bucket_of, buckets, call, candidate, setting


class ReplicationExternal(Control[TrustSettings]):
    """A replication rule copies every new object to a bucket of an account that is not trusted.

    A rule need not name the destination's account, and S3 does not tell who owns a bucket: a bucket
    that is not ours counts as a stranger's. If other accounts are trusted it may be theirs, and
    people are asked.
    """

    id = "s3.replication-external"
    title = "Bucket replicated to a foreign account"
    severity = 88
    references = References(attack=("T1537",))
    triggers = (Trigger(S3, "PutBucketReplication"),)
    reads = ("s3:GetReplicationConfiguration", "s3:ListAllMyBuckets")
    writes = {
        "s3:PutReplicationConfiguration": BUCKETS,
        "iam:PassRole": ("arn:{partition}:iam::{account}:role/*",),
    }
    cuts = Cuts(
        "copies for a partner, or for another account of yours",
        question="is the destination yours, or a partner's?",
    )
    busy = BUSY
    settings = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        asked = mapping(change.request, "ReplicationConfiguration")
        rules = [rule for rule in items(asked.get("Rule")) if _in_force(rule)]
        accounts = [_account(rule) for rule in rules]
        if any(
            account and not is_trusted(account, change.account, settings.trusted)
            for account in accounts
        ):
            yield from candidate(change, Certainty.EVIDENT)
        elif not asked or not all(accounts):
            yield from candidate(change, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        unset = "ReplicationConfigurationNotFoundError"
        found = setting(reader, candidate.resource, "GetBucketReplication", unset)
        if found is None:
            return None
        replication = mapping(found, "ReplicationConfiguration")
        theirs = {_bucket(rule) for rule in items(replication.get("Rules"))}
        ours = reader.pages("s3", "ListBuckets", "Buckets") if theirs else ()
        return {
            "owner": candidate.resource.account,
            "role": text(replication, "Role"),
            "rules": replication.get("Rules", []),
            "own": sorted(theirs & {text(document(our), "Name") for our in ours}),
        }

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return buckets(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        foreign = _foreign(state, settings)
        if not foreign:
            return None
        where = ", ".join(
            f"{_bucket(rule)} of {_account(rule) or 'somebody else'}" for rule in foreign
        )
        return Finding(f"objects are copied to {where}", tuple(foreign))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        foreign = _foreign(observation.state, settings)
        if settings.trusted.accounts and not all(_account(rule) for rule in foreign):
            return Plan((), advice="Find out whether a trusted account owns the destination.")
        bucket, role = candidate.resource, text(observation.state, "role")
        rules = list(items(observation.state["rules"]))
        rest = [rule for rule in rules if rule not in foreign]
        remediation = (
            _replicate(bucket, role, rest) if rest else call(bucket, "DeleteBucketReplication")
        )
        untouched = tuple(f"rule {text(rule, 'ID')} to {_bucket(rule)}" for rule in rest)
        advice = "What was copied already is in the other account's hands."
        undo = _replicate(bucket, role, rules)
        return Plan((Step(remediation, (undo,)),), untouched=untouched, advice=advice)


def _in_force(rule: Document) -> bool:
    return text(rule, "Status") != "Disabled"


def _account(rule: Document) -> str:
    return text(mapping(rule, "Destination"), "Account")


def _bucket(rule: Document) -> str:
    return text(mapping(rule, "Destination"), "Bucket").rpartition(":")[2]


def _foreign(state: Document, settings: TrustSettings) -> list[Document]:
    """The rules in force whose destination is not ours, nor of an account that is trusted."""
    own, ours = text(state, "owner"), state["own"]
    assert isinstance(ours, (list, tuple))
    return [
        rule
        for rule in items(state["rules"])
        if _in_force(rule)
        and _bucket(rule) not in ours
        and not (_account(rule) and is_trusted(_account(rule), own, settings.trusted))
    ]


def _replicate(bucket: Resource, role: str, rules: list[Document]) -> Call:
    """Sets the rules; the caller must be allowed to pass the role that S3 assumes later."""
    configuration: Document = {"Role": role, "Rules": rules}
    return Call(
        "s3",
        "PutBucketReplication",
        {"Bucket": bucket.id, "ReplicationConfiguration": configuration},
        on=(bucket.arn, role),
    )


# ---------------------------------------------------------------------------------- website


def _website(bucket: Resource, reader: Reader) -> Document | None:
    found = setting(reader, bucket, "GetBucketWebsite", "NoSuchWebsiteConfiguration")
    return None if found is None else {"website": found or None}


def _published(change: Change) -> Iterable[Candidate]:
    """A website that sends every request elsewhere serves nothing of the bucket."""
    if not mapping(change.request, "WebsiteConfiguration").get("RedirectAllRequestsTo"):
        yield from (told(bucket, "website") for bucket in bucket_of(change))


def _served(state: Document) -> dict[str, str]:
    website = mapping(state, "website")
    serves = website and not website.get("RedirectAllRequestsTo")
    return {"website": "the bucket is served as a website"} if serves else {}


def _set_website(bucket: Resource, state: Document, fields: tuple[str, ...]) -> Call:
    if not state["website"]:
        return call(bucket, "DeleteBucketWebsite")
    return call(bucket, "PutBucketWebsite", WebsiteConfiguration=state["website"])


# Whether a website is an accident or the bucket's purpose only the baseline can tell: one that was
# there before stays, and without a baseline people are asked.
WEBSITE_ENABLED = Weakened(
    id="s3.website-enabled",
    title="Bucket served as a website",
    severity=40,
    cuts=NOTHING,
    busy=BUSY,
    references=References(attack=("T1530",)),
    triggers=(Trigger(S3, "PutBucketWebsite"),),
    reads=("s3:GetBucketWebsite", "s3:ListAllMyBuckets"),
    writes={"s3:DeleteBucketWebsite": BUCKETS, "s3:PutBucketWebsite": BUCKETS},
    found_by=buckets,
    candidates=_published,
    read=_website,
    weaker=weaker_than_before(_served),
    put=_set_website,
)

CONTROLS = (ReplicationExternal(), WEBSITE_ENABLED)
