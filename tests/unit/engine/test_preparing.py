"""What does no harm yet is told at once, and asked about only if it still stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from driftguard import controls
from driftguard.approvals.desk import Desk
from driftguard.approvals.owed import owed
from driftguard.channels.budget import is_counted
from driftguard.documents import Document, moment
from driftguard.engine.guard import Guard
from driftguard.events.commands import expire_message
from driftguard.model import Actor, Autonomy, Change, Choice, Decision, Status, Vote
from driftguard.policy.bounds import Anomalies, Preparations
from driftguard.policy.model import Policy
from driftguard.state import anomaly_baseline, incidents
from driftguard.state.keys import (
    ALL,
    StateRecord,
    anomaly_baseline_key,
    baseline_key,
    freeze_key,
    history_key,
    incident_key,
)
from driftguard.sweep import overdue
from driftguard.sweep.look import sweep
from tests.support.approving import PEOPLE
from tests.support.records import change
from tests.support.world import HERE, REGION, World

TABLE, KEY = "dynamodb.protection-off", "kms.deletion-scheduled"
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.13.4 (+https://www.terraform.io)"
ALICE = Actor("arn:aws:iam::123456789012:user/alice", kind="IAMUser", source="198.51.100.7")


def table(name: str = "orders") -> str:
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        DeletionProtectionEnabled=True,
    )
    return name


def switch(name: str, *, on: bool) -> Change:
    boto3.client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=on)
    asked = {"tableName": name, "deletionProtectionEnabled": on}
    return replace(change("dynamodb.amazonaws.com", "UpdateTable", asked), actor=ALICE)


def delete(name: str) -> None:
    boto3.client("dynamodb").delete_table(TableName=name)


def looked_again(world: World, decision: Decision, guard: Guard | None = None) -> Decision:
    """What becomes of the decision when its timer rings."""
    world.clock.at = datetime.fromisoformat(decision.next_try)
    return (guard or world.guard).expire(decision.id)


def voted(guard: Guard, decision: Decision, choice: Choice, until: str = "") -> None:
    desk = Desk(guard.audit, guard.state, guard.policy, guard.now)
    vote = Vote("bob", choice, "slack", guard.stamp(), decision.before, until=until)
    reply = desk.vote(decision.id, vote)
    assert reply.counted, reply.text


def with_bounds(world: World, **bounds: Any) -> Guard:
    def changed(policy: Policy) -> Policy:
        return replace(policy, bounds=policy.bounds._replace(**bounds))

    return world.with_policy(changed)


def test_a_protection_that_is_switched_off_is_told_at_once_and_asked_about_later(
    world: World,
) -> None:
    decision = world.one(switch(table(), on=False))
    assert (decision.status, decision.granted) == (Status.OBSERVED, Autonomy.ASK)
    waits = datetime.fromisoformat(decision.next_try) - world.clock.at
    assert round(waits.total_seconds()) == 1800
    assert "people are asked, if it still stands" in decision.reason
    assert not is_counted(decision)

    world.clock.pass_by(minutes=10)
    assert world.guard.expire(decision.id) == decision

    asked = looked_again(world, decision)
    assert (asked.id, asked.status, asked.autonomy) == (decision.id, Status.ASKED, Autonomy.ASK)
    assert asked.plan.steps
    assert asked.expires > asked.updated
    assert asked.next_try == ""
    assert "preparation" not in [one.guardrail for one in asked.rulings]
    assert decision.decided in asked.reason
    assert world.log(asked) == ["decided", "asked-anew"]
    # It belongs to its caller's incident like any other request.
    known = world.state.recall(incident_key(HERE, HERE.account, incidents.who(ALICE)))
    assert asked.incident == asked.id
    assert incidents.is_asked_about(known, HERE.account, ALICE, world.clock.at)


@pytest.mark.parametrize("end", [delete, lambda name: switch(name, on=True)], ids=["gone", "back"])
def test_nobody_is_asked_about_what_is_over_by_then(
    world: World, end: Callable[[str], object]
) -> None:
    decision = world.one(switch(name := table(), on=False))
    end(name)
    ended = looked_again(world, decision)
    assert (ended.status, ended.next_try) == (Status.OBSERVED, "")
    assert "nothing is left of it" in ended.reason
    assert ended.after
    assert world.guard.expire(decision.id) == ended


def test_no_sweep_takes_it_for_clean_before_people_are_asked(world: World) -> None:
    """The table was made after the last sweep, and the next one comes within the half hour."""
    decision = world.one(switch(name := table(), on=False))
    list(sweep(world.guard, REGION, only=[controls.control(TABLE)]))
    # Nor does another change of the table.
    world.handle(change("dynamodb.amazonaws.com", "UpdateTable", {"tableName": name}))
    assert world.state.record(baseline_key(TABLE, decision.candidate.resource)).version == 0
    assert looked_again(world, decision).status is Status.ASKED
    list(sweep(world.guard, REGION, only=[controls.control(TABLE)]))
    assert world.state.record(baseline_key(TABLE, decision.candidate.resource)).version == 0


def test_what_policy_grants_to_revert_is_reverted_at_once(world: World) -> None:
    guard = world.with_policy(
        lambda policy: replace(policy, autonomy={**policy.autonomy, TABLE: Autonomy.REVERT})
    )
    name = table()
    list(sweep(world.guard, REGION, only=[controls.control(TABLE)]))
    assert world.one(switch(name, on=False), guard).status is Status.REVERTED


def test_what_was_asked_about_for_another_reason_is_so_at_once(world: World) -> None:
    guard = world.with_policy(
        lambda policy: replace(policy, autonomy={**policy.autonomy, TABLE: Autonomy.REVERT})
    )
    # Whether it was on before is not recorded.
    assert world.one(switch(table(), on=False), guard).status is Status.ASKED


@pytest.mark.parametrize(
    "bounds",
    [
        {"preparations": None},
        {"preparations": Preparations(ask_after=0)},
        {"preparations": Preparations(ask_at_once=("dynamodb.*",))},
    ],
    ids=["not in the policy", "no time", "this control"],
)
def test_the_policy_may_have_people_asked_at_once(world: World, bounds: dict[str, Any]) -> None:
    assert world.one(switch(table(), on=False), with_bounds(world, **bounds)).status is Status.ASKED


def test_whoever_is_asked_about_already_gets_no_time(world: World) -> None:
    guard = with_bounds(world, preparations=None)
    world.one(switch(table("first"), on=False), guard)
    assert world.one(switch(table("second"), on=False)).status is Status.ASKED
    world.clock.pass_by(minutes=16)
    assert world.one(switch(table("third"), on=False)).status is Status.OBSERVED


def test_whoever_acts_as_nobody_does_here_gets_no_time(world: World) -> None:
    guard = with_bounds(world, anomalies=Anomalies(unusual_over=80))
    stored: Document = {}
    for days in range(40, 0, -1):
        at = world.clock.at - timedelta(days=days)
        traits = anomaly_baseline.traits_of(ALICE, "2026-11-24T12:00:00Z")
        stored = anomaly_baseline.learned(stored, traits, Anomalies(), at) or stored
    world.state.write(StateRecord(anomaly_baseline_key(HERE, HERE.account, TABLE), stored))
    stranger = Actor(
        "arn:aws:iam::123456789012:user/mallory",
        kind="IAMUser",
        source="203.0.113.9",
        agent="curl/8",
    )
    usual = replace(switch(table(), on=False), time="2026-11-24T12:00:00Z")
    assert world.one(usual, guard).status is Status.OBSERVED
    unusual = replace(switch(table("other"), on=False), actor=stranger, time="2026-11-24T03:00:00Z")
    assert world.one(unusual, guard).status is Status.ASKED


def test_a_second_change_is_asked_about_once(world: World) -> None:
    name = table()
    first = world.one(switch(name, on=False))
    world.clock.pass_by(minutes=5)
    second = world.one(switch(name, on=False))
    assert second.id != first.id
    asked = looked_again(world, first)
    assert asked.status is Status.ASKED
    ended = looked_again(world, second)
    assert ended.status is Status.OBSERVED
    assert f"{first.id} asks about it" in ended.reason


@pytest.mark.parametrize("minutes", [0, 20, 300])
def test_what_was_reverted_and_is_there_once_more_is_asked_about_anew(
    world: World, minutes: int
) -> None:
    """The earlier request's deadline has not come yet, and nobody is asked by it any more."""
    guard = world.with_policy(lambda policy: replace(policy, people=PEOPLE))
    name = table()
    first = looked_again(world, world.one(switch(name, on=False), guard), guard)
    voted(guard, first, Choice.REVERT)
    assert guard.carry_out(first.id).status is Status.REVERTED
    world.clock.pass_by(minutes=minutes)
    assert world.state.record(history_key(TABLE, first.candidate.resource)).document["question"]
    second = world.one(switch(name, on=False), guard)
    asked = looked_again(world, second, guard) if second.next_try else second
    assert (asked.id, asked.status) == (second.id, Status.ASKED)


