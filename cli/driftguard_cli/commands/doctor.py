"""`driftguard doctor`: is the deployed guard able to do its work, and will anybody hear of it?

Each check reads with the caller's own rights and says what to do. It changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

import typer
from rich.text import Text

from driftguard.aws.calls import AwsError, told_apart
from driftguard.documents import Document, items, text
from driftguard.model import Autonomy
from driftguard.state import freezes
from driftguard.state.keys import freezes_of

from ..aws_options import on_aws
from ..rows import Rows
from ..stack import JsonOption, Stack, StackOption
from ..terminal import Console

console = Console(highlight=False)


class Verdict(StrEnum):
    """ok; look: it works, and may not be what you want; wrong: something does not work."""

    OK = "ok"
    LOOK = "look"
    WRONG = "wrong"


_STYLES = {Verdict.OK: "green", Verdict.LOOK: "yellow", Verdict.WRONG: "bold red"}
# Where IAM, Route 53 domains and other global services report their changes.
# Source: AWS CloudTrail User Guide, "CloudTrail concepts" (global service events).
_GLOBAL_EVENTS = "us-east-1"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do about it."""

    check: str
    verdict: Verdict
    what: str


Check: TypeAlias = Callable[[Stack], Iterator[Finding]]


@on_aws
def doctor(as_json: JsonOption = False, stack: StackOption = "driftguard") -> None:
    """Check a deployed guard: is it complete, does it see changes, does anybody hear of them?

    Exits 1 if something does not work, or could not be read.

    Example: driftguard doctor --region eu-west-1
    """
    deployed = Stack.named(stack)
    tell(examined(deployed), as_json=as_json)


def tell(found: Sequence[Finding], *, as_json: bool) -> None:
    """Prints what checks found. Exits 1 if something does not work."""
    if as_json:
        told = [
            {"check": one.check, "verdict": one.verdict.value, "what": one.what} for one in found
        ]
        typer.echo(json.dumps(told, indent=2))
    else:
        rows = Rows("verdict", "check", "what", heading=("verdict", "check"), whole=("verdict",))
        for one in found:
            rows.add(Text(one.verdict.value, _STYLES[one.verdict]), one.check, one.what)
        console.print(rows)
    if any(one.verdict is Verdict.WRONG for one in found):
        raise typer.Exit(1)


def examined(deployed: Stack) -> list[Finding]:
    """What every check finds; one that cannot read says so, and keeps no other from running."""
    return [finding for check in CHECKS for finding in _checked(check, deployed)]


def _checked(check: Check, deployed: Stack) -> Iterator[Finding]:
    try:
        yield from check(deployed)
    except AwsError as error:
        name = check.__name__.strip("_").replace("_", " ")
        yield Finding(name, Verdict.WRONG, f"could not be read: {error}")


def _stack(deployed: Stack) -> Iterator[Finding]:
    with told_apart("cloudformation", "DescribeStacks"):
        found = deployed.aws.client("cloudformation").describe_stacks(StackName=deployed.name)
    status = str(found["Stacks"][0]["StackStatus"])
    whole = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    yield Finding(
        "stack",
        Verdict.OK if whole else Verdict.WRONG,
        f"{deployed.name} in account {deployed.account}, {deployed.region}: {status}",
    )


def _changes(deployed: Stack) -> Iterator[Finding]:
    """API calls reach EventBridge only where a trail logs management events."""
    client = deployed.aws.client("cloudtrail")
    with told_apart("cloudtrail", "DescribeTrails"):
        trails = client.describe_trails()["trailList"]
    for trail in trails:
        arn = trail["TrailARN"]
        with told_apart("cloudtrail", "GetTrailStatus"):
            logging = client.get_trail_status(Name=arn)["IsLogging"]
        with told_apart("cloudtrail", "GetEventSelectors"):
            if logging and _logs_changes(client.get_event_selectors(TrailName=arn)):
                yield Finding("changes", Verdict.OK, f"the trail {trail['Name']} logs changes")
                break
    else:
        yield Finding(
            "changes",
            Verdict.WRONG,
            "no trail here is logging management events that write, and without one EventBridge "
            "gets no API calls: make one, or deploy with CreateTrail=true",
        )
    if deployed.region != _GLOBAL_EVENTS:
        yield Finding(
            "changes",
            Verdict.LOOK,
            f"changes of IAM and other global services arrive in {_GLOBAL_EVENTS}: they need a "
            "stack there",
        )


