"""Makes a channel of a hook: each state of a decision is told once, a storm in one message.

A service that keeps a thing of its own for each decision (an alert, an issue) has no such message:
it is told of each decision of a storm by itself, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from driftguard.model import Decision
from driftguard.policy.model import Policy

from ..channel import NOTHING_NEW, ONE_MESSAGE, Channel, Told, tell_all
from ..told import ToldOnce
from ..wording import ApprovalRequest, timeout
from .news import News


class NotTold(Exception):
    """Some services were not told; the message says which and why."""


# As many decisions as one read of the record takes.
_READ = 100


class Hook(Protocol):
    """Sends messages to one service. It raises what kept it from sending."""

    def send(self, decision: Decision, request: ApprovalRequest | None) -> None:
        """Sends a decision in its current state."""


@runtime_checkable
class Digests(Protocol):
    """A hook that has one message about many decisions. It raises what kept it from sending."""

    def send_digest(self, decisions: Sequence[Decision], count: int) -> None:
        """Sends many decisions in as few messages as the service has: `count`, these by name."""


@dataclass(frozen=True, slots=True)
class Hooked:
    """Tells one service what one guard decides.

    `hook` makes what sends, so that a secret that cannot be read keeps no other channel from it.
    """

    hook: Callable[[], Hook]
    told: ToldOnce
    policy: Policy
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def tell(self, decision: Decision) -> Told:
        """Sends the decision, unless it was sent before as it now stands."""
        if self.told.was_told(decision):
            return NOTHING_NEW
        words = timeout(decision, self.policy.terms(decision.control, decision.severity))
        self.hook().send(decision, ApprovalRequest(words) if words else None)
        self.told.remember(decision, self.now())
        return ONE_MESSAGE

    def tell_digest(self, digest: str, decisions: Sequence[Decision]) -> int:
        """Sends one message about those that were not sent before, or one about each.

        `digest` is how many decisions it is about: perhaps only some of them are named. What was
        only observed and waited for its digest is named in part; no service keeps a thing of it.
        """
        news = [decision for decision in decisions if not self.told.was_told(decision)]
        if not news:
            return 0
        hook = self.hook()
        if not isinstance(hook, Digests):
            return self._tell_each(hook, news)
        hook.send_digest(news, max(int(digest), len(news)))
        for decision in news:
            self.told.remember(decision, self.now())
        return 1

    def _tell_each(self, hook: Hook, decisions: Sequence[Decision]) -> int:
        """Sends each by itself; one that is not taken keeps no other from being sent.

        Each is remembered once it is sent, so that another delivery goes on from there.
        """
        troubles: list[str] = []
        for decision in decisions:
            try:
                hook.send(decision, None)
            except Exception as error:  # noqa: BLE001 - the others are sent, and it comes again
                troubles.append(f"{decision.id}: {type(error).__name__}: {error}")
            else:
                self.told.remember(decision, self.now())
        if troubles:
            raise NotTold("; ".join(troubles))
        return len(decisions)


def tell_of(
    news: Iterable[News],
    channels: Sequence[Channel],
    read: Callable[[Sequence[str]], Sequence[Decision]],
) -> int:
    """Tells every channel of the news, as the decisions stand now; how many messages that took.

    Raises `NotTold` once every channel was tried. Whoever was told before is not told again.
    """
    published, troubles = 0, list[str]()
    for one in news:
        ids = one.decisions
        decisions = [
            decision
            for start in range(0, len(ids), _READ)
            for decision in read(ids[start : start + _READ])
        ]
        if not one.of:
            followed = tell_all(channels, [(decision.id, decision) for decision in decisions])
            published += followed.published
            troubles += [followed.trouble] if followed.trouble else []
            continue
        for channel in channels:
            try:
                published += channel.tell_digest(str(one.of), decisions)
            except Exception as error:  # noqa: BLE001 - the others are told, and it comes again
                troubles.append(f"{type(error).__name__}: {error}")
    if troubles:
        raise NotTold("; ".join(troubles))
    return published
