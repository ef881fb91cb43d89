"""CloudWatch Logs: retention shortened, filters and log groups deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.aws.permissions import roles_in
from driftguard.documents import Document, items, text
from driftguard.model import (
    Autonomy,
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

from .control import NOTHING, Busy, Control, References, Trigger, resource
from .mechanisms.advice import Advice
from .mechanisms.declared import evident
from .mechanisms.removed import Removed
from .mechanisms.weakened import MADE, is_being_made

_LOGS = "logs.amazonaws.com"
_GROUPS = ("arn:{partition}:logs:{region}:{account}:log-group:*",)
_DESTINATIONS = ("arn:{partition}:logs:*:*:destination:*",)
_ROLES = ("arn:{partition}:iam::{account}:role/*",)
_GONE = ("ResourceNotFoundException",)
# Source: Amazon CloudWatch Logs API Reference, "PutRetentionPolicy", errors.
_BUSY = (Busy("OperationAbortedException"),)


def _group(change: Change) -> Resource | None:
    name = text(change.request, "logGroupName")
    if not name:
        return None
    where = f"logs:{{region}}:{{account}}:log-group:{name}"
    return resource(change, "logs.log-group", name, where)


def _groups(reader: Reader) -> Iterator[Resource]:
    for group in map(document, reader.pages("logs", "DescribeLogGroups", "logGroups")):
        name, arn = text(group, "logGroupName"), text(group, "arn").removesuffix(":*")
        yield Resource("logs.log-group", name, reader.account, reader.region, arn)


def _on(group_arn: str) -> str:
    """A log group in an IAM policy: all actions but tagging want the ARN's longer form.

    Source: Amazon CloudWatch Logs API Reference, "LogGroup".
    """
    return f"{group_arn}:*"


def _read_group(group: Resource, reader: Reader) -> Document | None:
    found = reader.pages("logs", "DescribeLogGroups", "logGroups", logGroupNamePrefix=group.id)
    return next(
        (
            described
            for described in map(document, found)
            if text(described, "logGroupName") == group.id
        ),
        None,
    )


# -------------------------------------------------------------------------------- retention


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """What is short.

    `minimum_days`: a retention below it is a risk whatever it was before. `enough_days`: a group
    that kept its events for good, as AWS makes every group, may come to keep them so long.
    """

    minimum_days: int = 7
    enough_days: int = 365


class RetentionShortened(Control[RetentionSettings]):
    """A log group keeps its events for less time than before.

    Expired events are gone within days, so the retention goes back to the baseline's; without one
    people are asked, and the group keeps its events for good until somebody says for how long. A
    group that was made minutes ago was made with its retention.
    """

    id = "logs.retention-shortened"
    title = "Log retention shortened"
    severity = 60
    references = References(security_hub=("CloudWatch.16",), attack=("T1562.008", "T1070"))
    triggers = (Trigger(_LOGS, "PutRetentionPolicy"), Trigger(_LOGS, "DeleteRetentionPolicy"))
    reads = ("logs:DescribeLogGroups",)
    writes = {"logs:DeleteRetentionPolicy": _GROUPS, "logs:PutRetentionPolicy": _GROUPS}
    baselined = True
    cuts = NOTHING
    busy = _BUSY
    settings = RetentionSettings

    def screen(self, change: Change, settings: RetentionSettings) -> Iterable[Candidate]:
        group = _group(change)
        # Without a policy events are kept for good: there is nothing longer.
        if group is not None and change.name == "PutRetentionPolicy":
            asked = change.request.get("retentionInDays")
            short = isinstance(asked, int) and asked < settings.minimum_days
            certainty = Certainty.EVIDENT if short else Certainty.POSSIBLE
            yield Candidate(group, certainty, {"changed": change.time})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = _read_group(candidate.resource, reader)
        # Groups of this class keep everything for two days, and take no policy.
        # Source: Amazon CloudWatch Logs User Guide, "Log classes".
        if found is None or text(found, "logGroupClass") == "DELIVERY":
            return None
        made = is_being_made({MADE: _created(found)}, text(candidate.hint, "changed"))
        state: Document = {"days": found.get("retentionInDays"), **candidate.hint}
        return {**state, "made": True} if made else state

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return _groups(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: RetentionSettings
    ) -> Finding | None:
        days = state["days"]
        if not isinstance(days, int):
            return None
        if baseline is None:
            if days >= settings.minimum_days or "made" in state:
                return None
            why = "for how long it kept them before is not recorded"
            told = f"the log group keeps events for {days} days only"
            return Finding(told, at_most=Autonomy.ASK, at_most_why=why)
        before = baseline["days"]
        shorter = days < (before if isinstance(before, int) else settings.enough_days)
        if not shorter:
            return None
        before_in_words = f"for {before} days" if isinstance(before, int) else "for good"
        return Finding(
            f"the log group keeps events for {days} days; it kept them {before_in_words}"
        )

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: RetentionSettings,
    ) -> Plan:
        group = candidate.resource
        before: Document = baseline or {"days": None}
        advice = "" if baseline else "Events are now kept for good; set the retention you want."
        return Plan(
            (Step(_keep(group, before), (_keep(group, observation.state),)),), advice=advice
        )


def _created(group: Document) -> str:
    """When a log group was made, which AWS tells in milliseconds, as ISO 8601 in UTC."""
    at = group.get("creationTime")
    return datetime.fromtimestamp(at / 1000, UTC).isoformat() if isinstance(at, int) else ""


def _keep(group: Resource, state: Document) -> Call:
    named: Document = {"logGroupName": group.id}
    on = (_on(group.arn),)
    if state["days"] is None:
        return Call("logs", "DeleteRetentionPolicy", named, on=on)
    return Call("logs", "PutRetentionPolicy", {**named, "retentionInDays": state["days"]}, on=on)


# ---------------------------------------------------------------------------------- filters


def _filter_of(change: Change, kind: str) -> Resource | None:
    group, name = _group(change), text(change.request, "filterName")
    return None if group is None or not name else _filter(group, kind, name)


def _filter(group: Resource, kind: str, name: str) -> Resource:
    """A filter of a log group. AWS has no ARN for one; this only names it in the record."""
    arn = f"{group.arn}:{kind}:{name}"
    return Resource(f"logs.{kind}", name, group.account, group.region, arn)


def _group_of(filter_: Resource) -> str:
    """The ARN of the log group that a filter belongs to."""
    return ":".join(filter_.arn.split(":")[:7])


def _metric_filter(change: Change) -> Resource | None:
    return _filter_of(change, "metric-filter")


def _metric_filters(reader: Reader) -> Iterator[Resource]:
    groups = {group.id: group for group in _groups(reader)}
    for described in map(document, reader.pages("logs", "DescribeMetricFilters", "metricFilters")):
        group = groups.get(text(described, "logGroupName"))
        if group is not None:
            yield _filter(group, "metric-filter", text(described, "filterName"))


def _whole_metric_filter(filter_: Resource, reader: Reader) -> Document | None:
    return _whole(filter_, reader, "DescribeMetricFilters", "metricFilters")


def _subscription_filter(change: Change) -> Resource | None:
    return _filter_of(change, "subscription-filter")


def _subscription_filters(reader: Reader) -> Iterator[Resource]:
    operation, key = "DescribeSubscriptionFilters", "subscriptionFilters"
    for group in _groups(reader):
        try:
            found = list(map(document, reader.pages("logs", operation, key, logGroupName=group.id)))
        except AwsError as error:
            # It was deleted while others were looked at.
            if error.code not in _GONE:
                raise
            continue
        for described in found:
            yield _filter(group, "subscription-filter", text(described, "filterName"))


def _whole_subscription_filter(filter_: Resource, reader: Reader) -> Document | None:
    return _whole(filter_, reader, "DescribeSubscriptionFilters", "subscriptionFilters")


def _whole(filter_: Resource, reader: Reader, operation: str, key: str) -> Document | None:
    """The whole filter; None where its log group is gone, and there is nothing to filter."""
    group = _group_of(filter_).split(":")[6]
    named = {"logGroupName": group, "filterNamePrefix": filter_.id}
    found = reader.read("logs", operation, absent=_GONE, **named)
    if found is None:
        return None
    for described in items(document(found).get(key)):
        if text(described, "filterName") == filter_.id:
            settings = {name: value for name, value in described.items() if name != "creationTime"}
            return {"exists": True, "filter": settings}
    return {"exists": False}


def _filter_again(filter_: Resource, before: Document, _now: Document) -> tuple[Step, ...]:
    settings = before["filter"]
    assert isinstance(settings, dict)
    kind = "Metric" if filter_.kind == "logs.metric-filter" else "Subscription"
    group = _group_of(filter_)
    named = {"logGroupName": group.split(":")[6], "filterName": filter_.id}
    sent_to = text(settings, "destinationArn")
    destination = (sent_to,) if ":destination:" in sent_to else ()
    on = (_on(group), *destination, *roles_in(settings))
    put = Call("logs", f"Put{kind}Filter", settings, on=on)
    delete = Call("logs", f"Delete{kind}Filter", named, on=(_on(group),), settled_by=_GONE)
    return (Step(put, (delete,)),)


# ------------------------------------------------------------------------------ log groups


def _deleted(change: Change) -> Resource | None:
    group, stream = _group(change), text(change.request, "logStreamName")
    if group is None or not stream:
        return group
    arn = f"{group.arn}:log-stream:{stream}"
    return Resource("logs.log-stream", stream, group.account, group.region, arn)


CONTROLS = (
    RetentionShortened(),
    Removed(
        id="logs.metric-filter-deleted",
        title="Metric filter deleted",
        severity=60,
        cuts=NOTHING,
        busy=_BUSY,
        references=References(
            security_hub=tuple(f"CloudWatch.{number}" for number in range(1, 15)),
            attack=("T1562.008",),
        ),
        triggers=(Trigger(_LOGS, "DeleteMetricFilter"), Trigger(_LOGS, "PutMetricFilter")),
        reads=("logs:DescribeLogGroups", "logs:DescribeMetricFilters"),
        writes={"logs:DeleteMetricFilter": _GROUPS, "logs:PutMetricFilter": _GROUPS},
        found_by=_metric_filters,
        candidates=evident(_metric_filter, "DeleteMetricFilter"),
        read=_whole_metric_filter,
        restore=_filter_again,
        what="the metric filter",
    ),
    Removed(
        id="logs.subscription-filter-deleted",
        title="Subscription filter deleted",
        severity=65,
        cuts=NOTHING,
        busy=_BUSY,
        references=References(attack=("T1562.008",)),
        triggers=(
            Trigger(_LOGS, "DeleteSubscriptionFilter"),
            Trigger(_LOGS, "PutSubscriptionFilter"),
        ),
        reads=("logs:DescribeLogGroups", "logs:DescribeSubscriptionFilters"),
        writes={
            "iam:PassRole": _ROLES,
            "logs:DeleteSubscriptionFilter": _GROUPS,
            "logs:PutSubscriptionFilter": (*_GROUPS, *_DESTINATIONS),
        },
        found_by=_subscription_filters,
        candidates=evident(_subscription_filter, "DeleteSubscriptionFilter"),
        read=_whole_subscription_filter,
        restore=_filter_again,
        what="the subscription filter",
    ),
    Advice(
        id="logs.log-group-deleted",
        title="Logs deleted",
        severity=70,
        cuts=NOTHING,
        references=References(attack=("T1070", "T1485")),
        triggers=(
            Trigger(_LOGS, "DeleteLogGroup"),
            Trigger(_LOGS, "DeleteLogStream"),
            Trigger(_LOGS, "CreateLogGroup"),
        ),
        revert="the events are gone: CloudWatch Logs keeps no copy of what is deleted",
        candidates=evident(_deleted, "DeleteLogGroup", "DeleteLogStream"),
        why="the logs were deleted for good",
        advice="Look for copies: exports, subscriptions, the source of the events.",
    ),
)
