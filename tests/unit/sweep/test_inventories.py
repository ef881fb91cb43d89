"""What a scenario's attacker does is found by the sweep, though no event ever tells of it."""

from __future__ import annotations

import pytest

from driftguard import controls
from driftguard.controls.control import AnyControl
from driftguard.sweep.look import Swept, sweep
from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario
from tests.support.each import each
from tests.support.world import REGION, Fakes, World

SWEPT = [one for one in SCENARIOS if controls.control(one.control).swept]


def outcomes(found: list[Swept]) -> dict[str, str]:
    """What was found of each resource."""
    return {one.resource.arn if one.resource else "": one.outcome for one in found}


@pytest.mark.parametrize("scenario", SWEPT, ids=str)
def test_a_risk_that_no_event_told_of_is_found(
    world: World, scenario: Scenario, fakes: Fakes
) -> None:
    """As the resource that the event would have named: so both find the same decision."""
    guard = world.with_policy(scenario.policy)
    control = controls.control(scenario.control)
    staged = scenario.stage()
    fakes.install(staged.fakes)
    fakes.surround(guard, staged)
    before = list(sweep(guard, REGION, only=[control]))
    change = staged.attack()
    settings = guard.policy.settings_of(control.id, control.settings)
    named = {one.resource for one in control.screen(change, settings)}

    found = list(sweep(guard, REGION, only=[control]))

    risky = {one.resource for one in found if one.outcome == "risky"}
    assert named & risky, (outcomes(before), outcomes(found), named)
    was_risky = {one.resource for one in before if one.outcome == "risky"}
    assert not named & was_risky
    assert "failed" not in {one.outcome for one in (*before, *found)}


# A new account in moto does not block what AWS has blocked from the start.
NOT_AS_IN_AWS = ("emr.bpa-off",)
EMULATED = [
    one
    for one in controls.every()
    if one.swept and one.proven == "emulator" and one.id not in NOT_AS_IN_AWS
]


@each("control", EMULATED, ids=lambda one: one.id)
def test_in_a_new_account_nothing_was_taken_away_and_nothing_fails(
    world: World, control: AnyControl
) -> None:
    """What was never there was not deleted, and there is nobody to tell of it every day."""
    found = [one for one in sweep(world.guard, REGION, only=[control]) if one.outcome != "clean"]
    assert {one.outcome for one in found} <= {"recorded", "gone"}, found
