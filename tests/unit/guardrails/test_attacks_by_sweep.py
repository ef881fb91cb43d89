"""Attacks on baselines that wait for the sweep: what is risky never becomes what is usual."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest

from driftguard.approvals.desk import Desk
from driftguard.controls import control
from driftguard.engine.guard import Guard
from driftguard.model import Autonomy, Change, Choice, Status, Vote
from driftguard.policy.bounds import Baselines, Bounds, Scope
from driftguard.state.baseline import baseline_of
from driftguard.state.keys import baseline_key
from driftguard.sweep.look import sweep
from tests.scenarios import SCENARIOS
from tests.scenarios.dynamodb import unprotected
from tests.scenarios.model import Scenario
from tests.support.approving import PEOPLE
from tests.support.records import change
from tests.support.world import REGION, Fakes, World

# --------------------------------------------------------------------------- while it is asked


def test_what_is_being_asked_about_becomes_no_baseline_by_a_sweep(world: World) -> None:
    """The table was made after the last sweep; the next one comes while people are asked.

    Were its state recorded, the approval would find nothing risky any more, and say so.
    """
    world.ask_at_once()
    staged = unprotected()
    only = [control("dynamodb.protection-off")]
    protected = staged.snapshot()
    decision = world.one(staged.attack())
    assert decision.status is Status.ASKED
    list(sweep(world.guard, REGION, only=only))
    assert world.state.record(baseline_key(only[0].id, decision.candidate.resource)).version == 0

    people = replace(world.guard, policy=replace(world.guard.policy, people=PEOPLE))
    desk = Desk(world.audit, world.state, people.policy, world.clock.now)
    yes = Vote("bob", Choice.REVERT, "slack", "now", decision.before)
    assert desk.vote(decision.id, yes).counted
    assert people.carry_out(decision.id).status is Status.REVERTED
    assert staged.snapshot() == protected
    list(sweep(world.guard, REGION, only=only))
    assert world.state.record(baseline_key(only[0].id, decision.candidate.resource)).version == 1


# ------------------------------------------------------------------- every baselined control

BASELINED = [one for one in SCENARIOS if control(one.control).baselined and one.stage is not None]


@pytest.mark.parametrize("scenario", BASELINED, ids=str)
def test_no_control_lets_what_it_calls_risky_become_its_baseline(
    world: World, scenario: Scenario, fakes: Fakes
) -> None:
    """However often the change is seen, and however often the sweep comes by."""
    watching = world.with_policy(scenario.policy)
    watching = replace(watching, ceiling=Autonomy.OBSERVE)
    only = [control(scenario.control)]
    staged = scenario.stage()
    fakes.install(staged.fakes)
    list(sweep(watching, REGION, only=only))
    change = staged.attack()
    (candidate, *_) = [
        case.candidate
        for case in watching.screen(change).cases
        if case.control.id == scenario.control
    ]
    key = baseline_key(scenario.control, candidate.resource)
    before = world.state.record(key)
    for number in range(2):
        found = list(watching.handle(replace(change, id=f"again-{number}")))
        assert scenario.control in {one.control for one in found}
        assert {one.status for one in found} == {Status.OBSERVED}
        list(sweep(watching, REGION, only=only))
    assert world.state.record(key) == before


@pytest.mark.parametrize("scenario", BASELINED, ids=str)
def test_a_question_that_a_sweep_came_across_is_carried_out_all_the_same(
    world: World, scenario: Scenario, fakes: Fakes
) -> None:
    """People say yes to what they were shown: it is taken back, not found safe already."""
    asking = replace(world.with_policy(scenario.policy), ceiling=Autonomy.ASK)
    asking = replace(asking, policy=replace(asking.policy, people=PEOPLE))
    only = [control(scenario.control)]
    staged = scenario.stage()
    fakes.install(staged.fakes)
    if staged.baseline:
        list(sweep(asking, REGION, only=only))
    found = world.handle(replace(staged.attack(), time=asking.stamp()), asking)
    (decision,) = [one for one in found if one.control == scenario.control]
    assert decision.status is Status.ASKED
    list(sweep(asking, REGION, only=only))
    desk = Desk(world.audit, world.state, asking.policy, world.clock.now)
    yes = Vote("bob", Choice.REVERT, "slack", "now", decision.before)
    assert desk.vote(decision.id, yes).counted
    assert asking.carry_out(decision.id).status is Status.REVERTED
    (*_, last) = world.audit.log(decision.id)
    assert last.note == "verified"


# ------------------------------------------------------------------------------------ pinned


def pinning(world: World, control_id: str, **bounds: object) -> Guard:
    scope = Scope(controls=(control_id,))
    return world.with_policy(
        lambda given: replace(
            given,
            autonomy={},
            default=Autonomy.REVERT,
            bounds=Bounds(pinned=(scope,), **bounds),  # type: ignore[arg-type]
        )
    )


def recorder() -> str:
    """A configuration recorder that records."""
    client = boto3.client("config")
    role = "arn:aws:iam::123456789012:role/config"
    client.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": role})
    boto3.client("s3").create_bucket(Bucket="history")
    client.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": "history"})
    client.start_configuration_recorder(ConfigurationRecorderName="default")
    return "default"


def recorded_again(name: str) -> Change:
    request = {"configurationRecorderName": name}
    return change("config.amazonaws.com", "StopConfigurationRecorder", request)


def swept(guard: Guard) -> str:
    """What a sweep says of the table `orders`."""
    found = sweep(guard, REGION, only=[control("dynamodb.protection-off")])
    (one,) = [each for each in found if each.resource and each.resource.id == "orders"]
    return one.outcome


def test_policy_may_require_a_baseline_where_only_a_pin_keeps_one(world: World) -> None:
    """A control that keeps no baseline of its own restores from one where policy pins it."""
    guard = pinning(world, "config.recorder-stopped", baselines=Baselines(required=True))
    name = recorder()
    boto3.client("config").stop_configuration_recorder(ConfigurationRecorderName=name)
    (decision,) = world.handle(recorded_again(name), guard)
    assert decision.status is Status.ASKED
    assert decision.reason == "no baseline is recorded, and policy requires one"


def test_what_a_record_told_is_no_departure_from_a_pinned_baseline(world: World) -> None:
    """The table was never protected, and a pipeline says so with every update."""
    guard = pinning(world, "dynamodb.protection-off")
    staged, client = unprotected(), boto3.client("dynamodb")
    client.update_table(TableName="orders", DeletionProtectionEnabled=False)
    assert swept(guard) == "recorded"
    for _ in range(2):
        assert world.handle(staged.attack(), guard) == []
        assert swept(guard) == "unchanged"
    client.update_table(TableName="orders", DeletionProtectionEnabled=True)
    assert swept(guard) == "risky"


def test_a_baseline_that_cannot_be_read_is_recorded_anew(world: World) -> None:
    unprotected()
    assert swept(world.guard) == "recorded"
    found = control("dynamodb.protection-off").inventory(
        world.guard.aws.reader(world.guard.account, REGION)
    )
    (orders,) = [one for one in found if one.id == "orders"]
    key = baseline_key("dynamodb.protection-off", orders)
    stored = world.state.record(key)
    world.state.write(stored.saying({**stored.document, "checked": "long ago"}))
    assert baseline_of(world.state.record(key)) is None
    assert swept(world.guard) == "recorded"
    again = baseline_of(world.state.record(key))
    assert again is not None
    assert again.state == stored.document["state"]
