"""A guard that has somebody to ask what is insecure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from driftguard import deployed
from driftguard.model import Autonomy, Change, Decision
from driftguard.pipeline import Guard
from driftguard.policy import Policy
from tests.advisories.stand_in import StandIn, running
from tests.conftest import Clock, World, make_tables, new_guard, warm_aws
from tests.deployments.packages import ADVISORIES
from tests.deployments.serving import Shelf, shelf


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What an earlier test read is read again."""
    deployed._REMEMBERED.clear()


@pytest.fixture
def code() -> Iterator[Shelf]:
    """The shelf that serves what is deployed."""
    found = shelf()
    found.asked.clear()
    yield found
    found.instead.clear()
    found.away.clear()


@pytest.fixture
def osv() -> Iterator[StandIn]:
    """A stand-in for OSV that knows of the advisories."""
    stand_in = StandIn()
    stand_in.add(*ADVISORIES)
    with running(stand_in):
        yield stand_in


@pytest.fixture
def reverting(account: None, code: Shelf, monkeypatch: pytest.MonkeyPatch) -> World:
    """A guard that reverts, and has nobody to ask."""
    make_tables()
    clock = Clock()
    guard = new_guard(clock, warm_aws())
    return World(replace(guard, policy=everything_reverts(guard.policy)), clock)


@pytest.fixture
def asking_osv(reverting: World, osv: StandIn, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same guard, which asks OSV and keeps its answers in the state table."""
    aws = reverting.guard.aws
    told = replace(aws.surroundings, advisories=osv.address, state_table="state")
    monkeypatch.setattr(aws, "surroundings", told)
    return reverting


def everything_reverts(policy: Policy) -> Policy:
    """The shipped policy, with every control reverting."""
    return replace(policy, autonomy={}, default=Autonomy.REVERT)


def with_settings(guard: Guard, control: str, **settings: object) -> Guard:
    """The guard with these settings of a control."""
    policy = replace(guard.policy, settings={**guard.policy.settings, control: settings})  # type: ignore[dict-item]
    return replace(guard, policy=policy)


@dataclass(frozen=True)
class By:
    """The decisions of one control on a change."""

    world: World
    control: str

    def on(self, change: Change, *, last: bool = False, guard: Guard | None = None) -> Decision:
        """The one decision of the control."""
        (found,) = self.all_on(change, last=last, guard=guard)
        return found

    def all_on(
        self, change: Change, *, last: bool = False, guard: Guard | None = None
    ) -> list[Decision]:
        found = (guard or self.world.guard).handle(change, last_chance=last)
        return [one for one in found if one.control == self.control]
