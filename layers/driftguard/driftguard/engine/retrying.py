"""Says when a revert that failed is tried again, and how often people are asked again.

A revert is tried again soon, later, then once a day, until the risk is gone or people end it: they
accept the change, exempt it, or undo what was done. A freeze only holds it up. The publisher sets a
timer for each time, as for an approval request.

Where policy lets the guard revert and only a guardrail had it ask, silence does not accept the
change: people are asked again, each time for twice as long, a few times.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from driftguard.documents import stamp
from driftguard.model import Autonomy, Decision

_AFTER = (
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(days=1),
)
# How often people are asked again about what nobody has voted on.
_MOST_ASKED_AGAIN = 3


def asks_again(decision: Decision) -> bool:
    """Whether people are asked again if nobody votes and the risk still stands."""
    return decision.granted is Autonomy.REVERT and decision.retries < _MOST_ASKED_AGAIN


def next_try(retries: int, now: datetime) -> str:
    """When a revert is tried again that was tried again so often (ISO 8601, UTC)."""
    return stamp(now + _AFTER[min(retries, len(_AFTER) - 1)])


def in_words(retries: int, next_try: str) -> str:
    """How often it was tried again, and when it is next."""
    so_far = {0: "", 1: "tried again once; "}.get(retries, f"tried again {retries} times; ")
    return f"{so_far}it is tried again at {next_try}, unless people accept or exempt the change"
