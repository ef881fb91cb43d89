"""What answers, undos and clean changes teach, written in the transaction that records them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.approvals.desk import Desk
from driftguard.controls import control
from driftguard.documents import mapping
from driftguard.engine.guard import Guard
from driftguard.events.commands import Undo
from driftguard.model import Certainty, Change, Choice, Decision, Status, Vote
from driftguard.policy.bounds import Anomalies, Bounds, Earning
from driftguard.state import trust, trust_record
from driftguard.state.baseline import baseline_of
from driftguard.state.keys import (
    anomaly_baseline_key,
    baseline_key,
    baseline_log_key,
    exemptions_key,
    grants_key,
    trust_key,
)
from driftguard.sweep.look import sweep
from tests.scenarios.dynamodb import unprotected
from tests.support.approving import PEOPLE, Asked, open_up
from tests.support.guardrails.circumstances import GRANTED
from tests.support.guardrails.groups import before_the_next_write, open_group
from tests.support.records import flat_ingress
from tests.support.world import ACCOUNT, HERE, REGION, World

CONTROL = "ec2.open-ingress"
USERS = trust.Case("RevokeSecurityGroupIngress", "user")


def opened(group: str) -> Change:
    return flat_ingress(group, 22, "0.0.0.0/0")


def within(world: World, **bounds: Any) -> Guard:
    return world.with_policy(lambda given: replace(given, bounds=Bounds(**bounds)))


# ---------------------------------------------------------------------------------- answers


def record(world: World) -> trust_record.Record:
    return trust.record_of(world.state.record(trust_key(HERE, CONTROL)).document, USERS)


def entries(world: World) -> list[str]:
    return list(mapping(world.state.record(exemptions_key(HERE, CONTROL)).document, "entries"))


def test_an_answer_and_what_it_teaches_are_one_transaction(
    world: World,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Asked(world, group)
    policy = replace(asked.desk.policy, bounds=Bounds(anomalies=Anomalies()))
    desk = replace(asked.desk, policy=policy)
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    wrote: list[list[str]] = []

    def counted(client: BaseClient, operation: str, parameters: Any) -> Any:
        if operation in ("PutItem", "UpdateItem", "TransactWriteItems"):
            items = [one["Put"]["Item"] for one in parameters["TransactItems"]]
            wrote.append([item["pk"]["S"] for item in items])
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    keep = Vote("bob", Choice.ACCEPT, "slack", "now", asked.decision.before, until="2999-01-01")
    assert desk.vote(asked.decision.id, keep).counted
    id_ = asked.decision.id
    taught = (
        trust_key(HERE, CONTROL),
        exemptions_key(HERE, CONTROL),
        anomaly_baseline_key(HERE, ACCOUNT, CONTROL),
    )
    assert wrote == [[id_, id_, *(pk for pk, _ in taught)]]


def test_who_comes_second_leaves_nothing_behind(
    world: World,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Asked(world, group)
    before_the_next_write(monkeypatch, lambda: asked.vote("carol"))
    second = asked.vote("bob", "accept", until="2999-01-01T00:00:00.000Z")
    assert not second.counted
    assert second.text.startswith("already approved, by carol via slack")
    assert entries(world) == []
    assert (record(world).good, record(world).bad) == (1.0, 0.0)


def test_answers_to_two_questions_of_one_control_both_teach(
    world: World,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They write the same note: the second reads it again and adds to what the first wrote."""
    asked, other = Asked(world, group), Asked(world, open_group("other"))
    keep = {"choice": "accept", "until": "2999-01-01T00:00:00.000Z"}
    before_the_next_write(monkeypatch, lambda: other.vote("carol", **keep))
    assert asked.vote("bob", **keep).counted
    assert sorted(entries(world)) == sorted([asked.decision.id, other.decision.id])
    # Of one actor: both count against them, and the second less against all others of their kind.
    (own,) = record(world).own.values()
    assert (own["good"], own["bad"]) == (0.0, 2.0)  # type: ignore[call-overload, index]
    assert (record(world).good, record(world).bad) == (0.0, 1.5)