def _logs_changes(selectors: Document) -> bool:
    """Whether a trail's selectors take management events that write; without any, it does.

    Source: AWS CloudTrail API Reference, "EventSelector" and "AdvancedFieldSelector".
    """
    for selector in items(selectors.get("EventSelectors")):
        managed = selector.get("IncludeManagementEvents") is not False
        if managed and text(selector, "ReadWriteType") in ("", "All", "WriteOnly"):
            return True
    for selector in items(selectors.get("AdvancedEventSelectors")):
        wanted = {
            text(one, "Field"): one.get("Equals") for one in items(selector["FieldSelectors"])
        }
        if wanted.get("eventCategory") == ["Management"] and wanted.get("readOnly") != ["true"]:
            return True
    return not (selectors.get("EventSelectors") or selectors.get("AdvancedEventSelectors"))


def _channels(deployed: Stack) -> Iterator[Finding]:
    topic = deployed.output("DecisionsTopic")
    with told_apart("sns", "ListSubscriptionsByTopic"):
        pages = deployed.aws.client("sns").get_paginator("list_subscriptions_by_topic")
        found = [one for page in pages.paginate(TopicArn=topic) for one in page["Subscriptions"]]
    slack = deployed.parameters.get("SlackSecretArn", "")
    waiting = [one for one in found if one["SubscriptionArn"] == "PendingConfirmation"]
    for one in waiting:
        yield Finding(
            "channels",
            Verdict.LOOK,
            f"{one['Endpoint']} has not confirmed its subscription: open the mail of AWS "
            "Notifications, and the link in it",
        )
    heard = [f"{one['Protocol']} {one['Endpoint']}" for one in found if one not in waiting]
    heard += ["Slack"] * bool(slack)
    if heard:
        yield Finding("channels", Verdict.OK, f"decisions reach {', '.join(heard)}")
    elif not waiting:
        yield Finding(
            "channels",
            Verdict.WRONG,
            "nobody hears of any decision, and requests for approval reach nobody: deploy with "
            "NotifyEmail or SlackSecretArn, or subscribe to the decisions topic",
        )


def _dead_letters(deployed: Stack) -> Iterator[Finding]:
    with told_apart("sqs", "GetQueueAttributes"):
        answer = deployed.aws.client("sqs").get_queue_attributes(
            QueueUrl=deployed.output("DeadLetterQueue"),
            AttributeNames=["ApproximateNumberOfMessages"],
        )
    count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    if count:
        yield Finding(
            "dead letters",
            Verdict.WRONG,
            f"{count} could not be handled: `driftguard redrive --dry-run` says which and why",
        )
    else:
        yield Finding("dead letters", Verdict.OK, "none")


def _autonomy(deployed: Stack) -> Iterator[Finding]:
    ceiling = deployed.ceiling
    verdict = Verdict.OK if ceiling is Autonomy.REVERT else Verdict.LOOK
    may = {
        Autonomy.OBSERVE: "no change is reverted or asked about",
        Autonomy.ASK: "nothing is reverted before somebody approves it",
        Autonomy.REVERT: "the policy alone says what is reverted",
    }
    yield Finding("autonomy", verdict, f"the stack's ceiling is {ceiling.label}: {may[ceiling]}")
    now = datetime.now(UTC)
    for record in deployed.state.under(freezes_of(deployed.state.place)):
        if freezes.holds(record, now):
            yield Finding(
                "autonomy",
                Verdict.LOOK,
                f"{freezes.scope(record)} is frozen: nothing is reverted there until "
                "`driftguard unfreeze`",
            )


CHECKS: tuple[Check, ...] = (_stack, _changes, _channels, _dead_letters, _autonomy)
