"""Digests: in a storm, many decisions are counted into one message. Pure.

A channel tells as many decisions a minute one by one as the policy's `digest_over` says; those that
follow share a digest. A digest that can be edited goes on for as long as the storm does.
`tally.py` keeps the counts, under keys that the channel names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from driftguard.guardrails.spoken import spoken
from driftguard.model import Decision, Status

from .wording import told

# A storm is over when nothing was added to its digest for so long.
STORM_ENDS_AFTER = timedelta(minutes=10)
# How many decisions a digest names to people, how many it lists for programs (more than a batch of
# the stream has), and how long a line about one may be.
NAMED, LISTED = 15, 500
LONGEST_LINE = 160
# Ends the name of a digest of what is beyond a day's budget: no storm is named so.
_OF_A_DAY = ".budget"


@dataclass(frozen=True, slots=True)
class Storm:
    """Many decisions under one message: how many, how many of each status, the first by name.

    `room` is where in the channel they are told, `began` tells a room's storms apart, and `message`
    is the channel's name for the message, "" before there is one.
    """

    room: str
    began: str
    message: str = ""
    count: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    @property
    def since(self) -> str:
        """When it began, as ISO 8601 in UTC."""
        return f"{self.began[:19]}Z"

    @property
    def is_of_a_day(self) -> bool:
        """Whether it holds what was beyond a day's budget, and not a storm."""
        return self.began.endswith(_OF_A_DAY)

    @property
    def unnamed(self) -> int:
        """How many of its decisions have no line of their own."""
        return max(0, self.count - len(self.lines))


def begins(current: str, last: float, now: datetime) -> str:
    """Which storm a decision belongs to now: the current one, or one that begins with it.

    `last` is when the current one was added to, in epoch seconds.
    """
    if current and now.timestamp() - last < STORM_ENDS_AFTER.total_seconds():
        return current
    return f"{now:%Y-%m-%dT%H:%M:%S.%f}"


def of_the_day(now: datetime) -> str:
    """Which digest a decision belongs to that is beyond the day's budget."""
    return f"{now:%Y-%m-%dT00:00:00}{_OF_A_DAY}"


def stands_alone(decision: Decision) -> bool:
    """Whether a decision gets its own message in any storm: failures, acts in an emergency."""
    return decision.status is Status.FAILED or is_emergency(decision)


def is_emergency(decision: Decision) -> bool:
    """Whether somebody acted in an emergency."""
    return any(guardrail.urgent for guardrail, _ in spoken(decision.rulings))


def line(decision: Decision) -> str:
    """A decision on one line of a digest that is edited as decisions move."""
    resource = decision.candidate.resource
    words = f"{decision.title}: {resource.id} ({decision.id}, {told(decision.status)})"
    return words[:LONGEST_LINE]


def line_of_a_day(decision: Decision) -> str:
    """A decision on one line of a day's digest, which names the most severe: severity first."""
    return f"{decision.severity:3d}  {line(decision)}"[:LONGEST_LINE]


def most_severe(lines: Sequence[str]) -> list[str]:
    """The lines that a day's digest keeps, the most severe first; of equals the first given."""
    return sorted(lines, key=lambda one: one[:3], reverse=True)[:NAMED]


def by_status(statuses: Mapping[str, int]) -> str:
    """The number of decisions by status: `12 reverted, 3 waiting for votes`."""
    return ", ".join(
        f"{number} {_of_many(Status(status))}" for status, number in sorted(statuses.items())
    )


def _of_many(status: Status) -> str:
    return "waiting for votes" if status is Status.ASKED else told(status)


def counts(decisions: Sequence[Decision]) -> list[tuple[str, int]]:
    """The number of these decisions by status, the most frequent first."""
    return Counter(told(decision.status) for decision in decisions).most_common()


def worst_first(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions by severity, so that no amount of noise hides what matters; of equals the last.

    They are given oldest first.
    """
    return sorted(decisions, key=lambda decision: decision.severity)[::-1]


def held_back(decisions: Sequence[Decision]) -> list[str]:
    """Why reverts were held back in a storm, each reason once."""
    return list(
        dict.fromkeys(
            ruling.reason
            for decision in decisions
            for guardrail, ruling in spoken(decision.rulings)
            if guardrail.in_digests
        )
    )
