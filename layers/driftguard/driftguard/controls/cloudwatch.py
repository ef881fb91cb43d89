"""CloudWatch: alarms that watch over the account silenced, muted or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.tags import left_out, settable
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from .control import NOTHING, References, Trigger, resource
from .mechanisms.advice import Advice
from .mechanisms.declared import listed
from .mechanisms.removed import LEFT_OUT, Removed
from .mechanisms.switch import Switch
from .mechanisms.weakened import TOLD

_CLOUDWATCH = "monitoring.amazonaws.com"
_ALARMS = ("arn:{partition}:cloudwatch:{region}:{account}:alarm:*",)
_REFERENCES = References(
    security_hub=("CloudWatch.15", "CloudWatch.17"), attack=("T1562.001", "T1562.006")
)

# An alarm watches over the account if it is tagged so, or counts what a trail's filters find.
# Source: AWS CloudTrail User Guide, "Creating CloudWatch alarms for CloudTrail events: examples".
_TAG = "security"
_NAMESPACES = frozenset({"CISBenchmark", "CloudTrailMetrics", "LogMetrics"})
# Alarms that Application Auto Scaling makes and deletes as it goes.
_SERVICES_OWN = "TargetTracking-"

# What DescribeAlarms tells of an alarm beside what PutMetricAlarm takes.
_TOLD_ONLY = frozenset(
    {
        "AlarmArn",
        "AlarmConfigurationUpdatedTimestamp",
        "EvaluationState",
        "StateReason",
        "StateReasonData",
        "StateTransitionedTimestamp",
        "StateUpdatedTimestamp",
        "StateValue",
    }
)


def _named(change: Change, call: str) -> Iterator[Candidate]:
    """The alarms that such a call names, in either of the spellings that are logged."""
    names = change.request.get("alarmNames")
    each = names if isinstance(names, (list, tuple)) else [names]
    for name in each if change.name == call else ():
        if isinstance(name, str) and name and not name.startswith(_SERVICES_OWN):
            where = f"cloudwatch:{{region}}:{{account}}:alarm:{name}"
            yield Candidate(resource(change, "cloudwatch.alarm", name, where), Certainty.POSSIBLE)


def _describe(alarm: Resource, reader: Reader) -> Document | None:
    found = document(
        reader.read(
            "cloudwatch",
            "DescribeAlarms",
            AlarmNames=[alarm.id],
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
        )
    )
    for kind in ("MetricAlarms", "CompositeAlarms"):
        for item in items(found.get(kind)):
            return item
    return None


def _tags(arn: str, reader: Reader) -> list[Document]:
    found = reader.read(
        "cloudwatch",
        "ListTagsForResource",
        ResourceARN=arn,
        absent=("ResourceNotFound", "ResourceNotFoundException"),
    )
    return list(items(document(found).get("Tags")))


def watches(alarm: Document, tags: Iterable[Document]) -> bool:
    """Whether an alarm watches over the account."""
    tagged = any(_TAG in (text(tag, "Key").lower(), text(tag, "Value").lower()) for tag in tags)
    return tagged or text(alarm, "Namespace") in _NAMESPACES


def _watching(reader: Reader) -> Iterator[Resource]:
    """The metric alarms that watch over the account; a composite one is not made anew."""
    for alarm in map(document, reader.pages("cloudwatch", "DescribeAlarms", "MetricAlarms")):
        name, arn = text(alarm, "AlarmName"), text(alarm, "AlarmArn")
        if not name.startswith(_SERVICES_OWN) and watches(alarm, _tags(arn, reader)):
            yield Resource("cloudwatch.alarm", name, reader.account, reader.region, arn)


# ---------------------------------------------------------------------------------- silenced


def _acting(alarm: Resource, reader: Reader) -> Document | None:
    found = _describe(alarm, reader)
    if found is None:
        return None
    return {
        "acts": flag(found.get("ActionsEnabled")) is True,
        "watches": watches(found, _tags(alarm.arn, reader)),
    }


# The calls that replace a whole alarm.
_PUT = ("PutMetricAlarm", "PutCompositeAlarm")


def _quieted(change: Change) -> Iterator[Candidate]:
    """The alarms that a call keeps from acting: it says so, or replaces the whole alarm."""
    off = change.name in _PUT and flag(change.request.get("actionsEnabled")) is False
    name = text(change.request, "alarmName") if off else ""
    for candidate in _named(change, "DisableAlarmActions"):
        yield replace(candidate, hint={TOLD: ["acts"]})
    if name and not name.startswith(_SERVICES_OWN):
        where = f"cloudwatch:{{region}}:{{account}}:alarm:{name}"
        yield Candidate(resource(change, "cloudwatch.alarm", name, where), Certainty.POSSIBLE)


def _silenced(state: Document, baseline: Document | None) -> str:
    """Why an alarm tells less than before; without a baseline, by the record's own word."""
    did = TOLD in state if baseline is None else baseline["acts"]
    silent = did and state["watches"] and not state["acts"]
    return "the alarm tells nobody any more" if silent else ""


