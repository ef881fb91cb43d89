"""A worker dies between two calls of a plan: the next delivery carries the plan out to its end.

What a finding tells may be gone after the first call (a trail is there again, and does not log
yet): nothing is said to be reverted before the resource is as a whole revert leaves it. These are
the controls that say so of themselves; `make faults` kills a worker after each call of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import boto3
import pytest

from driftguard.aws.remediator import Remediator
from driftguard.controls import control
from driftguard.engine.recording import LEASE
from driftguard.model import Autonomy, Call, Decision, Status
from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario
from tests.support.approving import approved
from tests.support.round_trips import RoundTrip, staged_trip
from tests.support.world import Fakes, World

BEGUN = [scenario for scenario in SCENARIOS if control(scenario.control).to_its_end]


class Died(BaseException):
    """The worker is gone: nothing catches it, and nothing more is recorded."""


def dies_after(calls: int, make: Callable[[Remediator, Call], bool]) -> Callable[..., bool]:
    """A remediator whose worker dies right after so many calls; how many it made is counted."""
    made = 0

    def making(self: Remediator, call: Call) -> bool:
        nonlocal made
        if not calls:
            raise Died
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


class Leaked:
    """An exposed key of a user, which people agreed to switch off; its worker dies on the way."""

    def __init__(self, trip: RoundTrip, monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
        self.trip = trip
        change = trip.attacked()
        self.attacked = trip.there()
        self.asked = trip.decided(change)
        assert self.asked.status is Status.ASKED
        trip.world.clock.pass_by(minutes=10)
        with monkeypatch.context() as dying:
            dying.setattr(Remediator, "make", dies_after(calls, Remediator.make))
            with pytest.raises(Died):
                approved(trip.guard, self.asked)
        trip.world.clock.pass_by(seconds=LEASE.total_seconds() + 1)

    def carried_out(self) -> Decision:
        return self.trip.queue.until_done(lambda: self.trip.guard.carry_out(self.asked.id))


@pytest.fixture
def asked_about(world: World, fakes: Fakes) -> Iterator[RoundTrip]:
    (scenario,) = [one for one in SCENARIOS if str(one) == "iam.leaked-key-quarantine"]
    with staged_trip(world, fakes, scenario) as trip:
        yield trip


@pytest.mark.parametrize("calls", [0, 1, 2, 3])
def test_what_people_approved_is_carried_out_to_its_end_as_it_was_shown(
    asked_about: RoundTrip, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """The plan names the time of its look, so that the rest of it was taken for another one."""
    leaked = Leaked(asked_about, monkeypatch, calls)
    decision = leaked.carried_out()
    assert decision.status is Status.REVERTED, decision.reason
    assert decision.plan == leaked.asked.plan
    assert decision.done == len(decision.plan.steps) == 3
    assert asked_about.undone(decision).status is Status.UNDONE
    staged = asked_about.staged
    assert staged.anew(asked_about.there()) == staged.anew(leaked.attacked)


def test_what_somebody_changed_meanwhile_is_not_what_people_approved(
    asked_about: RoundTrip, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaked = Leaked(asked_about, monkeypatch, 1)
    user = leaked.asked.candidate.resource.id
    iam = boto3.client("iam")
    found = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    last = next(key["AccessKeyId"] for key in found if key["Status"] == "Active")
    iam.delete_access_key(UserName=user, AccessKeyId=last)
    iam.create_access_key(UserName=user)
    decision = leaked.carried_out()
    assert decision.status is Status.FAILED
    assert "the resource has changed since people were asked" in decision.reason
