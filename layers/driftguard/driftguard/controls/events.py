"""EventBridge: rules that watch over the account disabled, emptied or deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.permissions import roles_in
from driftguard.documents import Document, Json, flag, items, text
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

from .control import Control, NoSettings, References, Trigger, partition_of
from .mechanisms.declared import evident
from .mechanisms.removed import Removed
from .mechanisms.switch import Switch

_EVENTS = "events.amazonaws.com"
_RULES = ("arn:{partition}:events:{region}:{account}:rule/*",)
_ROLES = ("arn:{partition}:iam::{account}:role/*",)
_GONE = ("ResourceNotFoundException",)
_DEFAULT = "default"
_REFERENCES = References(attack=("T1562.001", "T1562.008"))

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


# --------------------------------------------------------------------------------- the rule


def _rule(change: Change) -> Resource | None:
    """The rule of a change. `force` is only given for rules that AWS's services manage."""
    name = text(change.request, "name", "rule")
    if not name or flag(change.request.get("force")):
        return None
    bus = text(change.request, "eventBusName").rpartition("/")[2] or _DEFAULT
    return _named(bus, name, change.account, change.region)


def _named(bus: str, name: str, account: str, region: str) -> Resource:
    """A rule; on any bus but the default one, its ARN names the bus too."""
    path = name if bus == _DEFAULT else f"{bus}/{name}"
    arn = f"arn:{partition_of(region)}:events:{region}:{account}:rule/{path}"
    return Resource("events.rule", path, account, region, arn)


def _by_name(rule: Resource, key: str = "Name") -> dict[str, Json]:
    """The parameters that name a rule."""
    bus, _, name = rule.id.rpartition("/")
    return {key: name, **({"EventBusName": bus} if bus else {})}


def _describe(rule: Resource, reader: Reader) -> Document | None:
    """The rule, None when it is gone or an AWS service manages it."""
    found = reader.read("events", "DescribeRule", absent=_GONE, **_by_name(rule))
    described = document(found)
    return None if found is None or text(described, "ManagedBy") else described


def _tags(rule: Resource, reader: Reader) -> list[Document]:
    found = reader.read("events", "ListTagsForResource", ResourceARN=rule.arn, absent=_GONE)
    return sorted(items(document(found).get("Tags")), key=lambda tag: text(tag, "Key"))


def _targets(rule: Resource, reader: Reader) -> list[Document]:
    found = reader.pages("events", "ListTargetsByRule", "Targets", **_by_name(rule, "Rule"))
    return sorted(map(document, found), key=lambda target: text(target, "Id"))


def watches(pattern: str, tags: Iterable[Document]) -> bool:
    """Whether a rule watches over the account: by its tag, or by what it waits for."""
    if any(_TAG in (text(tag, "Key").lower(), text(tag, "Value").lower()) for tag in tags):
        return True
    try:
        waited = json.loads(pattern or "{}")
    except ValueError:
        return False
    if not isinstance(waited, dict):
        return False
    sources, kinds = waited.get("source"), waited.get("detail-type")
    return bool(_SOURCES & set(_texts(sources))) or any(_TRAIL in kind for kind in _texts(kinds))


def _texts(value: Json) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _watching(reader: Reader) -> Iterator[Resource]:
    """The rules of every bus that watch over the account."""
    buses = document(reader.read("events", "ListEventBuses")).get("EventBuses")
    for bus in (text(item, "Name") for item in items(buses)):
        for described in map(
            document, reader.pages("events", "ListRules", "Rules", EventBusName=bus)
        ):
            rule = _named(bus, text(described, "Name"), reader.account, reader.region)
            if not text(described, "ManagedBy") and watches(
                text(described, "EventPattern"), _tags(rule, reader)
            ):
                yield rule


# --------------------------------------------------------------------------------- disabled


def _enabled(rule: Resource, reader: Reader) -> Document | None:
    found = _describe(rule, reader)
    if found is None:
        return None
    return {
        "enabled": text(found, "State") != "DISABLED",
        "watches": watches(text(found, "EventPattern"), _tags(rule, reader)),
    }


def _disabled(state: Document, _: Document | None) -> str:
    return "the rule watches nothing now" if state["watches"] and not state["enabled"] else ""


def _set_enabled(rule: Resource, state: Document) -> Call:
    operation = "EnableRule" if state["enabled"] else "DisableRule"
    return Call("events", operation, _by_name(rule), on=(rule.arn,))


# ---------------------------------------------------------------------------------- emptied