def _set_acting(alarm: Resource, state: Document) -> Call:
    operation = "EnableAlarmActions" if state["acts"] else "DisableAlarmActions"
    return Call("cloudwatch", operation, {"AlarmNames": [alarm.id]}, on=(alarm.arn,))


# ------------------------------------------------------------------------------------- muted


def _muting(change: Change) -> Iterator[Candidate]:
    """The mute rule that a call makes or changes, if it mutes alarms of anybody's own."""
    name, targets = text(change.request, "name"), mapping(change.request, "muteTargets")
    named = [str(alarm) for alarm in listed(targets, "alarmNames")]
    own = any(not alarm.startswith(_SERVICES_OWN) for alarm in named)
    if name and (own or omitted(change.request)):
        where = f"cloudwatch:{{region}}:{{account}}:alarm-mute-rule:{name}"
        rule = resource(change, "cloudwatch.alarm-mute-rule", name, where)
        yield Candidate(rule, Certainty.POSSIBLE)


def _muted(rule: Resource, reader: Reader) -> Document | None:
    """The watching alarms that a rule mutes, now or later; None if it mutes none of them."""
    found = document(
        reader.read(
            "cloudwatch",
            "GetAlarmMuteRule",
            AlarmMuteRuleName=rule.id,
            absent=("ResourceNotFound", "ResourceNotFoundException"),
        )
    )
    names = listed(mapping(found, "MuteTargets"), "AlarmNames")
    if not names or text(found, "Status") == "EXPIRED":
        return None
    asked = {"AlarmNames": names, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    watched: list[Json] = []
    for kind in ("MetricAlarms", "CompositeAlarms"):
        for alarm in map(document, reader.pages("cloudwatch", "DescribeAlarms", kind, **asked)):
            if watches(alarm, _tags(text(alarm, "AlarmArn"), reader)):
                watched.append(text(alarm, "AlarmName"))
    return {"muted": sorted(watched, key=str)} if watched else None


# ----------------------------------------------------------------------------------- deleted


def _whole(alarm: Resource, reader: Reader) -> Document:
    found = _describe(alarm, reader)
    if found is None:
        return {"exists": False}
    settings = {
        name: value
        for name, value in found.items()
        if name not in _TOLD_ONLY and value not in ([], None)
    }
    tags = _tags(alarm.arn, reader)
    return {
        "exists": True,
        "alarm": settings,
        "tags": settable(tags),
        LEFT_OUT: left_out(tags),
    }


def _made_again(alarm: Resource, before: Document, _now: Document) -> tuple[Step, ...]:
    settings = before["alarm"]
    assert isinstance(settings, dict)
    tags: Document = {"Tags": before["tags"]} if before["tags"] else {}
    put = Call("cloudwatch", "PutMetricAlarm", {**settings, **tags}, on=(alarm.arn,))
    delete = Call(
        "cloudwatch",
        "DeleteAlarms",
        {"AlarmNames": [alarm.id]},
        on=(alarm.arn,),
        settled_by=("ResourceNotFound",),
    )
    return (Step(put, (delete,)),)


CONTROLS = (
    Switch(
        id="cloudwatch.alarm-silenced",
        title="Watching alarm silenced",
        severity=70,
        references=_REFERENCES,
        cuts=NOTHING,
        baselined=True,
        triggers=(
            Trigger(_CLOUDWATCH, "DisableAlarmActions"),
            *(Trigger(_CLOUDWATCH, name) for name in _PUT),
        ),
        reads=("cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"),
        found_by=_watching,
        writes={
            "cloudwatch:DisableAlarmActions": _ALARMS,
            "cloudwatch:EnableAlarmActions": _ALARMS,
        },
        candidates=_quieted,
        read=_acting,
        risky=_silenced,
        safe=lambda state, _: {**state, "acts": True},
        put=_set_acting,
    ),
    Advice(
        id="cloudwatch.alarm-muted",
        title="Watching alarm muted by a rule",
        severity=65,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(Trigger(_CLOUDWATCH, "PutAlarmMuteRule"),),
        reads=(
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetAlarmMuteRule",
            "cloudwatch:ListTagsForResource",
        ),
        revert="what the rule said before is not in the record, and a plan deletes nothing",
        candidates=_muting,
        read=_muted,
        # Source: Amazon CloudWatch API Reference, "PutAlarmMuteRule".
        why="while the rule is active an alarm that watches over the account tells nobody",
        advice="See whether it is for a maintenance, and until when. If not: take the alarm out of "
        "the rule, or delete the rule, and look what the alarm saw meanwhile.",
    ),
    Removed(
        id="cloudwatch.alarm-deleted",
        title="Watching alarm deleted",
        severity=70,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(Trigger(_CLOUDWATCH, "DeleteAlarms"),),
        reads=("cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"),
        writes={
            "cloudwatch:DeleteAlarms": _ALARMS,
            "cloudwatch:PutMetricAlarm": _ALARMS,
            "cloudwatch:TagResource": _ALARMS,
        },
        found_by=_watching,
        candidates=lambda change: _named(change, "DeleteAlarms"),
        read=_whole,
        restore=_made_again,
        what="the alarm",
        recorded_only=True,
    ),
)
