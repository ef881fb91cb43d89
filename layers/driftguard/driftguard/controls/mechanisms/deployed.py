"""Tells whether anybody can have come to depend on what was deployed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from driftguard.documents import moment
from driftguard.model import NOT_IN_USE, Use

from ..control import Cuts

# What runs for no longer than this goes back to what ran an hour ago, and everybody knows how to
# live with that. An assumption: a deployment that must not go back any more is older than this.
FRESH = timedelta(hours=1)

FRESH_IN_WORDS = "whether it was deployed within the last hour"


def used_since(deployed: Iterable[str], cuts: Cuts) -> Use:
    """Unused if all of it was deployed within the hour; `deployed` are times in ISO 8601."""
    earliest = datetime.now(UTC) - FRESH
    times = [moment(at) for at in deployed]
    if times and all(at is not None and at > earliest for at in times):
        return NOT_IN_USE
    return Use(unknown=cuts.question)
