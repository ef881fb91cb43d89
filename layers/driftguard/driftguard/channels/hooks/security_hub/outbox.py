"""The channel that leaves decisions for Security Hub in a queue, by their ids.

Importing takes its time, and may fail for hours: the stream, which also carries approvals, must not
wait for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from driftguard.approvals import act
from driftguard.aws.calls import Client, told_apart
from driftguard.documents import Document, parsed, text
from driftguard.model import Decision

from ...channel import NOTHING_NEW, Told


@dataclass(frozen=True, slots=True)
class Outbox:
    """Sends each decision's id to one queue. `client` gives SQS's client."""

    client: Callable[[], Client]
    queue: str

    def tell(self, decision: Decision) -> Told:
        """Has the decision imported as it stands by then: what comes twice is imported twice."""
        if is_finding(decision):
            with told_apart("sqs", "SendMessage"):
                self.client().send_message(
                    QueueUrl=self.queue, MessageBody=json.dumps({"decision": decision.id})
                )
        return NOTHING_NEW

    def tell_digest(self, digest: str, decisions: Sequence[Decision]) -> int:
        """Never called: `tell` names no digest."""
        return 0


def is_finding(decision: Decision) -> bool:
    """Whether a decision is about a risk; the others record what operators did to the guard."""
    return decision.control != act.CONTROL


def decisions_in(records: Iterable[Document]) -> dict[str, str]:
    """The decision that each of SQS's records names, by its message's id; "" where it names none.

    Only ids are taken from a message: what is imported stands in the record.

    Source: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS".
    """
    return {text(record, "messageId"): _named(text(record, "body")) for record in records}


def _named(body: str) -> str:
    try:
        said = parsed(body)
    except ValueError:
        return ""
    id_ = text(said, "decision") if isinstance(said, Mapping) else ""
    return id_ if id_.startswith("dg-") else ""
