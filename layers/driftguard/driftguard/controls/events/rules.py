"""How the controls of EventBridge find, read and make the rules that watch over the account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.aws.permissions import roles_in
from driftguard.documents import Document, Json, items, text
from driftguard.model import Call, Change, Resource

from ..control import Busy, References, partition_of

EVENTS = "events.amazonaws.com"
RULES = ("arn:{partition}:events:{region}:{account}:rule/*",)
ROLES = ("arn:{partition}:iam::{account}:role/*",)
GONE = ("ResourceNotFoundException",)
_DEFAULT = "default"
REFERENCES = References(attack=("T1562.001", "T1562.008"))
# Source: Amazon EventBridge API Reference, "PutRule", errors.
BUSY = (Busy("ConcurrentModificationException"),)
_BUS = ":event-bus/"

# A rule watches over the account if it is tagged so, or waits for one of these.
_TAG = "security"
_SOURCES = frozenset(
    f"aws.{name}"
    for name in (
        "access-analyzer",
        "config",
        "guardduty",
        "health",
        "inspector2",
        "macie",
        "securityhub",
        "trustedadvisor",
    )
)
_TRAIL = "via CloudTrail"


def rule_of(change: Change) -> Resource | None:
    """The rule of a change.

    `force` says nothing: AWS asks for it where a service manages the rule, and ignores it
    elsewhere (Amazon EventBridge API Reference, "DeleteRule"). A bus is given by its name or its
    ARN; the name of a partner's bus holds slashes ("CreateEventBus").
    """
    name, bus = text(change.request, "name", "rule"), text(change.request, "eventBusName")
    if not name:
        return None
    if bus.startswith("arn:"):
        bus = bus.partition(_BUS)[2]
    return _named(bus or _DEFAULT, name, change.account, change.region)


def _named(bus: str, name: str, account: str, region: str) -> Resource:
    """A rule; on any bus but the default one, its ARN names the bus too."""
    path = name if bus == _DEFAULT else f"{bus}/{name}"
    arn = f"arn:{partition_of(region)}:events:{region}:{account}:rule/{path}"
    return Resource("events.rule", path, account, region, arn)


def by_name(rule: Resource, key: str = "Name") -> dict[str, Json]:
    """The parameters that name a rule."""
    bus, _, name = rule.id.rpartition("/")
    return {key: name, **({"EventBusName": bus} if bus else {})}


def describe(rule: Resource, reader: Reader) -> Document | None:
    """The rule, None when it is gone or an AWS service manages it."""
    found = reader.read("events", "DescribeRule", absent=GONE, **by_name(rule))
    described = document(found)
    return None if found is None or text(described, "ManagedBy") else described


def tags_of(rule: Resource, reader: Reader) -> list[Document]:
    """All tags of a rule, those included that AWS keeps to itself."""
    found = reader.read("events", "ListTagsForResource", ResourceARN=rule.arn, absent=GONE)
    return list(items(document(found).get("Tags")))


def targets_of(rule: Resource, reader: Reader) -> list[Document]:
    found = reader.pages("events", "ListTargetsByRule", "Targets", **by_name(rule, "Rule"))
    return sorted(map(document, found), key=lambda target: text(target, "Id"))


def watches(pattern: str, tags: Iterable[Document]) -> bool:
    """Whether a rule watches over the account: by its tag, or by what it waits for."""
    if any(_TAG in (text(tag, "Key").lower(), text(tag, "Value").lower()) for tag in tags):
        return True
    try:
        waited = json.loads(pattern or "{}")
    except (ValueError, RecursionError):
        return False
    if not isinstance(waited, dict):
        return False
    sources, kinds = waited.get("source"), waited.get("detail-type")
    return bool(_SOURCES & set(_texts(sources))) or any(_TRAIL in kind for kind in _texts(kinds))


def _texts(value: Json) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _buses(reader: Reader) -> Iterator[str]:
    """The names of all buses: the listing has no paginator."""
    asked: dict[str, str] = {}
    while True:
        page = document(reader.read("events", "ListEventBuses", absent=(), **asked))
        yield from (text(bus, "Name") for bus in items(page.get("EventBuses")))
        if not text(page, "NextToken"):
            return
        asked["NextToken"] = text(page, "NextToken")


def _rules_on(bus: str, reader: Reader) -> list[Document]:
    """The rules of a bus; none where it was deleted while others were looked at."""
    try:
        return list(map(document, reader.pages("events", "ListRules", "Rules", EventBusName=bus)))
    except AwsError as error:
        if error.code not in GONE:
            raise
        return []


def watching(reader: Reader) -> Iterator[Resource]:
    """The rules of every bus that watch over the account."""
    for bus in _buses(reader):
        for described in _rules_on(bus, reader):
            rule = _named(bus, text(described, "Name"), reader.account, reader.region)
            if not text(described, "ManagedBy") and watches(
                text(described, "EventPattern"), tags_of(rule, reader)
            ):
                yield rule


# What PutRule takes of a rule beside its tags. It replaces the whole rule.
_SETTINGS = ("Description", "EventPattern", "RoleArn", "ScheduleExpression", "State")


def settings_of(described: Document) -> Document:
    return {name: described[name] for name in _SETTINGS if described.get(name)}


def put_rule(rule: Resource, settings: Document, tags: Document | None = None) -> Call:
    parameters: Document = {**by_name(rule), **settings, **(tags or {})}
    return Call("events", "PutRule", parameters, on=(rule.arn, *roles_in(parameters)))


def put_targets(rule: Resource, targets: list[Document]) -> Call:
    parameters: Document = {**by_name(rule, "Rule"), "Targets": targets}
    return Call("events", "PutTargets", parameters, on=(rule.arn, *roles_in(parameters)))


def remove_targets(rule: Resource, targets: list[Document]) -> Call:
    ids = [text(target, "Id") for target in targets]
    parameters = {**by_name(rule, "Rule"), "Ids": ids}
    return Call("events", "RemoveTargets", parameters, on=(rule.arn,), settled_by=GONE)
