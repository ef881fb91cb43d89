"""Every control's round trip: changed → reverted, the rest untouched → undone, exactly so."""

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
from driftguard.events.commands import Undo
from driftguard.model import Call, Status
from driftguard.sweep.look import sweep
from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario
from tests.support.approving import approved
from tests.support.world import REGION, Fakes, World

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
    autonomous = world.with_policy(scenario.policy)
    staged = scenario.stage()
    fakes.install(staged.fakes)
    fakes.surround(autonomous, staged)
    if staged.baseline or not control(scenario.control).baselined:
        swept = {one.outcome for one in sweep(autonomous, REGION, only=[control(scenario.control)])}
        assert swept == {"recorded"} if staged.baseline else swept <= {"clean", "gone"}
    legitimate = staged.snapshot()
    change = staged.attack()
    as_the_attacker_left_it = staged.snapshot()

    found = world.handle(change, autonomous)
    (decision,) = [one for one in found if one.control == scenario.control]
    if scenario.asked:
        assert decision.status is Status.ASKED, decision.reason
        decision = approved(autonomous, decision)

    assert decision.status is Status.REVERTED, decision.reason
    assert staged.normal(staged.snapshot()) == staged.reverted(staged.normal(legitimate))

    undone = autonomous.undo(Undo(decision.id, "alice", "a test"))

    assert undone.status is Status.UNDONE, undone.reason
    assert staged.anew(staged.snapshot()) == staged.anew(as_the_attacker_left_it)
    assert list(world.audit.log(decision.id))[-1].note == "exactly as before"

    declared = control(scenario.control)
    assert used["reads"] <= set(declared.reads), used["reads"] - set(declared.reads)
    assert used["writes"] <= set(declared.writes), used["writes"] - set(declared.writes)
    assert declared.proven == ("stub" if staged.fakes else "emulator")


@pytest.mark.parametrize("one", controls.every(), ids=lambda one: one.id)
def test_every_control_with_a_revert_has_a_scenario(one: AnyControl) -> None:
    scenarios = [scenario for scenario in SCENARIOS if scenario.control == one.id]
    assert bool(scenarios) == (not one.revert)
