"""Each revert is one that a careful engineer would make: it cuts nothing in use, and can wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from driftguard import controls
from driftguard.aws.permissions import actions_of
from driftguard.controls import control
from driftguard.controls.control import NOTHING, AnyControl
from driftguard.engine.case import Case
from driftguard.guardrails.plans import cuts
from driftguard.guardrails.spoken import spoken
from driftguard.model import NOT_IN_USE, Autonomy, Status, Use
from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario
from tests.support.each import each
from tests.support.round_trips import staged_trip
from tests.support.strict_aws import busy
from tests.support.world import Fakes, World

CONTROLS = controls.every()
every_control = each("judge", CONTROLS, ids=lambda judge: judge.id)


def rules_met_by(judge: AnyControl) -> list[str]:
    """The ids of the rules by which AWS may call a write of this control busy."""
    return [
        rule.id
        for rule in busy.RULES
        if any(
            set(actions_of(service, operation)) <= set(judge.writes)
            for service, operation in rule.operations
        )
    ]


MEETS_BUSY = [scenario for scenario in SCENARIOS if rules_met_by(control(scenario.control))]


@pytest.mark.parametrize("scenario", MEETS_BUSY, ids=str)
def test_what_aws_is_busy_with_is_reverted_and_undone_later(
    world: World, scenario: Scenario, fakes: Fakes
) -> None:
    """Kind 6: an answer that says "try again" is no failure."""
    rules = rules_met_by(control(scenario.control))
    with staged_trip(world, fakes, scenario) as trip:

        def somebody_else_is_at_it() -> None:
            for rule in rules:
                trip.gate.answer_busy(rule)

        trip.walk(before_each=somebody_else_is_at_it)


@every_control
def test_every_control_says_what_its_revert_can_cut(judge: AnyControl) -> None:
    """Kind 4."""
    said = judge.cuts
    assert "cuts" in vars(judge) or any("cuts" in vars(kind) for kind in type(judge).__mro__[:-2])
    if judge.revert:
        assert said == NOTHING, "what has no revert cuts nothing"
    if said.what:
        assert said.question, "people must know what to find out"
    else:
        assert said == NOTHING


AS_SHIPPED_CUTS = [scenario for scenario in SCENARIOS if control(scenario.control).cuts.what]


@pytest.mark.parametrize("scenario", AS_SHIPPED_CUTS, ids=str)
def test_no_revert_that_can_cut_more_runs_by_itself_unless_nothing_uses_it(
    world: World, scenario: Scenario, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kind 4: with the policy as shipped, but every control allowed to revert."""
    found: list[Use | None] = []
    look = Case.use

    def looked(case: Case, state: Any) -> Use | None:
        found.append(look(case, state))
        return found[-1]

    monkeypatch.setattr(Case, "use", looked)
    shipped = world.with_policy(lambda given: replace(scenario.policy(given), may_cut=frozenset()))
    with staged_trip(world, fakes, scenario, shipped) as trip:
        decision = trip.decided(trip.attacked())
    held = any(guardrail.check is cuts for guardrail, _ in spoken(decision.rulings))
    if decision.autonomy is Autonomy.REVERT:
        assert found[0] == NOT_IN_USE
    elif found and found[-1] != NOT_IN_USE:
        # A first look may have found nothing, and AWS been busy until a later one did.
        assert held or found[-1].unknown in decision.reason
        assert decision.status is Status.ASKED
