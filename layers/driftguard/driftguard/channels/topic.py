"""The decisions topic: a channel over Amazon SNS. `sns.py` has the renderings.

Sources: Amazon SNS Developer Guide, "Message filtering", "Platform-specific payloads", "Publish".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from driftguard.aws.calls import Client, told_apart
from driftguard.documents import Document
from driftguard.model import Choice, Decision, Status
from driftguard.policy.model import Policy

from . import digest, links, sns
from .channel import NOTHING_NEW, ONE_MESSAGE, Told
from .tally import counted
from .told import ToldOnce
from .wording import ApprovalRequest, timeout

# How many decisions a digest lists for programs.
_DIGESTED = 500
_DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Voting:
    """Where votes are taken: the links' base and key, and the topic for replies.

    The base is empty where the stack has no public address: then messages carry no link.
    """

    base: str = ""
    key: Callable[[], bytes] = bytes
    replies_topic: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """Publishes decisions to one SNS topic. `client` gives SNS's client."""

    client: Callable[[], Client]
    arn: str
    policy: Policy
    told: ToldOnce
    voting: Voting = Voting()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def tell(self, decision: Decision) -> Told:
        """Publishes the decision, or leaves it to the batch's digest when there are too many."""
        if self.told.was_told(decision):
            return NOTHING_NEW
        if not digest.stands_alone(decision):
            minute = counted(self.told.state, "told", "rate", self.now())
            if minute > self.policy.digest_over:
                return Told(digest=_DIGEST)
        publish(decision, self.client(), self.arn, self._request(decision))
        self.told.remember(decision, self.now())
        return ONE_MESSAGE

    def tell_digest(self, digest: str, decisions: Sequence[Decision]) -> int:
        """Publishes many decisions as one message."""
        publish_digest(decisions, self.client(), self.arn)
        for decision in decisions:
            self.told.remember(decision, self.now())
        return 1

    def _request(self, decision: Decision) -> ApprovalRequest | None:
        if decision.status is not Status.ASKED:
            return None
        terms = self.policy.terms(decision.control, decision.severity)
        link = ""
        if self.voting.base and decision.expires:
            offered = links.for_decision(decision, self.voting.base, self.voting.key())
            # A shared link does not prove who uses it, so it cannot accept the change.
            link = offered[Choice.REVERT]
        return ApprovalRequest(timeout(decision, terms), link, self.voting.replies_topic)


def publish(
    decision: Decision, client: Client, topic: str, request: ApprovalRequest | None = None
) -> None:
    """Publishes a decision to a topic. Raises `AwsError` when SNS does not take it."""
    renderings = {
        "default": sns.as_default(decision, request),
        "email": sns.as_email(decision, request),
        "https": json.dumps(sns.as_q(decision, request), ensure_ascii=False),
    }
    attributes = {
        name: {"DataType": kind, "StringValue": value}
        for name, kind, value in (
            ("kind", "String", sns.kind(request)),
            ("status", "String", decision.status.value),
            ("control", "String", decision.control),
            ("severity", "Number", str(decision.severity)),
            ("account", "String", decision.candidate.resource.account),
            ("region", "String", decision.candidate.resource.region or "none"),
        )
    }
    _send(client, topic, sns.subject(decision), renderings, attributes)


def publish_digest(decisions: Sequence[Decision], client: Client, topic: str) -> None:
    """Publishes many decisions as one message. Raises `AwsError` when SNS does not take it.

    Its attributes are those of all that it holds: a subscriber who hears only of the severe, or of
    one control, must hear of a storm that has it.
    """
    machine: Document = {
        "digest": True,
        "count": len(decisions),
        "decisions": [
            {
                "decision": decision.id,
                "status": decision.status.value,
                "control": decision.control,
            }
            for decision in digest.worst_first(decisions)[:_DIGESTED]
        ],
    }
    renderings = {
        "default": json.dumps(machine, ensure_ascii=False),
        "email": sns.digest_text(decisions),
    }
    resources = [decision.candidate.resource for decision in decisions]
    severity = str(max(decision.severity for decision in decisions))
    attributes = {
        "kind": {"DataType": "String", "StringValue": "digest"},
        "severity": {"DataType": "Number", "StringValue": severity},
        **{
            name: {"DataType": "String.Array", "StringValue": json.dumps(sorted(values))}
            for name, values in (
                ("status", {decision.status.value for decision in decisions}),
                ("control", {decision.control for decision in decisions}),
                ("account", {resource.account for resource in resources}),
                ("region", {resource.region or "none" for resource in resources}),
            )
        },
    }
    _send(client, topic, sns.digest_subject(decisions), renderings, attributes)


def _send(
    client: Client,
    topic: str,
    subject: str,
    renderings: Mapping[str, str],
    attributes: Mapping[str, Mapping[str, str]],
) -> None:
    with told_apart("sns", "Publish"):
        client.publish(
            TopicArn=topic,
            Subject=subject,
            Message=json.dumps(renderings, ensure_ascii=False),
            MessageStructure="json",
            MessageAttributes=attributes,
        )