def test_what_a_shared_link_approves_teaches_nothing(world: World, group: str) -> None:
    """Who holds the link may be anybody, so nobody buys autonomy with it."""
    asked = Asked(world, group)
    assert asked.vote("link", token="a").counted
    assert asked.carried_out().status is Status.REVERTED
    assert world.state.record(trust_key(HERE, CONTROL)).version == 0


def test_an_undo_is_learned_in_the_transaction_that_records_it(world: World, group: str) -> None:
    earned = replace(world.guard.policy, earned=frozenset({CONTROL}))
    guard = replace(world.guard, policy=earned)
    asked = world.one(opened(group), guard)
    assert asked.status is Status.ASKED
    decision = world.one(opened(open_group("other")))
    assert guard.undo(Undo(decision.id, "bob", "wrong")).status is Status.UNDONE
    assert record(world).bad == 2.0
    assert record(world).demoted == world.guard.stamp()


# --------------------------------------------------------------------------- clean changes


def test_a_risky_change_that_is_gone_again_teaches_no_anomaly(world: World) -> None:
    """Opened and closed by its maker, or closed by the guard at an earlier event of theirs."""
    guard = within(world, anomalies=Anomalies())
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    change = opened(made["GroupId"])
    assert [one.certainty for one in (case.candidate for case in guard.screen(change).cases)] == [
        Certainty.EVIDENT
    ]
    assert world.handle(change, guard) == []
    assert world.state.record(anomaly_baseline_key(HERE, ACCOUNT, CONTROL)).version == 0


def test_a_risky_change_that_was_reverted_teaches_no_anomaly(world: World, group: str) -> None:
    guard = within(world, anomalies=Anomalies())
    assert world.one(opened(group), guard).status is Status.REVERTED
    assert world.state.record(anomaly_baseline_key(HERE, ACCOUNT, CONTROL)).version == 0


# ------------------------------------------------------------------------------- baselines


class Unprotected:
    """A question about a table that lost its protection, its baseline being recorded."""

    def __init__(self, world: World) -> None:
        world.ask_at_once()
        staged = unprotected()
        list(sweep(world.guard, REGION, only=[control("dynamodb.protection-off")]))
        self.world, policy = world, replace(world.guard.policy, people=PEOPLE)
        self.decision: Decision = world.one(staged.attack())
        assert self.decision.status is Status.ASKED
        self.desk = Desk(world.audit, world.state, policy, world.clock.now)

    def vote(self, person: str, choice: Choice, **more: Any) -> bool:
        given = Vote(person, choice, "slack", "now", self.decision.before, **more)
        return self.desk.vote(self.decision.id, given).counted

    def protected(self) -> tuple[object, object, str]:
        """Whether the baseline, and its anchor, say that the table is protected, and by whom."""
        key = baseline_key(self.decision.control, self.decision.candidate.resource)
        known = baseline_of(self.world.state.record(key))
        assert known is not None
        field = "deletion_protection"
        return known.state[field], known.anchor[field], known.by


def test_what_a_person_keeps_for_good_is_the_baseline_and_its_anchor(world: World) -> None:
    asked = Unprotected(world)
    assert asked.protected() == (True, True, "guard")
    assert asked.vote("bob", Choice.ACCEPT, reason="it is a scratch table")
    assert asked.protected() == (False, False, "bob")
    decision = asked.decision
    log = world.state.under(baseline_log_key(decision.control, decision.candidate.resource, 1)[0])
    assert [stored.document["by"] for stored in log] == ["guard", "bob"]
    assert log[-1].document["why"] == f"accepted in {asked.decision.id}: it is a scratch table"


def test_what_a_person_keeps_for_a_while_moves_no_baseline(world: World) -> None:
    asked = Unprotected(world)
    assert asked.vote("bob", Choice.ACCEPT, until="2999-01-01T00:00:00.000Z")
    assert asked.protected() == (True, True, "guard")


