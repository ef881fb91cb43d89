"""A worker dies between two calls of a plan: the next delivery carries the plan out to its end.

What a finding tells may be gone after the first call (a trail is there again, and does not log
yet): nothing is said to be reverted before the resource is as a whole revert leaves it. These are
the controls that say so of themselves; `make faults` kills a worker after each call of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from driftguard.aws.remediator import Remediator
from driftguard.controls import control
from driftguard.engine.recording import LEASE
from driftguard.model import Autonomy, Call, Status
from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario
from tests.support.round_trips import staged_trip
from tests.support.world import Fakes, World

BEGUN = [scenario for scenario in SCENARIOS if control(scenario.control).to_its_end]


class Died(BaseException):
    """The worker is gone: nothing catches it, and nothing more is recorded."""


def dies_after(calls: int, make: Callable[[Remediator, Call], bool]) -> Callable[..., bool]:
    """A remediator whose worker dies right after so many calls; how many it made is counted."""
    made = 0

    def making(self: Remediator, call: Call) -> bool:
        nonlocal made
        done = make(self, call)
        made += 1
        if made == calls:
            raise Died
        return done

    return making


@pytest.mark.parametrize("scenario", BEGUN, ids=str)
def test_a_plan_is_carried_out_to_its_end_whoever_begins_it(
    world: World, scenario: Scenario, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staged_trip(world, fakes, scenario) as trip:
        before = trip.there()
        change = trip.attacked()
        with monkeypatch.context() as dying:
            dying.setattr(Remediator, "make", dies_after(1, Remediator.make))
            with pytest.raises(Died):
                trip.reverted(change)
        world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
        found = trip.queue.until_done(lambda: world.handle(change, trip.guard))
        (decision,) = [made for made in found if made.control == scenario.control]
        assert decision.status is Status.REVERTED, decision.reason
        trip.queue.settled()
        normal = trip.staged.normal
        assert normal(trip.there()) == trip.staged.reverted(normal(before))


def test_what_people_said_meanwhile_holds_the_rest_back_and_is_told(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scenario,) = [one for one in BEGUN if str(one) == "cloudtrail.deleted"]
    with staged_trip(world, fakes, scenario) as trip:
        change = trip.attacked()
        with monkeypatch.context() as dying:
            dying.setattr(Remediator, "make", dies_after(1, Remediator.make))
            with pytest.raises(Died):
                trip.reverted(change)
        world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
        made: list[Call] = []
        monkeypatch.setattr(Remediator, "make", lambda _, call: made.append(call))
        (decision,) = world.handle(change, replace(trip.guard, ceiling=Autonomy.OBSERVE))
        assert (decision.status, made) == (Status.FAILED, [])
        [told] = [entry.note for entry in world.audit.log(decision.id) if entry.event == "failed"]
        assert told.startswith("begun, and not carried out to its end: ")
