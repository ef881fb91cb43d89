"""The metrics that the functions count, as data: for the dashboard and the page of metrics.

`tests/unit/functions/test_metrics.py` holds this list to what the functions' code adds.

Source: Amazon CloudWatch User Guide, "Embedding metrics within logs": CloudWatch makes a metric of
each name and set of dimensions. Ours have one dimension, `service`: the function that counts.
"""

from __future__ import annotations

from typing import NamedTuple

from driftguard.guardrails.registry import GUARDRAILS
from driftguard.model import Status

NAMESPACE = "Driftguard"


class Metric(NamedTuple):
    """A metric: its name, the service that counts it, its unit, and what it says."""

    name: str
    service: str
    unit: str
    says: str


_STATUSES = {
    Status.OBSERVED: "Decisions of which people are only told.",
    Status.EXEMPTED: "Decisions about what somebody declared to be fine.",
    Status.ASKED: "Approval requests that were made.",
    Status.APPROVED: "Approval requests that were approved, and are still to be carried out.",
    Status.DENIED: "Approval requests by which people let the change stand.",
    Status.EXPIRED: "Approval requests that nobody decided in time.",
    Status.REVERTING: "Reverts that are underway, or wait for AWS.",
    Status.REVERTED: "Reverts that were verified, and risks that were gone already.",
    Status.FAILED: "Remediations that failed or were refused.",
    Status.UNDOING: "Undos that are underway, or wait for AWS.",
    Status.UNDONE: "Reverts that were undone.",
    Status.NOTED: "Acts of people on the guard itself that it has met.",
    Status.PROPOSED: "Acts on the guard itself that others must confirm.",
}
# What has come of a decision, for now: nothing more happens by itself.
OUTCOMES = (
    Status.OBSERVED,
    Status.EXEMPTED,
    Status.ASKED,
    Status.DENIED,
    Status.EXPIRED,
    Status.REVERTED,
    Status.FAILED,
    Status.UNDONE,
)
# What a sweep says of a resource, and of its run.
_SWEPT = {
    "clean": "Resources that are fine, of controls that keep no baseline.",
    "recorded": "Resources that are fine, and whose baseline is new or differs.",
    "unchanged": "Resources that are fine, and as their baseline says.",
    "gone": "Resources that were listed, and were gone when they were read.",
    "risky": "Resources that are risky, and on which nothing was decided.",
    "standing": "Resources that are risky, on which was decided before.",
    "unread": "Resources that could not be read for now.",
    "failed": "Resources or lists that could not be read at all. It has an alarm.",
    "sent": "Risky resources that the guard was sent to look at.",
    "unreached": "Controls that a run did not come to; the next goes on there.",
    "overdue": "Decisions whose time was over and whose timer had not rung. It has an alarm.",
}


def of_status(status: Status) -> str:
    """The name of the metric that counts decisions of this status."""
    return status.value.capitalize()


METRICS: tuple[Metric, ...] = (
    Metric("Messages", "guard", "Count", "Messages that the guard took: changes and commands."),
    *(Metric(of_status(one), "guard", "Count", says) for one, says in _STATUSES.items()),
    Metric(
        "TimeToRevert",
        "guard",
        "Seconds",
        "How long it took from a change until its revert was verified, where the time of the "
        "change is known. CloudTrail delivers most events within minutes; that time is part of it.",
    ),
    *(
        Metric(one.alarms, "guard", "Count", f"Rulings of the guardrail `{one.name}`, which alarm.")
        for one in GUARDRAILS
        if one.alarms
    ),
    Metric(
        "LoweredForClaimedActor",
        "guard",
        "Count",
        "Decisions with less autonomy because of who is said to have made the change.",
    ),
    *(Metric(f"Swept{one.capitalize()}", "sweep", "Count", says) for one, says in _SWEPT.items()),
    Metric("OpenApprovals", "sweep", "Count", "Approval requests that are open, once an hour."),
    Metric("Sealed", "seal", "Count", "Days of the record that were sealed."),
    Metric("Published", "publish", "Count", "Messages to the decisions topic, digests included."),
    Metric(
        "OverBudget",
        "publish",
        "Count",
        "Decisions that wait for a digest because the day's `notifications` are used up.",
    ),
    Metric("SlackRecords", "slack", "Count", "Decisions of which Slack was to be told."),
    Metric("HooksPublished", "hooks", "Count", "Messages to other services over HTTPS."),
    Metric(
        "SecurityHubCommands",
        "security-hub",
        "Count",
        "Looks and questions that Security Hub's custom action had the guard make.",
    ),
    Metric(
        "SecurityHubLeftOut",
        "security-hub",
        "Count",
        "Findings of a custom action that were too many for one event; the log names them. "
        "Security Hub sends an event for each finding, so that such an event is not its own.",
    ),
    Metric(
        "FindingsNotImported",
        "security-hub",
        "Count",
        "Findings that Security Hub did not take; each is sent again.",
    ),
    Metric("ConductEvents", "conduct", "Count", "Management events that were looked at."),
    Metric(
        "ConductUnread",
        "conduct",
        "Count",
        "Messages that are no management event, or that contradict themselves.",
    ),
    Metric(
        "ConductLooks",
        "conduct",
        "Count",
        "Principals whose conduct is so unusual that the guard was to look at it.",
    ),
    Metric(
        "ConductOverBudget",
        "conduct",
        "Count",
        "Looks that were left out because the day's are used up; `driftguard audit` does not have "
        "them, and decisions of these principals are told with what was unusual.",
    ),
    Metric("Replies", "reply", "Count", "Requests to the reply function: links, Slack, SNS."),
    Metric("Replies", "signed-api", "Count", "Requests to the signed API."),
)


def page() -> str:
    """Return docs/reference/metrics.md."""
    rows = "".join(
        f"| `{one.name}` | `{one.service}` | {one.unit} | {one.says} |\n" for one in METRICS
    )
    return f"""\
# Metrics

`make generate` writes this page from `cli/driftguard_cli/generate/metrics.py`. To change it, change
that.

The functions write their metrics into their logs, in CloudWatch's embedded metric format. All are
in the namespace `{NAMESPACE}` and have one dimension, `service`: the function that counts. A metric
that was never counted does not exist. [The stack](stack.md#alarms) lists the alarms, and
[What it costs](../cost.md) says what metrics and alarms cost.

| metric | service | unit | what it says |
|---|---|---|---|
{rows}"""