@pytest.mark.parametrize("length", ["", "7d"])
def test_what_people_accepted_is_not_asked_about_by_another(world: World, length: str) -> None:
    guard = world.with_policy(lambda policy: replace(policy, people=PEOPLE))
    first = world.one(switch(name := table(), on=False), guard)
    world.clock.pass_by(minutes=5)
    second = world.one(switch(name, on=False), guard)
    asked = looked_again(world, first, guard)
    until = guard.stamp(timedelta(days=7)) if length else ""
    voted(guard, asked, Choice.ACCEPT, until)
    ended = looked_again(world, second, guard)
    assert (ended.status, ended.next_try) == (Status.OBSERVED, "")


def test_what_people_are_to_have_reverted_is_not_asked_about_by_another(world: World) -> None:
    guard = world.with_policy(lambda policy: replace(policy, people=PEOPLE))
    first = world.one(switch(name := table(), on=False), guard)
    world.clock.pass_by(minutes=5)
    second = world.one(switch(name, on=False), guard)
    asked = looked_again(world, first, guard)
    voted(guard, asked, Choice.REVERT)
    ended = looked_again(world, second, guard)
    assert (ended.status, ended.next_try) == (Status.OBSERVED, "")
    assert f"{asked.id} asks about it" in ended.reason


def test_a_freeze_puts_the_second_look_off(world: World) -> None:
    decision = world.one(switch(table(), on=False))
    frozen = StateRecord(
        freeze_key(HERE, ALL), {"until": "9999-01-01T00:00:00Z", "by": "bob", "reason": "migration"}
    )
    world.state.write(frozen)
    waiting = looked_again(world, decision)
    assert waiting.status is Status.OBSERVED
    until = moment(waiting.next_try)
    assert until is not None
    assert until > world.clock.at
    assert world.log(waiting) == ["decided", "deferred"]