class TargetsRemoved(Control[NoSettings]):
    """A rule that watches over the account has fewer targets than before, or none.

    Only the missing targets of the baseline are put back; a target that was added stays.
    """

    id = "events.targets-removed"
    title = "Targets of a watching rule removed"
    severity = 70
    references = _REFERENCES
    triggers = (Trigger(_EVENTS, "RemoveTargets"),)
    reads = (
        "events:DescribeRule",
        "events:ListEventBuses",
        "events:ListRules",
        "events:ListTagsForResource",
        "events:ListTargetsByRule",
    )
    writes = {
        "events:PutTargets": _RULES,
        "events:RemoveTargets": _RULES,
        "iam:PassRole": _ROLES,
    }
    baselined = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        rule = _rule(change)
        if rule is not None:
            yield Candidate(rule, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        if _describe(candidate.resource, reader) is None:
            return None
        return {"targets": _targets(candidate.resource, reader)}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return _watching(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        missing = _missing(state, baseline)
        if not missing:
            return None
        arns = ", ".join(text(target, "Arn") for target in missing)
        return Finding(f"the rule no longer tells {arns}", tuple(missing))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        rule, missing = candidate.resource, _missing(observation.state, baseline)
        untouched = tuple(text(item, "Arn") for item in items(observation.state["targets"]))
        return Plan(
            (Step(_put_targets(rule, missing), (_remove_targets(rule, missing),)),), untouched
        )


def _missing(state: Document, baseline: Document | None) -> list[Document]:
    """The baseline's targets that are not there, by id."""
    there = {text(item, "Id") for item in items(state["targets"])}
    return [
        item for item in items((baseline or {}).get("targets")) if text(item, "Id") not in there
    ]


def _put_targets(rule: Resource, targets: list[Document]) -> Call:
    parameters: Document = {**_by_name(rule, "Rule"), "Targets": targets}
    return Call("events", "PutTargets", parameters, on=(rule.arn, *roles_in(parameters)))


def _remove_targets(rule: Resource, targets: list[Document]) -> Call:
    ids = [text(target, "Id") for target in targets]
    parameters = {**_by_name(rule, "Rule"), "Ids": ids}
    return Call("events", "RemoveTargets", parameters, on=(rule.arn,), settled_by=_GONE)


# ---------------------------------------------------------------------------------- deleted


def _whole(rule: Resource, reader: Reader) -> Document:
    found = reader.read("events", "DescribeRule", absent=_GONE, **_by_name(rule))
    if found is None:
        return {"exists": False}
    described = document(found)
    wanted = ("Description", "EventPattern", "RoleArn", "ScheduleExpression", "State")
    return {
        "exists": True,
        "rule": {name: described[name] for name in wanted if described.get(name)},
        "tags": _tags(rule, reader),
        "targets": _targets(rule, reader),
    }


def _made_again(rule: Resource, before: Document) -> tuple[Step, ...]:
    settings, targets = before["rule"], list(items(before["targets"]))
    assert isinstance(settings, dict)
    tags: Document = {"Tags": before["tags"]} if before["tags"] else {}
    parameters: Document = {**_by_name(rule), **settings, **tags}
    put = Call("events", "PutRule", parameters, on=(rule.arn, *roles_in(parameters)))
    delete = Call("events", "DeleteRule", _by_name(rule), on=(rule.arn,), settled_by=_GONE)
    steps = [Step(put, (delete,))]
    if targets:
        steps.append(Step(_put_targets(rule, targets), (_remove_targets(rule, targets),)))
    return tuple(steps)


CONTROLS = (
    Switch(
        id="events.rule-disabled",
        title="Watching rule disabled",
        severity=75,
        references=_REFERENCES,
        triggers=(Trigger(_EVENTS, "DisableRule"), Trigger(_EVENTS, "EnableRule")),
        reads=(
            "events:DescribeRule",
            "events:ListEventBuses",
            "events:ListRules",
            "events:ListTagsForResource",
        ),
        found_by=_watching,
        writes={"events:DisableRule": _RULES, "events:EnableRule": _RULES},
        candidates=lambda change: (
            Candidate(candidate.resource, Certainty.POSSIBLE)
            for candidate in evident(_rule, "DisableRule")(change)
        ),
        read=_enabled,
        risky=_disabled,
        safe=lambda state, _: {**state, "enabled": True},
        put=_set_enabled,
    ),
    TargetsRemoved(),
    Removed(
        id="events.rule-deleted",
        title="Watching rule deleted",
        severity=75,
        references=_REFERENCES,
        triggers=(Trigger(_EVENTS, "DeleteRule"),),
        reads=(
            "events:DescribeRule",
            "events:ListEventBuses",
            "events:ListRules",
            "events:ListTagsForResource",
            "events:ListTargetsByRule",
        ),
        writes={
            "events:DeleteRule": _RULES,
            "events:PutRule": _RULES,
            "events:PutTargets": _RULES,
            "events:RemoveTargets": _RULES,
            "events:TagResource": _RULES,
            "iam:PassRole": _ROLES,
        },
        found_by=_watching,
        candidates=lambda change: (
            Candidate(candidate.resource, Certainty.POSSIBLE)
            for candidate in evident(_rule, "DeleteRule")(change)
        ),
        read=_whole,
        restore=_made_again,
        what="the rule",
        recorded_only=True,
    ),
)
