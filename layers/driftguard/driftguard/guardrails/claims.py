"""Tells which rulings rest on the actor that a change's record names."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.model import Ruling

# How a ruling says that it rests on the actor in the change's record.
CLAIMED = "by the word of the change's record"


def rests_on_claimed_actor(rulings: Iterable[Ruling]) -> bool:
    """Whether a guardrail lowered the autonomy because of who the record says made the change.

    Whoever can send events chooses what they say. So it is told, and counted.
    """
    return any(CLAIMED in ruling.reason for ruling in rulings)
