"""Rules that were deleted, made again with their targets."""

from __future__ import annotations

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.tags import left_out, settable
from driftguard.documents import Document, items, mapping
from driftguard.model import Call, Candidate, Certainty, Resource, Step

from ..control import NOTHING, Trigger
from ..mechanisms.declared import evident
from ..mechanisms.removed import LEFT_OUT, Removed
from .rules import (
    BUSY,
    EVENTS,
    GONE,
    REFERENCES,
    ROLES,
    RULES,
    by_name,
    put_rule,
    put_targets,
    remove_targets,
    rule_of,
    settings_of,
    tags_of,
    targets_of,
    watching,
)


def _whole(rule: Resource, reader: Reader) -> Document:
    found = reader.read("events", "DescribeRule", absent=GONE, **by_name(rule))
    if found is None:
        return {"exists": False}
    tags = tags_of(rule, reader)
    return {
        "exists": True,
        "rule": settings_of(document(found)),
        "tags": settable(tags),
        "targets": targets_of(rule, reader),
        LEFT_OUT: left_out(tags),
    }


def _made_again(rule: Resource, before: Document, _now: Document) -> tuple[Step, ...]:
    settings, targets = mapping(before, "rule"), list(items(before["targets"]))
    put = put_rule(rule, settings, {"Tags": before["tags"]} if before["tags"] else None)
    delete = Call("events", "DeleteRule", by_name(rule), on=(rule.arn,), settled_by=GONE)
    steps = [Step(put, (delete,))]
    if targets:
        steps.append(Step(put_targets(rule, targets), (remove_targets(rule, targets),)))
    return tuple(steps)


CONTROLS = (
    Removed(
        id="events.rule-deleted",
        title="Watching rule deleted",
        severity=75,
        references=REFERENCES,
        cuts=NOTHING,
        busy=BUSY,
        # To make a rule wakes it in vain: it is the harmless twin that the record tells apart.
        triggers=(Trigger(EVENTS, "DeleteRule"), Trigger(EVENTS, "PutRule")),
        reads=(
            "events:DescribeRule",
            "events:ListEventBuses",
            "events:ListRules",
            "events:ListTagsForResource",
            "events:ListTargetsByRule",
        ),
        writes={
            "events:DeleteRule": RULES,
            "events:PutRule": RULES,
            "events:PutTargets": RULES,
            "events:RemoveTargets": RULES,
            "events:TagResource": RULES,
            "iam:PassRole": ROLES,
        },
        found_by=watching,
        candidates=lambda change: (
            Candidate(candidate.resource, Certainty.POSSIBLE)
            for candidate in evident(rule_of, "DeleteRule")(change)
        ),
        read=_whole,
        restore=_made_again,
        what="the rule",
        recorded_only=True,
    ),
)
