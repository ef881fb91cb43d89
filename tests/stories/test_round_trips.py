"""Every control's round trip (tests/support/round_trips.py), and what it takes of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from driftguard import controls
from driftguard.aws.client import Reader
from driftguard.aws.permissions import actions_of, permissions_of
from driftguard.aws.remediator import Remediator
from driftguard.controls import control
from driftguard.controls.control import AnyControl
from driftguard.model import Call
from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario, Staged
from tests.support.each import each
from tests.support.iam.dependencies import given_nevertheless
from tests.support.iam.judge import OF_PLANS, Judge
from tests.support.round_trips import staged_trip
from tests.support.world import Fakes, World

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=str)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, set[str]]]:
    """The IAM actions that controls read with and plans write with, as they are used."""
    seen: dict[str, set[str]] = {"reads": set(), "writes": set()}
    read, pages, make = Reader.read, Reader.pages, Remediator.make

    def reading(self: Reader, service: str, operation: str, /, **more: Any) -> Any:
        seen["reads"].update(actions_of(service, operation))
        return read(self, service, operation, **more)

    def paging(self: Reader, service: str, operation: str, key: str, /, **more: Any) -> Any:
        seen["reads"].update(actions_of(service, operation))
        return pages(self, service, operation, key, **more)

    def making(self: Remediator, call: Call) -> bool:
        seen["writes"].update(permissions_of(call))
        return make(self, call)

    monkeypatch.setattr(Reader, "read", reading)
    monkeypatch.setattr(Reader, "pages", paging)
    monkeypatch.setattr(Remediator, "make", making)
    yield seen


@every_scenario
def test_a_risky_change_is_reverted_and_undone_exactly(
    world: World, scenario: Scenario, used: dict[str, set[str]], fakes: Fakes
) -> None:
    judge = Judge()
    with staged_trip(world, fakes, scenario) as trip:
        judge.watch(trip.guard.aws, "GuardRole")
        with judge.enforced():
            trip.walk()

    # 12.15: by the roles' policies, and by the policy of the plan's own session.
    assert judge.refused == []
    roles = {one.role for one in judge.made}
    assert {"GuardRole"} < roles <= {"GuardRole", *OF_PLANS.values()}
    # 12.18: no plan gives what would make AWS ask for more than the control is granted.
    for one in judge.made:
        if one.role in OF_PLANS.values():
            (action, *_) = actions_of(one.service, one.operation)
            assert given_nevertheless(action, one.parameters) == []

    declared = control(scenario.control)
    reads = {action for one in woken_with(declared, trip.staged) for action in one.reads}
    assert used["reads"] <= reads, used["reads"] - reads
    assert used["writes"] <= set(declared.writes), used["writes"] - set(declared.writes)
    # A control that another scenario proves may have one of its reads answered by a fake.
    faked = {f"{service}:{operation}" for service, operation in trip.staged.fakes}
    only_reads = bool(faked) and not faked & set(declared.writes)
    if not (only_reads and declared.proven == "emulator"):
        assert declared.proven == ("stub" if faked else "emulator")


def woken_with(declared: AnyControl, staged: Staged) -> Iterator[AnyControl]:
    """A control, and those that read because of the same finding: it may name more to contain."""
    yield declared
    if declared.contains:
        change = staged.attack()
        for one in controls.watching(change):
            if any(True for _ in one.screen(change, one.settings())):
                yield one


@each("one", controls.every(), ids=lambda one: one.id)
def test_every_control_with_a_revert_has_a_scenario(one: AnyControl) -> None:
    scenarios = [scenario for scenario in SCENARIOS if scenario.control == one.id]
    assert bool(scenarios) == (not one.revert)
