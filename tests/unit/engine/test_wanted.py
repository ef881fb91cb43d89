"""Somebody asks in Security Hub that a risk be reverted: people are asked, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest

from driftguard import controls
from driftguard.approvals.desk import Desk
from driftguard.channels.wording import timeout
from driftguard.engine.errors import NotAsked, UnknownDecision
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
    return guard.ask_about(decision.id)


def told_why(world: World, guard: Guard, decision: Decision) -> str:
    """What a decision says of why nobody is asked about it, after the press of the button."""
    before = world.log(decision)
    answered = guard.ask_about(decision.id)
    assert (answered.id, answered.status) == (decision.id, decision.status)
    assert world.log(decision) == [*before, "told-again"]
    _, _, why = answered.reason.rpartition(
        "somebody asked that it be reverted, and nobody is asked: "
    )
    assert why != answered.reason
    return why


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
    assert "stack" in told_why(world, guard, observed)
    # What nobody has decided on yet is recorded, like any find.
    other = new_group("other")
    open_up(other)
    found = guard.look_at(look_for(other))
    assert found is not None
    assert found.status is Status.OBSERVED
    with pytest.raises(NotAsked, match="stack"):
        guard.look_at(look_for(other))


def test_a_freeze_holds_and_is_judged_anew_after_it(world: World) -> None:
    guard = policy_of(world, Autonomy.ASK)
    freeze: dict[str, str] = {"reason": "a migration", "by": "bob"}
    world.state.write(StateRecord(freeze_key(HERE, ALL), freeze))
    observed = world.one(opened(new_group("web")), guard)
    assert observed.status is Status.OBSERVED
    assert "a freeze holds" in told_why(world, guard, observed)


def test_what_is_no_longer_risky_is_not_asked_about(world: World) -> None:
    guard = policy_of(world, Autonomy.OBSERVE)
    group = new_group("web")
    observed = world.one(opened(group), guard)
    boto3.client("ec2").revoke_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    assert told_why(world, guard, observed).endswith("is gone, or not risky any more")
    assert guard.ask_about(observed.id).version == 2, "told once an hour"
    boto3.client("ec2").delete_security_group(GroupId=group)
    world.clock.pass_by(hours=1)
    assert told_why(world, guard, observed).endswith("is gone, or not risky any more")
    settled = world.audit.get(observed.id)
    assert settled is not None
    assert settled.reason.count("nobody is asked") == 1


def test_a_request_that_ran_out_unanswered_is_asked_anew(world: World) -> None:
    """The button did nothing: nobody had voted, and the risk stood."""
    guard = policy_of(world, Autonomy.ASK, seconds=600)
    group = new_group("web")
    first = world.one(opened(group), guard)
    for _ in range(2):
        world.clock.pass_by(seconds=601)
        expired = guard.expire(first.id)
        assert expired.status is Status.EXPIRED
        again = wanted(guard, expired)
        assert again.status is Status.ASKED
        assert (again.actor, again.change_time) == (first.actor, first.change_time)
        assert again.change_id.count("-wanted-after-") == 1
        assert wanted(guard, expired) == again
        first = again
    assert voted(guard, first, "bob", Choice.REVERT) == ""
    assert guard.carry_out(first.id).status is Status.REVERTED
    assert not is_open(group)


def test_an_expired_request_whose_resource_is_gone_says_so(world: World) -> None:
    guard = policy_of(world, Autonomy.ASK, seconds=600)
    group = new_group("web")
    asked = world.one(opened(group), guard)
    world.clock.pass_by(seconds=601)
    expired = guard.expire(asked.id)
    boto3.client("ec2").delete_security_group(GroupId=group)
    assert told_why(world, guard, expired).endswith(f"{group} is gone, or not risky any more")


def test_what_security_hub_found_and_nobody_voted_on_is_asked_anew(world: World) -> None:
    guard = policy_of(world, Autonomy.ASK, seconds=600)
    group = new_group("old")
    open_up(group)
    first = guard.look_at(look_for(group))
    assert first is not None
    world.clock.pass_by(seconds=601)
    guard.expire(first.id)
    again = guard.look_at(look_for(group))
    assert again is not None
    assert (again.status, again.id != first.id) == (Status.ASKED, True)


def test_one_state_is_asked_about_once_and_an_answer_stands(world: World) -> None:
    guard = policy_of(world, Autonomy.OBSERVE)
    observed = world.one(opened(new_group("web")), guard)
    asked = wanted(guard, observed)
    assert wanted(guard, observed) == asked
    assert voted(guard, asked, "bob", Choice.ACCEPT) == ""
    assert told_why(world, guard, observed) == f"{asked.id} on this very state is denied"
    for _ in range(2):
        assert guard.ask_about(observed.id).status is Status.OBSERVED
        with pytest.raises(NotAsked, match=f"{asked.id} is denied"):
            guard.ask_about(asked.id)


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
    for named, why in (
        (look_for("sg-0123456789abcdef0"), "finds no .*sg-0123456789abcdef0 in us-east-1"),
        (look_for(new_group("shut")), "is gone, or not risky any more"),
        (LookFor(CONTROL, "arn:aws:s3:::wares", REGION), "finds no arn:aws:s3:::wares"),
    ):
        with pytest.raises(NotAsked, match=why):
            guard.look_at(named)


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
    with pytest.raises(NotAsked, match="finds no AWS::::Account:999999999999"):
        guard.look_at(LookFor(control, "AWS::::Account:999999999999", REGION))
    # Which of several it is about, nothing says.
    for name in ("one", "two"):
        open_up(new_group(name))
    with pytest.raises(NotAsked, match="has several resources in us-east-1"):
        guard.look_at(LookFor(CONTROL, f"AWS::::Account:{ACCOUNT}", REGION))


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
