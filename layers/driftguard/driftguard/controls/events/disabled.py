"""Rules that were disabled, or no longer wait for what they watched."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Candidate, Certainty, Change, Resource

from ..control import NOTHING, Trigger
from ..mechanisms.switch import Switch
from ..mechanisms.weakened import TOLD
from .rules import (
    BUSY,
    EVENTS,
    REFERENCES,
    ROLES,
    RULES,
    describe,
    put_rule,
    rule_of,
    settings_of,
    tags_of,
    watches,
    watching,
)

_OFF = "DISABLED"


def _switched_off(change: Change) -> Iterator[Candidate]:
    """The rule that a call switches off, or whose pattern it replaces."""
    rule = rule_of(change)
    if rule is None:
        return
    off = change.name == "DisableRule" or text(change.request, "state") == _OFF
    if off:
        yield Candidate(rule, Certainty.POSSIBLE, {TOLD: ["State"]})
    elif change.name == "PutRule":
        yield Candidate(rule, Certainty.POSSIBLE)


def _enabled(rule: Resource, reader: Reader) -> Document | None:
    found = describe(rule, reader)
    if found is None:
        return None
    watching = watches(text(found, "EventPattern"), tags_of(rule, reader))
    return {"watches": watching, "rule": settings_of(found)}


def _state(state: Document) -> str:
    return text(mapping(state, "rule"), "State")


def _disabled(state: Document, baseline: Document | None) -> str:
    """Why the rule watches less than before; without a baseline, by the record's own word."""
    watched = state["watches"] if baseline is None else baseline["watches"]
    was_on = TOLD in state if baseline is None else _state(baseline) != _OFF
    if not watched or not was_on:
        return ""
    if _state(state) == _OFF:
        return "the rule watches nothing now"
    return "" if state["watches"] else "the rule no longer waits for what it watched"


def _as_before(state: Document, baseline: Document | None) -> Document:
    """The baseline's rule: it may have been enabled for all management events.

    Source: Amazon EventBridge User Guide, "AWS service events delivered via AWS CloudTrail"
    (`ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`, which EnableRule does not set).
    """
    before, now = mapping(baseline or {}, "rule"), mapping(state, "rule")
    as_it_waited = {**(now if state["watches"] else before)}
    return {**state, "rule": {**as_it_waited, "State": text(before, "State") or "ENABLED"}}


CONTROLS = (
    Switch(
        id="events.rule-disabled",
        title="Watching rule disabled",
        severity=75,
        references=REFERENCES,
        triggers=(
            Trigger(EVENTS, "DisableRule"),
            Trigger(EVENTS, "EnableRule"),
            Trigger(EVENTS, "PutRule"),
        ),
        cuts=NOTHING,
        busy=BUSY,
        baselined=True,
        reads=(
            "events:DescribeRule",
            "events:ListEventBuses",
            "events:ListRules",
            "events:ListTagsForResource",
        ),
        found_by=watching,
        writes={"events:PutRule": RULES, "iam:PassRole": ROLES},
        candidates=_switched_off,
        read=_enabled,
        risky=_disabled,
        safe=_as_before,
        put=lambda rule, state: put_rule(rule, mapping(state, "rule")),
    ),
)
