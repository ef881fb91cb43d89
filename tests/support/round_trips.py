"""A scenario's round trip: changed → reverted, the rest untouched → undone, exactly so.

It meets the stricter AWS, with the guard's queue and its clock: what AWS is busy with, or has not
settled, comes again later. Snapshots are of what is there, not of what AWS tells meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from driftguard.aws.calls import AwsError
from driftguard.controls import control
from driftguard.documents import stamp
from driftguard.engine.errors import NotYet, Waiting
from driftguard.engine.guard import Guard
from driftguard.events.commands import Undo
from driftguard.model import Change, Decision, Status
from driftguard.sweep.look import sweep
from tests.scenarios.model import Scenario, Staged
from tests.support import strict_aws
from tests.support.approving import approved
from tests.support.strict_aws import Gate
from tests.support.world import REGION, Fakes, World

T = TypeVar("T")

# The queue's: how long a message is hidden, and how often it is delivered at most.
AGAIN = {"minutes": 4}
DELIVERIES = 4
# How long anything takes to settle at most.
SETTLED = {"minutes": 90}


class Queue:
    """Delivers a message again, as SQS and the intake do, while the clock goes on."""

    def __init__(self, world: World) -> None:
        self.world = world

    def until_done(self, act: Callable[[], T]) -> T:
        """What the work comes to: AWS may make it wait for long, and others only for a while."""
        deliveries = 0
        while True:
            deliveries += 1
            try:
                return act()
            except Waiting:
                # It ends by itself: a control declares for how long its service settles.
                assert deliveries < 100
            except (NotYet, AwsError):
                if deliveries >= DELIVERIES:
                    raise
            self.world.clock.pass_by(**AGAIN)

    def settled(self) -> None:
        """Lets AWS settle everything."""
        self.world.clock.pass_by(**SETTLED)


@dataclass(frozen=True)
class RoundTrip:
    """A staged scenario, and the guard that meets it. `gate` is the stricter AWS's."""

    world: World
    scenario: Scenario
    guard: Guard
    staged: Staged
    gate: Gate

    @property
    def queue(self) -> Queue:
        return Queue(self.world)

    def there(self) -> Any:
        """What is there now, whatever AWS would tell of it."""
        with self.gate.lifted():
            return self.staged.snapshot()

    def attacked(self) -> Change:
        """The attacker's change, just made: who is told that AWS is busy waits."""
        with self.gate.waited_out(self.queue.settled):
            return replace(self.staged.attack(), time=stamp(self.world.clock.now()))

    def decided(self, change: Change) -> Decision:
        """The decision on the change, in the end."""
        found = self.queue.until_done(lambda: self.world.handle(change, self.guard))
        (decision,) = [made for made in found if made.control == self.scenario.control]
        return decision

    def reverted(self, change: Change) -> Decision:
        """The decision on the change, approved by a person where the scenario is asked about."""
        decision = self.decided(change)
        if self.scenario.asked:
            assert decision.status is Status.ASKED, decision.reason
            decision = self.queue.until_done(partial(approved, self.guard, decision))
        return decision

    def undone(self, decision: Decision) -> Decision:
        """The decision, undone in the end."""
        command = Undo(decision.id, "alice", "a test")
        return self.queue.until_done(lambda: self.guard.undo(command))

    def walk(self, before_each: Callable[[], object] = lambda: None) -> Decision:
        """The whole trip, with something done before the revert and before the undo."""
        legitimate = self.there()
        change = self.attacked()
        as_the_attacker_left_it = self.there()
        before_each()
        decision = self.reverted(change)
        assert decision.status is Status.REVERTED, decision.reason
        self.queue.settled()
        staged = self.staged
        assert staged.normal(self.there()) == staged.reverted(staged.normal(legitimate))
        before_each()
        undone = self.undone(decision)
        assert undone.status is Status.UNDONE, undone.reason
        self.queue.settled()
        assert staged.anew(self.there()) == staged.anew(as_the_attacker_left_it)
        assert list(self.world.audit.log(decision.id))[-1].note == "exactly as before"
        return decision


@contextmanager
def staged_trip(
    world: World, fakes: Fakes, scenario: Scenario, guard: Guard | None = None
) -> Iterator[RoundTrip]:
    """A scenario, staged, its baseline recorded where it has one; the rules hold from then on."""
    guard = guard or world.with_policy(scenario.policy)
    staged = scenario.stage()
    fakes.install(staged.fakes)
    fakes.surround(guard, staged)
    judge = control(scenario.control)
    if staged.baseline or not judge.baselined:
        swept = {look.outcome for look in sweep(guard, REGION, only=[judge])}
        assert swept == {"recorded"} if staged.baseline else swept <= {"clean", "gone"}
    with strict_aws.enforced(now=world.clock.now) as gate:
        yield RoundTrip(world, scenario, guard, staged, gate)
