"""Whom a bucket tells of its objects: inventories and notifications that go to strangers.

Sources: Amazon S3 API Reference, "PutBucketInventoryConfiguration",
"ListBucketInventoryConfigurations", "PutBucketNotificationConfiguration" (replaces all of it; sends
a test to each target unless validation is skipped).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
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

from ..control import Control, Cuts, References, Trigger, TrustSettings
from ..mechanisms.sharing import is_trusted
from .bucket import BUCKETS, BUSY, GONE, S3, buckets, call, candidate, setting

# ------------------------------------------------------------------------------- inventories


class InventoryExternal(Control[TrustSettings]):
    """A list of all objects is written to a bucket of an account that is not trusted.

    S3 does not tell who owns a bucket: one that is not among ours counts as a stranger's, unless
    the configuration names a trusted owner.
    """

    id = "s3.inventory-external"
    title = "Bucket's inventory goes to a foreign account"
    severity = 65
    references = References(attack=("T1619", "T1537"))
    triggers = (Trigger(S3, "PutBucketInventoryConfiguration"),)
    reads = ("s3:GetInventoryConfiguration", "s3:ListAllMyBuckets")
    writes = {"s3:PutInventoryConfiguration": BUCKETS}
    cuts = Cuts(
        "lists for a partner, or for another account of yours",
        question="is the destination yours, or a partner's?",
    )
    busy = BUSY
    # moto cannot delete an inventory.
    proven = "stub"
    settings = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        asked = mapping(change.request, "InventoryConfiguration")
        owner = _owner(asked)
        if not owner or not is_trusted(owner, change.account, settings.trusted):
            certainty = Certainty.EVIDENT if owner else Certainty.POSSIBLE
            yield from candidate(change, certainty)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = _inventories(candidate.resource, reader)
        if found is None:
            return None
        theirs = {_destination(one) for one in items(found)}
        ours = reader.pages("s3", "ListBuckets", "Buckets") if theirs else ()
        return {
            "owner": candidate.resource.account,
            "inventories": found,
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
            f"{_destination(one)} of {_owner(one) or 'somebody else'}" for one in foreign
        )
        return Finding(f"lists of its objects are written to {where}", tuple(foreign))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        foreign = _foreign(observation.state, settings)
        steps = tuple(
            Step(
                call(candidate.resource, "DeleteBucketInventoryConfiguration", Id=text(one, "Id")),
                (_put_inventory(candidate.resource, one),),
            )
            for one in foreign
        )
        untouched = tuple(
            f"inventory {text(one, 'Id')}"
            for one in items(observation.state["inventories"])
            if one not in foreign
        )
        return Plan(steps, untouched=untouched)


def _inventories(bucket: Resource, reader: Reader) -> list[Json] | None:
    """The bucket's inventories, by id; None when the bucket is gone."""
    found: list[Json] = []
    asked: dict[str, str] = {"Bucket": bucket.id}
    while True:
        try:
            page = document(
                reader.read("s3", "ListBucketInventoryConfigurations", absent=(), **asked)
            )
        except AwsError as error:
            if error.code in GONE:
                return None
            raise
        found += [dict(one) for one in items(page.get("InventoryConfigurationList"))]
        if not flag(page.get("IsTruncated")):
            return sorted(found, key=lambda one: text(document(one), "Id"))
        asked["ContinuationToken"] = text(page, "NextContinuationToken")


def _target(inventory: Document) -> Document:
    return mapping(mapping(inventory, "Destination"), "S3BucketDestination")


def _owner(inventory: Document) -> str:
    return text(_target(inventory), "AccountId")


def _destination(inventory: Document) -> str:
    return text(_target(inventory), "Bucket").rpartition(":")[2]


