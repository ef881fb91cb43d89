"""A guard that has somebody to ask what is insecure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from driftguard.analysis import vulnerabilities
from driftguard.model import Autonomy
from driftguard.policy.model import Policy
from tests.support.advisories.stand_in import StandIn, running
from tests.support.deployments.packages import ADVISORIES
from tests.support.deployments.serving import Shelf, shelf
from tests.support.world import HERE, Clock, World, make_tables, new_guard, warm_aws


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What an earlier test read is read again."""
    vulnerabilities._REMEMBERED.clear()


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
    told = replace(aws.surroundings, advisories=osv.address, state_table="state", place=HERE)
    monkeypatch.setattr(aws, "surroundings", told)
    return reverting


def everything_reverts(policy: Policy) -> Policy:
    """The shipped policy, with every control reverting."""
    may_cut = frozenset({"lambda.insecure-event-source"})
    return replace(policy, autonomy={}, default=Autonomy.REVERT, may_cut=may_cut)
