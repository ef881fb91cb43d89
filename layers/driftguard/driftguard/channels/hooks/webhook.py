"""A generic webhook: the JSON of docs/message.schema.json, signed.

    X-Driftguard-Timestamp: 1800000000            seconds since 1970 when it was sent
    X-Driftguard-Signature: v1=<64 hex digits>    HMAC-SHA256 of the timestamp, a full stop and the
                                                  body, byte by byte, under the signing secret
    X-Driftguard-Delivery: dg-…-3                 the same for the same state of a decision

The receiver compares the signature in constant time, refuses an old timestamp, and takes a delivery
that it had before as the same one. Sources: RFC 2104, "HMAC"; FIPS 180-4 (SHA-256).
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from driftguard.documents import Document, digest
from driftguard.model import Decision

from ..message import programs
from ..wording import FORMAT, ApprovalRequest
from .post import Post


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts to one receiver. `secret` is what it verifies signatures with."""

    post: Post
    secret: str = field(repr=False)
    clock: Callable[[], float] = time.time

    def send(self, decision: Decision, request: ApprovalRequest | None) -> None:
        """Sends a decision in its current state."""
        self._deliver(programs.document(decision, request), f"{decision.id}-{decision.version}")

    def send_digest(self, decisions: Sequence[Decision], count: int) -> None:
        """Sends one document that lists the decisions."""
        listed: list[Document] = [
            {"decision": one.id, "status": one.status.value, "control": one.control}
            for one in decisions
        ]
        self._deliver(
            {"version": FORMAT, "digest": True, "count": count, "decisions": listed},
            f"digest-{digest([f'{one.id}-{one.version}' for one in decisions])[:24]}",
        )

    def _deliver(self, document: Document, delivery: str) -> None:
        body = json.dumps(document, ensure_ascii=False).encode()
        timestamp = f"{self.clock():.0f}"
        self.post(
            body,
            {
                "X-Driftguard-Timestamp": timestamp,
                "X-Driftguard-Signature": signature(self.secret, timestamp, body),
                "X-Driftguard-Delivery": delivery,
            },
        )


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of a body that is sent at a time."""
    signed = timestamp.encode() + b"." + body
    return f"v1={hmac.new(secret.encode(), signed, sha256).hexdigest()}"
