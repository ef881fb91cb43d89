"""`Channel`, the protocol of whatever tells people or programs of decisions, and the one loop that
hands channels a batch of the audit table's stream.

The stream delivers at least once: when one record of a batch is not handled, Lambda delivers it and
all that follow again. A channel that fails hears no more of its batch, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from driftguard.model import Decision


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel did about one decision.

    `messages` is how many it sent. `digest` names the digest that the decision waits for, in a word
    of the channel's own; "" where it waits for none. `over_budget`: the day's budget is used up,
    and the decision waits for the digest of its hour.
    """

    messages: int = 0
    digest: str = ""
    over_budget: bool = False


NOTHING_NEW = Told()
ONE_MESSAGE = Told(messages=1)
OVER_BUDGET = Told(over_budget=True)


class Channel(Protocol):
    """Tells people or programs of decisions, in whatever form suits them."""

    def tell(self, decision: Decision) -> Told:
        """Tells of a decision as it now stands, unless that was told before.

        In a storm a channel names the digest that will tell of it instead. Raises when the decision
        could not be told: then it comes again.
        """

    def tell_digest(self, digest: str, decisions: Sequence[Decision]) -> int:
        """Tells of these decisions in one message; how many messages that took.

        Called at the end of a batch, once for each digest that `tell` named, with the decisions
        that wait for it, in their order. Each is there once: what a later record of the batch has
        moved on is left out. Raises when it could not be told: then they come again.
        """


@dataclass(frozen=True, slots=True)
class Followed:
    """What came of a batch.

    `published` counts messages, and `over_budget` the decisions that wait for a digest because a
    channel's budget of the day is used up. `failed` is the sequence number of the first record that
    must come again, "" when none must, and `trouble` says what went wrong.
    """

    published: int
    failed: str = ""
    trouble: str = ""
    over_budget: int = 0


@dataclass(slots=True)
class _Hearing:
    """One channel's part of a batch."""

    channel: Channel
    published: int = 0
    over_budget: int = 0
    waiting: dict[str, list[tuple[str, Decision]]] = field(default_factory=dict)
    # The last record of each decision that this channel need say no more of: it was told, waits
    # for a digest, or has an outcome that is yet to come.
    last: dict[str, str] = field(default_factory=dict)
    # Sequence numbers, with what went wrong there.
    failures: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, sequence: str, decision: Decision) -> None:
        try:
            sent = self.channel.tell(decision)
        except Exception as error:  # noqa: BLE001 - it comes again, and is dead-lettered in the end
            self.failures.append((sequence, _words(error)))
            return
        self.passes(sequence, decision)
        self.published += sent.messages
        self.over_budget += sent.over_budget
        if sent.digest:
            self.waiting.setdefault(sent.digest, []).append((sequence, decision))

    def passes(self, sequence: str, decision: Decision) -> None:
        """Notes how far the batch has come with a decision."""
        self.last[decision.id] = sequence

    def tell_digests(self) -> None:
        """Tells the digests, without what a later record of the batch has moved on."""
        for digest, every in self.waiting.items():
            waiting = [one for one in every if self.last[one[1].id] == one[0]]
            if not waiting:
                continue
            try:
                decisions = [decision for _, decision in waiting]
                self.published += self.channel.tell_digest(digest, decisions)
            except Exception as error:  # noqa: BLE001 - as above, from the first that was not told
                self.failures.append((waiting[0][0], _words(error)))


def tell_all(
    channels: Sequence[Channel],
    batch: Iterable[tuple[str, Decision]],
    *,
    before: Callable[[Decision], bool] = lambda _: True,
) -> Followed:
    """Tells the channels of a batch, oldest first, each decision with its sequence number.

    `before` runs once for each decision, and says whether channels hear of it; where it raises, the
    batch ends.
    """
    hearings = [_Hearing(channel) for channel in channels]
    order: list[str] = []
    failures: list[tuple[str, str]] = []
    for sequence, decision in batch:
        listening = [hearing for hearing in hearings if not hearing.failures]
        if hearings and not listening:
            break
        order.append(sequence)
        try:
            is_news = before(decision)
        except Exception as error:  # noqa: BLE001 - as above
            failures.append((sequence, _words(error)))
            break
        for hearing in listening:
            if is_news:
                hearing.tell(sequence, decision)
            else:
                hearing.passes(sequence, decision)
    for hearing in hearings:
        hearing.tell_digests()
        failures += hearing.failures
    again = {sequence for sequence, _ in failures}
    return Followed(
        published=sum(hearing.published for hearing in hearings),
        failed=next((sequence for sequence in order if sequence in again), ""),
        trouble="; ".join(trouble for _, trouble in failures),
        over_budget=sum(hearing.over_budget for hearing in hearings),
    )


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
