"""How much happens in accounts of three sizes, and what else is assumed: nothing is measured."""

from __future__ import annotations

from dataclasses import dataclass

HOURS = 730
DAYS = 30.4


@dataclass(frozen=True, slots=True)
class Size:
    """One region of one account, a month.

    `matched` events match a rule of the stack; `fine` of them point at a resource that the guard
    reads and finds in order; the others are harmless by their records, or become one of the
    decisions. `resources` are those that the daily sweep lists. `emails` is how many addresses are
    subscribed to the decisions topic.
    """

    name: str
    matched: int
    fine: int
    observed: int
    reverted: int
    asked: int
    resources: int
    emails: int = 1

    @property
    def decisions(self) -> int:
        """All decisions of the month."""
        return self.observed + self.reverted + self.asked

    @property
    def harmless(self) -> int:
        """Events that are harmless by their records."""
        return self.matched - self.fine - self.decisions


SIZES = (
    Size("small", 3_000, fine=600, observed=30, reverted=5, asked=10, resources=500),
    Size("medium", 60_000, fine=12_000, observed=300, reverted=40, asked=60, resources=5_000),
    Size(
        "large", 1_000_000, fine=200_000, observed=3_000, reverted=300, asked=400, resources=50_000
    ),
)

# Milliseconds that Lambda bills for one change, warm, on arm64 with the template's memory.
MILLISECONDS = {"harmless": 20, "fine": 300, "observed": 400, "reverted": 1_500, "asked": 2_000}
# A cold start, and one for so many invocations of the guard.
COLD_MILLISECONDS, COLD_ONE_IN = 1_500, 20
# The publisher, for one decision; the sweep, for one resource and for a run that finds nothing.
PUBLISH_MILLISECONDS, SWEEP_MILLISECONDS, IDLE_SWEEP_MILLISECONDS = 200, 150, 2_000
# Bytes of log: what Lambda and the metrics write for an invocation, and one decision beside it.
LOG_INVOCATION, LOG_DECISION, LOG_DAYS = 1_200, 2_500, 90
# DynamoDB units for what a channel remembers of a decision that it told.
TOLD_WRITES, TOLD_READS = 6, 2
# Lambda polls an idle queue with five long polls of 20 seconds at once.
# Source: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS".
POLLERS, POLL_SECONDS = 5, 20
# A request to KMS per table or topic, and per client, every five minutes.
# Source: Amazon DynamoDB Developer Guide, "DynamoDB encryption at rest: How it works".
KMS_CLIENTS, KMS_MINUTES = 8, 5
# How long decisions have been kept already.
KEPT_MONTHS = 12
