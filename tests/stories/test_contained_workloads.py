"""Principals, databases, tasks, clusters and buckets are contained whoever dies in it.

They are released exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
import pytest

from driftguard.approvals.rules import UNREAD
from driftguard.aws.calls import AwsError, Refused, Unreachable
from driftguard.aws.remediator import Remediator
from driftguard.engine.errors import NotYet
from driftguard.engine.recording import LEASE
from driftguard.events.commands import Undo
from driftguard.model import Autonomy, Call, Status
from tests.scenarios import SCENARIOS
from tests.scenarios.containment_compute import AT_ONCE, reported, telling
from tests.scenarios.containment_tasks import TASK as TASK_ARN
from tests.scenarios.containment_tasks import Service, about_task
from tests.scenarios.model import Scenario, Staged
from tests.support.approving import approved, last_of, released
from tests.support.dying import Died, begun, dies_after
from tests.support.round_trips import staged_trip
from tests.support.world import Fakes, World


def scenario(name: str) -> Scenario:
    return next(one for one in SCENARIOS if str(one) == f"containment.{name}")


DATABASE, CLUSTER = scenario("database-protected"), scenario("database-cluster")
TASK, ACCESS = scenario("task-asked"), scenario("cluster-asked")
BUCKET = replace(scenario("bucket"), asked=True, settings={})
ROLE = scenario("role-sessions-denied before")
USER = replace(scenario("user"), asked=True, settings={"ask": ["*"]})
CONDUCT, CONDUCT_USER = scenario("unusual-conduct"), scenario("unusual-conduct-user")


# After the group is made, it is closed, the database is in it; after the task is marked; after a
# policy and the groups are gone; after the bucket's policy is put; after each denial, and the key.
@pytest.mark.parametrize(
    ("scenario", "calls"),
    [
        *((DATABASE, 1), (CLUSTER, 2), (DATABASE, 3), (TASK, 1), (ACCESS, 2), (BUCKET, 1)),
        *((ROLE, 1), (USER, 1), (USER, 2), (CONDUCT, 1), (CONDUCT_USER, 1)),
    ],
    ids=str,
)
def test_whoever_takes_it_up_contains_and_an_undo_releases_exactly(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, scenario: Scenario, calls: int
) -> None:
    with staged_trip(world, fakes, scenario) as trip:
        before, staged = trip.there(), trip.staged
        asked = begun(trip, calls, monkeypatch)
        decision = trip.queue.until_done(lambda: trip.guard.carry_out(asked.id))
        assert decision.status is Status.REVERTED, decision.reason
        assert staged.normal(trip.there()) == staged.reverted(staged.normal(before))
        assert trip.undone(decision).status is Status.UNDONE
        assert staged.anew(trip.there()) == staged.anew(before)


@pytest.mark.parametrize(
    ("scenario", "calls"),
    [
        *((DATABASE, 1), (TASK, 1), (ACCESS, 1), (BUCKET, 1)),
        *((ROLE, 1), (USER, 1), (CONDUCT, 1), (CONDUCT_USER, 1)),
    ],
    ids=str,
)
def test_a_release_whose_worker_died_is_carried_out_to_its_end(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, scenario: Scenario, calls: int
) -> None:
    with staged_trip(world, fakes, scenario) as trip:
        before, staged = trip.there(), trip.staged
        decision = trip.reverted(trip.attacked())
        trip.queue.settled()
        with monkeypatch.context() as dying:
            dying.setattr(Remediator, "make", dies_after(calls))
            with pytest.raises(Died):
                trip.guard.undo(Undo(decision.id, "alice", "a test"))
        world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
        assert trip.undone(decision).status is Status.UNDONE
        assert staged.anew(trip.there()) == staged.anew(before)


def test_what_a_worker_that_died_has_made_can_be_undone_where_the_rest_is_held_back(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody had recorded that its group is made: there was nothing to undo."""
    with staged_trip(world, fakes, scenario("database")) as trip:
        before, change = trip.there(), trip.attacked()
        with monkeypatch.context() as dying:
            dying.setattr(Remediator, "make", dies_after(1))
            with pytest.raises(Died):
                trip.reverted(change)
        world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
        decision = world.one(change, replace(trip.guard, ceiling=Autonomy.OBSERVE))
        assert (decision.status, decision.done) == (Status.FAILED, 1)
        assert trip.there() != before
        assert trip.undone(decision).status is Status.UNDONE
        assert trip.there() == before