def test_a_keep_that_comes_second_moves_no_baseline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Unprotected(world)
    before_the_next_write(monkeypatch, lambda: asked.vote("carol", Choice.REVERT))
    assert not asked.vote("bob", Choice.ACCEPT)
    assert asked.protected() == (True, True, "guard")


# ------------------------------------------------------------------- what overrules a revert


class Made:
    """A change was taken back by earned autonomy; it is made again, and people are asked.

    `undone`: the revert is undone instead, and the same thing changed once more.
    """

    def __init__(self, world: World, group: str, *, undone: bool = False) -> None:
        self.world = world
        policy = replace(
            world.guard.policy,
            people=PEOPLE,
            earned=frozenset({CONTROL}),
            bounds=Bounds(earning=Earning(threshold=0.7, outcomes=5, confidence=0.6, sampling=0.0)),
        )
        self.guard = replace(world.guard, policy=policy)
        self.desk = Desk(world.audit, world.state, policy, world.clock.now)
        stored = world.state.record(trust_key(HERE, CONTROL))
        document = stored.document
        for number in range(10):
            somebody = replace(USERS, who=f"arn:aws:iam::{ACCOUNT}:user/user{number}")
            document = trust.learned(
                document,
                somebody,
                trust.Outcome.APPROVED,
                policy.bounds.earning,
                world.clock.now(),
                decision=f"dg-{number}",
                by="carol",
            )
        shared = world.state.record(grants_key(HERE)).saying(GRANTED)
        boto3.client("dynamodb").transact_write_items(
            TransactItems=world.state.writes(stored.saying(document), shared)
        )
        self.reverted = world.one(opened(group), self.guard)
        assert self.reverted.status is Status.REVERTED
        world.clock.pass_by(minutes=10)
        if undone:
            choice = Undo(self.reverted.id, "carol", "it is meant")
            assert self.guard.undo(choice).status is Status.UNDONE
        else:
            open_up(group, 22)
        self.asked = world.one(opened(group), self.guard)
        assert self.asked.status is Status.ASKED
        assert self.asked.before == self.reverted.before

    def vote(self, choice: Choice, person: str = "bob", **more: Any) -> Decision:
        given = Vote(person, choice, "slack", "now", self.asked.before, **more)
        reply = self.desk.vote(self.asked.id, given)
        assert reply.counted
        assert reply.decision is not None
        return reply.decision

    def outcomes(self) -> list[tuple[str, str]]:
        history = trust_record.history(self.world.state.record(trust_key(HERE, CONTROL)).document)
        return [(str(one["outcome"]), str(one["decision"])) for one in history[10:]]


@pytest.mark.parametrize("until", ["", "2999-01-01T00:00:00.000Z"])
def test_to_keep_what_was_taken_back_before_is_to_undo_that(
    world: World, group: str, until: str
) -> None:
    made = Made(world, group)
    kept = made.vote(Choice.ACCEPT, until=until)
    assert made.outcomes() == [
        ("re-drifted", made.reverted.id),
        ("accepted" if until else "denied", made.asked.id),
        ("undone", made.reverted.id),
    ]
    assert record(world).demoted == world.guard.stamp()
    # People are told, and the record says it.
    said = f"that overrules the revert of {made.reverted.id}: {CONTROL} had earned"
    assert said in kept.reason
    assert said in world.audit.log(made.asked.id)[-1].note
    # And nobody meets it unasked.
    asked = world.one(opened(open_group("other")), made.guard)
    assert asked.status is Status.ASKED


def test_to_take_it_back_again_overrules_nothing(world: World, group: str) -> None:
    made = Made(world, group)
    assert "overrules" not in made.vote(Choice.REVERT).reason
    assert record(world).demoted == ""


def test_what_was_undone_is_wrong_only_once(world: World, group: str) -> None:
    made = Made(world, group, undone=True)
    assert "overrules" not in made.vote(Choice.ACCEPT).reason
    undone = ("undone", made.reverted.id)
    assert made.outcomes().count(undone) == 1
