"""Rules that lost targets."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, items, text
from driftguard.model import (
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import NOTHING, Control, NoSettings, Trigger
from .rules import (
    BUSY,
    EVENTS,
    REFERENCES,
    ROLES,
    RULES,
    describe,
    put_targets,
    remove_targets,
    rule_of,
    targets_of,
    watching,
)


class TargetsRemoved(Control[NoSettings]):
    """A rule that watches over the account has fewer targets than before, or none.

    Only the missing targets of the baseline are put back; a target that was added stays. Targets
    are told apart by where they lead and with what: the id is any text, and PutTargets under an id
    that is taken replaces the target (Amazon EventBridge API Reference, "PutTargets").
    """

    id = "events.targets-removed"
    title = "Targets of a watching rule removed"
    severity = 70
    references = REFERENCES
    triggers = (Trigger(EVENTS, "RemoveTargets"), Trigger(EVENTS, "PutTargets"))
    cuts = NOTHING
    busy = BUSY
    reads = (
        "events:DescribeRule",
        "events:ListEventBuses",
        "events:ListRules",
        "events:ListTagsForResource",
        "events:ListTargetsByRule",
    )
    writes = {
        "events:PutTargets": RULES,
        "events:RemoveTargets": RULES,
        "iam:PassRole": ROLES,
    }
    baselined = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        rule = rule_of(change)
        if rule is not None and not _all_failed(change):
            yield Candidate(rule, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        if describe(candidate.resource, reader) is None:
            return None
        return {"targets": targets_of(candidate.resource, reader)}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return watching(reader)

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
        ids = {text(target, "Id") for target in missing}
        there = list(items(observation.state["targets"]))
        replaced = [target for target in there if text(target, "Id") in ids]
        taken = {text(target, "Id") for target in replaced}
        new = [target for target in missing if text(target, "Id") not in taken]
        back = (
            *((remove_targets(rule, new),) if new else ()),
            *((put_targets(rule, replaced),) if replaced else ()),
        )
        untouched = tuple(text(item, "Arn") for item in there if item not in replaced)
        return Plan((Step(put_targets(rule, missing), back),), untouched)


def _all_failed(change: Change) -> bool:
    """Whether the response says of every target that nothing was done."""
    asked = change.request.get("ids") or change.request.get("targets")
    failed = change.response.get("failedEntryCount")
    return isinstance(asked, list) and isinstance(failed, int) and 0 < len(asked) <= failed


def _missing(state: Document, baseline: Document | None) -> list[Document]:
    """The baseline's targets that are not there, under whatever id."""
    there = [_leads(item) for item in items(state["targets"])]
    return [item for item in items((baseline or {}).get("targets")) if _leads(item) not in there]


def _leads(target: Document) -> Document:
    """Where a target leads, and with what; not its id, nor what is tried when that fails."""
    beside = ("Id", "RetryPolicy", "DeadLetterConfig")
    return {name: value for name, value in target.items() if name not in beside}


CONTROLS = (TargetsRemoved(),)
