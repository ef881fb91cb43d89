"""PagerDuty: an alert for each decision that people must see to, by the Events API v2.

Its key is the decision's id: what waits for a person or has failed triggers it, a vote that is
still short of the quorum acknowledges it, an outcome resolves it. What was only observed, or
reverted without anybody, pages nobody. (To resolve what was never triggered does nothing.)

Sources, developer.pagerduty.com: "Send an alert event" (`routing_key`, `event_action`,
`dedup_key` of 255 characters, `summary` of 1,024, four severities, `links`), "Events API v2
overview" (202 for what was taken, 400, 429; 512 KB).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from driftguard.documents import Document
from driftguard.model import Decision, Status

from .. import digest
from ..message.telling import Message, message
from ..message.text import difference_lines
from ..wording import ApprovalRequest, clipped, severity_name
from .post import Post

URL = "https://events.pagerduty.com/v2/enqueue"
_SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning"}
_OVER = (Status.DENIED, Status.EXPIRED, Status.REVERTED, Status.UNDONE, Status.EXEMPTED)
_UNDERWAY = (Status.APPROVED, Status.REVERTING, Status.UNDOING)
_SUMMARY = 1_024
_TEXT = 2_000
_ITEMS = 20


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """Sends events to one service's integration. `routing_key` is its key.

    In a storm, too, each decision has an event: PagerDuty groups alerts, and each is resolved.
    """

    post: Post
    routing_key: str = field(repr=False)

    def send(self, decision: Decision, request: ApprovalRequest | None) -> None:
        """Sends what the decision now means for its alert, if anything."""
        action = action_of(decision)
        if not action:
            return
        event: dict[str, object] = {
            "routing_key": self.routing_key,
            "event_action": action,
            "dedup_key": decision.id,
        }
        if action == "trigger":
            event |= _alert(decision, message(decision, request))
        self.post(json.dumps(event, ensure_ascii=False).encode())


def action_of(decision: Decision) -> str:
    """What a decision means for its alert: trigger, acknowledge, resolve; "" for nothing."""
    if decision.status is Status.ASKED:
        return "acknowledge" if decision.votes else "trigger"
    if decision.status in (Status.FAILED, Status.PROPOSED) or digest.is_emergency(decision):
        return "trigger"
    if decision.status in _UNDERWAY:
        return "acknowledge"
    return "resolve" if decision.status in _OVER else ""


def _alert(decision: Decision, told: Message) -> dict[str, object]:
    resource = decision.candidate.resource
    severity = _SEVERITIES.get(severity_name(decision.severity), "info")
    details: dict[str, object] = {
        name: clipped(text, _TEXT) for name, text in (*told.where, *told.story)
    }
    details[told.doing] = [
        clipped(line.strip(), _TEXT) for one in told.differences for line in difference_lines(one)
    ][:_ITEMS]
    details |= {
        "Left alone": [clipped(one, _TEXT) for one in told.left_alone[:_ITEMS]],
        "To do by hand": clipped(told.advice, _TEXT),
        "Until": told.timeout,
        "Commands": [f"{one.line}: {one.does}" for one in told.commands],
        "Decided": clipped(told.decided, _TEXT),
    }
    payload: Document = {
        "summary": clipped(f"{told.title} in {resource.account} {resource.region}", _SUMMARY),
        "source": clipped(resource.arn, _SUMMARY) or "driftguard",
        "severity": severity if told.severity else "warning",
        "timestamp": decision.updated,
        "component": clipped(resource.kind, _TEXT),
        "group": resource.account,
        "class": decision.control,
    }
    links = [{"href": told.console, "text": "The resource in the AWS console"}]
    return {
        "payload": {
            **payload,
            "custom_details": {name: value for name, value in details.items() if value},
        },
        "client": "Driftguard",
        "links": links if told.console else [],
    }