def unknown(scenario: Scenario) -> Scenario:
    """The scenario, with a GuardDuty that knows no finding."""
    return replace(scenario, stage=lambda: replace(scenario.stage(), fakes=telling()))


@pytest.mark.parametrize("scenario", [DATABASE, TASK, ACCESS, BUCKET], ids=str)
def test_a_forged_finding_does_nothing(world: World, fakes: Fakes, scenario: Scenario) -> None:
    with staged_trip(world, fakes, unknown(scenario)) as trip:
        before = trip.there()
        assert trip.world.handle(trip.attacked(), trip.guard) == []
        assert trip.there() == before


def answering(operation: str, times: int, error: AwsError) -> Any:
    """A remediator to which AWS answers with an error so many times."""
    make, left = Remediator.make, [times]

    def making(self: Remediator, call: Call) -> bool:
        if call.operation == operation and left[0]:
            left[0] -= 1
            raise error
        return make(self, call)

    return making


def test_a_snapshot_waits_until_rds_has_moved_the_database(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = AwsError("the instance is not available", code="InvalidDBInstanceState")
    with staged_trip(world, fakes, DATABASE) as trip:
        before = trip.there()
        monkeypatch.setattr(Remediator, "make", answering("CreateDBSnapshot", 1, busy))
        decision = trip.reverted(trip.attacked())
        assert decision.status is Status.REVERTED, decision.reason
        assert trip.there() == trip.staged.reverted(before)


def test_a_release_waits_until_rds_lets_go_of_the_group_and_deletes_it(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = AwsError("the group has a dependent object", code="DependencyViolation")
    with staged_trip(world, fakes, DATABASE) as trip:
        before, staged = trip.there(), trip.staged
        decision = trip.reverted(trip.attacked())
        trip.queue.settled()
        with monkeypatch.context() as busy:
            busy.setattr(Remediator, "make", answering("DeleteSecurityGroup", 5, used))
            with pytest.raises(NotYet):
                trip.guard.undo(Undo(decision.id, "alice", "a test"))
            world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
            assert trip.undone(decision).status is Status.UNDONE
        assert staged.anew(trip.there()) == staged.anew(before)


def test_what_is_refused_is_said_and_what_was_done_can_be_undone(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Refused("not allowed to call rds:ModifyDBInstance", code="AccessDenied")
    with staged_trip(world, fakes, DATABASE) as trip:
        before, staged = trip.there(), trip.staged
        with monkeypatch.context() as refusing:
            refusing.setattr(Remediator, "make", answering("ModifyDBInstance", 9, refused))
            decision = trip.reverted(trip.attacked())
        assert (decision.status, decision.done) == (Status.FAILED, 2)
        assert "rds:ModifyDBInstance" in decision.reason
        assert trip.undone(decision).status is Status.UNDONE
        assert staged.anew(trip.there()) == staged.anew(before)


def test_a_database_that_is_gone_by_then_is_nobodys_business(world: World, fakes: Fakes) -> None:
    with staged_trip(world, fakes, scenario("database")) as trip:
        change = trip.attacked()
        boto3.client("rds").delete_db_instance(
            DBInstanceIdentifier="orders", SkipFinalSnapshot=True
        )
        assert trip.world.handle(change, trip.guard) == []


def without_role(name: str) -> None:
    """Somebody deletes a role, and what it bears."""
    iam = boto3.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def without_user(name: str) -> None:
    """Somebody deletes a user, and what it bears."""
    iam = boto3.client("iam")
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    iam.delete_user(UserName=name)


def without_function() -> None:
    boto3.client("lambda").delete_function(FunctionName="orders")


def without_database() -> None:
    boto3.client("rds").delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)


FUNCTION = scenario("function-asked")
UNPROTECTED = replace(scenario("database"), asked=True, settings={})
# Whom a cluster or a bucket let in is gone. What a cluster's own rules let in, people are told.
GONE = (
    (ROLE, partial(without_role, "web")),
    (USER, partial(without_user, "deploy")),
    (CONDUCT, partial(without_role, "web")),
    (FUNCTION, without_function),
    (UNPROTECTED, without_database),
    (ACCESS, partial(without_role, "deployer")),
    (BUCKET, partial(without_role, "reader")),
)


@pytest.mark.parametrize(("scenario", "removed"), GONE, ids=[str(scenario) for scenario, _ in GONE])
def test_what_is_gone_by_the_time_people_approve_is_left_alone(
    world: World,
    fakes: Fakes,
    monkeypatch: pytest.MonkeyPatch,
    scenario: Scenario,
    removed: Callable[[], None],
) -> None:
    with staged_trip(world, fakes, scenario) as trip:
        asked = trip.decided(trip.attacked())
        assert asked.status is Status.ASKED, asked.reason
        with trip.gate.lifted():
            removed()
        made: list[Call] = []
        monkeypatch.setattr(Remediator, "make", lambda _, call: made.append(call))
        decision = approved(trip.guard, asked)
        ended = Status.OBSERVED if scenario is ACCESS else Status.REVERTED
        assert (decision.status, decision.done, made) == (ended, 0, [])


# --------------------------------------------------------------------------------------- a task


def with_service(service: Service) -> Scenario:
    """The scenario of a task, of this service."""
    found = about_task()
    staged = Staged(
        lambda: reported(found), service.snapshot, fakes=telling(found) | service.fakes()
    )
    return replace(TASK, stage=lambda: staged)


def test_a_task_is_stopped_only_where_the_policy_says_so_and_a_person_does(
    world: World, fakes: Fakes
) -> None:
    service = Service()
    stopping = replace(with_service(service), settings={**AT_ONCE, "stop": True})
    with staged_trip(world, fakes, stopping) as trip:
        decision = trip.decided(trip.attacked())
        assert decision.status is Status.ASKED
        assert "stopping it destroys its memory" in decision.plan.drastic
        assert service.tasks[TASK_ARN]["runs"]
        assert approved(trip.guard, decision).status is Status.REVERTED
        assert [held["runs"] for held in service.tasks.values()] == [False, True]
        refused = trip.guard.undo(Undo(decision.id, "alice", "a test"))
        assert refused.status is Status.REVERTED


def test_people_are_told_of_a_task_that_ecs_cannot_protect(world: World, fakes: Fakes) -> None:
    service = Service(group="family:web")
    with staged_trip(world, fakes, with_service(service)) as trip:
        before = trip.there()
        decision = trip.decided(trip.attacked())
        assert (decision.status, decision.plan.steps) == (Status.OBSERVED, ())
        assert f"aws ecs stop-task --cluster shop --task {'a' * 32}" in decision.plan.advice
        assert "Sessions of its role web-task" in decision.plan.advice
        assert trip.there() == before


def test_a_task_that_protects_itself_is_marked_and_stays_protected(
    world: World, fakes: Fakes
) -> None:
    service = Service()
    service.tasks[TASK_ARN]["protected"] = True
    with staged_trip(world, fakes, with_service(service)) as trip:
        before = trip.there()
        decision = trip.reverted(trip.attacked())
        assert [step.call.operation for step in decision.plan.steps] == ["TagResource"]
        assert trip.undone(decision).status is Status.UNDONE
        assert trip.there() == before


def test_a_task_that_is_gone_by_then_is_nobodys_business(world: World, fakes: Fakes) -> None:
    service = Service()
    service.tasks[TASK_ARN]["runs"] = False
    with staged_trip(world, fakes, with_service(service)) as trip:
        assert trip.world.handle(trip.attacked(), trip.guard) == []


def test_a_task_whose_protection_has_run_out_is_released(world: World, fakes: Fakes) -> None:
    service = Service()
    with staged_trip(world, fakes, with_service(service)) as trip:
        before = trip.there()
        decision = trip.reverted(trip.attacked())
        # ECS ends it after two days.
        service.tasks[TASK_ARN]["protected"] = False
        assert trip.undone(decision).status is Status.UNDONE
        assert trip.there() == before


@pytest.mark.parametrize("as_released", [False, True], ids=["undone", "released"])
def test_the_undo_of_what_got_no_answer_knows_that_it_may_have_been_made(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, as_released: bool
) -> None:
    """The key stayed inactive: its call was not among those that were made for certain."""
    make = Remediator.make

    def unanswered(self: Remediator, call: Call) -> bool:
        made = make(self, call)
        if call.operation == "UpdateAccessKey":
            raise Unreachable("no answer")
        return made

    with staged_trip(world, fakes, scenario("user")) as trip:
        before, change = trip.there(), trip.attacked()
        with monkeypatch.context() as silent:
            silent.setattr(Remediator, "make", unanswered)
            with pytest.raises(NotYet):
                list(trip.guard.handle(change, last_chance=True))
        failed = last_of(world)
        assert (failed.status, failed.after, failed.done) == (Status.FAILED, UNREAD, 1)
        after = released(world, trip.guard, failed) if as_released else trip.undone(failed)
        assert (after.status, after.done) == (Status.UNDONE, 2)
        assert trip.staged.anew(trip.there()) == trip.staged.anew(before)
