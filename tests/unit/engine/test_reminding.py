"""People are reminded of what is contained, until they release it, and told once each time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import boto3
import pytest

from driftguard.approvals.contained import contained
from driftguard.approvals.desk import Desk
from driftguard.approvals.rules import LINK, is_reminder
from driftguard.audit.queries import Filters, Finder, Usage
from driftguard.audit.table import _is_news
from driftguard.aws.calls import Refused
from driftguard.channels.budget import is_counted
from driftguard.channels.message.telling import message
from driftguard.controls import containing, control
from driftguard.controls.containment.findings import reminded_after
from driftguard.documents import stamp
from driftguard.engine.case import Case
from driftguard.engine.errors import NotYet
from driftguard.engine.guard import Guard
from driftguard.events.commands import Undo, expire_message
from driftguard.model import Choice, Decision, Status, Vote
from driftguard.policy.bounds import Exemption
from driftguard.sweep import overdue
from tests.scenarios.containment import POLICY, answering, exfiltrated, make_role, user
from tests.support.audit import a_decision
from tests.support.records import told_by_guardduty
from tests.support.refusals import refusals
from tests.support.world import Fakes, World

ROLE = "containment.role-sessions"
PERIOD = timedelta(days=3)


@pytest.fixture
def held(world: World, fakes: Fakes) -> Decision:
    """The containment of the role `web`, without asking."""
    change = exfiltrated(make_role(), severity=8)
    fakes.install(answering(lambda: told_by_guardduty(change)))
    decision = world.one(change)
    assert decision.status is Status.REVERTED, decision.reason
    return decision


def reminded(world: World, decision: Decision, guard: Guard | None = None) -> Decision:
    """What becomes of it when its timer rings."""
    world.clock.at = datetime.fromisoformat(decision.remind)
    return (guard or world.guard).expire(decision.id)


def events(world: World, decision: Decision) -> list[str]:
    return [entry.event for entry in world.guard.audit.log(decision.id)]


def standing(world: World, filters: Filters | None = None) -> list[str]:
    return [one.id for one in contained(Finder(world.guard.audit, Usage()), filters)]


def every(world: World, days: int) -> Guard:
    """A guard whose policy has people reminded so often."""
    given = {ROLE: {"remind_after_days": days}}
    return world.with_policy(lambda policy: replace(policy, settings=given))


def test_people_are_reminded_every_three_days_as_shipped(world: World, held: Decision) -> None:
    assert held.remind == stamp(world.clock.now() + PERIOD)
    assert not is_reminder(held)
    again = reminded(world, held)
    assert is_reminder(again)
    assert again.remind == stamp(world.clock.now() + PERIOD)
    assert events(world, held)[-1] == "reminded"
    assert is_reminder(reminded(world, again))
    assert events(world, held).count("reminded") == 2


def test_channels_hear_of_a_reminder_and_of_nothing_that_puts_it_off() -> None:
    told = ("reminded", True), ("reminded-later", False), ("reminded-no-more", False)
    shown = a_decision(1, "2026-11-24T10:00:00.000Z", status=Status.REVERTED)
    assert [(event, _is_news(shown, event)) for event, _ in told] == list(told)


def test_a_timer_that_rings_twice_or_early_reminds_nobody_again(
    world: World, held: Decision
) -> None:
    again = reminded(world, held)
    world.clock.pass_by(seconds=1)
    assert world.guard.expire(held.id) == again
    world.clock.at = datetime.fromisoformat(again.remind) - timedelta(seconds=20)
    with pytest.raises(NotYet):
        world.guard.expire(held.id)
    assert events(world, held).count("reminded") == 1


def test_the_sweep_makes_up_for_a_timer_that_was_deleted(world: World, held: Decision) -> None:
    world.clock.at = datetime.fromisoformat(held.remind) + overdue.LATE / 2
    assert list(overdue.found(world.guard, lambda: 900.0)) == []
    world.clock.at += overdue.LATE
    (late,) = overdue.found(world.guard, lambda: 900.0)
    assert (late.due, late.command) == (held.remind, expire_message(held.id))


def test_nobody_is_reminded_of_what_was_released(world: World, held: Decision) -> None:
    assert standing(world) == [held.id]
    undone = world.guard.undo(Undo(held.id, "alice", "a test"))
    assert (undone.status, undone.remind) == (Status.UNDONE, "")
    world.clock.at = datetime.fromisoformat(held.remind)
    assert world.guard.expire(held.id) == undone
    assert standing(world) == []


def test_after_a_reminder_a_release_is_exact(world: World, held: Decision) -> None:
    undone = (reminded(world, held), world.guard.undo(Undo(held.id, "alice", "a test")))[1]
    assert (undone.status, is_reminder(undone)) == (Status.UNDONE, False)
    assert boto3.client("iam").list_role_policies(RoleName="web")["PolicyNames"] == ["logs"]


def test_an_exemption_keeps_it_quiet_until_it_ends(world: World, held: Decision) -> None:
    until = stamp(datetime.fromisoformat(held.remind) + timedelta(days=7))
    arn = held.candidate.resource.arn
    guard = world.with_policy(
        lambda policy: replace(policy, exemptions=(Exemption(ROLE, arn, until, "rebuilt soon"),))
    )
    quiet = reminded(world, held, guard)
    assert (quiet.remind, is_reminder(quiet)) == (until, False)
    assert is_reminder(reminded(world, quiet, guard))


def test_a_reminder_says_that_somebody_changed_what_is_contained(
    world: World, held: Decision
) -> None:
    boto3.client("iam").delete_role_policy(RoleName="web", PolicyName=POLICY)
    reminded(world, held)
    *_, last = world.guard.audit.log(held.id)
    assert "it has changed since" in last.note


def test_what_is_gone_is_contained_no_more(world: World, held: Decision) -> None:
    client = boto3.client("iam")
    for name in client.list_role_policies(RoleName="web")["PolicyNames"]:
        client.delete_role_policy(RoleName="web", PolicyName=name)
    client.delete_role(RoleName="web")
    gone = reminded(world, held)
    assert (gone.remind, is_reminder(gone)) == ("", False)
    assert events(world, held)[-1] == "reminded-no-more"
    assert standing(world) == []


def test_a_policy_may_have_nobody_reminded(world: World, held: Decision) -> None:
    last = reminded(world, held, every(world, 0))
    assert (last.remind, is_reminder(last)) == ("", False)
    assert standing(world) == [held.id]


def test_what_is_contained_is_found_by_its_filters(world: World, held: Decision) -> None:
    assert standing(world, Filters(control=ROLE)) == [held.id]
    assert standing(world, Filters(control="containment.instance")) == []
    assert standing(world, Filters(resource="nothing")) == []


def test_the_message_says_since_when_by_whom_and_what_to_do(world: World, held: Decision) -> None:
    first, told = message(held), message(reminded(world, held))
    assert "still contained" not in first.headline
    assert "still contained" in told.headline
    ((_, since),) = [fact for fact in told.story if fact[0] == "Contained"]
    assert since.startswith(f"Since {held.decided[:10]}") and "by the guard" in since
    release, keep, _ = (command.line for command in told.commands)
    assert release == f"driftguard undo {held.id}"
    assert keep.startswith(f"driftguard exempt add {ROLE} {held.candidate.resource.arn} --for 7d")


def test_a_reminder_takes_a_place_of_the_days_budget(world: World, held: Decision) -> None:
    assert not is_counted(held)
    assert is_counted(reminded(world, held))


def test_what_was_contained_in_part_is_contained(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = user()
    fakes.install(staged.fakes)
    asked = world.one(staged.attack())
    desk = Desk(world.audit, world.state, world.guard.policy, world.clock.now)
    assert desk.vote(asked.id, Vote(LINK, Choice.REVERT, "link", "now", asked.before)).counted
    refusals(monkeypatch)("UpdateAccessKey", "AccessDenied")
    failed = world.guard.carry_out(asked.id)
    assert (failed.status, failed.done, failed.remind) == (Status.FAILED, 1, "")
    assert failed.next_try
    assert standing(world) == [failed.id]

    accepted = world.guard.audit.append(
        replace(failed, status=Status.DENIED, resumable=False, next_try=""),
        event="denied",
        note="the rest may stay",
        by="bob",
    )
    due = datetime.fromisoformat(accepted.updated) + PERIOD
    world.clock.at = due + overdue.LATE
    (late,) = overdue.found(world.guard, lambda: 900.0)
    assert (late.decision, late.due) == (failed.id, stamp(due))
    again = world.guard.expire(failed.id)
    assert (again.status, is_reminder(again)) == (Status.DENIED, True)
    assert standing(world) == [failed.id]
    assert not list(overdue.found(world.guard, lambda: 900.0))


def test_evidence_that_was_taken_holds_nobody(world: World, held: Decision) -> None:
    (step,) = held.plan.steps
    evidence = replace(held, plan=replace(held.plan, steps=(replace(step, undo=()),)), remind="")
    world.guard.audit.append(evidence, event="failed", note="", by="guard")
    assert standing(world) == []
    world.clock.at = datetime.fromisoformat(held.remind) + overdue.LATE
    assert list(overdue.found(world.guard, lambda: 900.0)) == []


def test_what_was_told_again_is_still_contained(world: World, held: Decision) -> None:
    told = replace(held, told_again=held.updated, remind="")
    world.guard.audit.append(told, event="told-again", note="", by="guard")
    assert standing(world) == [held.id]
    world.clock.at = datetime.fromisoformat(held.remind) + overdue.LATE
    assert is_reminder(world.guard.expire(held.id))


def test_people_are_reminded_though_the_tags_of_an_exemption_cannot_be_read(
    world: World, held: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    exempt = Exemption(ROLE, "*", "2999-01-01T00:00:00.000Z", "tests", tags={"env": "test"})
    guard = world.with_policy(lambda policy: replace(policy, exemptions=(exempt,)))

    def unreadable(case: Case) -> dict[str, str]:
        raise Refused("not allowed to call tag:GetResources", code="AccessDenied")

    monkeypatch.setattr(Case, "tags", unreadable)
    world.clock.at = datetime.fromisoformat(held.remind)
    with pytest.raises(Refused):
        guard.expire(held.id)
    assert is_reminder(guard.expire(held.id, last_chance=True))
    *_, last = world.guard.audit.log(held.id)
    assert "cannot be told" in last.note


def test_people_are_reminded_of_whatever_contains() -> None:
    for id_ in containing():
        # The protection of a task ends after two days.
        period = timedelta(days=1) if id_ == "containment.task" else PERIOD
        assert reminded_after(control(id_).settings()) == period, id_
