"""Somebody asks in Security Hub that a risk be reverted: people are asked, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest

from driftguard import controls
from driftguard.approvals.desk import Desk
from driftguard.channels.wording import timeout
from driftguard.engine.errors import UnknownDecision
from driftguard.engine.guard import Guard
from driftguard.engine.wanted import WHY
from driftguard.events.commands import LookAt, LookFor
from driftguard.model import Autonomy, Choice, Decision, Resource, Status, Vote
from driftguard.policy.bounds import Bounds, Sweep
from driftguard.policy.model import Terms
from driftguard.state.keys import ALL, StateRecord, freeze_key
from driftguard.sweep.look import sweep
from tests.support.approving import MALLORY, PEOPLE, is_open
from tests.support.guardrails.held import CONTROL, new_group, opened
from tests.support.sweeping import open_up
from tests.support.world import ACCOUNT, HERE, REGION, World


def policy_of(world: World, autonomy: Autonomy, **terms: object) -> Guard:
    """A guard whose policy lets this control go so far; what the sweep finds is only observed."""
    return world.with_policy(
        lambda given: replace(
            given,
            autonomy={},
            default=autonomy,
            people=PEOPLE,
            approvals=(Terms(**terms),),  # type: ignore[arg-type]
            bounds=Bounds(sweep=Sweep(Autonomy.OBSERVE)),
        )
    )


def look_for(group: str) -> LookFor:
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{group}"
    return LookFor(CONTROL, arn, REGION)


def wanted(guard: Guard, decision: Decision) -> Decision:
    found = guard.ask_about(decision.id)
    assert found is not None
    return found


def voted(guard: Guard, decision: Decision, person: str, choice: Choice) -> str:
    desk = Desk(guard.audit, guard.state, guard.policy, guard.now)
    vote = Vote(person, choice, "slack", guard.stamp(), decision.before)
    reply = desk.vote(decision.id, vote)
    return "" if reply.counted else reply.text


# --------------------------------------------------------------------- what was only observed


def test_what_policy_only_observes_is_asked_about_and_reverted_once_approved(world: World) -> None:
    guard = policy_of(world, Autonomy.OBSERVE)
    group = new_group("web")
    observed = world.one(opened(group), guard)
    assert observed.status is Status.OBSERVED
    asked = wanted(guard, observed)
    assert (asked.status, asked.autonomy) == (Status.ASKED, Autonomy.ASK)
    assert "somebody wants it reverted" in asked.reason
    assert asked.id != observed.id
    assert is_open(group)
    assert voted(guard, asked, "bob", Choice.REVERT) == ""
    assert guard.carry_out(asked.id).status is Status.REVERTED
    assert not is_open(group)


def test_the_maker_stays_known_and_cannot_accept_their_own_change(world: World) -> None:
    guard = policy_of(world, Autonomy.OBSERVE)
    observed = world.one(opened(new_group("web")), guard)
    asked = wanted(guard, observed)
    assert asked.actor == observed.actor
    assert asked.actor.principal == MALLORY
    assert voted(guard, asked, "alice", Choice.ACCEPT) != ""


@pytest.mark.parametrize("autonomy", [Autonomy.OBSERVE, Autonomy.ASK, Autonomy.REVERT])
def test_no_timeout_reverts_what_nobody_has_proven_to_want(
    world: World, autonomy: Autonomy
) -> None:
    """The event proves nobody, so silence after it is no yes, whatever policy grants."""
    group = new_group("web")
    open_up(group)
    guard = policy_of(world, autonomy, timeout_action="revert", seconds=600)
    asked = guard.look_at(look_for(group))
    assert asked is not None
    assert asked.status is Status.ASKED
    said = timeout(asked, guard.policy.terms(CONTROL, asked.severity))
    assert said
    assert "it is reverted" not in said
    world.clock.pass_by(seconds=601)
    assert guard.expire(asked.id).status in (Status.EXPIRED, Status.ASKED)
    assert is_open(group)


def test_a_policy_that_reverts_by_now_asks_all_the_same(world: World) -> None:
    group = new_group("web")
    observed = world.one(opened(group), policy_of(world, Autonomy.OBSERVE))
    asked = wanted(policy_of(world, Autonomy.REVERT), observed)
    assert asked.status is Status.ASKED
    assert WHY in [ruling.reason for ruling in asked.rulings]
    assert is_open(group)


def test_the_stacks_ceiling_holds(world: World) -> None:
    guard = replace(policy_of(world, Autonomy.OBSERVE), ceiling=Autonomy.OBSERVE)
    group = new_group("web")
    observed = world.one(opened(group), guard)
    assert guard.ask_about(observed.id) is None
    # What nobody has decided on yet is recorded, like any find.
    other = new_group("other")
    open_up(other)
    found = guard.look_at(look_for(other))
    assert found is not None
    assert found.status is Status.OBSERVED
    assert guard.look_at(look_for(other)) is None


def test_a_freeze_holds_and_is_judged_anew_after_it(world: World) -> None:
    guard = policy_of(world, Autonomy.ASK)
    freeze: dict[str, str] = {"reason": "a migration", "by": "bob"}
    world.state.write(StateRecord(freeze_key(HERE, ALL), freeze))
    observed = world.one(opened(new_group("web")), guard)
    assert observed.status is Status.OBSERVED
    assert guard.ask_about(observed.id) is None


def test_what_is_no_longer_risky_is_not_asked_about(world: World) -> None:
    guard = policy_of(world, Autonomy.OBSERVE)
    group = new_group("web")
    observed = world.one(opened(group), guard)
    boto3.client("ec2").revoke_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    assert guard.ask_about(observed.id) is None
    boto3.client("ec2").delete_security_group(GroupId=group)
    assert guard.ask_about(observed.id) is None


def test_one_state_is_asked_about_once_and_an_answer_stands(world: World) -> None:
    guard = policy_of(world, Autonomy.OBSERVE)
    observed = world.one(opened(new_group("web")), guard)
    asked = wanted(guard, observed)
    assert wanted(guard, observed) == asked
    assert voted(guard, asked, "bob", Choice.ACCEPT) == ""
    for _ in range(2):
        assert guard.ask_about(observed.id) is None
        assert guard.ask_about(asked.id) is None


# ----------------------------------------------------------------------- what nobody has decided


def test_what_security_hub_found_is_looked_at_and_asked_about_once(world: World) -> None:
    guard = policy_of(world, Autonomy.REVERT)
    group = new_group("old")
    open_up(group)
    first = guard.look_at(look_for(group))
    assert first is not None
    assert (first.status, first.actor.is_unattributed) == (Status.ASKED, True)
    assert guard.look_at(look_for(group)) == first
    assert is_open(group)


def test_what_the_sweep_only_observed_is_asked_about(world: World) -> None:
    guard = policy_of(world, Autonomy.REVERT)
    group = new_group("old")
    open_up(group)
    resource = Resource("ec2.security-group", group, ACCOUNT, REGION, look_for(group).arn)
    observed = guard.look_at(LookAt(CONTROL, resource))
    assert observed is not None
    assert observed.status is Status.OBSERVED
    asked = wanted(guard, observed)
    assert asked.status is Status.ASKED
    assert asked.actor.is_unattributed


def test_what_the_control_does_not_list_or_finds_clean_leads_to_nothing(world: World) -> None:
    guard = policy_of(world, Autonomy.REVERT)
    assert guard.look_at(look_for("sg-0123456789abcdef0")) is None
    assert guard.look_at(look_for(new_group("shut"))) is None
    bucket = LookFor(CONTROL, "arn:aws:s3:::wares", REGION)
    assert guard.look_at(bucket) is None


def test_a_finding_about_the_account_is_about_the_only_setting_that_the_control_lists(
    world: World,
) -> None:
    guard = policy_of(world, Autonomy.REVERT)
    ec2, control = boto3.client("ec2"), "ec2.ebs-encryption-default-off"
    ec2.enable_ebs_encryption_by_default()
    list(sweep(guard, REGION, only=[controls.control(control)]))
    ec2.disable_ebs_encryption_by_default()
    asked = guard.look_at(LookFor(control, f"AWS::::Account:{ACCOUNT}", REGION))
    assert asked is not None
    assert (asked.control, asked.status) == (control, Status.ASKED)
    assert guard.look_at(LookFor(control, "AWS::::Account:999999999999", REGION)) is None
    # Which of several it is about, nothing says.
    for name in ("one", "two"):
        open_up(new_group(name))
    assert guard.look_at(LookFor(CONTROL, f"AWS::::Account:{ACCOUNT}", REGION)) is None


# ---------------------------------------------------------------------------- told again


def test_people_are_told_again_of_an_open_request_once_an_hour(world: World) -> None:
    guard = policy_of(world, Autonomy.ASK, seconds=86_400)
    asked = world.one(opened(new_group("web")), guard)
    assert wanted(guard, asked) == asked
    world.clock.pass_by(hours=1)
    again = wanted(guard, asked)
    assert again.told_again == guard.stamp()
    assert (again.status, again.expires, again.votes) == (Status.ASKED, asked.expires, ())
    assert world.log(asked) == ["decided", "told-again"]
    world.clock.pass_by(minutes=59)
    assert wanted(guard, asked) == again
    world.clock.pass_by(minutes=1)
    assert wanted(guard, asked).told_again > again.told_again


def test_who_names_no_decision_is_refused(world: World) -> None:
    with pytest.raises(UnknownDecision):
        world.guard.ask_about("dg-000000000000000000000000")
