"""Kind 5: a deleted user or role in a policy keeps no revert from being made.

An attacker can plant such an id. AWS refuses to put a policy with one, so each control that puts a
whole policy leaves it out, there and in the undo, and says so.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3
import pytest

from driftguard.aws.calls import camel_to_snake
from driftguard.aws.client import Reader
from driftguard.controls import control
from driftguard.controls.mechanisms.resource_policy import DenyLost, OpenPolicy
from driftguard.controls.s3.policy import EXTERNAL_POLICY
from driftguard.documents import text
from driftguard.engine.errors import NotYet
from driftguard.events.commands import Undo
from driftguard.model import Change, Status
from driftguard.sweep.look import sweep
from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario
from tests.support import strict_aws
from tests.support.world import REGION, Fakes, World, shipped_policy

DEAD = "AROADEADDEADDEADDEAD1"
PUT = ("s3.public-policy",)


def policies_of(scenario: Scenario) -> OpenPolicy | DenyLost | None:
    """How the scenario's policy is read and put; None where its control puts no policy."""
    if scenario.control in PUT:
        return EXTERNAL_POLICY
    found = control(scenario.control)
    return found if isinstance(found, (OpenPolicy, DenyLost)) else None


def planted(scenario: Scenario, reader: Reader, change: Change) -> bool:
    """Adds a statement for a deleted role to the policy, if there is one."""
    how = policies_of(scenario)
    assert how is not None
    declared = control(scenario.control)
    settings = scenario.policy(shipped_policy()).settings_of(declared.id, declared.settings)
    for candidate in declared.screen(change, settings):
        state = how.read(candidate.resource, reader) or {}
        if not text(state, "policy"):
            return False
        written = json.loads(text(state, "policy"))
        first = next(one for one in written["Statement"])
        dead = {**first, "Sid": "Dead", "Effect": "Allow", "Principal": {"AWS": DEAD}}
        whole = json.dumps({**written, "Statement": [*written["Statement"], dead]})
        call = how.put(candidate.resource, whole, state)
        put: Any = getattr(boto3.client(call.service), camel_to_snake(call.operation))
        put(**call.parameters)
    return True


with_policies = pytest.mark.parametrize(
    "scenario", [one for one in SCENARIOS if policies_of(one) is not None], ids=str
)


@with_policies
def test_kind_5_a_planted_id_keeps_nothing_from_being_reverted(
    world: World, scenario: Scenario, fakes: Fakes
) -> None:
    guard = world.with_policy(scenario.policy)
    staged = scenario.stage()
    fakes.install(staged.fakes)
    if staged.baseline:
        list(sweep(guard, REGION, only=[control(scenario.control)]))
    with strict_aws.enforced(now=world.clock.now) as gate:
        with gate.lifted():
            change = staged.attack()
            there = planted(scenario, guard.aws.reader(guard.account, REGION), change)

        found = until_done(world, partial(world.handle, change, guard))
        (decision,) = [one for one in found if one.control == scenario.control]
        assert decision.status is Status.REVERTED, decision.reason
        assert any(DEAD in kept for kept in decision.plan.untouched) is there
        world.clock.pass_by(hours=2)

        undone = until_done(world, lambda: guard.undo(Undo(decision.id, "alice", "a test")))
        assert undone.status is Status.UNDONE, undone.reason
        assert list(world.audit.log(decision.id))[-1].note == "exactly as before"


def until_done(world: World, act: Any) -> Any:
    """What the work comes to, with the queue's patience."""
    for _ in range(50):
        try:
            return act()
        except NotYet:
            world.clock.pass_by(minutes=4)
    raise AssertionError("it never ends")
