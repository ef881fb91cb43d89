"""An instance and a function are contained whoever dies in the middle of it, and released exactly.

A containment opens the instance's group for a moment: whoever takes it up must close it.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.approvals.rules import UNREAD
from driftguard.aws import resolver
from driftguard.aws.calls import AwsError, Refused, Throttled
from driftguard.aws.remediator import Remediator
from driftguard.controls.containment.instance_state import state_of
from driftguard.engine.case import Case
from driftguard.engine.errors import NotYet
from driftguard.engine.guard import Guard
from driftguard.engine.recording import LEASE
from driftguard.events.commands import Undo
from driftguard.model import Autonomy, Call, Change, Status
from driftguard.policy.bounds import Limit, Scope
from tests.scenarios import SCENARIOS
from tests.scenarios.containment_compute import about_instance, reported, telling
from tests.scenarios.model import Scenario, Staged
from tests.support.approving import last_of, released
from tests.support.dying import Died, begun, dies_after
from tests.support.freezing import freeze, unfreeze
from tests.support.iam.judge import Judge
from tests.support.round_trips import RoundTrip, staged_trip
from tests.support.world import ACCOUNT, REGION, Fakes, World

INSTANCE, FUNCTION = (
    next(one for one in SCENARIOS if str(one) == f"containment.{name}-asked")
    for name in ("instance", "function")
)


# After the snapshots, the first target group, the Classic Load Balancer, the opening, the move, the
# first closing.
@pytest.mark.parametrize(
    ("scenario", "calls"),
    [*((INSTANCE, calls) for calls in (1, 5, 7, 10, 11, 12)), (FUNCTION, 1)],
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
        assert trip.there() == staged.reverted(before)
        assert trip.undone(decision).status is Status.UNDONE
        assert staged.anew(trip.there()) == staged.anew(before)


# After the groups are back, after the Classic Load Balancer is, after the group is deleted.
@pytest.mark.parametrize("calls", [1, 4, 8])
def test_a_release_whose_worker_died_is_carried_out_to_its_end(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    with staged_trip(world, fakes, INSTANCE) as trip:
        before, staged = trip.there(), trip.staged
        decision = trip.reverted(trip.attacked())
        with monkeypatch.context() as dying:
            dying.setattr(Remediator, "make", dies_after(calls))
            with pytest.raises(Died):
                trip.guard.undo(Undo(decision.id, "alice", "a test"))
        world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
        assert trip.undone(decision).status is Status.UNDONE
        assert staged.anew(trip.there()) == staged.anew(before)


def knowing(scenario: Scenario, *findings: dict[str, Any]) -> Scenario:
    """The scenario, with a GuardDuty that knows these findings and no others."""
    return replace(scenario, stage=lambda: replace(scenario.stage(), fakes=telling(*findings)))


def test_a_forged_finding_does_nothing(world: World, fakes: Fakes) -> None:
    """GuardDuty does not know what the event claims."""
    with staged_trip(world, fakes, knowing(INSTANCE)) as trip:
        before = trip.there()
        assert trip.world.handle(trip.attacked(), trip.guard) == []
        assert trip.there() == before


def test_a_finding_about_another_instance_does_nothing_to_this_one(
    world: World, fakes: Fakes
) -> None:
    known = about_instance("i-0abcdef1234567890")
    with staged_trip(world, fakes, knowing(INSTANCE, known)) as trip:
        before = trip.there()
        forged = {**known, "resource": trip.attacked().request["resource"]}
        assert trip.world.handle(reported(forged), trip.guard) == []
        assert trip.there() == before


# After the move, after the first closing.
@pytest.mark.parametrize("calls", [11, 12])
def test_what_has_begun_is_closed_though_the_finding_is_archived_meanwhile(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """It was called safe, and everything passed its group."""
    told: dict[str, Any] = {}

    def stage() -> Staged:
        staged = INSTANCE.stage()
        told.update(deepcopy(staged.attack().request))
        return replace(staged, fakes=telling(told))

    with staged_trip(world, fakes, replace(INSTANCE, stage=stage)) as trip:
        before, change = trip.there(), trip.attacked()
        guard = contains_at_once(trip)
        with monkeypatch.context() as dying:
            dying.setattr(Remediator, "make", dies_after(calls))
            with pytest.raises(Died):
                world.one(change, guard)
        world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
        told["service"]["archived"] = True
        decision = world.one(change, guard)
        assert decision.status is Status.REVERTED
        assert trip.there() == trip.staged.reverted(before)
        assert trip.undone(decision).status is Status.UNDONE
        assert trip.staged.anew(trip.there()) == trip.staged.anew(before)


def compromised(change: Change) -> str:
    """The id of the instance that a finding is about."""
    resource: Any = change.request["resource"]
    return str(resource["instanceDetails"]["instanceId"])


def test_an_instance_that_is_gone_by_then_is_nobodys_business(world: World, fakes: Fakes) -> None:
    with staged_trip(world, fakes, INSTANCE) as trip:
        change = trip.attacked()
        boto3.client("ec2").terminate_instances(InstanceIds=[compromised(change)])
        assert trip.world.handle(change, trip.guard) == []


def contains_at_once(trip: RoundTrip) -> Guard:
    """A guard whose policy contains instances without asking."""
    settings = {**trip.guard.policy.settings, INSTANCE.control: {"revert": ("*:EC2/*",)}}
    return replace(trip.guard, policy=replace(trip.guard.policy, settings=settings))


def test_a_policy_may_contain_instances_at_once(world: World, fakes: Fakes) -> None:
    with staged_trip(world, fakes, INSTANCE) as trip:
        before = trip.there()
        decision = world.one(trip.attacked(), contains_at_once(trip))
        assert (decision.status, decision.autonomy) == (Status.REVERTED, Autonomy.REVERT)
        assert trip.there() == trip.staged.reverted(before)


def test_even_then_people_are_asked_about_the_only_healthy_target(
    world: World, fakes: Fakes
) -> None:
    with staged_trip(world, fakes, INSTANCE) as trip:
        change, elb = trip.attacked(), boto3.client("elbv2")
        [web] = elb.describe_target_groups(Names=["web"])["TargetGroups"]
        others = sorted({*trip.there()["protected"]} - {compromised(change)})
        gone = [{"Id": one} for one in others]
        elb.deregister_targets(TargetGroupArn=web["TargetGroupArn"], Targets=gone)
        decision = world.one(change, contains_at_once(trip))
        assert (decision.status, decision.autonomy) == (Status.ASKED, Autonomy.ASK)
        assert "web would have no healthy target left" in decision.plan.drastic


def test_where_it_is_refused_the_risk_stands_and_what_was_done_can_be_undone(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Remediator.make

    def refused(self: Remediator, call: Call) -> bool:
        if call.operation == "CreateSecurityGroup":
            raise Refused("not allowed to call ec2:CreateSecurityGroup", code="AccessDenied")
        return make(self, call)

    with staged_trip(world, fakes, INSTANCE) as trip:
        before = trip.there()
        with monkeypatch.context() as refusing:
            refusing.setattr(Remediator, "make", refused)
            decision = trip.reverted(trip.attacked())
        assert decision.status is Status.FAILED
        assert "ec2:CreateSecurityGroup" in decision.reason
        # The snapshots and the protection.
        assert decision.done == 2
        assert trip.undone(decision).status is Status.UNDONE
        assert trip.staged.anew(trip.there()) == trip.staged.anew(before)


def test_a_group_that_ec2_does_not_show_yet_is_waited_for(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = 2

    def shown(client: Any, name: str, vpc: str) -> str:
        nonlocal hidden
        if hidden:
            hidden -= 1
            raise AwsError(f"there is no group {name} in {vpc}", code="InvalidGroup.NotFound")
        return group(client, name, vpc)

    group = resolver._group
    monkeypatch.setattr(resolver, "_group", shown)
    with staged_trip(world, fakes, INSTANCE) as trip:
        before = trip.there()
        decision = trip.reverted(trip.attacked())
        assert (decision.status, hidden) == (Status.REVERTED, 0)
        assert trip.there() == trip.staged.reverted(before)


def test_without_its_role_people_are_told_what_to_call(world: World, fakes: Fakes) -> None:
    with staged_trip(world, fakes, INSTANCE) as trip:
        before, change = trip.there(), trip.attacked()
        decision = world.one(change, replace(trip.guard, containment_role_arn=""))
        assert (decision.status, decision.plan.steps) == (Status.OBSERVED, ())
        assert "its parameter Containment" in decision.plan.advice
        name = f"driftguard-quarantine-{compromised(change)}"
        moved = "aws ec2 modify-network-interface-attribute --network-interface-id eni-"
        assert moved in decision.plan.advice
        assert f"--groups '[\"<security-group {name}>\"]'" in decision.plan.advice
        assert trip.there() == before


def test_what_a_person_released_is_asked_about_before_it_is_contained_again(
    world: World, fakes: Fakes
) -> None:
    with staged_trip(world, fakes, INSTANCE) as trip:
        guard, change = contains_at_once(trip), trip.attacked()
        decision = world.one(change, guard)
        assert guard.undo(Undo(decision.id, "alice", "a test")).status is Status.UNDONE
        again = world.one(replace(change, id="an update of it"), guard)
        assert again.status is Status.ASKED
        assert decision.id in again.reason


def test_the_guards_own_function_is_never_contained(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staged_trip(world, fakes, FUNCTION) as trip:
        role = boto3.client("lambda").get_function(FunctionName="orders")["Configuration"]["Role"]
        ours = replace(trip.guard.aws.surroundings, own_roles=(role,))
        monkeypatch.setattr(trip.guard.aws, "surroundings", ours)
        before = trip.there()
        decision = world.one(trip.attacked(), trip.guard)
        assert (decision.status, decision.plan.steps) == (Status.OBSERVED, ())
        assert "Driftguard's own functions" in decision.plan.advice
        assert trip.there() == before


@pytest.mark.parametrize("tagged", [True, False], ids=["its-own", "another"])
def test_the_role_opens_no_group_but_those_that_contain(world: World, tagged: bool) -> None:
    """Whatever a plan's session allows: the role's own policy says no."""
    ec2 = boto3.client("ec2")
    made = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    if tagged:
        tag = {"Key": "driftguard:quarantine", "Value": "i-0abcdef1234567890"}
        ec2.create_tags(Resources=[made], Tags=[tag])
    groups = f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/*"
    everything: Any = [{"Effect": "Allow", "Action": ["*"], "Resource": [groups]}]
    asked = {"GroupId": made, "IpPermissions": [{"IpProtocol": "-1"}]}
    judge = Judge()
    for way in ("Ingress", "Egress"):
        operation = f"AuthorizeSecurityGroup{way}"
        judged = judge.judged("ContainmentRole", "ec2", operation, asked, everything)
        assert bool(judged.refused) != tagged, judged


def test_even_then_people_are_asked_about_the_only_instance_of_a_classic_load_balancer(
    world: World, fakes: Fakes
) -> None:
    with staged_trip(world, fakes, INSTANCE) as trip:
        change, elb = trip.attacked(), boto3.client("elb")
        others = sorted({*trip.there()["protected"]} - {compromised(change)})
        elb.deregister_instances_from_load_balancer(
            LoadBalancerName="legacy", Instances=[{"InstanceId": one} for one in others]
        )
        decision = world.one(change, contains_at_once(trip))
        assert (decision.status, decision.autonomy) == (Status.ASKED, Autonomy.ASK)
        assert "legacy would have no healthy target left" in decision.plan.drastic


@pytest.mark.parametrize(
    ("description", "left"),
    [
        ("N/A", True),
        ("Instance registration is still in progress.", True),
        ("Instance deregistration currently in progress.", False),
    ],
)
def test_what_a_classic_load_balancer_drains_is_none_of_its_instances(
    world: World, fakes: Fakes, description: str, left: bool
) -> None:
    """It may still be listed for as long as its connections are given: an hour at most."""
    with staged_trip(world, fakes, INSTANCE) as trip:
        id_ = compromised(trip.attacked())

    def health(_: dict[str, Any]) -> dict[str, Any]:
        state = {"InstanceId": id_, "State": "InService", "Description": description}
        return {"InstanceStates": [state]}

    fakes.install({("elb", "DescribeInstanceHealth"): health})
    state: Any = state_of(id_, "finding", world.guard.aws.reader(ACCOUNT, REGION))
    found = [one for one in (*state["targets"], *state["shares"]) if "legacy" in one["group"]]
    assert len(found) == (2 if left else 0)


def test_a_classic_load_balancer_that_is_deleted_meanwhile_holds_nothing_up(
    world: World, fakes: Fakes
) -> None:
    def deleted(_: dict[str, Any]) -> dict[str, Any]:
        boto3.client("elb").delete_load_balancer(LoadBalancerName="legacy")
        return {"Error": {"Code": "LoadBalancerNotFound"}}

    def stage() -> Staged:
        staged = INSTANCE.stage()
        call = ("elb", "DeregisterInstancesFromLoadBalancer")
        return replace(staged, fakes={**staged.fakes, call: deleted})

    with staged_trip(world, fakes, replace(INSTANCE, stage=stage)) as trip:
        decision = trip.reverted(trip.attacked())
        assert decision.status is Status.REVERTED, decision.reason
        assert trip.there()["balanced"] == []


# ------------------------------------------------------------- what a worker that died leaves open


def is_open(change: Change) -> bool:
    """Whether any security group of the instance lets everything in."""
    client = boto3.client("ec2")
    (reservation,) = client.describe_instances(InstanceIds=[compromised(change)])["Reservations"]
    interfaces = reservation["Instances"][0]["NetworkInterfaces"]
    ids = {group["GroupId"] for one in interfaces for group in one["Groups"]}
    groups = client.describe_security_groups(GroupIds=sorted(ids))["SecurityGroups"]
    return any(rule["IpProtocol"] == "-1" for one in groups for rule in one["IpPermissions"])


def dies_while_it_is_open(
    trip: RoundTrip, guard: Guard, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(Remediator, "make", dies_after(11))
        with pytest.raises(Died):
            list(guard.handle(change))
    assert is_open(change)
    trip.world.clock.pass_by(seconds=LEASE.total_seconds() + 1)


def contained_to_the_end(trip: RoundTrip, guard: Guard, change: Change, before: Any) -> None:
    """Whatever takes it up next closes the group, and a release is exact."""
    trip.world.clock.pass_by(hours=2)
    (decision,) = (one for one in guard.handle(change) if one.plan.steps)
    assert (decision.status, is_open(change)) == (Status.REVERTED, False), decision.reason
    undone = guard.undo(Undo(decision.id, "alice", "a test"))
    assert undone.status is Status.UNDONE
    assert trip.staged.anew(trip.there()) == trip.staged.anew(before)


@pytest.mark.parametrize("last_chance", [False, True])
def test_a_freeze_forgets_nothing_of_what_a_worker_that_died_was_about(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, last_chance: bool
) -> None:
    with staged_trip(world, fakes, INSTANCE) as trip:
        before, change, guard = trip.there(), trip.attacked(), contains_at_once(trip)
        dies_while_it_is_open(trip, guard, change, monkeypatch)
        freeze(world.state, "alice", "stop")
        for _ in range(2):
            with pytest.raises(NotYet):
                list(guard.handle(change, last_chance=last_chance))
            world.clock.pass_by(minutes=20)
        unfreeze(world.state, "alice")
        contained_to_the_end(trip, guard, change, before)


@pytest.mark.parametrize("last_chance", [False, True])
def test_tags_that_cannot_be_read_end_nothing_that_is_begun(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, last_chance: bool
) -> None:
    def unreadable(case: Case) -> Any:
        raise Refused("not allowed to call tag:GetResources", code="AccessDenied")

    with staged_trip(world, fakes, INSTANCE) as trip:
        before, change, guard = trip.there(), trip.attacked(), contains_at_once(trip)
        production = Limit(Scope(tags={"env": "prod"}), Autonomy.ASK, "production")
        bounds = guard.policy.bounds._replace(protected=(production,))
        guard = replace(guard, policy=replace(guard.policy, bounds=bounds))
        dies_while_it_is_open(trip, guard, change, monkeypatch)
        with monkeypatch.context() as refusing:
            refusing.setattr(Case, "tags", unreadable)
            with pytest.raises(NotYet):
                list(guard.handle(change, last_chance=last_chance))
        contained_to_the_end(trip, guard, change, before)


def test_what_stopped_with_its_group_open_is_released(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stayed in a group that is open to everybody, and nothing was tried again."""
    make = Remediator.make

    def throttled(self: Remediator, call: Call) -> bool:
        if call.operation.startswith("RevokeSecurityGroup"):
            raise Throttled("ec2: RequestLimitExceeded", code="RequestLimitExceeded")
        return make(self, call)

    with staged_trip(world, fakes, INSTANCE) as trip:
        before, change, guard = trip.there(), trip.attacked(), contains_at_once(trip)
        with monkeypatch.context() as stopping:
            stopping.setattr(Remediator, "make", throttled)
            with pytest.raises(NotYet):
                list(guard.handle(change, last_chance=True))
        failed = last_of(world)
        assert (failed.status, failed.after) == (Status.FAILED, UNREAD)
        assert 0 < failed.done < len(failed.plan.steps)
        after = released(world, guard, failed)
        assert after.status is Status.UNDONE, world.audit.log(failed.id)[-1].note
        assert trip.staged.anew(trip.there()) == trip.staged.anew(before)
