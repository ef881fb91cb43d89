"""What must be true of a message in the end, whatever went wrong with it.

It ended right, or it waits with its reason where an alarm sees it; nothing was reverted twice; the
record is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class End(StrEnum):
    """How a message may end; `WRONG` is a fault of ours."""

    RIGHT = "ended right"
    ASKED = "people asked"
    TOLD = "failed, told"
    WAITS = "dead-lettered"
    WRONG = "wrong"


# Errors of our own code, whatever AWS did: nobody who reads the dead letter can do anything.
CRASHES = (
    "AssertionError",
    "AttributeError",
    "IndexError",
    "KeyError",
    "NameError",
    "RuntimeError",
    "TypeError",
    "UnboundLocalError",
    "ClientError",
)


@dataclass(frozen=True)
class Verdict:
    """How it ended, and why that is wrong, or what people were told."""

    end: End
    why: str = ""


def wrong(why: str) -> Verdict:
    """A fault of ours."""
    return Verdict(End.WRONG, why)


def crash_in(reasons: list[str]) -> str:
    """The reason in the dead-letter queue that is an error of our own code; "" if none is."""
    return next((reason for reason in reasons if reason.startswith(CRASHES)), "")
