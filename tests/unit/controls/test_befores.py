"""A weakening needs a before: a baseline, or what is being made is judged as made (kind 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.controls import control
from driftguard.documents import stamp
from driftguard.model import Autonomy, Change, Place, Status
from driftguard.state.baseline import moved
from driftguard.state.keys import StateRecord, baseline_key, named_by
from driftguard.sweep.look import sweep
from tests.scenarios import SCENARIOS
from tests.scenarios.ec2_region import Exclusions, wrapped
from tests.scenarios.elb import balancer, classic, elb, group, network
from tests.scenarios.model import Scenario
from tests.support.records import change
from tests.support.world import REGION, Fakes, World

SETTINGS = (
    "codebuild.public",
    "ec2.ami-bpa-off",
    "ec2.ebs-encryption-default-off",
    "ec2.serial-console-enabled",
    "ec2.snapshot-bpa-off",
    "ec2.subnet-auto-public-ip",
    "ec2.tgw-auto-accept",
    "ec2.vpc-bpa-weakened",
    "emr.bpa-off",
)
STAGED = {one.control: one for one in reversed(SCENARIOS) if one.control in SETTINGS}


def recorded(world: World, control_id: str) -> None:
    list(sweep(world.guard, REGION, only=[control(control_id)]))


@pytest.mark.parametrize("scenario", STAGED.values(), ids=str)
def test_a_setting_that_was_so_before_is_not_changed(
    world: World, scenario: Scenario, fakes: Fakes
) -> None:
    """The same call again is a no-op: nothing was weakened, and nothing is restored."""
    guard = world.with_policy(scenario.policy)
    staged = scenario.stage()
    fakes.install(staged.fakes)
    made = staged.attack()
    recorded(world, scenario.control)
    world.clock.pass_by(hours=1)
    left = staged.snapshot()

    assert world.handle(made, guard) == []
    assert staged.snapshot() == left


@pytest.mark.parametrize("scenario", STAGED.values(), ids=str)
def test_without_a_baseline_people_are_asked_where_there_is_a_plan_and_told_else(
    world: World, scenario: Scenario, fakes: Fakes
) -> None:
    """Nobody knows whether it was a change."""
    guard = world.with_policy(scenario.policy)
    staged = scenario.stage()
    fakes.install(staged.fakes)
    made = staged.attack()
    decision = world.one(made, guard)
    assert decision.status is (Status.ASKED if decision.plan.steps else Status.OBSERVED)


@pytest.mark.parametrize("scenario", STAGED.values(), ids=str)
def test_the_sweep_records_what_was_never_otherwise(
    world: World, scenario: Scenario, fakes: Fakes
) -> None:
    staged = scenario.stage()
    fakes.install(staged.fakes)
    staged.attack()
    found = {one.outcome for one in sweep(world.guard, REGION, only=[control(scenario.control)])}
    assert found == {"recorded"}


def test_a_gateway_made_to_accept_is_judged_as_made(world: World) -> None:
    client = boto3.client("ec2")
    options: Any = {"AutoAcceptSharedAttachments": "enable"}
    gateway = client.create_transit_gateway(Options=options)["TransitGateway"]["TransitGatewayId"]
    answered = {"transitGateway": {"transitGatewayId": gateway}}
    made = wrapped("CreateTransitGateway", {"Options": options}, answered)
    (judge,) = (control("ec2.tgw-auto-accept"),)
    (candidate,) = judge.screen(made, judge.settings())
    state = judge.observe(candidate, world.guard.aws.reader("123456789012", REGION))
    assert state is not None
    finding = judge.assess(state, None, judge.settings())
    assert finding is not None
    assert finding.at_most_why == ""


# -------------------------------------------------------------------------- load balancers


def with_explicit_false(arn: str) -> Change:
    """What Terraform and Kubernetes say of a new load balancer."""
    off = ("access_logs.s3.enabled", "deletion_protection.enabled")
    asked = [{"key": name, "value": "false"} for name in off]
    return elb("ModifyLoadBalancerAttributes", {"loadBalancerArn": arn, "attributes": asked})


def classic_without_logs() -> Change:
    asked = {"loadBalancerAttributes": {"accessLog": {"enabled": False}}}
    return elb("ModifyLoadBalancerAttributes", {"loadBalancerName": "old", **asked})


def application() -> Change:
    vpc, subnets = network()
    return with_explicit_false(balancer(subnets, [group(vpc, "web")]))


def of_the_classic_kind() -> Change:
    classic()
    return classic_without_logs()


@pytest.mark.parametrize("make", [application, of_the_classic_kind])
def test_what_a_new_load_balancer_never_had_it_did_not_lose(
    world: World, make: Callable[[], Change]
) -> None:
    assert world.handle(at(world, make())) == []


@pytest.mark.parametrize("make", [application, of_the_classic_kind])
def test_an_old_load_balancer_without_a_baseline_is_never_reverted(
    world: World, make: Callable[[], Change]
) -> None:
    world.ask_at_once()
    made = make()
    world.clock.pass_by(hours=2)
    decision = world.one(at(world, made))
    assert decision.status is (Status.ASKED if decision.plan.steps else Status.OBSERVED)


def test_what_is_said_again_joins_the_request(world: World) -> None:
    """When it was said does not make it another state."""
    world.ask_at_once()
    made = application()
    world.clock.pass_by(hours=2)
    first = world.one(at(world, made))
    world.clock.pass_by(minutes=1)
    again = world.one(at(world, with_explicit_false(str(made.request["loadBalancerArn"]))))
    assert again.id == first.id


def at(world: World, made: Change) -> Change:
    return replace(made, time=stamp(world.clock.now()))


# ------------------------------------------------------------------------------- exclusions


@pytest.mark.parametrize(
    ("mode", "status"),
    [("allow-bidirectional", None), ("allow-egress", Status.REVERTED), ("", Status.ASKED)],
    ids=["was open both ways", "let out alone", "unrecorded"],
)
def test_a_modified_exclusion_goes_back_to_what_it_was(
    world: World, fakes: Fakes, mode: str, status: Status | None
) -> None:
    exclusions = Exclusions()
    fakes.install(
        {
            ("ec2", "ModifyVpcBlockPublicAccessExclusion"): exclusions.modify,
            ("ec2", "DescribeVpcBlockPublicAccessExclusions"): exclusions.describe,
        }
    )
    made = exclusions.create(
        {"VpcId": "vpc-1", "InternetGatewayExclusionMode": mode or "allow-egress"}
    )["VpcBlockPublicAccessExclusion"]
    if mode:
        exclusion = control("ec2.vpc-bpa-exclusion")
        if mode == "allow-bidirectional":
            keep_as_baseline(world, made["ResourceArn"])
        else:
            list(sweep(world.guard, REGION, only=[exclusion]))
    both = "allow-bidirectional"
    exclusions.modify({"ExclusionId": made["ExclusionId"], "InternetGatewayExclusionMode": both})
    asked = {"ExclusionId": made["ExclusionId"], "InternetGatewayExclusionMode": both}
    answered = {"vpcBlockPublicAccessExclusion": {"resourceArn": made["ResourceArn"]}}
    record = wrapped("ModifyVpcBlockPublicAccessExclusion", asked, answered)
    guard = world.with_policy(reverting)
    found = world.handle(record, guard)
    assert [one.status for one in found] == ([status] if status else [])


def reverting(policy: Any) -> Any:
    return replace(policy, autonomy={}, default=Autonomy.REVERT)


def keep_as_baseline(world: World, arn: str) -> None:
    """What people accepted: the exclusion, open both ways."""
    found = named_by(arn, Place("123456789012", REGION))
    id_ = "ec2.vpc-bpa-exclusion"
    records = moved(
        StateRecord(baseline_key(id_, found)),
        id_,
        found,
        {"id": "vpcbpa-exclude-0", "mode": "allow-bidirectional", "Tags": []},
        at=world.clock.now(),
        by="alice",
        why="a test",
        anchored=True,
    )
    world.state.write(*records)


def test_a_disabled_block_is_no_matter_of_other_records() -> None:
    """The calls that turn the settings on again are harmless."""
    for id_, source, name in (
        ("ec2.ami-bpa-off", "ec2.amazonaws.com", "EnableImageBlockPublicAccess"),
        ("ec2.serial-console-enabled", "ec2.amazonaws.com", "DisableSerialConsoleAccess"),
    ):
        judge = control(id_)
        assert list(judge.screen(change(source, name, {}), judge.settings())) == []