def test_an_exemption_that_was_given_meanwhile_ends_it(world: World) -> None:
    decision = world.one(switch(table(), on=False))
    guard = world.with_policy(
        lambda policy: replace(policy, autonomy={**policy.autonomy, TABLE: Autonomy.OBSERVE})
    )
    ended = looked_again(world, decision, guard)
    assert (ended.status, ended.next_try) == (Status.OBSERVED, "")
    assert "policy grants observe" in ended.reason


# ----------------------------------------------------------------------------- keys


def scheduled(agent: str = "aws-cli/2.31", source: str = "198.51.100.7") -> Change:
    client = boto3.client("kms")
    key = client.create_key(Description="orders")["KeyMetadata"]["KeyId"]
    client.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    asked = {"keyId": key, "pendingWindowInDays": 7}
    by = replace(ALICE, agent=agent, source=source)
    return replace(change("kms.amazonaws.com", "ScheduleKeyDeletion", asked), actor=by)


@pytest.fixture
def old_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that were made long ago."""
    from moto.kms.models import Key

    described = Key.to_dict

    def aged(self: Any) -> dict[str, Any]:
        told = described(self)
        told["KeyMetadata"]["CreationDate"] = 1_700_000_000.0
        return told

    monkeypatch.setattr(Key, "to_dict", aged)


def test_a_key_of_which_nothing_is_known_is_asked_about_at_once(
    world: World, old_keys: None
) -> None:
    decision = world.one(scheduled())
    assert (decision.status, decision.severity) == (Status.ASKED, 90)


@pytest.mark.parametrize(
    ("by", "severity"),
    [
        ({"agent": TERRAFORM}, 90),
        ({"source": "cloudformation.amazonaws.com"}, 30),
    ],
    ids=["claimed", "with its stack"],
)
def test_a_key_that_a_tool_ends_is_told_at_once_and_again_before_its_end(
    world: World, old_keys: None, by: dict[str, str], severity: int
) -> None:
    decision = world.one(scheduled(**by))
    assert (decision.status, decision.severity) == (Status.OBSERVED, severity)
    assert not is_counted(decision)
    waits = datetime.fromisoformat(decision.next_try) - world.clock.at
    assert timedelta(days=4, hours=23) < waits < timedelta(days=5, hours=1)

    again = looked_again(world, decision)
    assert (again.status, again.next_try, again.after) == (Status.OBSERVED, "", "")
    assert "told again: it still stands" in again.reason
    assert not is_counted(again)
    assert world.log(again) == ["decided", "told-again"]


def test_a_key_that_was_made_a_moment_before_is_told(world: World) -> None:
    decision = world.one(scheduled())
    assert (decision.status, decision.severity) == (Status.OBSERVED, 20)
    assert "made less than a day before" in decision.reason


def test_a_key_that_people_kept_is_not_told_again(world: World) -> None:
    decision = world.one(scheduled())
    boto3.client("kms").cancel_key_deletion(KeyId=decision.candidate.resource.id)
    boto3.client("kms").enable_key(KeyId=decision.candidate.resource.id)
    ended = looked_again(world, decision)
    assert "nothing is left of it" in ended.reason


# ------------------------------------------------------------------- timers that are lost


def test_a_second_look_whose_timer_is_lost_is_made_up_for(world: World) -> None:
    decision = world.one(switch(table(), on=False))

    def late() -> list[overdue.Overdue]:
        return list(overdue.found(world.guard, lambda: 900.0))

    assert late() == []
    assert owed(decision, world.audit.log(decision.id), world.guard.stamp()) is None
    world.clock.at = datetime.fromisoformat(decision.next_try) + overdue.LATE + timedelta(seconds=1)
    (found,) = late()
    assert (found.decision, found.command) == (decision.id, expire_message(decision.id))
    log = world.audit.log(decision.id)
    assert owed(decision, log, world.guard.stamp()) == expire_message(decision.id)