def _foreign(state: Document, settings: TrustSettings) -> list[Document]:
    """The inventories in force that go to a bucket which is not ours, nor a trusted account's."""
    own, ours = text(state, "owner"), state["own"]
    assert isinstance(ours, (list, tuple))
    return [
        one
        for one in items(state["inventories"])
        if flag(one.get("IsEnabled")) is not False
        and _destination(one) not in ours
        and not (_owner(one) and is_trusted(_owner(one), own, settings.trusted))
    ]


def _put_inventory(bucket: Resource, inventory: Document) -> Call:
    return call(
        bucket,
        "PutBucketInventoryConfiguration",
        Id=text(inventory, "Id"),
        InventoryConfiguration=inventory,
    )


# ----------------------------------------------------------------------------- notifications

# Lists of a configuration, and what its targets are called in them.
_TARGETS = {
    "TopicConfigurations": "TopicArn",
    "QueueConfigurations": "QueueArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
}


class NotificationExternal(Control[TrustSettings]):
    """A stranger's topic, queue or function is notified of each new object."""

    id = "s3.notification-external"
    title = "Bucket notifies a foreign account"
    severity = 65
    references = References(attack=("T1546", "T1619"))
    triggers = (Trigger(S3, "PutBucketNotification"),)
    reads = ("s3:GetBucketNotification", "s3:ListAllMyBuckets")
    writes = {"s3:PutBucketNotification": BUCKETS}
    cuts = Cuts(
        "notifications for a partner, or for another account of yours",
        question="is the target yours, or a partner's?",
    )
    busy = BUSY
    settings = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        asked = mapping(change.request, "NotificationConfiguration")
        accounts = {arn.split(":")[4] for arn in _arns(asked)}
        strangers = [
            one for one in accounts if not is_trusted(one, change.account, settings.trusted)
        ]
        if strangers:
            yield from candidate(change, Certainty.EVIDENT)
        elif not asked:
            yield from candidate(change, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = setting(reader, candidate.resource, "GetBucketNotificationConfiguration")
        if found is None:
            return None
        names = (*_TARGETS, "EventBridgeConfiguration")
        kept: Document = {name: found[name] for name in names if name in found}
        return {"owner": candidate.resource.account, "notifications": kept}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return buckets(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        theirs = _strangers(state, settings)
        if not theirs:
            return None
        return Finding(f"{', '.join(theirs)} is notified of what happens to its objects", theirs)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        theirs = _strangers(observation.state, settings)
        whole = mapping(observation.state, "notifications")
        rest: dict[str, Json] = dict(whole)
        for name, target in _TARGETS.items():
            kept = [one for one in items(whole.get(name)) if text(one, target) not in theirs]
            if name in rest:
                rest[name] = kept
        bucket = candidate.resource
        step = Step(_notify(bucket, rest), (_notify(bucket, whole),))
        return Plan((step,), untouched=tuple(sorted(set(_arns(whole)) - {*theirs})))


def _arns(configuration: Document) -> Iterator[str]:
    """The targets of a configuration, as a record or the API writes it."""
    for name, target in _TARGETS.items():
        logged = name.removesuffix("s").replace("LambdaFunction", "CloudFunction")
        for one in (*items(configuration.get(name)), *items(configuration.get(logged))):
            for member in (target, target.removesuffix("Arn").replace("LambdaF", "CloudF")):
                if (arn := text(one, member)).count(":") >= 5:
                    yield arn


def _strangers(state: Document, settings: TrustSettings) -> tuple[str, ...]:
    own = text(state, "owner")
    return tuple(
        sorted(
            arn
            for arn in set(_arns(mapping(state, "notifications")))
            if not is_trusted(arn, own, settings.trusted)
        )
    )


def _notify(bucket: Resource, configuration: Document) -> Call:
    # Whether a target is still there is not this call's matter, and nobody is sent a test.
    return call(
        bucket,
        "PutBucketNotificationConfiguration",
        NotificationConfiguration=configuration,
        SkipDestinationValidation=True,
    )


CONTROLS = (InventoryExternal(), NotificationExternal())
